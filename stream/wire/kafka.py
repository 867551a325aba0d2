"""Apache Kafka through aiokafka: the one cluster that a command talks to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from stream.clip import Record
from stream.ports import BrokerUnavailable, Message, NotDelivered, Partition
from stream.wire.kafka_batches import bound
from stream.wire.kafka_connection import KafkaConnection, bounded_stop, silence
from stream.wire.kafka_copier import KafkaCopier
from stream.wire.kafka_once import check_once
from stream.wire.kafka_outbox import KafkaOutbox, deliver
from stream.wire.kafka_refusal import unavailable, written
from stream.wire.kafka_source import KafkaSource, as_record
from stream.wire.kafka_tail import POLL_MS, KafkaTail, Patience, answered, last_record

__all__ = ["KafkaBroker", "KafkaConnection"]

PATIENCE_S = 10.0
COMPACTED = {"cleanup.policy": "compact", "max.compaction.lag.ms": "86400000"}  # erased is gone within days, not never
T = TypeVar("T")


class KafkaBroker:
    """ports.Broker. Its clients are made when they are needed; ``close`` ends those that it made for itself.

    The bound on a batch is that of all consumers of the process: where two brokers differ, the newer one's.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        silence()
        bound(connection.batch_bytes_max)
        check_once()
        self._connection = connection
        self._clients: dict[Callable[..., Any], Any] = {}
        self._starting = asyncio.Lock()

    def source(self, topic: str, group: str) -> KafkaSource:
        return KafkaSource(self._connection, topic, group)

    def outbox(self, partition: Partition, group: str) -> KafkaOutbox:
        return KafkaOutbox(self._connection, partition, group)

    def copier(self, group: str) -> KafkaCopier:
        return KafkaCopier(self._connection, group)

    async def create_topics(self, topics: Mapping[str, int], compacted: frozenset[str] = frozenset()) -> None:
        if not compacted <= topics.keys():
            raise ValueError("a compacted topic is not among the topics")
        largest = {"max.message.bytes": str(self._connection.max_request_bytes)}
        admin = await self._admin()
        brokers = len((await answered(admin.describe_cluster()))["brokers"])
        wanted = [
            NewTopic(
                name,
                partitions,
                min(brokers, self._connection.replication_factor_max),
                topic_configs=largest | (COMPACTED if name in compacted else {}),
            )
            for name, partitions in topics.items()
        ]
        response = await answered(admin.create_topics(wanted))
        for name, code, *_ in response.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise unavailable(for_code(code)(), name, "Create")
        for name in topics:
            await self._partitions(name)

    async def send(self, messages: Sequence[Message]) -> None:
        try:
            producer = await self._producer({message.topic for message in messages})
            await deliver(producer, messages)
        except (KafkaError, BrokerUnavailable, AssertionError) as error:
            if spent := self._clients.pop(AIOKafkaProducer, None):
                await self._end(spent)  # its sequence numbers have a gap, which the broker would refuse
            raise NotDelivered(str(error) if isinstance(error, BrokerUnavailable) else written(error)) from None

    async def read(
        self, topic: str, *, from_end: bool = False, follow: bool = False, partition: int | None = None
    ) -> AsyncIterator[Record]:
        partitions = await self._partitions(topic, partition)
        async with self._reading(partitions) as consumer:
            ends = await answered(consumer.end_offsets(partitions))  # the last stable offsets
            if from_end:
                for here in partitions:
                    consumer.seek(here, ends[here])
            async for record in _following(consumer, partitions) if follow else _to(consumer, ends):
                yield record

    async def tail(self, topic: str, start: Mapping[int, int]) -> KafkaTail:
        partitions = await self._partitions(topic)
        tail = KafkaTail(self._connection, partitions, await self._inspector(), await self._onlooker())
        try:
            await tail.open(start)
        except BaseException:
            await tail.stop()
            raise
        return tail

    async def last(self, topic: str, partition: int) -> Record | None:
        (here,) = await self._partitions(topic, partition)
        async with self._reading([here]) as consumer:
            return await last_record(consumer, here)

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        partitions = await self._partitions(topic)
        consumer = await self._inspector()
        ends = await answered(consumer.end_offsets(partitions))
        return {here.partition: ends[here] for here in partitions}

    async def committed(self, topic: str, group: str) -> Mapping[int, int]:
        admin = await self._admin()
        offsets = await self._patiently(lambda: admin.list_consumer_group_offsets(group), group)
        return {here.partition: at.offset for here, at in offsets.items() if here.topic == topic and at.offset >= 0}

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await self._end(client)

    # -------------------------------------------------------------- clients, one of a kind
    async def _admin(self) -> AIOKafkaAdminClient:
        return await self._client(AIOKafkaAdminClient, self._connection.client)

    async def _producer(self, topics: Collection[str]) -> AIOKafkaProducer:
        return await self._client(AIOKafkaProducer, self._connection.producer, ", ".join(sorted(topics)))

    async def _inspector(self) -> AIOKafkaConsumer:
        return await self._client(AIOKafkaConsumer, self._connection.consumer)

    async def _onlooker(self) -> AIOKafkaConsumer:
        return await self._client(_uncommitted, self._connection.consumer)

    @asynccontextmanager
    async def _reading(self, partitions: Sequence[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**self._connection.consumer())
        try:
            consumer.assign(partitions)
            await answered(consumer.start())
            yield consumer
        finally:
            await bounded_stop(consumer.stop(), self._connection.stop_timeout_s)

    async def _client(self, kind: Callable[..., Any], arguments: Callable[[], dict[str, Any]], of: str = "") -> Any:
        """``of`` are the topics that it is for, where it can be told so early that we may not."""
        async with self._starting:
            if kind not in self._clients:
                client = kind(**arguments())
                try:
                    await answered(client.start(), of)
                except BaseException:
                    await self._end(client)
                    raise
                self._clients[kind] = client
            return self._clients[kind]

    async def _end(self, client: Any) -> None:
        closing = client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop()
        await bounded_stop(closing, self._connection.stop_timeout_s)

    async def _partitions(self, topic: str, only: int | None = None) -> list[TopicPartition]:
        """All, or the one; once every partition has a leader, which a topic that was just created may take a while."""
        admin = await self._admin()

        async def look() -> list[TopicPartition]:
            (found,) = await admin.describe_topics([topic])
            if found["error_code"]:
                raise for_code(found["error_code"])
            if not found["partitions"] or min(partition["leader"] for partition in found["partitions"]) < 0:
                raise LeaderNotAvailableError
            numbers = range(len(found["partitions"]))
            if only is not None and only not in numbers:
                raise UnknownTopicOrPartitionError
            return [TopicPartition(topic, number) for number in (numbers if only is None else [only])]

        return await self._patiently(look, topic)

    async def _patiently(self, ask: Callable[[], Awaitable[T]], of: str) -> T:
        """A cluster that elects a leader or a coordinator answers a little later. ``of`` is what is asked for."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await ask()
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise unavailable(error, of, "Describe") from None
            await asyncio.sleep(POLL_MS / 1000)


def _uncommitted(**arguments: Any) -> AIOKafkaConsumer:
    """A client of its own for the ends of the logs, open transactions included."""
    return AIOKafkaConsumer(**{**arguments, "isolation_level": "read_uncommitted"})


async def _to(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> AsyncIterator[Record]:
    """Partition by partition; a position passes control records and aborted ones without a record."""
    for here in sorted(ends):
        patience = Patience()
        while (position := await answered(consumer.position(here))) < ends[here]:
            patience.check(position)
            found = await answered(consumer.getmany(here, timeout_ms=POLL_MS))
            for record in found.get(here, ()):
                if record.offset < ends[here]:
                    yield as_record(record)


async def _following(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> AsyncIterator[Record]:
    while True:
        found = await answered(consumer.getmany(*partitions, timeout_ms=POLL_MS))
        for here in sorted(found):
            for record in found[here]:
                yield as_record(record)
