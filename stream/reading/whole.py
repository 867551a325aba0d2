"""Every record of the anonymized topic: for exports, and for stores that keep their own offsets."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Final

from stream.clip import Record
from stream.ports import Broker, BrokerUnavailable, Tail

POLL_S: Final = 1.0
STALLED_S: Final = 30.0


class WholeTopic:
    """Records of every partition, from ``start`` on or from the beginning; to what was the end, unless ``follow``."""

    def __init__(self, broker: Broker, topic: str, start: Mapping[int, int], *, follow: bool) -> None:
        self._broker, self._topic, self._start, self._follow = broker, topic, start, follow
        self._tail: Tail | None = None
        self._ends: Mapping[int, int] = {}
        self._queue: deque[Record] = deque()

    async def start(self) -> None:
        self._tail = await self._broker.tail(self._topic, self._start)
        self._ends = {} if self._follow else await self._tail.ends()

    async def head(self) -> Record | None:
        tail, patience = self._opened(), _Patience()
        while not self._queue:
            positions = await tail.positions()
            if not self._follow:
                if all(positions[number] >= end for number, end in self._ends.items()):
                    return None
                patience.check(sum(positions.values()))
            self._queue.extend(await tail.poll(POLL_S))
        return self._queue[0]

    def passed(self, record: Record) -> bool:
        return bool(self._queue) and self._queue.popleft() is record

    async def positions(self) -> Mapping[int, int]:
        """What was polled and not passed yet comes again."""
        found = dict(await self._opened().positions())
        for record in reversed(self._queue):
            found[record.coordinates.partition] = record.coordinates.offset
        return found

    async def commit(self) -> None:
        raise ValueError("only a group has offsets to commit")

    async def stop(self) -> None:
        if self._tail is not None:
            await self._tail.stop()

    def _opened(self) -> Tail:
        if self._tail is None:
            raise ValueError("start comes first")
        return self._tail


class _Patience:
    """A partition whose leader stays away brings nothing and no error: its end is not waited for for ever."""

    def __init__(self) -> None:
        self._position, self._since = -1, time.monotonic()

    def check(self, position: int) -> None:
        """Raises BrokerUnavailable where ``position`` has not moved for STALLED_S."""
        if position != self._position:
            self._position, self._since = position, time.monotonic()
        elif time.monotonic() - self._since > STALLED_S:
            raise BrokerUnavailable("Stalled")
