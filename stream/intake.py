"""One record, from its bytes to the outcome and the messages that tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from stream.clip import Job, Outcome, Published, Reason, Record, Refusal, Withheld
from stream.ops.log import Event, get
from stream.ports import Engine, Message, OutcomeWriter, RegistryUnavailable, Schemas


class Finished(NamedTuple):
    """What became of a record, and what is to be written of it."""

    outcome: Outcome
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Intake:
    """Turns a record into its outcome, and the outcome into messages. Fails closed."""

    engine: Engine
    schemas: Schemas
    unframe: Callable[[bytes], tuple[int | str, bytes]]  # magic byte and reference off; raises Refusal
    writer: OutcomeWriter
    policy_version: str
    event_bytes_max: int = 8 * 2**20
    message_bytes_max: int = 8 * 2**20  # more the broker would refuse for ever: such a clip is withheld
    registry_retry_s: float = 1.0  # while the registry is down; doubles, up to 32 times as long

    async def finish(self, record: Record) -> Finished:
        """The outcome, and all that is to be written of it; whatever is raised on the way ends in withheld."""
        coordinates = record.coordinates
        try:
            outcome = await self._outcome(record)
            messages = self._messages(outcome)
            if all(len(message.value or b"") <= self.message_bytes_max for message in messages):
                return Finished(outcome, messages)
            refused = Withheld(coordinates, Reason.EVENT_TOO_LARGE, self.policy_version, effort=outcome.effort)
        except Refusal as refusal:
            refused = Withheld(coordinates, refusal.reason, self.policy_version)
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise  # the lane is given up; otherwise it was the engine that gave up
            refused = Withheld(coordinates, Reason.INFERENCE_DIED, self.policy_version)
        except Exception as fault:  # noqa: BLE001 - its message may quote the clip: only its class is told
            refused = Withheld(coordinates, Reason.INTERNAL_ERROR, self.policy_version, type(fault).__name__)
        return Finished(refused, self._messages(refused))

    async def _outcome(self, record: Record) -> Outcome:
        if record.value is None:
            raise Refusal(Reason.NO_VALUE)
        if len(record.value) > self.event_bytes_max:
            raise Refusal(Reason.EVENT_TOO_LARGE)
        reference, body = self.unframe(record.value)
        writer_schema = await self._writer_schema(reference)
        outcome = await self.engine.run(Job(record.coordinates, writer_schema, body))
        if outcome.coordinates != record.coordinates:
            raise Refusal(Reason.INTERNAL_ERROR)  # another clip's outcome: nothing of it may go out under this one
        return outcome

    async def _writer_schema(self, reference: int | str) -> str:
        """Waits for a registry that is down: nothing is known of the record, so it is neither withheld nor lost."""
        pause_s = self.registry_retry_s
        while True:
            try:
                return await self.schemas.writer_schema(reference)
            except RegistryUnavailable:
                get().warning(Event.REGISTRY_UNAVAILABLE)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 32 * self.registry_retry_s)

    def _messages(self, outcome: Outcome) -> tuple[Message, ...]:
        if isinstance(outcome, Published):
            return self.writer.published(outcome), self.writer.audit(outcome)
        return self.writer.withheld(outcome), self.writer.audit(outcome)
