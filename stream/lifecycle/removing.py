"""Taking back what was published: everywhere, at once, and what was still in flight as well.

A worker looks at recalls after everything that was acknowledged, and right before each transaction. So a clip that was
under way when a recall was acknowledged is published within the longest transaction, or never. ``Remover.remove`` takes
back what the index knows at once, goes on looking until that time has passed, and only then says what it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from stream.lifecycle.index import Copy, PublishedIndex
from stream.ops.log import Event, get, missing
from stream.ports import BrokerUnavailable, Message, NotDelivered, RegistryUnavailable, StandingUnknown

RETRY_S = 0.5
RETRY_S_MAX = 30.0
T = TypeVar("T")

# What passes: a request waits for it, since a request that is dropped is a promise that is broken.
PASSING = (BrokerUnavailable, NotDelivered, RegistryUnavailable, StandingUnknown, OSError)


class Objects(Protocol):
    """Where published audio lies, if it does not lie in the record."""

    async def delete(self, uri: str) -> None:
        """Returns when it is gone, also where it never was. Raises OSError."""


@dataclass(frozen=True)
class Remover:
    """Takes copies back.

    ``fresh`` returns when ``index`` has everything that was acknowledged before the call; it raises StandingUnknown
    where that takes long, as it does while a transaction is open.
    """

    index: PublishedIndex
    fresh: Callable[[], Awaitable[None]]
    send: Callable[[Sequence[Message]], Awaitable[None]]
    objects: Objects
    anonymized_topic: str
    index_topic: str
    settle_s: float  # after which nothing can be published that was under way before
    look_s: float = 0.5  # how soon what was under way is taken back, once it shows

    async def remove(self, wanted: Callable[[], Iterable[Copy]]) -> tuple[Copy, ...]:
        """Takes back all that ``wanted`` gives, now and until ``settle_s`` later; returns all of it.

        Index entries stay until ``forgotten`` is written: whoever has to begin again still finds what to erase.
        """
        taken: dict[str, Copy] = {}
        settled_at = time.monotonic() + self.settle_s
        while True:
            last = time.monotonic() >= settled_at
            await self._look(must=last)
            await self._take_back(new := [copy for copy in wanted() if copy.token not in taken])
            taken |= {copy.token: copy for copy in new}
            if last:
                return tuple(taken.values())
            await asyncio.sleep(min(self.look_s, max(0.0, settled_at - time.monotonic())))

    async def found(self, token: str) -> Copy | None:
        """A copy by its token. One that does not show for ``settle_s`` was never published, or is gone already."""
        settled_at = time.monotonic() + self.settle_s
        while True:
            last = time.monotonic() >= settled_at
            await self._look(must=last)
            copy = self.index.of_token(token)
            if copy is not None or last or self.index.is_unreadable(token):
                return copy
            await asyncio.sleep(min(self.look_s, max(0.0, settled_at - time.monotonic())))

    def forgotten(self, copies: Sequence[Copy]) -> tuple[Message, ...]:
        """What has to be written in the request's own transaction: that the copies are gone, and out of the index.

        The tombstones of the copies once more, since a clip that came again in the meantime has the same token.
        """
        return (
            *(self._tombstone(copy.token) for copy in copies),
            *(Message(self.index_topic, copy.token.encode(), None) for copy in copies),
        )

    async def _look(self, *, must: bool) -> None:
        """What can be seen at once is not kept waiting by what can't, until it must be seen."""
        if must:
            await patiently(self.fresh)
        else:
            with suppress(*PASSING):
                await self.fresh()
        self.index.retry()

    async def _take_back(self, copies: Sequence[Copy]) -> None:
        if not copies:
            return
        await patiently(lambda: self.send([self._tombstone(copy.token) for copy in copies]))
        for uri in (uri for copy in copies for uri in copy.uris):
            await patiently(partial(self.objects.delete, uri))

    def _tombstone(self, token: str) -> Message:
        return Message(self.anonymized_topic, token.encode(), None)


async def patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Does ``step`` until it succeeds, as long as what stands in its way passes."""
    pause_s, attempt = RETRY_S, 0
    while True:
        try:
            return await step()
        except PASSING as error:
            attempt += 1
            get().warning(Event.REQUEST_WAITS, attempt=attempt, error=type(error).__name__, **missing(error))
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, RETRY_S_MAX)
