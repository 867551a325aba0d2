"""The embedded broker's copier, where another one starts while it copies."""

from __future__ import annotations

import pytest

from stream.clip import Coordinates
from stream.ports import CommitFailed, Fenced, Message
from stream.wire.local import LocalBroker
from tests.contract.stand_ins import Topics, everything, send


def dies(at: Coordinates, copy: Coordinates) -> Message:
    raise ZeroDivisionError


async def test_a_copier_that_starts_in_the_middle_fences(topics: Topics) -> None:
    """What the older one has copied by then is seen by nobody, and it neither goes on nor ends what is not its own."""
    broker = LocalBroker()
    await topics.create(broker)
    await send(broker, topics.raw, [b"a", b"b"])
    older, newer = broker.copier(topics.group), f"{topics.group}-replay"
    await older.start()

    def told(at: Coordinates, copy: Coordinates) -> Message:
        broker.begin_epoch(newer)
        return Message(topics.audit, b"-", b"told", None, 0)

    with pytest.raises(Fenced):
        await older.copy([Coordinates(topics.raw, 0, offset) for offset in range(2)], told)
    await older.stop()
    assert [b"a", b"b"] == [record.value for record in await everything(broker, topics.raw)]
    assert [] == await everything(broker, topics.audit)


async def test_a_copier_that_failed_copies_no_more(topics: Topics) -> None:
    """Its transaction is still open: what it would send next would come out with what it half sent before."""
    broker = LocalBroker()
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])
    copier, first = broker.copier(topics.group), Coordinates(topics.raw, 0, 0)
    await copier.start()
    with pytest.raises(ZeroDivisionError):
        await copier.copy([first], dies)
    with pytest.raises(CommitFailed):
        await copier.copy([first], lambda at, copy: Message(topics.audit, b"-", b"told", None, 0))
    assert [] == await everything(broker, topics.audit)


async def test_what_was_taken_back_is_not_there_and_nothing_else_is_copied_for_it(topics: Topics) -> None:
    """The offset of an aborted record stands for no record, although there is one behind it."""
    broker = LocalBroker()
    await topics.create(broker)
    await send(broker, topics.raw, [b"a"])
    first, second = broker.copier(topics.group), broker.copier(topics.group)
    await first.start()
    with pytest.raises(ZeroDivisionError):
        await first.copy([Coordinates(topics.raw, 0, 0)], dies)
    await second.start()
    await send(broker, topics.raw, [b"b"])
    there = [record.coordinates.offset for record in await everything(broker, topics.raw)]
    gone = next(offset for offset in range(there[-1]) if offset not in there)
    told = Message(topics.audit, b"-", b"told", None, 0)
    assert [] == list(await second.copy([Coordinates(topics.raw, 0, gone)], lambda at, copy: told))
