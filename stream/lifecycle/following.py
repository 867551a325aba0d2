"""Keeps a table current from a topic: reads it to its end, goes on reading, and says when nothing is missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from stream.clip import Record
from stream.ports import BrokerUnavailable, NoRight, RegistryUnavailable, StandingUnknown, Tail

AT_ONCE = 2_000  # records; some 30 ms


class Notices(Protocol):
    """Who is told what a person who runs the service has to know. Nothing of a record is ever told."""

    def unreachable(self, topic: str, error: str) -> None:
        """Following failed and is tried again; ``error`` is the class name, and in brackets a right that is missing."""

    def unreadable(self, topic: str, records: int) -> None:
        """Records that nobody could decode, and that count as an opt-out, or a recall, of their account."""

    def snapshot_unusable(self, topic: str) -> None:
        """The topic is read from its beginning."""

    def snapshot_failed(self, topic: str, error: str) -> None:
        """The next start will take longer."""


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    poll_s: float = 1.0
    look_s: float = 10.0  # between two looks of our own, where nobody asks
    answer_s: float = 5.0  # a look without answer for this long is given up
    retry_s: float = 0.2  # doubled with each failure in a row
    retry_s_max: float = 5.0


class Follower:
    """Follows one topic into one table; ``start`` it once.

    ``open_tail`` begins at the offsets given; ``apply`` takes records over, in order, and the same ones again after a
    failure. ``start`` are the offsets that the table covers already. Where the topic can't be read from there on,
    ``discard`` is told to empty the table.
    """

    def __init__(
        self,
        topic: str,
        open_tail: Callable[[Mapping[int, int]], Awaitable[Tail]],
        apply: Callable[[Sequence[Record]], Awaitable[None]],
        notices: Notices,
        *,
        start: Mapping[int, int] | None = None,
        discard: Callable[[], None] = lambda: None,
        pace: Pace | None = None,
    ) -> None:
        self.topic = topic
        self._open_tail = open_tail
        self._apply = apply
        self._notices = notices
        self._discard = discard
        self._pace = pace or Pace()
        self._positions = dict(start or {})
        self._opened = False
        self._tail: Tail | None = None
        self._moved = asyncio.Event()  # replaced whenever something moves
        self._look: asyncio.Task[Mapping[int, int]] | None = None  # under way
        self._next_look: asyncio.Task[Mapping[int, int]] | None = None  # begins when that one is over
        self._tasks: list[asyncio.Task[None]] = []
        self._current_at = time.monotonic()

    async def start(self, timeout_s: float) -> None:
        """Returns when everything that was on the topic is in the table. Raises StandingUnknown."""
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._look_now_and_then())]
        self._tasks[0].add_done_callback(self._ended)
        await self.fresh(timeout_s)

    async def fresh(self, timeout_s: float) -> None:
        """Returns when everything that was acknowledged before this call is in the table. Raises StandingUnknown."""
        try:
            async with asyncio.timeout(timeout_s):
                asked_at = time.monotonic()
                ends = await self._ends()
                while not all(self._positions.get(number, 0) >= end for number, end in ends.items()):
                    await self._something_moves()
        except TimeoutError:
            raise StandingUnknown("the topic was not read to its end in time") from None
        self._current_at = max(self._current_at, asked_at)

    def positions(self) -> Mapping[int, int]:
        """By partition the offset up to which the table has everything."""
        return dict(self._positions)

    def age_s(self) -> float:
        """Seconds for which nobody knows whether something new was written."""
        return time.monotonic() - self._current_at

    async def stop(self) -> None:
        tasks = [*self._tasks, *(look for look in (self._look, self._next_look) if look is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -------------------------------------------------------------- reading
    async def _follow(self) -> None:
        """Until cancelled, or until ``apply`` raises what it should not: then nothing is known any more."""
        failures = 0
        while True:
            try:
                async with self._opening() as tail:
                    while True:
                        await self._read(tail)
                        failures = 0
            except (BrokerUnavailable, RegistryUnavailable) as error:
                told = str(error) if isinstance(error, NoRight) else type(error).__name__
                self._notices.unreachable(self.topic, told)
            await asyncio.sleep(min(self._pace.retry_s * 2.0 ** min(failures, 10), self._pace.retry_s_max))
            failures += 1

    @asynccontextmanager
    async def _opening(self) -> AsyncIterator[Tail]:
        """A tail that begins where the table ends."""
        tail = await self._open_tail(self._positions)
        try:
            begins = dict(await tail.positions())
            if not self._opened and self._positions and begins != self._positions:
                self._discard()  # what it covers is not what this topic has
                await tail.stop()
                tail = await self._open_tail({})
                begins = dict(await tail.positions())
            self._opened = True
            self._positions = begins
            self._tail = tail
            self._announce()
            yield tail
        finally:
            self._tail = None
            await tail.stop()

    async def _read(self, tail: Tail) -> None:
        records = await tail.poll(self._pace.poll_s)
        for start in range(0, len(records), AT_ONCE):
            await self._apply(records[start : start + AT_ONCE])
            await asyncio.sleep(0)  # decoding takes the event loop: others have their turn
        self._positions = dict(await tail.positions())
        self._announce()

    # -------------------------------------------------------------- looking
    async def _ends(self) -> Mapping[int, int]:
        """The ends by a look that began after this call. Whoever calls while a look is under way shares the next one:
        the one under way may have been answered before what the caller knows of was written."""
        self._check_alive()
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look_after(self._look))
            self._next_look.add_done_callback(lambda look: look.cancelled() or look.exception())  # told by who waits
        look = self._next_look
        await asyncio.wait({look, self._tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
        self._check_alive()
        if look.cancelled() or look.exception() is not None:
            raise StandingUnknown("nobody can say where the topic ends")
        return look.result()

    async def _look_after(self, before: asyncio.Task[Mapping[int, int]] | None) -> Mapping[int, int]:
        if before is not None:
            await asyncio.wait({before})
        self._look, self._next_look = self._next_look, None
        while True:
            while self._tail is None:
                await self._something_moves()
            with suppress(BrokerUnavailable, TimeoutError):
                async with asyncio.timeout(self._pace.answer_s):
                    return await self._tail.written()
            await asyncio.sleep(self._pace.retry_s)

    async def _look_now_and_then(self) -> None:
        """So that ``age_s`` tells of trouble also while no clip comes."""
        while True:
            await asyncio.sleep(self._pace.look_s)
            with suppress(StandingUnknown):
                await self.fresh(self._pace.answer_s)

    async def _something_moves(self) -> None:
        self._check_alive()
        await self._moved.wait()
        self._check_alive()

    def _ended(self, following: asyncio.Task[None]) -> None:
        if not following.cancelled() and (error := following.exception()) is not None:
            self._notices.unreachable(self.topic, type(error).__name__)
        self._announce()

    def _announce(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _check_alive(self) -> None:
        if not self._tasks or self._tasks[0].done():
            raise StandingUnknown("the topic is not followed any more")
