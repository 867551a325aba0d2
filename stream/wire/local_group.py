"""Consumer groups of the embedded broker: eager rebalancing, and the source that is a member."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

from stream.clip import Record
from stream.ports import CommitFailed, Partition

OnChange = Callable[[frozenset[Partition]], Awaitable[None]]


class Logs(Protocol):
    """What a source needs of its broker."""

    def partitions(self, topic: str) -> tuple[Partition, ...]: ...

    def position(self, partition: Partition, group: str) -> int: ...

    def keep(self, partition: Partition, group: str, next_offset: int) -> None: ...

    def end(self, partition: Partition) -> int: ...

    def records(self, partition: Partition, position: int) -> Iterator[Record]: ...

    async def wait(self, timeout_s: float) -> None: ...

    def announce(self) -> None: ...


class Group:
    """The members of one group on one topic."""

    def __init__(self, name: str, topic: str) -> None:
        self.name = name
        self.topic = topic
        self._members: list[LocalSource] = []
        self._rebalancing = asyncio.Lock()

    async def join(self, member: LocalSource) -> None:
        self._members.append(member)
        await self._rebalance()

    async def leave(self, member: LocalSource) -> None:
        if member in self._members:
            async with self._rebalancing:
                await member.revoke()
            self._members.remove(member)
            await self._rebalance()

    async def _rebalance(self) -> None:
        """Everything is taken from everyone before anything is given to anyone."""
        async with self._rebalancing:
            members = tuple(self._members)
            for member in members:
                await member.revoke()
            for index, member in enumerate(members):
                await member.assign(frozenset(member.all_partitions()[index :: len(members)]))


class LocalSource:
    """ports.Source on the embedded broker."""

    def __init__(self, logs: Logs, group: Group) -> None:
        self._logs = logs
        self._group = group
        self._assigned: frozenset[Partition] = frozenset()
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._on_assigned: OnChange | None = None
        self._on_revoked: OnChange | None = None

    # -------------------------------------------------------------- ports.Source
    async def start(self, on_assigned: OnChange, on_revoked: OnChange) -> None:
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        await self._group.join(self)

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[Partition, Sequence[Record]]:
        deadline = time.monotonic() + timeout_s
        while True:
            polled = self._take(max_records)
            left = deadline - time.monotonic()
            if polled or left <= 0:
                return polled
            await self._logs.wait(left)

    async def seek_to_committed(self, partition: Partition) -> int:
        await asyncio.sleep(0)
        if partition not in self._assigned:
            raise CommitFailed("NotAssigned")
        self._positions[partition] = self._logs.position(partition, self._group.name)
        self._logs.announce()
        return self._positions[partition]

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        await asyncio.sleep(0)
        if not next_offsets.keys() <= self._assigned:
            raise CommitFailed("NotAssigned")
        for partition, offset in next_offsets.items():
            self._logs.keep(partition, self._group.name, offset)

    def pause(self, partition: Partition) -> None:
        self._paused.add(partition)

    def resume(self, partition: Partition) -> None:
        if partition in self._paused:
            self._paused.discard(partition)
            self._logs.announce()

    async def gone(self) -> Mapping[Partition, int]:
        return {}  # nothing is ever deleted here

    async def lag(self) -> Mapping[Partition, int]:
        return {partition: self._logs.end(partition) - position for partition, position in self._positions.items()}

    async def stop(self) -> None:
        await self._group.leave(self)

    # -------------------------------------------------------------- for the group
    def all_partitions(self) -> tuple[Partition, ...]:
        return self._logs.partitions(self._group.topic)

    async def assign(self, partitions: frozenset[Partition]) -> None:
        self._assigned = partitions
        if self._on_assigned is not None:
            await self._on_assigned(partitions)

    async def revoke(self) -> None:
        """Nothing more is polled from now on, even while the callback takes its time."""
        lost, self._assigned = self._assigned, frozenset()
        self._positions.clear()
        self._paused.clear()
        if lost and self._on_revoked is not None:
            await self._on_revoked(lost)

    def _take(self, max_records: int) -> dict[Partition, list[Record]]:
        polled: dict[Partition, list[Record]] = {}
        for partition in sorted(self._positions.keys() - self._paused):
            found = list(islice(self._logs.records(partition, self._positions[partition]), max_records))
            if found:
                polled[partition] = found
                max_records -= len(found)
                self._positions[partition] = found[-1].coordinates.offset + 1
            if max_records == 0:
                break
        return polled
