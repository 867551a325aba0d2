"""A member of the consumer group."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError, UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata

from stream.clip import Coordinates, Record
from stream.ports import CommitFailed, Partition, SourceLost
from stream.wire.kafka_connection import KafkaConnection, bounded_stop, milliseconds
from stream.wire.kafka_records import Unread
from stream.wire.kafka_refusal import refusal_of

OnChange = Callable[[frozenset[Partition]], Awaitable[None]]
SCHEMA_HEADER = "__value_schema_id"
START_S = 300.0  # for brokers that are away when we begin, beside what a rebalance may take
START_PAUSE_S, START_PAUSE_S_MAX = 0.5, 8.0
LOOK_S = 0.05  # how soon a partition that was resumed during a poll joins it


class KafkaSource:
    """ports.Source.

    A partition is polled only after its owner has sought: records can arrive before the rebalance callback is over,
    and before the predecessor's transaction is settled. Pausing is done by not asking for the partition, because
    aiokafka's own pause throws away what was fetched.
    """

    def __init__(self, connection: KafkaConnection, topic: str, group: str) -> None:
        self._connection = connection
        self._topic = topic
        self._sought: set[Partition] = set()
        self._paused: set[Partition] = set()
        self._next: dict[Partition, int] = {}  # the offset that is expected
        self._gaps: list[tuple[Partition, int, int]] = []  # from the offset that was expected to the one that came
        self._gone: Counter[Partition] = Counter()
        self._group = group
        self._consumer = self._made()

    def _made(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._connection.consumer(),
            group_id=self._group,
            # eager: aiokafka knows no cooperative rebalancing
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=milliseconds(self._connection.session_timeout_s),
            heartbeat_interval_ms=milliseconds(self._connection.heartbeat_interval_s),
            rebalance_timeout_ms=milliseconds(self._connection.rebalance_timeout_s),
            # all may be paused for long while clips are heard; a worker that hangs fails its liveness probe instead
            max_poll_interval_ms=sys.maxsize,
        )

    async def start(self, on_assigned: OnChange, on_revoked: OnChange) -> None:
        """Brokers that are away, or start, are waited for; but not for ever, and those that refuse us not at all."""
        listener = _Listener(self, on_assigned, on_revoked)
        try:
            async with asyncio.timeout(START_S + self._connection.rebalance_timeout_s):
                for attempt in count():
                    if await self._joined(listener):
                        return
                    await asyncio.sleep(min(START_PAUSE_S * 2.0**attempt, START_PAUSE_S_MAX))
                    self._consumer = self._made()
        except TimeoutError as error:
            raise SourceLost(type(error).__name__) from None

    async def _joined(self, listener: _Listener) -> bool:
        """One try; False where another may do better, for which the consumer is spent. For a topic that is not there
        it has waited by then, and what owned partitions for a moment does not begin again."""
        self._consumer.subscribe([self._topic], listener=listener)
        try:
            await self._consumer.start()
        except KafkaError as error:
            if not error.retriable or isinstance(error, UnknownTopicOrPartitionError) or listener.called:
                raise SourceLost(type(error).__name__) from None
            if refusal := await refusal_of(self._connection):
                raise SourceLost(refusal) from None
            await self.stop()
            return False
        return True

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[Partition, Sequence[Record]]:
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            polled = await self._look(max_records, max(0.0, min(left, LOOK_S)))
            if polled or left <= 0:
                return polled

    async def seek_to_committed(self, partition: Partition) -> int:
        """aiokafka's own leaves the position as it is where nothing, or zero, was committed: records would be lost; and
        behind the end of the log it would begin at the beginning: records would be published twice."""
        here = _native(partition)
        self._sought.discard(partition)  # what a poll takes from here on is from before the seek
        try:
            async with asyncio.timeout(self._connection.request_timeout_s):
                committed = await self._consumer.committed(here)
                beginning = (await self._consumer.beginning_offsets([here]))[here]
                end = (await self._consumer.end_offsets([here]))[here]
            offset = beginning if committed is None else max(committed, beginning)
            if offset > end:
                raise CommitFailed("OffsetBeyondLog")
            self._consumer.seek(here, offset)
        except (KafkaError, TimeoutError, IllegalStateError) as error:
            raise CommitFailed(type(error).__name__) from None
        if committed is not None and beginning > committed:
            self._gone[partition] += beginning - committed
        self._next[partition] = offset
        self._sought.add(partition)
        return int(offset)

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        offsets = {_native(partition): OffsetAndMetadata(offset, "") for partition, offset in next_offsets.items()}
        try:
            async with asyncio.timeout(self._connection.request_timeout_s):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError, IllegalStateError) as error:
            raise CommitFailed(type(error).__name__) from None

    def pause(self, partition: Partition) -> None:
        self._paused.add(partition)

    def resume(self, partition: Partition) -> None:
        self._paused.discard(partition)

    async def gone(self) -> Mapping[Partition, int]:
        await self._look_at_gaps()
        gone, self._gone = self._gone, Counter()
        return gone

    async def lag(self) -> Mapping[Partition, int]:
        sought = [_native(partition) for partition in self._sought]
        if not sought:
            return {}
        try:
            ends = await self._consumer.end_offsets(sought)
            positions = {here: await self._consumer.position(here) for here in sought}
        except (KafkaError, IllegalStateError):
            return {}  # a rebalance came between; there is another look soon
        return {Partition(here.topic, here.partition): ends[here] - positions[here] for here in sought}

    async def stop(self) -> None:
        await bounded_stop(self._consumer.stop(), self._connection.stop_timeout_s)

    def forget(self) -> None:
        """Nothing is polled any more until it is sought anew."""
        self._sought.clear()
        self._paused.clear()

    async def _look(self, max_records: int, timeout_s: float) -> dict[Partition, list[Record]]:
        """What one look of ``timeout_s`` brings from the partitions that are ready now."""
        ready = self._sought - self._paused
        # asked for nothing, aiokafka would look at everything; and it tells of lost membership only when asked
        wanted = [_native(partition) for partition in ready] or [TopicPartition(self._topic, -1)]
        try:
            found = await self._consumer.getmany(*wanted, timeout_ms=milliseconds(timeout_s), max_records=max_records)
        except KafkaError as error:
            if error.retriable:
                await asyncio.sleep(timeout_s)
                return {}
            raise SourceLost(type(error).__name__) from None
        polled = {
            partition: [as_record(record) for record in records]
            for here, records in found.items()
            if records and (partition := Partition(here.topic, here.partition)) in self._sought
        }
        for partition, taken in polled.items():
            self._expect(partition, taken[0].coordinates.offset, taken[-1].coordinates.offset)
        return polled

    def _expect(self, partition: Partition, first: int, last: int) -> None:
        """Raises SourceLost where a log that lost its end is read from its beginning again."""
        expected = self._next.get(partition, first)
        if first < expected:
            raise SourceLost("OffsetWentBack")
        if first > expected:
            self._gaps.append((partition, expected, first))
        self._next[partition] = last + 1

    async def _look_at_gaps(self) -> None:
        """Markers of transactions and compaction leave gaps too: only what the log has forgotten was lost."""
        gaps, self._gaps = self._gaps, []
        places = [_native(partition) for partition in {partition for partition, *_ in gaps}]
        if not places:
            return
        try:
            beginnings = await self._consumer.beginning_offsets(places)
        except (KafkaError, IllegalStateError):
            return
        for partition, expected, first in gaps:
            if (beginning := beginnings[_native(partition)]) > expected:
                self._gone[partition] += min(first, beginning) - expected


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no hints
    """Hands aiokafka's callbacks on. It logs what they raise, and goes on."""

    def __init__(self, source: KafkaSource, on_assigned: OnChange, on_revoked: OnChange) -> None:
        self._source = source
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self.called = False

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._source.forget()
        if revoked:
            await self._on_revoked(_ours(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.called = True
        await self._on_assigned(_ours(assigned))


def _native(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number)


def _ours(partitions: set[TopicPartition]) -> frozenset[Partition]:
    return frozenset(Partition(here.topic, here.partition) for here in partitions)


def as_record(record: Any) -> Record:
    """Ours of aiokafka's, whose repr shows the value.

    Confluent's newer serializers may put the magic byte and the schema's GUID into a header and leave the value bare;
    such a value gets them back in front, so that there is one wire format from here on. A header may have no value.
    """
    coordinates = Coordinates(record.topic, record.partition, record.offset)
    value = record.value
    if isinstance(value, Unread):
        return Record(coordinates, b"", None, record.timestamp, value.reason)
    if value is not None:
        value = b"".join(content or b"" for name, content in record.headers if name == SCHEMA_HEADER) + value
    return Record(coordinates, value, record.key, record.timestamp)
