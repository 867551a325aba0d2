"""What a request for erasure, and an annotator's report, make happen.

    request -> recall of all that was recorded so far -> every copy taken back -> signed receipt
    report  -> recall of what was recorded around it  -> it and its siblings taken back

The recall comes first: workers stop what is in flight, and what they had let through by then shows in the index soon.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from stream.clip import Record
from stream.lifecycle.index import Copy
from stream.lifecycle.receipts import ErasedCopy, ErasureReceipt, Signer, receipts_of
from stream.lifecycle.removing import Remover, patiently
from stream.lifecycle.requests import ERASED, RECALLED, REFUSED, Answer
from stream.ports import Message
from stream.whose import ErasureRequest, Recall, Report

FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)  # nothing is taken that says that it was recorded earlier
YEAR: Final = timedelta(days=365)
OTHER_CAMPAIGN: Final = "other_campaign"
UNKNOWN_TOKEN: Final = "unknown_token"  # noqa: S105 - never published, or gone already
UNREADABLE: Final = "unreadable"  # nobody can tell any more whose it is: it alone is taken back


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Erasures:
    """Answers the requests of accounts that want to be forgotten."""

    remover: Remover
    decode: Callable[[Record], Awaitable[ErasureRequest]]  # raises Refusal, RegistryUnavailable
    digest: Callable[[str], bytes]  # of an account
    campaign: Callable[[], str]
    recalled: Callable[[Recall], Message]
    consent_forgotten: Callable[[str], Message]
    receipt: Callable[[ErasureReceipt], Message]
    signer: Signer
    asked: Callable[[bytes, str], None] = lambda *_: None  # told which request an account's erasure goes by
    now: Callable[[], datetime] = _now

    async def answer(self, record: Record) -> Answer:
        """Raises Refusal for what is no request."""
        request = await patiently(lambda: self.decode(record))
        campaign = self.campaign()
        if request.campaign not in ("", campaign):
            return Answer(REFUSED, reason=OTHER_CAMPAIGN)
        account = self.digest(request.account_id)
        self.asked(account, request.request_id)
        recall = Recall(account, _beginning(request.requested_at), request.requested_at, erased=True)
        await patiently(lambda: self.remover.send([self.recalled(recall), self.consent_forgotten(request.account_id)]))
        copies = await self.remover.remove(lambda: _up_to(request.requested_at, self.remover.index.of_account(account)))
        return Answer(ERASED, len(copies), messages=(*self.remover.forgotten(copies), *self._receipts(request, copies)))

    def _receipts(self, request: ErasureRequest, copies: tuple[Copy, ...]) -> Iterable[Message]:
        topic = self.remover.anonymized_topic
        whole = ErasureReceipt(
            request_id=request.request_id,
            campaign=self.campaign(),
            requested_at=request.requested_at,
            completed_at=self.now(),
            copies=tuple(ErasedCopy(topic, copy.token, copy.uris) for copy in copies),
            unreadable=self.remover.index.unreadable,
        )
        return map(self.receipt, receipts_of(whole, self.signer))


@dataclass(frozen=True)
class Reports:
    """Answers annotators who say of a clip: critical, move on."""

    remover: Remover
    decode: Callable[[Record], Awaitable[Report]]  # raises Refusal, RegistryUnavailable
    recalled: Callable[[Recall], Message]
    window: timedelta  # on either side of when the clip was recorded

    async def answer(self, record: Record) -> Answer:
        """Raises Refusal for what is no report."""
        report = await patiently(lambda: self.decode(record))
        copy = await self.remover.found(report.token)
        if copy is not None:
            copies = await self._with_siblings(copy)
            return Answer(RECALLED, len(copies), messages=self.remover.forgotten(copies))
        if not self.remover.index.is_unreadable(report.token):
            return Answer(REFUSED, reason=UNKNOWN_TOKEN)
        alone = (Copy(report.token, b"", FIRST),)
        return Answer(RECALLED, 1, UNREADABLE, messages=self.remover.forgotten(alone))

    async def _with_siblings(self, reported: Copy) -> tuple[Copy, ...]:
        first, last = reported.captured_at - self.window, reported.captured_at + self.window
        recall = Recall(reported.account, first, last, erased=False)
        await patiently(lambda: self.remover.send([self.recalled(recall)]))
        index = self.remover.index

        def around() -> Iterable[Copy]:
            siblings = _up_to(last, index.of_account(reported.account))
            return (reported, *(copy for copy in siblings if copy.captured_at >= first and copy != reported))

        return await self.remover.remove(around)


def _beginning(requested_at: datetime) -> datetime:
    """Long before any clip, and another moment for each request: of two recalls of an account that begin at the same
    one the later record counts, and it may be of the earlier request."""
    return FIRST + (requested_at - FIRST) % YEAR


def _up_to(last: datetime, copies: Iterable[Copy]) -> Iterable[Copy]:
    return (copy for copy in copies if copy.captured_at <= last)
