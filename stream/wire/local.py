"""An in-process broker with Kafka's contract, for the demo and for tests: partitions, groups, transactions, fencing.

It is faithful where a worker could go wrong: transactions and their control records take offsets, a reader stops at
the first open transaction, an outbox that fails leaves its transaction open until its successor starts, a rebalance
revokes everything from everyone first. It keeps everything in memory, knows one event loop, and never compacts.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from stream.clip import Coordinates, Record
from stream.ports import CommitFailed, Fenced, Message, NotDelivered, Partition
from stream.wire.local_copier import LocalCopier
from stream.wire.local_group import Group, LocalSource
from stream.wire.local_tail import LocalTail

MESSAGE_BYTES_MAX = 16 * 2**20


class _State(Enum):
    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


@dataclass
class _Transaction:
    state: _State = _State.OPEN
    first_offsets: dict[Partition, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Entry:
    """One offset of a log; ``message`` None is a control record, ``transaction`` None a plain produce."""

    message: Message | None
    timestamp_ms: int
    transaction: _Transaction | None


class LocalBroker:
    """One cluster. Give all its users the same event loop."""

    def __init__(self, message_bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        self._message_bytes_max = message_bytes_max
        self._logs: dict[str, list[list[_Entry]]] = {}
        self._committed: dict[tuple[str, Partition], int] = {}
        self._epochs: dict[str, int] = {}
        self._open: dict[str, _Transaction] = {}
        self._groups: dict[tuple[str, str], Group] = {}
        self._news = asyncio.Event()
        self._spread = 0

    # -------------------------------------------------------------- ports.Broker
    def source(self, topic: str, group: str) -> LocalSource:
        membership = self._groups.setdefault((group, topic), Group(group, topic))
        return LocalSource(self, membership)

    def outbox(self, partition: Partition, group: str) -> LocalOutbox:
        return LocalOutbox(self, partition, group)

    def copier(self, group: str) -> LocalCopier:
        return LocalCopier(self, group)

    async def create_topics(self, topics: Mapping[str, int], compacted: frozenset[str] = frozenset()) -> None:
        """``compacted`` changes nothing here: in Kafka too compaction may come late or never."""
        if not compacted <= topics.keys():
            raise ValueError("a compacted topic is not among the topics")
        for topic, partitions in topics.items():
            self._logs.setdefault(topic, [[] for _ in range(partitions)])

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if not self.takes(message):
                raise NotDelivered("message refused")
            self.append(message, None)
        self.announce()

    async def read(
        self, topic: str, *, from_end: bool = False, follow: bool = False, partition: int | None = None
    ) -> AsyncIterator[Record]:
        numbers = range(len(self._logs[topic])) if partition is None else [partition]
        positions = {number: self.end(Partition(topic, number)) if from_end else 0 for number in numbers}
        while True:
            news = self._news
            for number in positions:
                for record in self.records(Partition(topic, number), positions[number]):
                    positions[number] = record.coordinates.offset + 1
                    yield record
            if not follow:
                return
            await news.wait()

    async def tail(self, topic: str, start: Mapping[int, int]) -> LocalTail:
        await asyncio.sleep(0)
        return LocalTail(self, topic, start)

    async def last(self, topic: str, partition: int) -> Record | None:
        await asyncio.sleep(0)
        last = None
        for record in self.records(Partition(topic, partition), 0):
            last = record
        return last

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        return {number: self.end(Partition(topic, number)) for number in range(len(self._logs[topic]))}

    async def committed(self, topic: str, group: str) -> Mapping[int, int]:
        return {
            partition.number: offset
            for (owner, partition), offset in self._committed.items()
            if owner == group and partition.topic == topic
        }

    async def close(self) -> None:
        self.announce()

    # -------------------------------------------------------------- for sources, tails and outboxes
    def partitions(self, topic: str) -> tuple[Partition, ...]:
        return tuple(Partition(topic, number) for number in range(len(self._logs[topic])))

    def position(self, partition: Partition, group: str) -> int:
        """The committed offset, or the beginning."""
        return self._committed.get((group, partition), 0)

    def keep(self, partition: Partition, group: str, next_offset: int) -> None:
        """Commits an offset outside of any transaction."""
        self._committed[group, partition] = next_offset

    def end(self, partition: Partition) -> int:
        """The last stable offset: where the first open transaction begins, or the end of the log."""
        end = len(self._logs[partition.topic][partition.number])
        return min([end, *(open_.first_offsets.get(partition, end) for open_ in self._open.values())])

    def written(self, partition: Partition) -> int:
        """The end of the log, open transactions included."""
        return len(self._logs[partition.topic][partition.number])

    def records(self, partition: Partition, position: int) -> Iterator[Record]:
        """Committed records from ``position`` to the last stable offset."""
        log = self._logs[partition.topic][partition.number]
        for offset in range(position, self.end(partition)):
            entry = log[offset]
            aborted = entry.transaction is not None and entry.transaction.state is _State.ABORTED
            if entry.message is not None and not aborted:
                coordinates = Coordinates(partition.topic, partition.number, offset)
                yield Record(coordinates, entry.message.value, entry.message.key, entry.timestamp_ms)

    async def wait(self, timeout_s: float) -> None:
        """Until something was written or ended, or a member wants to look again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()

    def announce(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def takes(self, message: Message) -> bool:
        """Whether the topic exists and the message is not too large."""
        return message.topic in self._logs and len(message.value or b"") <= self._message_bytes_max

    def append(self, message: Message, transaction: _Transaction | None) -> None:
        logs = self._logs[message.topic]
        number = message.partition
        if number is None:
            number = self._spread if message.key is None else zlib.crc32(message.key)
            self._spread += message.key is None
        number %= len(logs)
        timestamp_ms = int(time.time() * 1000) if message.timestamp_ms is None else message.timestamp_ms
        if transaction is not None:
            transaction.first_offsets.setdefault(Partition(message.topic, number), len(logs[number]))
        logs[number].append(_Entry(message, timestamp_ms, transaction))

    def begin_epoch(self, transactional_id: str) -> int:
        """Fences every earlier owner of the id and ends its open transaction."""
        self._epochs[transactional_id] = self._epochs.get(transactional_id, 0) + 1
        left_open = self._open.get(transactional_id)
        if left_open is not None:
            self.end_transaction(transactional_id, _State.ABORTED)
        return self._epochs[transactional_id]

    def epoch(self, transactional_id: str) -> int:
        return self._epochs[transactional_id]

    def begin_transaction(self, transactional_id: str) -> _Transaction:
        return self._open.setdefault(transactional_id, _Transaction())

    def end_transaction(self, transactional_id: str, state: _State) -> None:
        """Its control records take an offset in every partition that it wrote to, as in Kafka."""
        transaction = self._open.pop(transactional_id)
        transaction.state = state
        for partition in transaction.first_offsets:
            self._logs[partition.topic][partition.number].append(_Entry(None, 0, transaction))
        self.announce()

    def commit(self, transactional_id: str, group: str, partition: Partition, next_offset: int) -> None:
        self._committed[group, partition] = next_offset
        self.commit_transaction(transactional_id)

    def commit_transaction(self, transactional_id: str) -> None:
        self.end_transaction(transactional_id, _State.COMMITTED)


class LocalOutbox:
    """ports.Outbox on a LocalBroker."""

    def __init__(self, broker: LocalBroker, partition: Partition, group: str) -> None:
        self._broker = broker
        self._partition = partition
        self._group = group
        self._transactional_id = f"{group}-{partition.topic}-{partition.number}"
        self._epoch = -1
        self._spent = False

    async def start(self) -> None:
        await asyncio.sleep(0)
        self._epoch = self._broker.begin_epoch(self._transactional_id)

    async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
        """Yields to the loop between writes, so that it can be cancelled or fenced half-way, as over a network."""
        if self._spent:
            raise CommitFailed("Spent")
        self._spent = True  # until all of it went well
        self._check_epoch()
        transaction = self._broker.begin_transaction(self._transactional_id)
        for message in messages:
            if not self._broker.takes(message):
                raise CommitFailed("MessageRefused")
            self._broker.append(message, transaction)
            await asyncio.sleep(0)
            self._check_epoch()
        self._broker.commit(self._transactional_id, self._group, self._partition, next_offset)
        self._spent = False

    async def stop(self) -> None:
        await asyncio.sleep(0)

    def _check_epoch(self) -> None:
        if self._epoch != self._broker.epoch(self._transactional_id):
            raise Fenced("a newer outbox of this partition was started")
