"""Copiers: every record and what is told of it together or not at all, and one copier at a time."""

from __future__ import annotations

import pytest

from stream.clip import Coordinates
from stream.ports import Broker, CommitFailed, Fenced, Message
from tests.contract.stand_ins import Topics, eventually, everything, send


def place(topics: Topics, offset: int, partition: int = 0) -> Coordinates:
    return Coordinates(topics.raw, partition, offset)


def telling(topics: Topics) -> object:
    def told(at: Coordinates, copy: Coordinates) -> Message:
        line = f"{at.partition}:{at.offset} {copy.offset}"
        return Message(topics.audit, b"-", line.encode(), None, 0)

    return told


async def lines(broker: Broker, topics: Topics) -> list[bytes | None]:
    return [record.value for record in await everything(broker, topics.audit)]


async def values(broker: Broker, topics: Topics) -> list[bytes | None]:
    return [record.value for record in await everything(broker, topics.raw)]


async def test_copies_are_at_the_end_of_their_partition(broker: Broker, topics: Topics) -> None:
    """Same key, value and time; what is told names the offset where the copy lies."""
    await topics.create(broker, 2)
    for number in range(2):
        messages = [Message(topics.raw, b"k%d" % n, b"%d-%d" % (number, n), 1_000 + n, number) for n in range(3)]
        await broker.send(messages)
    copier = broker.copier(topics.group)
    await copier.start()
    wanted = [place(topics, 1), place(topics, 0, 1), place(topics, 2, 1)]
    assert wanted == list(await copier.copy(wanted, telling(topics)))  # type: ignore[arg-type]
    await copier.stop()
    await eventually([b"0:1 3", b"1:0 3", b"1:2 4"], lambda: lines(broker, topics))
    await eventually(9, lambda: number_of(broker, topics.raw))
    by_place = {record.coordinates: record for record in await everything(broker, topics.raw)}
    for at, copy in ((place(topics, 1), place(topics, 3)), (place(topics, 2, 1), place(topics, 4, 1))):
        old, new = by_place[at], by_place[copy]
        assert (old.key, old.value, old.timestamp_ms) == (new.key, new.value, new.timestamp_ms)
    assert 9 == len(by_place)


async def test_what_is_not_there_is_not_copied(broker: Broker, topics: Topics) -> None:
    """Neither an offset beyond the end nor that of a control record, and the others are."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])
    copier = broker.copier(topics.group)
    await copier.start()
    assert [place(topics, 0)] == list(await copier.copy([place(topics, 0)], telling(topics)))  # type: ignore[arg-type]
    await eventually([b"a", b"a"], lambda: values(broker, topics))  # and at offset 2 the end of the transaction
    wanted = [place(topics, 1), place(topics, 2), place(topics, 99)]
    assert [place(topics, 1)] == list(await copier.copy(wanted, telling(topics)))  # type: ignore[arg-type]
    await copier.stop()


async def test_a_new_copier_fences_the_old_one(broker: Broker, topics: Topics) -> None:
    """Two runs at once: only the newer one copies."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])
    old, new = broker.copier(topics.group), broker.copier(topics.group)
    await old.start()
    await new.start()
    with pytest.raises(Fenced):
        await old.copy([place(topics, 0)], telling(topics))  # type: ignore[arg-type]
    await new.copy([place(topics, 0)], telling(topics))  # type: ignore[arg-type]
    await old.stop()
    await new.stop()
    await eventually([b"a", b"a"], lambda: values(broker, topics))
    await eventually([b"0:0 1"], lambda: lines(broker, topics))


async def test_a_copier_that_dies_in_between_leaves_nothing(broker: Broker, topics: Topics) -> None:
    """Copies are sent and not committed: nobody reads them, and the next copier ends what was open."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])

    def dies(at: Coordinates, copy: Coordinates) -> Message:
        raise ZeroDivisionError

    first = broker.copier(topics.group)
    await first.start()
    with pytest.raises(ZeroDivisionError):
        await first.copy([place(topics, 0)], dies)
    await send(broker, topics.raw, [b"b"])
    assert [b"a"] == await values(broker, topics), "readers stop at the open transaction"
    second = broker.copier(topics.group)
    await second.start()
    await eventually([b"a", b"b"], lambda: values(broker, topics))
    assert [] == await lines(broker, topics)
    await first.stop()
    await second.stop()


async def test_a_message_that_is_refused_takes_the_copies_with_it(broker: Broker, topics: Topics) -> None:
    """And the copier is spent: what it half sent does not come out with the next transaction."""
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])
    copier = broker.copier(topics.group)
    await copier.start()
    for _ in range(2):
        with pytest.raises(CommitFailed):
            await copier.copy([place(topics, 0)], lambda at, copy: Message(topics.audit, b"-", bytes(20_000_000)))
    await copier.stop()
    assert [b"a"] == await values(broker, topics)


async def number_of(broker: Broker, topic: str) -> int:
    return len(await everything(broker, topic))
