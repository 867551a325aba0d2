"""A process that dies at any point of a request: its successor ends it, and nobody sees that it was begun twice."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.commands import chains
from stream.commands.failure import CommandFailed
from stream.ports import Message, Outbox, Partition
from stream.wire.local import LocalBroker
from tests.lifecycle.erasing_world import Kept, World, copies, until

SETTLE_S = 0.05


@pytest.fixture(autouse=True, scope="module")
def _as_fast_as_the_rest() -> Iterator[None]:
    """Here a copy is late after a fraction of a second; a successor must not take longer to begin."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chains, "AGAIN_S", 0.0)
        yield


@dataclass(frozen=True)
class Point:
    """The process dies at its ``step``-th write, when so many of its messages are written; at most all of them, and
    then before it learns of it."""

    step: int
    written: int


class Mortal(Kept):
    """A broker for a process that dies at a point: from there on no write comes back."""

    def __init__(self, broker: LocalBroker, point: Point) -> None:
        super().__init__(broker)
        self.local, self.point, self.steps, self.dead = broker, point, 0, False
        self.opened: set[tuple[Partition, str]] = set()

    def dies(self) -> bool:
        self.steps += 1
        return self.dead or self.steps > self.point.step

    async def die(self) -> NoReturn:
        self.dead = True
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, messages: Sequence[Message]) -> None:
        if self.dies():
            if not self.dead:
                await self.local.send(messages[: self.point.written])
            await self.die()
        await self.local.send(messages)

    def outbox(self, partition: Partition, group: str) -> Outbox:
        self.opened.add((partition, group))
        return MortalOutbox(self, partition, group)

    async def time_passes(self) -> None:
        """Until the broker has ended what the process left open: nobody reads past an open transaction."""
        for partition, group in self.opened:
            outbox = self.local.outbox(partition, group)
            await outbox.start()
            await outbox.stop()


class MortalOutbox:
    """Dies with its transaction half written, or committed when nobody knows it."""

    def __init__(self, broker: Mortal, partition: Partition, group: str) -> None:
        self._broker, self._id = broker, f"{group}-{partition.topic}-{partition.number}"
        self._outbox = broker.local.outbox(partition, group)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
        if self._broker.dies():
            point = self._broker.point
            if not self._broker.dead and point.written >= len(messages):
                await self._outbox.commit(messages, next_offset)
            elif not self._broker.dead:
                transaction = self._broker.local.begin_transaction(self._id)
                for message in messages[: point.written]:
                    self._broker.local.append(message, transaction)
            await self._broker.die()
        await self._outbox.commit(messages, next_offset)


async def die_and_go_on(folder: Path, point: Point, erased: int) -> None:
    broker = LocalBroker()
    world = await World(broker, folder, settle_s=SETTLE_S).open()
    gone = [f"gone{number}" for number in range(erased)]
    await world.publish("account-canary", *gone)
    await world.publish("reporter", "reported", "sibling")
    await world.publish("another", "stays")
    await world.request("account-canary")
    await world.report("reported")

    mortal = Mortal(broker, point)
    first = world.service(mortal)  # type: ignore[arg-type]
    dying = asyncio.create_task(first.run())
    await until(lambda: mortal.dead or dying.done() or mortal.steps >= 6)
    first.stop()
    first.stop()  # at once
    with contextlib.suppress(CommandFailed, asyncio.CancelledError):
        await dying
    await mortal.time_passes()
    async with world.serving():
        await world.answered(2)

    assert ({"stays"}, {"stays"}) == (await world.readable(), await world.indexed())
    assert [gone] == [copies(receipt) for receipt in await world.receipts()]
    assert [("erased", erased)] == outcomes(await world.audit(world.topics.erasure_audit))
    assert [("recalled", 2)] == outcomes(await world.audit(world.topics.reports_audit))


def outcomes(audit: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(told["outcome"], told["records"]) for told in audit]


# What is written: an empty record to each partition of two topics; then of each request the recall, the tombstones and,
# in its transaction, everything. Between recall and tombstones:
@example(point=Point(4, 0), erased=3)
@example(point=Point(5, 0), erased=3)
# with half of the tombstones written:
@example(point=Point(4, 1), erased=3)
@example(point=Point(5, 1), erased=3)
# and committed without anybody knowing:
@example(point=Point(6, 1000), erased=3)
@example(point=Point(7, 1000), erased=3)
@given(point=st.builds(Point, st.integers(2, 8), st.integers(0, 9) | st.just(1000)), erased=st.integers(0, 4))
@settings(max_examples=25, deadline=None)
def test_a_request_survives_its_process_wherever_that_dies(point: Point, erased: int) -> None:
    """Everything is gone, what belongs to others is not; one receipt lists all of it; each request is in the audit
    once, with the true count."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(die_and_go_on(Path(folder), point, erased))
