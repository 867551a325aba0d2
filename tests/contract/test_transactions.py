"""Outboxes: all of a transaction or nothing of it, and one owner at a time."""

from __future__ import annotations

import pytest

from stream.ports import Broker, CommitFailed, Fenced, Message, Outbox, Partition
from tests.contract.conftest import HalfCommit
from tests.contract.stand_ins import Topics, eventually, everything, send

TOO_LARGE = bytes(20_000_000)


async def values(broker: Broker, topic: str) -> list[bytes | None]:
    return [record.value for record in await everything(broker, topic)]


async def committed(broker: Broker, topics: Topics) -> dict[int, int]:
    return dict(await broker.committed(topics.raw, topics.group))


async def opened(broker: Broker, topics: Topics) -> Outbox:
    outbox = broker.outbox(Partition(topics.raw, 0), topics.group)
    await outbox.start()
    return outbox


async def test_messages_and_offset_are_committed_together(broker: Broker, topics: Topics) -> None:
    """After commit returns, the messages of several topics are readable and the group's offset is the one given."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"in"] * 3)
    outbox = await opened(broker, topics)
    await outbox.commit([Message(topics.anonymized, b"t", b"one"), Message(topics.audit, b"-", b"two")], 2)
    await eventually([b"one"], lambda: values(broker, topics.anonymized))
    await eventually([b"two"], lambda: values(broker, topics.audit))
    await eventually({0: 2}, lambda: committed(broker, topics))
    await outbox.commit([Message(topics.anonymized, b"t", b"three")], 3)
    await eventually([b"one", b"three"], lambda: values(broker, topics.anonymized))
    await eventually({0: 3}, lambda: committed(broker, topics))
    await outbox.stop()


async def test_a_refused_message_leaves_neither_output_nor_offset(broker: Broker, topics: Topics) -> None:
    """A message that is too large fails the commit: the one before it is never read, the offset does not move."""
    await topics.create(broker)
    outbox = await opened(broker, topics)
    with pytest.raises(CommitFailed):
        await outbox.commit([Message(topics.anonymized, b"t", b"good"), Message(topics.audit, b"-", TOO_LARGE)], 1)
    with pytest.raises(CommitFailed):  # spent: what it half sent must not come out with a later commit
        await outbox.commit([Message(topics.anonymized, b"t", b"later")], 1)
    await outbox.stop()
    assert [] == await values(broker, topics.anonymized)
    await eventually({}, lambda: committed(broker, topics))

    successor = await opened(broker, topics)
    await successor.commit([Message(topics.anonymized, b"t", b"again")], 1)
    await successor.stop()
    await eventually([b"again"], lambda: values(broker, topics.anonymized))
    await eventually({0: 1}, lambda: committed(broker, topics))


async def test_a_new_outbox_fences_the_old_one(broker: Broker, topics: Topics) -> None:
    """Only the newest outbox of a partition commits; nothing of the stale one is ever read."""
    await topics.create(broker)
    stale = await opened(broker, topics)
    await stale.commit([Message(topics.anonymized, b"t", b"first")], 1)
    newest = await opened(broker, topics)
    with pytest.raises(Fenced):
        await stale.commit([Message(topics.anonymized, b"t", b"stale")], 2)
    await eventually({0: 1}, lambda: committed(broker, topics))
    await newest.commit([Message(topics.anonymized, b"t", b"second")], 2)
    await eventually([b"first", b"second"], lambda: values(broker, topics.anonymized))
    await eventually({0: 2}, lambda: committed(broker, topics))
    await stale.stop()
    await newest.stop()


async def test_outboxes_of_other_partitions_do_not_fence_each_other(broker: Broker, topics: Topics) -> None:
    """One transactional id per input partition."""
    await topics.create(broker, 2)
    outboxes = [broker.outbox(Partition(topics.raw, number), topics.group) for number in range(2)]
    for outbox in outboxes:
        await outbox.start()
    for number, outbox in enumerate(outboxes):
        await outbox.commit([Message(topics.audit, b"-", b"%d" % number, None, 0)], number + 1)
    await eventually([b"0", b"1"], lambda: values(broker, topics.audit))
    await eventually({0: 1, 1: 2}, lambda: committed(broker, topics))
    for outbox in outboxes:
        await outbox.stop()


async def test_nothing_half_written_is_read_and_a_successor_clears_it(
    broker: Broker, topics: Topics, half_commit: HalfCommit
) -> None:
    """An owner that dies between send and commit leaves an open transaction: unread, and ended by its successor."""
    await topics.create(broker)
    await half_commit(Partition(topics.raw, 0), topics.group, [Message(topics.anonymized, b"t", b"half")])
    assert [] == await values(broker, topics.anonymized)
    successor = await opened(broker, topics)
    await successor.commit([Message(topics.anonymized, b"t", b"whole")], 1)
    await eventually([b"whole"], lambda: values(broker, topics.anonymized))
    await successor.stop()


async def test_a_commit_without_messages_moves_the_offset(broker: Broker, topics: Topics) -> None:
    """A batch may have nothing to say."""
    await topics.create(broker)
    outbox = await opened(broker, topics)
    await outbox.commit([], 5)
    await eventually({0: 5}, lambda: committed(broker, topics))
    await outbox.stop()
