"""Lanes: what their transactions hold, what they take, and what they give up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import pytest

from stream.clip import Coordinates, Job, Outcome, Record
from stream.ports import CommitFailed, Fenced, Message, Outbox, Partition
from stream.wire.local import LocalBroker
from tests.contract.stand_ins import (
    Everybody,
    Tally,
    Topics,
    WishEngine,
    event,
    everything,
    office,
    offsets,
    send,
    until,
    worker,
)
from tests.test_worker import QUICK, finish, holds, running_tasks


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    embedded = LocalBroker()
    yield embedded
    await embedded.close()


@pytest.fixture
async def topics(broker: LocalBroker) -> Topics:
    """Topics of one partition."""
    names = Topics()
    await names.create(broker)
    return names


async def test_failed_transactions_count_in_a_row(broker: LocalBroker, topics: Topics) -> None:
    """One now and then, for ever, is no reason to stop; each is tried again with a new outbox."""
    await send(broker, topics.raw, [event(number) for number in range(6)])
    meter, tries = Tally(), count()

    class Fickle:
        def __init__(self, outbox: Outbox) -> None:
            self._outbox, self.start, self.stop = outbox, outbox.start, outbox.stop

        async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
            if next(tries) % 2:
                raise CommitFailed("refused")
            await self._outbox.commit(messages, next_offset)

    one = worker(broker, topics, WishEngine(), replace(QUICK, failures_in_a_row=2, batch_records=1), meter)
    one.outbox = lambda partition: Fickle(broker.outbox(partition, topics.group))
    await finish(one, broker, topics)
    assert (5, {0: [0, 1, 2, 3, 4, 5]}) == (meter.failed, offsets(await everything(broker, topics.audit)))


async def test_a_transaction_is_bounded(broker: LocalBroker, topics: Topics) -> None:
    """However much is done at once: a transaction that takes too long is taken for one whose owner died."""
    await send(broker, topics.raw, [event(number) for number in range(12)])
    sizes: list[int] = []

    class Counting:
        def __init__(self, outbox: Outbox) -> None:
            self._outbox, self.start, self.stop = outbox, outbox.start, outbox.stop

        async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
            sizes.append(sum(message.topic == topics.audit for message in messages))
            await self._outbox.commit(messages, next_offset)

    engine = WishEngine(before=lambda _: asyncio.sleep(0.05))  # so that all are done at about the same time
    one = worker(broker, topics, engine, replace(QUICK, batch_records=3))
    one.outbox = lambda partition: Counting(broker.outbox(partition, topics.group))
    await finish(one, broker, topics)
    assert (3, 12) == (max(sizes), sum(sizes))


async def test_what_was_published_counts_once_it_is_committed(broker: LocalBroker, topics: Topics) -> None:
    """How rare values are is counted over the clips of whole transactions."""
    await send(broker, topics.raw, [event(number) for number in range(3)])
    everybody, engine = Everybody(topics.index), WishEngine()
    one = worker(broker, topics, engine, QUICK, of=office(topics, engine, everybody=everybody))
    await finish(one, broker, topics)
    assert ["0", "1", "2"] == everybody.emitted_clips


async def test_a_fenced_lane_keeps_away_and_hears_no_further(broker: LocalBroker, topics: Topics) -> None:
    """Whoever fenced it owns the partition: it neither fences back at once, nor takes records, nor goes on hearing what
    it was hearing, and its outbox is stopped."""
    await send(broker, topics.raw, [event(0), event(1, "hold")])
    made: list[Outbox] = []
    told: list[str] = []

    class Fencing:
        async def start(self) -> None: ...

        async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
            raise Fenced("a newer one was started")

        async def stop(self) -> None:
            told.append("stopped")

    class Hearing(WishEngine):
        async def run(self, job: Job) -> Outcome:
            try:
                return await super().run(job)
            except asyncio.CancelledError:
                told.append("given up")
                raise

    def make(_: Partition) -> Outbox:
        made.append(Fencing())
        return made[-1]

    meter = Tally()
    one = worker(broker, topics, Hearing(), replace(QUICK, fenced_s=3600), meter)
    one.outbox = make
    running = asyncio.create_task(one.run())
    await until(lambda: fenced(meter))
    await asyncio.sleep(0.2)
    assert (1, 1, 0, False) == (len(made), meter.fenced, one.health.in_flight, one.health.ready)
    assert ["given up", "stopped"] == sorted(told)
    one.stop()
    await asyncio.wait_for(running, 30)


async def test_records_of_a_lane_that_is_not_open_are_not_taken(broker: LocalBroker, topics: Topics) -> None:
    """A client may still hand out what it fetched before a pause: the lane will seek, and meet them again."""
    engine, polls = WishEngine(), count()
    record = Record(Coordinates(topics.raw, 0, 0), event(0))

    class Eager:
        """A source that hands out a record whatever was paused."""

        def __init__(self) -> None:
            inner = broker.source(topics.raw, topics.group)
            self.start, self.stop, self.lag = inner.start, inner.stop, inner.lag
            self.pause, self.resume, self.seek_to_committed = inner.pause, inner.resume, inner.seek_to_committed

        async def poll(self, max_records: int, timeout_s: float) -> Mapping[Partition, Sequence[Record]]:
            await asyncio.sleep(0.01)
            next(polls)
            return {Partition(topics.raw, 0): [record]}

    class Never:
        async def start(self) -> None:
            await asyncio.Event().wait()

        async def stop(self) -> None: ...

    one = worker(broker, topics, engine, QUICK)
    one.source, one.outbox = Eager(), lambda _: Never()  # type: ignore[assignment,return-value]
    running = asyncio.create_task(one.run())
    await until(lambda: at_least(polls, 10))
    assert (1, 0, 0) == (one.health.partitions, one.health.in_flight, sum(engine.seen.values()))
    one.stop()
    await asyncio.wait_for(running, 30)


async def test_a_worker_that_stops_takes_no_partition(broker: LocalBroker, topics: Topics) -> None:
    """What a rebalance gives it on its way out is left to the others."""
    one = worker(broker, topics, WishEngine(), QUICK)
    one.stop()
    await one._gained(frozenset({Partition(topics.raw, 0)}))
    assert 0 == one.health.partitions
    await one._close()


async def test_a_lane_that_is_lost_ends_at_once(broker: LocalBroker, topics: Topics) -> None:
    """Also one that hears a clip: the next owner has begun it, and this one must not commit."""
    await send(broker, topics.raw, [event(0, "hold")])
    one = worker(broker, topics, WishEngine(), QUICK)
    running = asyncio.create_task(one.run())
    await until(lambda: holds(one, 1))
    await one._lost(frozenset({Partition(topics.raw, 0)}))
    assert [] == running_tasks("Lane.run")
    one.stop()
    await running


async def fenced(meter: Tally) -> bool:
    return meter.fenced > 0


async def at_least(counted: count[int], number: int) -> bool:
    return next(counted) >= number
