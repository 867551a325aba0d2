"""Whether a clip's account still lets people hear it: consent and recalls together, both kept current."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from stream.clip import Header, Reason
from stream.lifecycle.consent import ConsentTable, milliseconds
from stream.lifecycle.following import Follower
from stream.lifecycle.keeping import Keeper
from stream.lifecycle.recalls import RecallTable
from stream.ports import StandingUnknown


def _now() -> datetime:
    return datetime.now(tz=UTC)


class AccountStanding:
    """ports.Standing. The event's own consent is not looked at but for its time: whoever asks has looked at it.

    ``account_mac`` gives the keyed MAC by which recalls name an account. Without ``consent_follower`` the word of the
    events alone counts.
    """

    def __init__(
        self,
        consent: ConsentTable,
        recalls: RecallTable,
        account_mac: Callable[[str], bytes],
        recall_follower: Follower,
        consent_follower: Follower | None,
        *,
        fresh_s: float,
        keeper: Keeper | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._consent = consent
        self._recalls = recalls
        self._account_mac = account_mac
        self._consent_follower = consent_follower
        self._followers = [recall_follower] if consent_follower is None else [recall_follower, consent_follower]
        self._fresh_s = fresh_s
        self._keeper = keeper
        self._now = now

    async def start(self, timeout_s: float) -> None:
        """Returns when both topics were read to their ends. Raises StandingUnknown; then nothing is left running."""
        try:
            await _all(*(follower.start(timeout_s) for follower in self._followers))
            self._check_readable()
        except BaseException:
            await self.stop()
            raise
        if self._keeper is not None and self._consent_follower is not None:
            self._keeper.start(self._consent, self._consent_follower)

    async def fresh(self) -> None:
        """Raises StandingUnknown, also while there is a recall of which nobody can say whom it concerns."""
        await _all(*(follower.fresh(self._fresh_s) for follower in self._followers))
        self._check_readable()

    def refusal(self, of: Header) -> Reason | None:
        """ERASED, RECALLED, OPTED_OUT, or None."""
        account = self._account_mac(of.account_id)
        if recalled := self._recalls.refusal(account, of.captured_at):
            return recalled
        if self._from_before_an_erasure(account, of.consent.changed_at):
            return Reason.ERASED
        return Reason.OPTED_OUT if self._opted_out(of) else None

    async def stop(self) -> None:
        if self._keeper is not None:
            await self._keeper.stop()
        for follower in self._followers:
            await follower.stop()

    def _from_before_an_erasure(self, account: bytes, told_at: datetime | None) -> bool:
        """Whether the event's yes is older than the account's erasure, with which an opt-out was forgotten too: nobody
        is heard again by a word of before."""
        until_ms = self._recalls.erased_until(account)
        return until_ms is not None and (told_at is None or milliseconds(told_at) <= until_ms)

    def _opted_out(self, of: Header) -> bool:
        word = self._consent.newest(of.account_id)
        if word is None or word.human_review:
            return False
        told_at = of.consent.changed_at
        if told_at is None or told_at > self._now():  # what was agreed to in the future was not agreed to
            return True
        return milliseconds(told_at) <= word.changed_ms

    def _check_readable(self) -> None:
        if self._recalls.unreadable:
            raise StandingUnknown("a recall names nobody")


async def _all(*waits: Awaitable[None]) -> None:
    """All of them, or the first failure; none is left running."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
