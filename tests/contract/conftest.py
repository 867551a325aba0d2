"""The two brokers of the contract suite: the embedded one, and a real Apache Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from aiokafka import AIOKafkaProducer

from stream.ports import Broker, Message, Partition
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.local import LocalBroker

HalfCommit = Callable[[Partition, str, Sequence[Message]], Awaitable[None]]


@pytest.fixture(params=["embedded", "kafka"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """A cluster; tests keep apart by their topics."""
    embedded = request.param == "embedded"
    cluster: Broker = LocalBroker() if embedded else KafkaBroker(request.getfixturevalue("connection"))
    yield cluster
    await cluster.close()


@pytest.fixture
def half_commit(broker: Broker, request: pytest.FixtureRequest) -> HalfCommit:
    """Writes messages in the transaction of a partition's outbox, and dies before the commit."""

    async def embedded(partition: Partition, group: str, messages: Sequence[Message]) -> None:
        assert isinstance(broker, LocalBroker)
        transactional_id = f"{group}-{partition.topic}-{partition.number}"
        broker.begin_epoch(transactional_id)
        transaction = broker.begin_transaction(transactional_id)
        for message in messages:
            broker.append(message, transaction)

    async def kafka(partition: Partition, group: str, messages: Sequence[Message]) -> None:
        connection: KafkaConnection = request.getfixturevalue("connection")
        producer = AIOKafkaProducer(
            **connection.producer(), transactional_id=f"{group}-{partition.topic}-{partition.number}"
        )
        await producer.start()
        await producer.begin_transaction()
        for message in messages:
            await producer.send_and_wait(message.topic, message.value, message.key, message.partition)
        await producer.client.close()  # no abort, no commit: the connection is simply gone
        await producer.stop()

    return embedded if isinstance(broker, LocalBroker) else kafka
