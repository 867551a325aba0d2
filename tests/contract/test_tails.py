"""Tails: what follows a topic sees every committed record, and knows where it is."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from stream.ports import Broker, Message, Partition, Tail
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.conftest import HalfCommit
from tests.contract.stand_ins import Topics, eventually, everything, send


async def taken(tail: Tail, number: int, timeout_s: float = 20.0) -> list[bytes | None]:
    """The values of the next ``number`` records."""
    values: list[bytes | None] = []
    async with asyncio.timeout(timeout_s):
        while len(values) < number:
            values += [record.value for record in await tail.poll(0.5)]
    return values


async def at_the_ends(tail: Tail) -> bool:
    """Whether another poll brings nothing and the positions are the ends."""
    await tail.poll(0.2)
    return dict(await tail.positions()) == dict(await tail.ends())


async def commit(broker: Broker, topics: Topics, values: list[bytes]) -> None:
    outbox = broker.outbox(Partition(topics.raw, 0), topics.group)
    await outbox.start()
    await outbox.commit([Message(topics.audit, b"k", value, None, 0) for value in values], 1)
    await outbox.stop()


async def abort(broker: Broker, topics: Topics, half_commit: HalfCommit, values: list[bytes]) -> None:
    """Records that never count: their owner dies, and its successor ends its transaction."""
    messages = [Message(topics.audit, b"k", value, None, 0) for value in values]
    await half_commit(Partition(topics.raw, 0), topics.group, messages)
    outbox = broker.outbox(Partition(topics.raw, 0), topics.group)
    await outbox.start()
    await outbox.stop()


async def test_a_tail_reads_all_partitions_and_goes_on(broker: Broker, topics: Topics) -> None:
    """What is there comes first, what is written later comes too, each partition in order."""
    await topics.create(broker, 2)
    await send(broker, topics.audit, [b"a", b"b"], 0)
    await send(broker, topics.audit, [b"c"], 1)
    tail = await broker.tail(topics.audit, {})
    assert [b"a", b"b", b"c"] == sorted(await taken(tail, 3))
    waiting = asyncio.ensure_future(taken(tail, 1))
    await asyncio.sleep(0.3)
    await send(broker, topics.audit, [b"d"], 1)
    assert [b"d"] == await waiting
    assert {0: 2, 1: 2} == dict(await tail.positions())
    await tail.stop()


async def test_a_tail_begins_where_it_is_told(broker: Broker, topics: Topics) -> None:
    """A partition that is named is read from there, others from their beginning."""
    await topics.create(broker, 2)
    await send(broker, topics.audit, [b"a", b"b", b"c"], 0)
    await send(broker, topics.audit, [b"d"], 1)
    tail = await broker.tail(topics.audit, {0: 2})
    assert {0: 2, 1: 0} == dict(await tail.positions())
    assert [b"c", b"d"] == sorted(await taken(tail, 2))
    await tail.stop()


async def test_positions_pass_what_has_no_record(broker: Broker, topics: Topics, half_commit: HalfCommit) -> None:
    """Aborted records and control markers, also at the very end, never keep a tail from the end."""
    await topics.create(broker)
    await commit(broker, topics, [b"a"])
    await abort(broker, topics, half_commit, [b"x", b"y"])
    tail = await broker.tail(topics.audit, {})
    assert [b"a"] == await taken(tail, 1)
    await eventually(True, lambda: at_the_ends(tail))
    assert {0: 5} == dict(await tail.positions())  # three records, two markers
    await tail.stop()


async def test_ends_stop_at_an_open_transaction(broker: Broker, topics: Topics, half_commit: HalfCommit) -> None:
    """Ends are the last stable offsets: what lies behind an open transaction is written, and not to be read yet."""
    await topics.create(broker)
    await send(broker, topics.audit, [b"a"])
    await half_commit(Partition(topics.raw, 0), topics.group, [Message(topics.audit, b"k", b"x", None, 0)])
    await send(broker, topics.audit, [b"b"])
    tail = await broker.tail(topics.audit, {})
    assert [b"a"] == await taken(tail, 1)
    assert {0: 1} == dict(await tail.ends())
    assert {0: 3} == dict(await tail.written())
    assert [] == list(await tail.poll(0.3))
    await commit(broker, topics, [b"c"])  # the successor ends it
    assert [b"b", b"c"] == await taken(tail, 2)
    await eventually(True, lambda: at_the_ends(tail))
    assert dict(await tail.written()) == dict(await tail.ends())
    await tail.stop()


async def test_a_start_beyond_the_end_falls_back_to_the_beginning(broker: Broker, topics: Topics) -> None:
    """Such an offset is of another log of the same name: staying there would skip this one's records."""
    await topics.create(broker)
    await send(broker, topics.audit, [b"a", b"b"])
    tail = await broker.tail(topics.audit, {0: 3})
    assert {0: 0} == dict(await tail.positions())
    assert [b"a", b"b"] == await taken(tail, 2)
    await tail.stop()


async def test_a_start_that_was_deleted_falls_back_to_the_beginning(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """The beginning is where the log starts by now; the position says so."""
    await topics.create(cluster)
    await send(cluster, topics.audit, [b"a", b"b", b"c"])
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    await admin.delete_records({TopicPartition(topics.audit, 0): RecordsToDelete(before_offset=2)})
    await admin.close()
    tail = await cluster.tail(topics.audit, {0: 1})
    assert {0: 2} == dict(await tail.positions())
    assert [b"c"] == await taken(tail, 1)
    await tail.stop()
    assert b"c" == _value(await cluster.last(topics.audit, 0))


async def test_the_last_record_of_a_partition(broker: Broker, topics: Topics, half_commit: HalfCommit) -> None:
    """The last committed one, however much that never counted lies behind it; none in an empty partition."""
    await topics.create(broker, 2)
    assert await broker.last(topics.audit, 0) is None
    await commit(broker, topics, [b"a", b"b"])
    await send(broker, topics.audit, [b"other"], 1)
    assert b"b" == _value(await broker.last(topics.audit, 0))
    await abort(broker, topics, half_commit, [b"x"] * 40)  # more than one look goes back
    assert b"b" == _value(await broker.last(topics.audit, 0))
    await half_commit(Partition(topics.raw, 0), topics.group, [Message(topics.audit, b"k", b"open", None, 0)])
    assert b"b" == _value(await broker.last(topics.audit, 0))
    assert b"other" == _value(await broker.last(topics.audit, 1))


async def test_only_aborted_records_are_no_last_record(broker: Broker, topics: Topics, half_commit: HalfCommit) -> None:
    """A partition on which nothing was ever committed has none, though its log is not empty."""
    await topics.create(broker)
    await abort(broker, topics, half_commit, [b"x"] * 20)
    assert await broker.last(topics.audit, 0) is None


async def test_one_partition_can_be_read_alone(broker: Broker, topics: Topics) -> None:
    """Of the others nothing comes."""
    await topics.create(broker, 3)
    for number in range(3):
        await send(broker, topics.audit, [b"%d" % number], number)
    assert [b"1"] == [record.value async for record in broker.read(topics.audit, partition=1)]
    assert 3 == len(await everything(broker, topics.audit))


def _value(record: object) -> bytes | None:
    return getattr(record, "value", None)
