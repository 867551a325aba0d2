"""The records of one input partition: from bytes to outcomes, and from outcomes to what is written of them.

    header -> consent -> picked? -> label -> audio -> engine    ...    consent once more -> messages, audit chain

Whose clip it is, is decided here, in the order of the input and before anybody hears it (decision 13): of an event only
the header is decoded in this process, and of one that may be heard where its audio lies. What was said is decided by
the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from stream.clip import Coordinates, Header, Job, Label, Outcome, Published, Reason, Record, Refusal, Withheld
from stream.intake_audio import Audio, AudioIntake
from stream.ops.log import Event, get
from stream.passage import Step, at
from stream.patience import Patience
from stream.ports import (
    CommitFailed,
    Engine,
    Index,
    KeysLapsed,
    Labels,
    Message,
    OutcomeWriter,
    Partition,
    RegistryUnavailable,
    Sampler,
    Schemas,
    Settled,
    Standing,
)
from stream.whose import Head, Resume

AHEAD_MAX = timedelta(minutes=10)  # of a device's clock; a clip from further ahead no erasure of now would cover


@dataclass(frozen=True)
class Office:
    """What the intakes of all partitions share."""

    engine: Engine
    schemas: Schemas
    unframe: Callable[[bytes], tuple[int | str, bytes]]  # magic byte and reference off; raises Refusal
    header: Callable[[str, bytes], Header]  # of a writer schema and a body; raises Refusal
    writer: OutcomeWriter
    standing: Standing
    sampler: Callable[[Partition], Awaitable[Sampler]]  # as its picks were left; raises CommitFailed
    labels: Labels
    index: Index
    chain: Callable[[Partition], Awaitable[Resume]]  # where the audit of a partition ends; raises CommitFailed
    policy_version: str
    event_bytes_max: int = 8 * 2**20
    message_bytes_max: int = 8 * 2**20  # more the broker would refuse for ever: such a clip is withheld
    registry_retry_s: float = 1.0  # while the registry is down; doubles, up to 32 times as long
    audio: Audio = field(default_factory=Audio)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class _Picked(NamedTuple):
    """What is known of a clip while it is heard."""

    header: Header
    label: Label
    stored_at: float | None = None  # time.monotonic(), where its audio is in the object store


class ClipIntake:
    """ports.Intake for clip events. Fails closed."""

    def __init__(self, office: Office, partition: Partition) -> None:
        self._office, self._partition = office, partition
        self._in_order = asyncio.Lock()  # first come, first served: picks depend on the order of the input
        self._picked: dict[Coordinates, _Picked] = {}
        self._emitting: list[tuple[_Picked, int]] = []
        self._sampler: Sampler
        self._head: Head
        self._patience = Patience(office.registry_retry_s)  # with a registry, a key or an object store
        self._audio = AudioIntake(office.audio, self._patience)
        self._next = 0  # the offset from which on inputs are not audited yet

    @property
    def waiting(self) -> bool:
        return self._patience.waiting

    @property
    def held(self) -> int:
        return self._audio.held

    async def open(self) -> int:
        self._head, self._next = await self._office.chain(self._partition)
        self._sampler = await self._office.sampler(self._partition)
        return self._next

    # -------------------------------------------------------------- from a record to its outcome
    async def finish(self, record: Record) -> Outcome:
        """Whatever is raised on the way ends in withheld."""
        coordinates, office = record.coordinates, self._office
        try:
            with at(Step.ADMIT):
                async with self._in_order:
                    job = await self._admitted(record)
            job = await self._audio.with_audio(job)
            with at(Step.HEAR):
                heard = await office.engine.run(job)
            outcome = self._checked(job, heard)
            if isinstance(outcome, Withheld):
                return outcome
            outcome = self._put(await self._audio.stored(outcome))
            if len(office.writer.published(outcome).value or b"") <= office.message_bytes_max:
                return outcome
            return Withheld(coordinates, Reason.EVENT_TOO_LARGE, office.policy_version, effort=outcome.effort)
        except Refusal as refusal:
            return Withheld(coordinates, refusal.reason, office.policy_version)
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise  # the lane is given up; otherwise it was the engine that gave up
            return Withheld(coordinates, Reason.INFERENCE_DIED, office.policy_version)
        except Exception as fault:  # noqa: BLE001 - its message may quote the clip: only its class is told
            return Withheld(coordinates, Reason.INTERNAL_ERROR, office.policy_version, type(fault).__name__)
        finally:
            self._audio.let_go(coordinates)

    async def _admitted(self, record: Record) -> Job:
        """The job, with its label, of a clip that may be heard. Raises Refusal."""
        office = self._office
        if record.unread is not None:
            raise Refusal(record.unread)
        if record.value is None:
            raise Refusal(Reason.NO_VALUE)
        if len(record.value) > office.event_bytes_max:
            raise Refusal(Reason.EVENT_TOO_LARGE)
        reference, body = office.unframe(record.value)
        writer_schema = await self._writer_schema(reference)
        header = office.header(writer_schema, body)
        if not header.consent.human_review:
            raise Refusal(Reason.NO_CONSENT)
        if header.captured_at > office.now() + AHEAD_MAX:
            raise Refusal(Reason.RECORDED_LATER)
        if reason := office.standing.refusal(header) or self._sampler.pick(header, record.coordinates.offset):
            raise Refusal(reason)
        label = await self._label(header)
        self._picked[record.coordinates] = _Picked(header, label)
        return Job(record.coordinates, writer_schema, body, label)

    async def _writer_schema(self, reference: int | str) -> str:
        """Waits for a registry that is down: nothing is known of the record, so it is neither withheld nor lost."""
        return await self._patience.answered(
            lambda: self._office.schemas.writer_schema(reference),
            RegistryUnavailable,
            lambda: get().warning(Event.REGISTRY_UNAVAILABLE),
        )

    async def _label(self, of: Header) -> Label:
        """Waits for a key ring that has lapsed: whoever forgot the next key must not lose the clips of now."""

        async def ask() -> Label:
            return self._office.labels.label(of)

        return await self._patience.answered(ask, KeysLapsed, lambda: get().error(Event.KEY_RING_LAPSED))

    def _checked(self, job: Job, outcome: Outcome) -> Outcome:
        """Nothing of another clip may go out under this one's coordinates or token."""
        if outcome.coordinates != job.coordinates:
            raise Refusal(Reason.INTERNAL_ERROR)
        if isinstance(outcome, Published) and (
            outcome.token != job.label.token or not 0 <= outcome.length < len(job.label.by_length)
        ):
            raise Refusal(Reason.INTERNAL_ERROR)
        return outcome

    def _put(self, outcome: Published) -> Published:
        """Remembers since when its audio is in the object store, if it is."""
        if outcome.uris:
            picked = self._picked[outcome.coordinates]
            self._picked[outcome.coordinates] = picked._replace(stored_at=time.monotonic())
        return outcome

    # -------------------------------------------------------------- from outcomes to one transaction
    async def settle(self, outcomes: Sequence[Outcome]) -> Settled:
        """Looks at consent as of now: an opt-out that came while a clip was heard stops it. Raises StandingUnknown, and
        CommitFailed for an input that was audited before."""
        if any(isinstance(outcome, Published) or outcome.escalated for outcome in outcomes):
            await self._office.standing.fresh()
        messages: list[Message] = []
        final: list[Outcome] = []
        for outcome in outcomes:
            if outcome.coordinates.offset < self._next:  # whatever made it come again
                raise CommitFailed("AuditedBefore")
            self._next = outcome.coordinates.offset + 1
            settled, written = self._last_word(outcome)
            audit, self._head = self._office.writer.audit(settled, self._head)
            final.append(settled)
            messages += [*written, audit]
        messages += self._sampler.changes()
        return Settled(tuple(final), tuple(messages))

    def _last_word(self, outcome: Outcome) -> tuple[Outcome, list[Message]]:
        """The outcome as it is written, and what is written of it beside the audit."""
        picked = self._picked.pop(outcome.coordinates, None)
        if isinstance(outcome, Published):
            try:
                return outcome, self._publishing(outcome, picked)
            except Refusal as refusal:
                outcome = self._withheld(outcome, refusal.reason)
        elif outcome.escalated and picked and (reason := self._office.standing.refusal(picked.header)):
            outcome = self._withheld(outcome, reason)  # nobody is led to the clip of somebody who said no
        escalated = [self._office.writer.escalated(outcome)] if outcome.escalated else []
        return outcome, [self._office.writer.withheld(outcome), *escalated]

    def _withheld(self, outcome: Outcome, reason: Reason) -> Withheld:
        return Withheld(outcome.coordinates, reason, self._office.policy_version, effort=outcome.effort)

    def _publishing(self, outcome: Published, picked: _Picked | None) -> list[Message]:
        """The clip, and what leads back to it. Raises Refusal, CommitFailed."""
        if picked is None:  # nothing of ours was heard without a label
            raise Refusal(Reason.INTERNAL_ERROR)
        if picked.stored_at is not None and time.monotonic() - picked.stored_at > self._office.audio.stored_s_max:
            raise CommitFailed("ObjectTooOld")  # it may have been swept: all of it is done again
        if reason := self._office.standing.refusal(picked.header):
            raise Refusal(reason)
        messages = [self._office.writer.published(outcome), self._office.index.entry(picked.header, outcome)]
        self._emitting.append((picked, outcome.length))
        return messages

    def committed(self, settled: Settled) -> None:  # noqa: ARG002 - what was published is known from settling
        for picked, length in self._emitting:
            self._office.labels.emitted(picked.header, picked.label, length)
        self._emitting.clear()
