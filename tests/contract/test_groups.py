"""Sources: membership, rebalancing, positions, pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from stream.clip import Record
from stream.ports import Broker, Message, Partition, Source
from tests.contract.stand_ins import Topics, send, until


class Member:
    """A source that notes what it owns, and seeks as soon as it gains."""

    def __init__(self, broker: Broker, topics: Topics, seek: bool = True) -> None:
        self.source: Source = broker.source(topics.raw, topics.group)
        self.owned: set[Partition] = set()
        self.changes: list[tuple[str, int]] = []
        self.seek = seek

    async def start(self) -> Member:
        await self.source.start(self._gained, self._lost)
        return self

    async def _gained(self, partitions: frozenset[Partition]) -> None:
        self.owned |= partitions
        self.changes.append(("gained", len(partitions)))
        if self.seek:
            for partition in partitions:
                await self.source.seek_to_committed(partition)

    async def _lost(self, partitions: frozenset[Partition]) -> None:
        self.owned -= partitions
        self.changes.append(("lost", len(partitions)))

    async def values(self, number: int, seconds: float = 20.0) -> list[bytes | None]:
        """Polls until ``number`` records came, or ``seconds`` are over."""
        found: list[Record] = []
        async with asyncio.timeout(seconds):
            while len(found) < number:
                found += flat(await self.source.poll(number - len(found), 0.2))
        return [record.value for record in found]


def flat(polled: Mapping[Partition, Sequence[Record]]) -> list[Record]:
    return [record for partition in sorted(polled) for record in polled[partition]]


async def test_a_group_without_offsets_starts_at_the_beginning(broker: Broker, topics: Topics) -> None:
    """Clips that came before the first worker are not skipped."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a", b"b"])
    member = await Member(broker, topics).start()
    assert [b"a", b"b"] == await member.values(2)
    await member.source.stop()


async def test_nothing_is_polled_before_the_seek(broker: Broker, topics: Topics) -> None:
    """Records are kept back until the owner has settled its predecessor's transaction and sought."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])
    member = await Member(broker, topics, seek=False).start()
    for _ in range(10):
        assert {} == dict(await member.source.poll(10, 0.1))
    assert 0 == await member.source.seek_to_committed(Partition(topics.raw, 0))
    assert [b"a"] == await member.values(1)
    await member.source.stop()


async def test_nothing_is_polled_before_the_seek_after_a_rebalance(broker: Broker, topics: Topics) -> None:
    """Also of a partition that was owned before: another member may have had it for a moment."""
    await topics.create(broker, 2)
    for number in range(2):
        await send(broker, topics.raw, [b"a", b"b"], number)
    first = await Member(broker, topics).start()
    await until(lambda: owns(first, 2))
    await first.values(1)
    first.seek = False
    second = await Member(broker, topics).start()
    await until(lambda: owns(first, 1))
    for _ in range(10):
        assert {} == dict(await first.source.poll(10, 0.1))
    await first.source.stop()
    await second.source.stop()


async def test_seeking_again_repeats_what_is_not_committed(broker: Broker, topics: Topics) -> None:
    """Also where nothing was ever committed: the beginning is then the committed offset."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a", b"b", b"c"])
    member = await Member(broker, topics).start()
    partition = Partition(topics.raw, 0)
    assert [b"a", b"b"] == await member.values(2)
    assert 0 == await member.source.seek_to_committed(partition)
    assert [b"a", b"b"] == await member.values(2)
    outbox = broker.outbox(partition, topics.group)
    await outbox.start()
    await outbox.commit([Message(topics.audit, b"-", b"x")], 1)
    await outbox.stop()
    outbox = broker.outbox(partition, topics.group)
    await outbox.start()
    assert 1 == await member.source.seek_to_committed(partition)
    assert [b"b", b"c"] == await member.values(2)
    await outbox.stop()
    await member.source.stop()


async def test_a_seek_drops_what_a_running_poll_had_in_its_hands(broker: Broker, topics: Topics) -> None:
    """A poll that began before a seek returns nothing from before it, and nothing goes missing after it."""
    await topics.create(broker)
    member = await Member(broker, topics).start()
    polling = asyncio.create_task(member.source.poll(10, 5))
    await asyncio.sleep(0.3)
    await send(broker, topics.raw, [b"a", b"b"])
    await member.source.seek_to_committed(Partition(topics.raw, 0))
    first = [record.value for record in flat(await polling)]
    assert [b"a", b"b"] == first + (await member.values(2 - len(first)) if len(first) < 2 else [])
    await member.source.stop()


async def test_a_paused_partition_waits(broker: Broker, topics: Topics) -> None:
    """Pausing one partition leaves the others running; resuming goes on where it stopped."""
    await topics.create(broker, 2)
    member = await Member(broker, topics).start()
    await until(lambda: owns(member, 2))
    member.source.pause(Partition(topics.raw, 0))
    await send(broker, topics.raw, [b"zero"], 0)
    await send(broker, topics.raw, [b"one"], 1)
    assert [b"one"] == await member.values(1)
    for _ in range(5):
        assert {} == dict(await member.source.poll(10, 0.1))
    member.source.resume(Partition(topics.raw, 0))
    assert [b"zero"] == await member.values(1)
    await member.source.stop()


async def test_a_poll_is_bounded(broker: Broker, topics: Topics) -> None:
    """Never more records than asked for, over all partitions."""
    await topics.create(broker, 3)
    for number in range(3):
        await send(broker, topics.raw, [b"v"] * 20, number)
    member = await Member(broker, topics).start()
    sizes = [len(flat(await member.source.poll(7, 1))) for _ in range(12)]
    assert max(sizes) <= 7
    assert sum(sizes) > 0
    await member.source.stop()


async def test_two_members_share_the_partitions(broker: Broker, topics: Topics) -> None:
    """A second member takes over some, with everything revoked first; when it leaves, the first has all again."""
    await topics.create(broker, 4)
    first = await Member(broker, topics).start()
    await until(lambda: owns(first, 4))
    second = await Member(broker, topics).start()
    await until(lambda: owns(first, 2))
    await until(lambda: owns(second, 2))
    assert set() == first.owned & second.owned
    assert ("lost", 4) in first.changes
    await second.source.stop()
    await until(lambda: owns(first, 4))
    await first.source.stop()


async def test_lag_is_what_is_still_to_be_polled(broker: Broker, topics: Topics) -> None:
    """Records between the position and the end."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"v"] * 5)
    member = await Member(broker, topics).start()
    await member.values(2)
    assert {Partition(topics.raw, 0): 3} == dict(await member.source.lag())
    await member.source.stop()


async def owns(member: Member, number: int) -> bool:
    return len(member.owned) == number
