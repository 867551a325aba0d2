"""Requests as a worker sees them: answered or refused, whatever goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from stream.clip import Coordinates, Reason, Record, Refusal, Withheld
from stream.lifecycle.requests import ERASED, REFUSED, Answer, RequestIntake
from stream.ports import Message
from stream.whose import GENESIS, Head, Resume

HERE = Coordinates("clips.erasure", 0, 3)
ASKED = Record(HERE, b"request", None, 0)
TOLD = Message("clips.erasure-receipts", b"r1", b"receipt")


class Audit:
    """Says of a request what it was told, and how long the chain is by then."""

    def request_audit(self, of: Coordinates, outcome: str, after: Head, **told: Any) -> tuple[Message, Head]:
        line = f"{after.sequence + 1} {outcome} {told['reason'] or ''}".strip()
        return Message("clips.erasure-audit", None, line.encode()), Head(after.sequence + 1, bytes(32))


async def opened(answer: Answer | Exception) -> RequestIntake:
    async def answers(_: Record) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def chain() -> Resume:
        return Resume(GENESIS, 0)

    intake = RequestIntake(answers, Audit(), chain)
    await intake.open()
    return intake


async def test_an_answer_goes_out_with_its_record_in_the_audit() -> None:
    """In one transaction, and the next one's record follows it in the chain."""
    intake = await opened(Answer(ERASED, 1, messages=(TOLD,)))
    first = await intake.settle([await intake.finish(ASKED)])
    second = await intake.settle([await intake.finish(ASKED)])
    assert [TOLD, b"1 erased"] == [first.messages[0], first.messages[1].value]
    assert b"2 erased" == second.messages[1].value


@pytest.mark.parametrize(
    ("trouble", "reason", "fault"),
    [
        (Refusal(Reason.EVENT_UNDECODABLE), Reason.EVENT_UNDECODABLE, ""),
        (ValueError("acct-90210-xyz"), Reason.INTERNAL_ERROR, "ValueError"),
    ],
)
async def test_what_can_not_be_answered_is_refused(trouble: Exception, reason: Reason, fault: str) -> None:
    """By reason and class name: the message of an exception may quote the request."""
    intake = await opened(trouble)
    outcome = await intake.finish(ASKED)
    assert Withheld(HERE, reason, "", fault) == outcome
    settled = await intake.settle([outcome])
    assert [f"1 {REFUSED} {reason.value}".encode()] == [message.value for message in settled.messages]
