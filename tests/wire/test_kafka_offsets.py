"""A group's offset and what the log still has, on a real Kafka: nothing is done twice, nothing goes in silence."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from stream.ports import Partition, SourceLost
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.kafka_source import KafkaSource
from stream.worker import Limits, NotCommitting
from tests.contract.stand_ins import Tally, Topics, WishEngine, event, everything, send, until, until_committed, worker


async def set_offset(connection: KafkaConnection, topics: Topics, offset: int) -> None:
    """As an operator does, or a restored backup."""
    consumer = AIOKafkaConsumer(**connection.consumer(), group_id=topics.group)
    here = TopicPartition(topics.raw, 0)
    consumer.assign([here])
    await consumer.start()
    await consumer.commit({here: offset})
    await consumer.stop()


async def forget(connection: KafkaConnection, topics: Topics, before: int) -> None:
    """As retention does."""
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    await admin.delete_records({TopicPartition(topics.raw, 0): RecordsToDelete(before_offset=before)})
    await admin.close()


async def assigned(cluster: KafkaBroker, topics: Topics) -> KafkaSource:
    async def nothing(_: frozenset[Partition]) -> None: ...

    source = cluster.source(topics.raw, topics.group)
    await source.start(nothing, nothing)
    return source


async def test_an_offset_behind_the_end_publishes_nothing_again(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """The library would begin at the beginning: the worker stops instead, and says why."""
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(number) for number in range(3)])
    await set_offset(connection, topics, 5)
    with pytest.raises(NotCommitting):
        await worker(cluster, topics, WishEngine(), Limits(failures_in_a_row=3, retry_s=0.05)).run()
    assert [] == await everything(cluster, topics.anonymized)


async def test_what_retention_took_is_told(cluster: KafkaBroker, connection: KafkaConnection, topics: Topics) -> None:
    """Counted and logged as soon as it is known, and the stream goes on with what is left."""
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(number) for number in range(6)])
    await set_offset(connection, topics, 1)
    await forget(connection, topics, 4)
    meter = Tally()
    one = worker(cluster, topics, WishEngine(), Limits(lag_s=3600), meter)
    running = asyncio.create_task(one.run())
    await until_committed(cluster, topics)
    await until(lambda: told(meter))
    one.stop()
    await running
    assert [b"publish 4", b"publish 5"] == [record.value for record in await everything(cluster, topics.anonymized)]
    assert 3 == meter.gone


async def told(meter: Tally) -> bool:
    return meter.gone > 0


async def test_a_gap_is_a_loss_only_where_the_log_has_forgotten(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """Markers of transactions leave gaps too."""
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(number) for number in range(6)])
    source, partition = await assigned(cluster, topics), Partition(topics.raw, 0)
    await source.seek_to_committed(partition)
    source._expect(partition, 2, 2)
    assert {} == dict(await source.gone())
    await forget(connection, topics, 5)
    source._expect(partition, 5, 5)
    assert {partition: 2} == dict(await source.gone())
    assert {} == dict(await source.gone())
    await source.stop()


async def test_a_log_that_begins_anew_is_not_read_again(cluster: KafkaBroker, topics: Topics) -> None:
    """Where the position lies behind the end the library goes back to the beginning, in the middle of work."""
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(number) for number in range(3)])
    source, partition = await assigned(cluster, topics), Partition(topics.raw, 0)
    await source.seek_to_committed(partition)
    while not (polled := await source.poll(10, 1)):
        pass
    assert 3 == len(polled[partition])
    source._consumer.seek(TopicPartition(topics.raw, 0), 9)
    await send(cluster, topics.raw, [event(3)])
    with pytest.raises(SourceLost, match="OffsetWentBack"):
        await poll_for_ever(source)
    await source.stop()


async def poll_for_ever(source: KafkaSource) -> None:
    while True:
        await source.poll(10, 1)
