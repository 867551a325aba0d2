"""The transactional producer of one input partition.

One for each partition, because aiokafka sends no group generation with the offsets of a transaction: with one
producer for each worker, a worker that lost a partition in mid-transaction would publish what the next owner publishes
too. A transactional id for each input partition makes the broker fence the old owner when the new one starts.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from stream.ports import ClusterAway, CommitFailed, Message, Partition
from stream.wire.kafka_connection import KafkaConnection, milliseconds
from stream.wire.kafka_once import ask_once
from stream.wire.kafka_refusal import refusal_of, said
from stream.wire.kafka_transactions import end, transaction


class KafkaOutbox:
    """ports.Outbox. It never aborts (``kafka_transactions.py``)."""

    def __init__(self, connection: KafkaConnection, partition: Partition, group: str) -> None:
        self._connection = connection
        self._input = TopicPartition(partition.topic, partition.number)
        self._group = group
        self._producer = AIOKafkaProducer(
            **connection.producer(),
            transactional_id=f"{group}-{partition.topic}-{partition.number}",
            transaction_timeout_ms=milliseconds(connection.transaction_timeout_s),
        )
        ask_once(self._producer)

    async def start(self) -> None:
        """Returns when the predecessor is fenced, and what it left open has been ended."""
        try:
            async with asyncio.timeout(self._connection.transaction_timeout_s):
                await self._producer.start()
        except TimeoutError as error:
            raise ClusterAway(type(error).__name__) from None
        except KafkaError as error:
            if not error.retriable:
                raise CommitFailed(said(error)) from None
            if refusal := await refusal_of(self._connection):
                raise CommitFailed(refusal) from None
            raise ClusterAway(type(error).__name__) from None

    async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
        async with transaction(self._producer, self._connection.transaction_timeout_s):
            await deliver(self._producer, messages)  # all of them before the offset
            offset = {self._input: OffsetAndMetadata(next_offset, "")}
            await self._producer.send_offsets_to_transaction(offset, self._group)

    async def stop(self) -> None:
        await end(self._producer, self._connection.stop_timeout_s)


async def deliver(producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
    """Sends, and awaits every delivery: a message that is too large, or refused, is otherwise lost without a word."""
    deliveries: list[Future[object]] = []
    for message in messages:
        delivery = await producer.send(
            message.topic, message.value, message.key, message.partition, message.timestamp_ms
        )
        delivery.add_done_callback(_look_at)
        deliveries.append(delivery)
    await asyncio.gather(*deliveries)


def _look_at(delivery: Future[object]) -> None:
    """Where an earlier failure ends the batch, nobody else asks for this one's."""
    if not delivery.cancelled():
        delivery.exception()
