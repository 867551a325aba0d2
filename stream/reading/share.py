"""What a consumer group gives to one of its members of the anonymized topic."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from stream.clip import Record
from stream.ports import CommitFailed, Partition, Source

BATCH_RECORDS: Final = 32  # of one poll, all in memory: a clip of a minute is a megabyte and a half
POLL_S: Final = 1.0


class GroupShare:
    """Records of the partitions that the group gives to this member, each from the group's offset on.

    When partitions change hands, what was polled of them and not passed is dropped, and so is what was passed and not
    committed: whoever has them next begins at the group's offset.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._owned: set[Partition] = set()
        self._gained: set[Partition] = set()  # and not sought yet
        self._queue: deque[Record] = deque()
        self._done: dict[Partition, int] = {}  # the offset behind what was passed, where that is not committed

    async def start(self) -> None:
        await self._source.start(self._on_gained, self._on_lost)

    async def head(self) -> Record | None:
        while not self._queue:
            await self._seek()
            polled = await self._source.poll(BATCH_RECORDS, POLL_S)
            self._queue.extend(record for partition in sorted(polled) for record in polled[partition])
            await self._source.gone()  # the source remembers gaps until it is asked; markers of transactions are some
        return self._queue[0]

    def passed(self, record: Record) -> bool:
        if not self._queue or self._queue[0] is not record:
            return False
        self._queue.popleft()
        self._done[_partition(record)] = record.coordinates.offset + 1
        return True

    async def positions(self) -> Mapping[int, int]:
        raise ValueError("a group keeps its own offsets")

    async def commit(self) -> None:
        done = dict(self._done)
        if not done:
            return
        await self._source.commit(done)
        for partition, offset in done.items():
            if self._done.get(partition) == offset:
                del self._done[partition]

    async def stop(self) -> None:
        await self._source.stop()

    async def _seek(self) -> None:
        for partition in sorted(self._gained):
            self._gained.discard(partition)  # it may be lost and gained again while its offset is asked for
            try:
                await self._source.seek_to_committed(partition)
            except CommitFailed:
                if partition in self._owned:
                    self._gained.add(partition)
                    raise

    async def _on_gained(self, partitions: frozenset[Partition]) -> None:
        self._owned |= partitions
        self._gained |= partitions

    async def _on_lost(self, partitions: frozenset[Partition]) -> None:
        self._owned -= partitions
        self._gained -= partitions
        self._queue = deque(record for record in self._queue if _partition(record) not in partitions)
        for partition in partitions:
            self._done.pop(partition, None)


def _partition(record: Record) -> Partition:
    return Partition(record.coordinates.topic, record.coordinates.partition)
