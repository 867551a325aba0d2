"""Requests, as a worker sees them: each ends answered or refused, and in the audit's own chain.

A request that nobody can read is not lost: the audit says where it lies, and that it was refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from stream.clip import Coordinates, Outcome, Published, Reason, Record, Refusal, Withheld
from stream.ops.log import Event, get
from stream.ports import Message, Settled
from stream.whose import Head, Resume

ERASED: Final = "erased"
RECALLED: Final = "recalled"
REFUSED: Final = "refused"


@dataclass(frozen=True)
class Answer:
    """What became of a request; ``records`` is how many published records were taken back for it."""

    outcome: str  # ERASED, RECALLED or REFUSED
    records: int = 0
    reason: str | None = None
    fault: str = ""
    messages: tuple[Message, ...] = ()


Answers = Callable[[Record], Awaitable[Answer]]  # raises Refusal for what is no request


class RequestAudit(Protocol):
    """The part of the audit that tells of requests."""

    def request_audit(
        self,
        of: Coordinates,
        outcome: str,
        after: Head,
        *,
        records: int = 0,
        reason: str | None = None,
        policy_version: str = "",
        campaign: str = "",
    ) -> tuple[Message, Head]:
        """The next record of the chain that ends at ``after``, and where it ends then."""


class RequestIntake:
    """ports.Intake for the requests of one input partition.

    To the worker an answered request is as good as published, and a refused one as withheld; what is written of either
    is the answer's messages and its record in the audit.
    """

    held = 0
    waiting = False  # how long an answer may wait for an outage is for the probe of its command to say

    def __init__(
        self,
        answer: Answers,
        audit: RequestAudit,
        chain: Callable[[], Awaitable[Resume]],
        campaign: Callable[[], str] = lambda: "",
    ) -> None:
        self._answer, self._audit, self._chain, self._campaign = answer, audit, chain, campaign
        self._answers: dict[Coordinates, Answer] = {}
        self._head: Head

    async def open(self) -> int:
        """Raises CommitFailed where nobody can say where the chain ends."""
        self._head, done = await self._chain()
        return done

    async def finish(self, record: Record) -> Outcome:
        """May take as long as the longest transaction; the requests behind it do not wait for it to be begun."""
        answer = self._answers[record.coordinates] = await self._answered(record)
        if answer.outcome == REFUSED:
            reason = Reason.INTERNAL_ERROR if answer.fault else Reason.EVENT_UNDECODABLE
            return Withheld(record.coordinates, reason, "", answer.fault)
        return Published(record.coordinates, "", record.timestamp_ms, b"")

    async def _answered(self, record: Record) -> Answer:
        try:
            return await self._answer(record)
        except Refusal as refusal:
            return Answer(REFUSED, reason=refusal.reason.value)
        except Exception as fault:  # noqa: BLE001 - its message may quote the request: only its class is told
            get().error(Event.REQUEST_FAILED, error=type(fault).__name__, partition=record.coordinates.partition)
            return Answer(REFUSED, reason=Reason.INTERNAL_ERROR.value, fault=type(fault).__name__)

    async def settle(self, outcomes: Sequence[Outcome]) -> Settled:
        messages: list[Message] = []
        for outcome in outcomes:
            answer = self._answers.pop(outcome.coordinates)
            told, self._head = self._audit.request_audit(
                outcome.coordinates,
                answer.outcome,
                self._head,
                records=answer.records,
                reason=answer.reason,
                campaign=self._campaign(),
            )
            messages += [*answer.messages, told]
        return Settled(tuple(outcomes), tuple(messages))

    def committed(self, settled: Settled) -> None:
        """Nothing is kept of a request that is answered."""
