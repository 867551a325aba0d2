"""Following a topic of the embedded broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from stream.clip import Record
from stream.ports import Partition


class Logs(Protocol):
    """What a tail needs of its broker."""

    def partitions(self, topic: str) -> tuple[Partition, ...]: ...

    def end(self, partition: Partition) -> int: ...

    def written(self, partition: Partition) -> int: ...

    def records(self, partition: Partition, position: int) -> Iterator[Record]: ...

    async def wait(self, timeout_s: float) -> None: ...


class LocalTail:
    """ports.Tail on the embedded broker, which deletes nothing: a start is gone only where it is beyond the end."""

    def __init__(self, logs: Logs, topic: str, start: Mapping[int, int]) -> None:
        self._logs = logs
        self._positions = {here: start.get(here.number, 0) for here in logs.partitions(topic)}
        for here, position in self._positions.items():
            if not 0 <= position <= logs.written(here):
                self._positions[here] = 0

    async def poll(self, timeout_s: float) -> Sequence[Record]:
        deadline = time.monotonic() + timeout_s
        while True:
            found: list[Record] = []
            for here, position in self._positions.items():
                found.extend(self._logs.records(here, position))
                self._positions[here] = max(position, self._logs.end(here))
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            await self._logs.wait(left)

    async def positions(self) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {here.number: position for here, position in self._positions.items()}

    async def ends(self) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {here.number: self._logs.end(here) for here in self._positions}

    async def written(self) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {here.number: self._logs.written(here) for here in self._positions}

    async def stop(self) -> None:
        await asyncio.sleep(0)
