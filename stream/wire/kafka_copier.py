"""Copies of records, byte by byte, in transactions of one transactional id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from stream.clip import Coordinates
from stream.ports import CommitFailed, Message
from stream.wire.kafka_connection import KafkaConnection, bounded_stop, milliseconds
from stream.wire.kafka_once import ask_once
from stream.wire.kafka_outbox import deliver
from stream.wire.kafka_records import Unread
from stream.wire.kafka_refusal import said
from stream.wire.kafka_tail import POLL_MS, Patience, answered
from stream.wire.kafka_transactions import end, transaction

# Readers of the topic stop at an open transaction: one whose copier died must not hold them up for long.
TRANSACTION_TIMEOUT_S = 15.0


class KafkaCopier:
    """ports.Copier. Records are fetched before their transaction begins, so that it is open for a moment only.

    As an outbox it never aborts: its successor ends what it left open.
    """

    def __init__(self, connection: KafkaConnection, group: str) -> None:
        self._connection = connection
        self._timeout_s = min(TRANSACTION_TIMEOUT_S, connection.transaction_timeout_s)
        self._consumer = AIOKafkaConsumer(**connection.consumer())
        self._producer = AIOKafkaProducer(
            **connection.producer(),
            transactional_id=f"{group}-replay",
            transaction_timeout_ms=milliseconds(self._timeout_s),
        )
        ask_once(self._producer)

    async def start(self) -> None:
        try:
            async with asyncio.timeout(self._connection.transaction_timeout_s):
                await self._producer.start()
            await self._consumer.start()
        except (KafkaError, TimeoutError) as error:
            raise CommitFailed(said(error)) from None

    async def copy(
        self, of: Sequence[Coordinates], told: Callable[[Coordinates, Coordinates], Message]
    ) -> Sequence[Coordinates]:
        found = await self._fetched(of)
        async with transaction(self._producer, self._timeout_s):
            copies = await asyncio.gather(*[await self._sent(record) for record in found])
            await deliver(
                self._producer,
                [told(_at(original), _at(copy)) for original, copy in zip(found, copies, strict=True)],
            )
        return [_at(record) for record in found]

    async def stop(self) -> None:
        await bounded_stop(self._consumer.stop(), self._connection.stop_timeout_s)
        await end(self._producer, self._connection.stop_timeout_s)

    async def _sent(self, record: Any) -> asyncio.Future[Any]:
        """With its headers, one of which may name the schema, and its time, by which it was to be forgotten."""
        return await self._producer.send(  # type: ignore[no-any-return] # aiokafka has no hints
            record.topic, record.value, record.key, record.partition, record.timestamp, list(record.headers)
        )

    # -------------------------------------------------------------- by coordinates
    async def _fetched(self, of: Sequence[Coordinates]) -> list[Any]:
        """The committed records that are still there, and can be read. Raises BrokerUnavailable."""
        topics = {at.topic for at in of}
        self._consumer.assign([TopicPartition(topic, 0) for topic in topics])
        await answered(self._consumer.end_offsets([TopicPartition(topic, 0) for topic in topics]))  # knows them then
        there = {topic: self._consumer.partitions_for_topic(topic) or set() for topic in topics}
        of = [at for at in of if at.partition in there[at.topic]]
        places = sorted({TopicPartition(at.topic, at.partition) for at in of})
        if not places:
            return []
        self._consumer.assign(places)
        ends = await answered(self._consumer.end_offsets(places))
        beginnings = await answered(self._consumer.beginning_offsets(places))
        found = []
        for at in of:
            here = TopicPartition(at.topic, at.partition)
            if beginnings[here] <= at.offset < ends[here]:
                record = await self._fetch(here, at.offset)
                found += [record] if record is not None else []
        return found

    async def _fetch(self, here: TopicPartition, offset: int) -> Any:
        patience = Patience()
        if await answered(self._consumer.position(here)) != offset:
            self._consumer.seek(here, offset)
        while (position := await answered(self._consumer.position(here))) <= offset:
            patience.check(position)
            polled = await answered(self._consumer.getmany(here, timeout_ms=POLL_MS, max_records=1))
            for record in polled.get(here, ()):
                return record if record.offset == offset and not isinstance(record.value, Unread) else None
        return None


def _at(of: Any) -> Coordinates:
    """Of a record, or of what a broker says of a delivery."""
    return Coordinates(of.topic, of.partition, of.offset)
