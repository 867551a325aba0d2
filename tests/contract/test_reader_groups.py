"""Readers in a group: what was committed does not come again, what was not does, whoever has it then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from stream.ports import Broker, CommitFailed, Partition
from stream.reading.clips import Clips, NotCommitted
from stream.reading.share import GroupShare
from tests.contract.stand_ins import Topics, until
from tests.contract.test_readers import take
from tests.publications import Published, Store, Topic


@asynccontextmanager
async def member(broker: Broker, topics: Topics, store: Store) -> AsyncIterator[Clips]:
    source = broker.source(topics.anonymized, topics.group)
    clips = Clips(GroupShare(source), Published(), store.drop)
    await clips.start()
    yield clips
    await clips.stop()


async def test_a_group_goes_on_behind_its_commit(broker: Broker, topics: Topics) -> None:
    """What was committed never comes again; what was given and not committed does."""
    await topics.create(broker)
    await Topic(broker, topics.anonymized).publish(1, 2, 3)
    first, second = Store(), Store()
    async with member(broker, topics, first) as clips:
        await take(clips, first, 1)
        await clips.commit()
        await take(clips, first, 1)
    async with member(broker, topics, second) as clips:
        await take(clips, second, 2)
        await clips.commit()
    assert ["clip 1", "clip 2"] == first.told
    assert ["clip 2", "clip 3"] == second.told
    assert {0: 3} == dict(await broker.committed(topics.anonymized, topics.group))


async def test_tombstones_are_committed_with_what_lies_behind_them(broker: Broker, topics: Topics) -> None:
    """A group is told of an erasure before the clips after it, and again where it ended before its commit."""
    await topics.create(broker)
    topic = Topic(broker, topics.anonymized)
    await topic.erase(9, partition=0)
    await topic.publish(1, partition=0)
    for _ in range(2):
        store = Store()
        async with member(broker, topics, store) as clips:
            await take(clips, store, 1)
        assert ["erased 9", "clip 1"] == store.told


async def test_a_partition_that_changed_hands_is_not_committed(broker: Broker, topics: Topics) -> None:
    """What a member was given before it lost its partitions is its successors': they begin at the group's offset, and
    a late commit of it changes nothing."""
    await topics.create(broker, 2)
    topic = Topic(broker, topics.anonymized)
    await topic.publish(1, partition=0)
    await topic.publish(2, partition=1)
    first, second = Store(), Store()
    async with member(broker, topics, first) as early:
        await take(early, first, 2)
        async with member(broker, topics, second) as late:
            reading = asyncio.ensure_future(take(early, first, 1))  # a member only sees a rebalance while it polls
            await take(late, second, 1)
            await reading  # its own partition from the group's offset on, which nobody has moved
            assert 3 == len(first.told)
            await early.commit()
            (partition,) = dict(await broker.committed(topics.anonymized, topics.group))
            assert first.told[2] == {0: "clip 1", 1: "clip 2"}[partition]
    assert {"clip 1", "clip 2"} == {*first.told[2:], *second.told}


async def test_a_commit_that_fails_says_so(broker: Broker, topics: Topics) -> None:
    """Nothing is taken for committed, and a later commit has it all."""
    await topics.create(broker)
    await Topic(broker, topics.anonymized).publish(1)
    source, store = broker.source(topics.anonymized, topics.group), Store()
    commit: Callable[..., object] = source.commit
    clips = Clips(GroupShare(source), Published(), store.drop)
    await clips.start()
    await take(clips, store, 1)

    async def refused(*_: object) -> None:
        raise CommitFailed("RebalanceInProgressError")

    source.commit = refused  # type: ignore[method-assign]
    with pytest.raises(NotCommitted, match="RebalanceInProgressError"):
        await clips.commit()
    assert {} == dict(await broker.committed(topics.anonymized, topics.group))
    source.commit = commit  # type: ignore[method-assign,assignment]
    await clips.commit()
    assert {0: 1} == dict(await broker.committed(topics.anonymized, topics.group))
    await clips.stop()


async def test_offsets_of_a_partition_that_is_not_ours_are_refused(broker: Broker, topics: Topics) -> None:
    """A source commits for what it was assigned and nothing else."""
    await topics.create(broker)
    source, owned = broker.source(topics.anonymized, topics.group), set[Partition]()

    async def gained(partitions: frozenset[Partition]) -> None:
        owned.update(partitions)

    async def lost(partitions: frozenset[Partition]) -> None:
        owned.difference_update(partitions)

    async def joined() -> bool:
        await source.poll(1, 0.0)
        return bool(owned)

    await source.start(gained, lost)
    await until(joined)
    with pytest.raises(CommitFailed):
        await source.commit({Partition(topics.anonymized, 1): 1})
    await source.stop()
