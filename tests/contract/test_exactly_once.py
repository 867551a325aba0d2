"""The worker on either broker: every input ends published or withheld exactly once, in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from stream.clip import Job
from stream.ports import Broker, Message, Outbox, Partition
from stream.worker import Limits, TooManyFaults
from tests.contract.conftest import HalfCommit
from tests.contract.stand_ins import (
    MAGIC,
    Tally,
    Topics,
    WishEngine,
    event,
    everything,
    offsets,
    send,
    until,
    until_committed,
    worker,
)


@dataclass
class Handover:
    """An outbox that does something else at its start."""

    outbox: Outbox

    async def start(self) -> None:
        await self.outbox.start()

    async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
        await self.outbox.commit(messages, next_offset)

    async def stop(self) -> None:
        await self.outbox.stop()


async def uneven(job: Job) -> None:
    await asyncio.sleep(random.Random(job.coordinates.offset).uniform(0, 0.02))


async def fill(broker: Broker, topics: Topics, partitions: int, each: int) -> None:
    """Every seventh event is to be withheld."""
    for number in range(partitions):
        wishes = ["refuse" if index % 7 == 0 else "publish" for index in range(each)]
        await send(broker, topics.raw, [event(index, wish) for index, wish in enumerate(wishes)], number)


async def assert_exactly_once(broker: Broker, topics: Topics, partitions: int, each: int) -> None:
    """Every input has one audit line, in order, and is in exactly one of the two output topics, in order."""
    expected = {number: list(range(each)) for number in range(partitions)}
    assert expected == offsets(await everything(broker, topics.audit))
    published: dict[int, list[int]] = {number: [] for number in range(partitions)}
    for record in await everything(broker, topics.anonymized):
        published[record.coordinates.partition].append(int((record.value or b"").split()[1]))
    withheld = offsets(await everything(broker, topics.withheld))
    for number in range(partitions):
        assert [index for index in range(each) if index % 7] == published[number]
        assert [index for index in range(each) if index % 7 == 0] == withheld.get(number, [])
    assert await broker.end_offsets(topics.raw) == await broker.committed(topics.raw, topics.group)


async def test_every_input_once_and_in_order(broker: Broker, topics: Topics) -> None:
    """Outcomes that finish in any order come out in the order of the input."""
    await topics.create(broker, 3)
    await fill(broker, topics, 3, 40)
    meter = Tally()
    one = worker(broker, topics, WishEngine(before=uneven), meter=meter)
    running = asyncio.create_task(one.run())
    await until_committed(broker, topics)
    one.stop()
    await running
    await assert_exactly_once(broker, topics, 3, 40)
    assert 120 == len(meter.outcomes)


async def test_members_come_and_go(broker: Broker, topics: Topics) -> None:
    """One worker joins late, one is drained midway, one is cut off without a drain: still exactly once."""
    await topics.create(broker, 6)
    await fill(broker, topics, 6, 50)
    workers = [
        worker(broker, topics, WishEngine(before=uneven), Limits(lane_records=4, fenced_s=0.5)) for _ in range(3)
    ]
    tasks = [asyncio.create_task(workers[0].run())]
    await until(lambda: some_committed(broker, topics, 30))
    tasks.append(asyncio.create_task(workers[1].run()))
    await until(lambda: some_committed(broker, topics, 90))
    workers[0].stop()
    await tasks[0]
    tasks.append(asyncio.create_task(workers[2].run()))
    await until(lambda: some_committed(broker, topics, 180))
    tasks[1].cancel()
    await until_committed(broker, topics)
    workers[2].stop()
    await asyncio.gather(tasks[2], return_exceptions=False)
    await asyncio.gather(tasks[1], return_exceptions=True)
    await assert_exactly_once(broker, topics, 6, 50)


async def test_what_a_dead_owner_left_half_done_is_done_once(
    broker: Broker, topics: Topics, half_commit: HalfCommit
) -> None:
    """Its open transaction holds outputs of the first inputs; the next owner ends it and does them itself."""
    await topics.create(broker)
    await fill(broker, topics, 1, 10)
    half = [Message(topics.audit, b"-", b"%d published" % index, None, 0) for index in range(5)]
    await half_commit(Partition(topics.raw, 0), topics.group, half)
    one = worker(broker, topics, WishEngine())
    running = asyncio.create_task(one.run())
    await until_committed(broker, topics)
    one.stop()
    await running
    await assert_exactly_once(broker, topics, 1, 10)


async def test_a_commit_that_comes_with_the_handover_counts(broker: Broker, topics: Topics) -> None:
    """The old owner commits just before the new one fences it: the new one starts behind that, not before it."""
    await topics.create(broker)
    await send(broker, topics.raw, [event(index) for index in range(5)])
    partition = Partition(topics.raw, 0)
    old = broker.outbox(partition, topics.group)
    await old.start()

    class Late(Handover):
        async def start(self) -> None:
            await old.commit([Message(topics.audit, b"-", b"%d published" % index, None, 0) for index in range(3)], 3)
            await self.outbox.start()

    one = worker(broker, topics, WishEngine())
    one.outbox = lambda taken: Late(broker.outbox(taken, topics.group))
    running = asyncio.create_task(one.run())
    await until_committed(broker, topics)
    one.stop()
    await running
    await old.stop()
    assert {0: [0, 1, 2, 3, 4]} == offsets(await everything(broker, topics.audit))


async def test_a_fenced_lane_drops_its_work_and_comes_back(broker: Broker, topics: Topics) -> None:
    """Another owner, here for a moment, commits the first inputs: the lane neither repeats nor skips any."""
    await topics.create(broker)
    engine = WishEngine()
    meter = Tally()
    await send(broker, topics.raw, [event(0), event(1), event(2, "hold"), event(3)])
    one = worker(broker, topics, engine, meter=meter)
    running = asyncio.create_task(one.run())
    await until(lambda: some_committed(broker, topics, 2))
    rival = broker.outbox(Partition(topics.raw, 0), topics.group)
    await rival.start()
    await rival.commit([Message(topics.audit, b"-", b"2 published", None, 0)], 3)
    engine.release.set()
    await until_committed(broker, topics)
    one.stop()
    await running
    await rival.stop()
    assert {0: [0, 1, 2, 3]} == offsets(await everything(broker, topics.audit))
    assert 1 == meter.fenced


async def test_revocation_does_not_wait_for_slow_inference(broker: Broker, topics: Topics) -> None:
    """A second member gets its share while the first one's inference hangs; what hung is done by the new owner."""
    await topics.create(broker, 2)
    for number in range(2):
        await send(broker, topics.raw, [event(index, "hold") for index in range(3)], number)
    slow, fast = WishEngine(), WishEngine()
    fast.release.set()
    first = worker(broker, topics, slow, Limits(drain_s=0.2, fenced_s=0.5))
    second = worker(broker, topics, fast)
    tasks = [asyncio.create_task(first.run())]
    await until(lambda: in_flight(first, 6))
    tasks.append(asyncio.create_task(second.run()))
    await until(lambda: some_committed(broker, topics, 3))
    first.stop()  # gives up after drain_s: what hangs is left to the other
    await tasks[0]
    await until_committed(broker, topics)
    second.stop()
    await tasks[1]
    assert {0: [0, 1, 2], 1: [0, 1, 2]} == offsets(await everything(broker, topics.audit))


