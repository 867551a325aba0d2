"""Topics, order, offsets: what producers and readers may rely on."""

from __future__ import annotations

import asyncio

import pytest

from stream.ports import Broker, Message, NotDelivered
from tests.contract.stand_ins import Topics, everything, send


async def test_a_partition_keeps_the_order_in_which_it_was_written(broker: Broker, topics: Topics) -> None:
    """What is sent first is read first, with rising offsets, partition by partition."""
    await topics.create(broker, 2)
    for number in range(2):
        await send(broker, topics.raw, [b"%d-%d" % (number, index) for index in range(50)], number)
    records = await everything(broker, topics.raw)
    for number in range(2):
        mine = [record for record in records if record.coordinates.partition == number]
        assert [b"%d-%d" % (number, index) for index in range(50)] == [record.value for record in mine]
        assert list(range(50)) == [record.coordinates.offset for record in mine]


async def test_key_timestamp_and_tombstone_arrive_as_sent(broker: Broker, topics: Topics) -> None:
    """A tombstone is a record with a key and no value; the timestamp is the sender's."""
    await topics.create(broker)
    await broker.send([Message(topics.raw, b"k", None, 7_200_000, 0), Message(topics.raw, b"k", b"v", 3_600_000, 0)])
    records = await everything(broker, topics.raw)
    assert [(b"k", None, 7_200_000), (b"k", b"v", 3_600_000)] == [
        (record.key, record.value, record.timestamp_ms) for record in records
    ]


async def test_a_key_always_goes_to_the_same_partition(broker: Broker, topics: Topics) -> None:
    """Without a partition the key decides, so that a tombstone meets what it erases."""
    await topics.create(broker, 4)
    await broker.send([Message(topics.raw, b"%d" % (index % 5), b"v") for index in range(40)])
    places: dict[bytes | None, set[int]] = {}
    for record in await everything(broker, topics.raw):
        places.setdefault(record.key, set()).add(record.coordinates.partition)
    assert [1] * 5 == [len(partitions) for partitions in places.values()]


async def test_a_message_that_the_cluster_refuses_is_an_error(broker: Broker, topics: Topics) -> None:
    """Too large is told, never dropped; the error says nothing of the message."""
    await topics.create(broker)
    with pytest.raises(NotDelivered) as caught:
        await send(broker, topics.raw, [b"canary" * 4_000_000])
    assert "canary" not in repr(caught.value)
    assert [] == await everything(broker, topics.raw)


async def test_a_following_reader_gets_what_comes_later(broker: Broker, topics: Topics) -> None:
    """``from_end`` skips what is there, ``follow`` waits for more."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"old"])
    reader = aiter(broker.read(topics.raw, from_end=True, follow=True))
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(1)
    await send(broker, topics.raw, [b"new"])
    assert b"new" == (await asyncio.wait_for(waiting, 20)).value
    await reader.aclose()  # type: ignore[attr-defined]


async def test_creating_a_topic_twice_leaves_it_alone(broker: Broker, topics: Topics) -> None:
    """The second call neither fails nor changes the number of partitions."""
    await broker.create_topics({topics.raw: 3})
    await send(broker, topics.raw, [b"v"])
    await broker.create_topics({topics.raw: 5, topics.audit: 1})
    assert {0: 1, 1: 0, 2: 0} == dict(await broker.end_offsets(topics.raw))
    assert {0: 0} == dict(await broker.end_offsets(topics.audit))
