"""A group's share while partitions change hands, one at a time: only what is still ours is given and counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest

from stream.clip import Coordinates, Record
from stream.ports import CommitFailed, Partition
from stream.reading.share import GroupShare

TOPIC = "clips.anonymized"
FIRST, SECOND = Partition(TOPIC, 0), Partition(TOPIC, 1)
OnChange = Callable[[frozenset[Partition]], Awaitable[None]]


class Members:
    """A source whose partitions come and go as a test says, and that gives what it is told to."""

    def __init__(self) -> None:
        self.gain: OnChange | None = None
        self.lose: OnChange | None = None
        self.ready: list[Record] = []
        self.sought: list[Partition] = []
        self.committed: dict[Partition, int] = {}
        self.meanwhile: dict[Partition, Callable[[], Awaitable[None]]] = {}  # while its offset is asked for

    async def start(self, on_assigned: OnChange, on_revoked: OnChange) -> None:
        self.gain, self.lose = on_assigned, on_revoked

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[Partition, Sequence[Record]]:
        found, self.ready = self.ready[:max_records], self.ready[max_records:]
        return {here: [one for one in found if one.coordinates.partition == here.number] for here in (FIRST, SECOND)}

    async def seek_to_committed(self, partition: Partition) -> int:
        self.sought.append(partition)
        if partition in self.meanwhile:
            await self.meanwhile.pop(partition)()
        return 0

    async def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        self.committed |= next_offsets

    async def gone(self) -> Mapping[Partition, int]:
        return {}


def record(of: Partition, offset: int) -> Record:
    return Record(Coordinates(TOPIC, of.number, offset), b"value", b"key")


async def opened(*ready: Record) -> tuple[GroupShare, Members]:
    members = Members()
    share = GroupShare(members)  # type: ignore[arg-type] # what a share asks of a source
    await share.start()
    assert members.gain is not None
    await members.gain(frozenset({FIRST, SECOND}))
    members.ready = list(ready)
    return share, members


async def test_what_was_polled_of_a_lost_partition_is_not_given() -> None:
    """Its next owner gives it; what is of the other partition comes."""
    share, members = await opened(record(FIRST, 0), record(FIRST, 1), record(SECOND, 0))
    assert record(FIRST, 0) == await share.head()
    assert members.lose is not None
    await members.lose(frozenset({FIRST}))
    assert record(SECOND, 0) == await share.head()


async def test_a_record_that_was_lost_while_it_was_looked_at_is_not_passed() -> None:
    """It is not counted, and what is the next one by now is still to come."""
    share, members = await opened(record(FIRST, 0), record(SECOND, 0))
    looked_at = await share.head()
    assert looked_at is not None
    assert members.lose is not None
    await members.lose(frozenset({FIRST}))
    assert not share.passed(looked_at)
    assert record(SECOND, 0) == await share.head()
    await share.commit()
    assert {} == members.committed


async def test_offsets_of_what_is_still_ours_are_committed() -> None:
    """Those of a lost partition are not, and each is committed once."""
    share, members = await opened(record(FIRST, 4), record(SECOND, 6))
    for _ in range(2):
        head = await share.head()
        assert head is not None
        assert share.passed(head)
    assert members.lose is not None
    await members.lose(frozenset({FIRST}))
    await share.commit()
    assert {SECOND: 7} == members.committed
    members.committed.clear()
    await share.commit()
    assert {} == members.committed


async def test_a_partition_is_sought_once_for_each_time_that_it_is_gained() -> None:
    """More often would give what was given; a partition that goes meanwhile is nobody's trouble."""
    share, members = await opened(record(SECOND, 0), record(SECOND, 1))

    async def lost() -> None:
        assert members.lose is not None
        await members.lose(frozenset({FIRST}))
        raise CommitFailed("not assigned")

    members.meanwhile[FIRST] = lost
    for _ in range(2):
        head = await share.head()
        assert head is not None
        share.passed(head)
    members.ready = [record(SECOND, 2)]
    assert record(SECOND, 2) == await share.head()
    assert [FIRST, SECOND] == members.sought


async def test_a_partition_that_comes_back_meanwhile_is_sought_again() -> None:
    """The offset that was asked for is from before: somebody else may have moved it."""
    share, members = await opened(record(SECOND, 0))

    async def lost_and_gained() -> None:
        assert members.lose is not None
        assert members.gain is not None
        await members.lose(frozenset({FIRST}))
        await members.gain(frozenset({FIRST}))

    members.meanwhile[FIRST] = lost_and_gained
    head = await share.head()
    assert head is not None
    share.passed(head)
    members.ready = [record(FIRST, 3)]
    assert record(FIRST, 3) == await share.head()
    assert [FIRST, SECOND, FIRST] == members.sought


async def test_an_offset_that_nobody_tells_is_asked_for_again() -> None:
    """Whoever reads is told, and the partition is not left out."""
    share, members = await opened(record(FIRST, 0))

    async def refused() -> None:
        raise CommitFailed("CoordinatorNotAvailableError")

    members.meanwhile[FIRST] = refused
    with pytest.raises(CommitFailed):
        await share.head()
    assert record(FIRST, 0) == await share.head()
    assert [FIRST, FIRST, SECOND] == members.sought
