"""The embedded broker's copier, where another one starts while it copies."""

from __future__ import annotations

import pytest

from stream.clip import Coordinates
from stream.ports import Fenced, Message
from stream.wire.local import LocalBroker
from tests.contract.stand_ins import Topics, everything, send


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