async def test_stop_finishes_what_is_in_flight(broker: Broker, topics: Topics) -> None:
    """A drain commits what was polled, polls nothing more, and leaves the group."""
    await topics.create(broker)
    engine = WishEngine()
    await send(broker, topics.raw, [event(index, "hold") for index in range(5)])
    one = worker(broker, topics, engine)
    running = asyncio.create_task(one.run())
    await until(lambda: in_flight(one, 5))
    one.stop()
    await asyncio.sleep(0.1)
    assert not running.done()
    await send(broker, topics.raw, [event(5)])
    engine.release.set()
    await running
    assert {0: [0, 1, 2, 3, 4]} == offsets(await everything(broker, topics.audit))
    assert {0: 5} == dict(await broker.committed(topics.raw, topics.group))


async def test_a_drain_that_takes_too_long_commits_what_is_complete(broker: Broker, topics: Topics) -> None:
    """The finished head is committed, the rest is left to the next owner."""
    await topics.create(broker)
    engine = WishEngine()
    await send(broker, topics.raw, [event(0), event(1), event(2, "hold"), event(3)])
    one = worker(broker, topics, engine, Limits(drain_s=0.3))
    running = asyncio.create_task(one.run())
    await until(lambda: in_flight(one, 2))
    one.stop()
    await running
    assert {0: [0, 1]} == offsets(await everything(broker, topics.audit))
    assert {0: 2} == dict(await broker.committed(topics.raw, topics.group))


async def test_bad_events_are_withheld_and_the_next_is_published(broker: Broker, topics: Topics) -> None:
    """No value, no wire format, unknown schema, an engine that raises, another clip's outcome, too large a result."""
    await topics.create(broker)
    bad = [None, b"\x05junk", MAGIC[:4] + b"\x08x", event(3, "raise"), event(4, "stray"), event(9_000_000, "swell")]
    await send(broker, topics.raw, [*bad, event(6)])
    one = worker(broker, topics, WishEngine())
    running = asyncio.create_task(one.run())
    await until_committed(broker, topics)
    one.stop()
    await running
    expected = [
        b"0 no_value",
        b"1 event_undecodable",
        b"2 unknown_schema",
        b"3 internal_error",
        b"4 internal_error",
        b"5 event_too_large",
    ]
    assert expected == [record.value for record in await everything(broker, topics.withheld)]
    assert [b"publish 6"] == [record.value for record in await everything(broker, topics.anonymized)]


async def test_a_dead_engine_stops_the_worker_instead_of_draining_the_topic(broker: Broker, topics: Topics) -> None:
    """After so many faults in a row nothing more is committed: the clips wait for a worker that works."""
    await topics.create(broker)
    await send(broker, topics.raw, [event(0), *(event(index, "die") for index in range(1, 40))])
    one = worker(broker, topics, WishEngine(), Limits(faults_in_a_row=5, batch_records=1))
    with pytest.raises(TooManyFaults):
        await asyncio.wait_for(one.run(), 30)
    assert {0: 5} == dict(await broker.committed(topics.raw, topics.group))
    assert {0: [0, 1, 2, 3, 4]} == offsets(await everything(broker, topics.audit))


async def some_committed(broker: Broker, topics: Topics, number: int) -> bool:
    return sum((await broker.committed(topics.raw, topics.group)).values()) >= number


async def in_flight(one: object, number: int) -> bool:
    return one.health.in_flight == number  # type: ignore[attr-defined, no-any-return]
