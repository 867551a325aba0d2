"""The worker while something outside is away: what it waits for, for how long, and what its probes see of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from stream.clip import Job
from stream.lane import Lane, Limits, NotCommitting
from stream.ports import ClusterAway, Outbox, Partition, RegistryUnavailable, StandingUnknown
from stream.wire.local import LocalBroker
from stream.wire.local_group import OnChange
from stream.worker import Died, Worker
from tests.contract.stand_ins import (
    Everybody,
    OneSchema,
    Tally,
    Topics,
    WishEngine,
    event,
    everything,
    office,
    send,
    until,
    until_committed,
    worker,
)
from tests.test_worker import QUICK, Steps, holds


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    """The embedded broker."""
    embedded = LocalBroker()
    yield embedded
    await embedded.close()


@pytest.fixture
async def topics(broker: LocalBroker) -> Topics:
    """Topics of one partition."""
    names = Topics()
    await names.create(broker)
    return names


class Away:
    """An outbox that finds nobody to begin with."""

    def __init__(self, outbox: Outbox) -> None:
        self.commit, self.stop = outbox.commit, outbox.stop

    async def start(self) -> None:
        raise ClusterAway("KafkaConnectionError")


# ------------------------------------------------------------------ for how long
async def test_who_is_away_for_too_long_is_waited_for_no_more(broker: LocalBroker, topics: Topics) -> None:
    """What looks like an outage may be a setting of ours: somebody has to look at it."""
    meter = Tally()
    one = worker(broker, topics, WishEngine(), replace(QUICK, away_s=0.05), meter)
    one.outbox = lambda partition: Away(broker.outbox(partition, topics.group))
    async with asyncio.timeout(30):
        with pytest.raises(NotCommitting, match="KafkaConnectionError"):
            await one.run()
    assert meter.failed > 1


class Owned(Steps):
    """Steps of a lane that fails at times."""

    def __init__(self) -> None:
        super().__init__()
        self.meter, self.limits = Tally(), Limits(away_s=-1.0)


async def test_an_outage_is_counted_from_its_own_beginning() -> None:
    """Once somebody was there the next outage is another one."""
    steps = Owned()
    lane = Lane(steps, Partition("raw", 0))  # type: ignore[arg-type]
    lane._failed(ClusterAway("KafkaConnectionError"), 1)
    await lane._open(steps)  # type: ignore[arg-type]
    lane._failed(ClusterAway("KafkaConnectionError"), 2)
    with pytest.raises(NotCommitting):
        lane._failed(ClusterAway("KafkaConnectionError"), 3)


# ------------------------------------------------------------------ what the probes see
async def test_what_waits_for_consent_is_not_stuck(broker: LocalBroker, topics: Topics) -> None:
    """A restart would not bring it back, and would lose what was heard: not ready, and alive."""
    everybody, engine, back = Everybody(topics.index), WishEngine(), asyncio.Event()

    async def fresh() -> None:
        if not back.is_set():
            raise StandingUnknown

    everybody.fresh = fresh  # type: ignore[method-assign]
    await send(broker, topics.raw, [event(0)])
    limits = replace(QUICK, poll_s=0.02)
    one = worker(broker, topics, engine, limits, of=office(topics, engine, everybody=everybody))
    running = asyncio.create_task(one.run())
    await until(lambda: waits(one))
    late = time.monotonic()
    await until(lambda: moves_on(one, late))
    assert (False, 1) == (one.health.ready, one.health.in_flight)
    back.set()
    await until_committed(broker, topics)
    await until(lambda: is_ready(one))
    one.stop()
    await running
    assert 1 == sum(engine.seen.values())


class Lost(OneSchema):
    """A registry that does not answer yet."""

    def __init__(self) -> None:
        self.back = asyncio.Event()

    async def writer_schema(self, reference: int | str) -> str:
        if not self.back.is_set():
            raise RegistryUnavailable
        return await super().writer_schema(reference)


async def test_what_waits_for_the_registry_is_not_stuck_and_begins_then(broker: LocalBroker, topics: Topics) -> None:
    """How long a clip may take is counted from when somebody could begin with it."""
    engine, registry = WishEngine(), Lost()
    shared = replace(office(topics, engine), schemas=registry, registry_retry_s=0.01)
    await send(broker, topics.raw, [event(0, "hold")])
    one = worker(broker, topics, engine, replace(QUICK, poll_s=0.02), of=shared)
    running = asyncio.create_task(one.run())
    await until(lambda: waits(one))
    late = time.monotonic()
    await until(lambda: moves_on(one, late))
    assert (False, 1) == (one.health.ready, one.health.in_flight)
    registry.back.set()
    await until(lambda: is_ready(one))
    begun = one.health.progressed_at
    looped = one.health.looped_at
    await until(lambda: loops_on(one, looped))
    assert begun >= late
    assert begun == one.health.progressed_at  # it is held by the engine now, and no outage excuses that
    engine.release.set()
    await until_committed(broker, topics)
    one.stop()
    await running


class Unreachable:
    """A source that does not get to start."""

    async def start(self, on_assigned: OnChange, on_revoked: OnChange) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None: ...


async def test_a_worker_that_is_stopped_while_it_starts_ends_well(broker: LocalBroker, topics: Topics) -> None:
    """Until then its loop has not begun, which is no loop that hangs; and nothing has failed."""
    one = worker(broker, topics, WishEngine(), QUICK)
    one.source = Unreachable()  # type: ignore[assignment]
    running = asyncio.create_task(one.run())
    began = one.health.looped_at
    await until(lambda: loops_on(one, began))
    assert not one.health.ready
    one.stop()
    await asyncio.wait_for(running, 30)


# ------------------------------------------------------------------ a look at the lag
async def test_a_slow_look_at_the_lag_delays_no_poll(broker: LocalBroker, topics: Topics) -> None:
    """The broker that does not say where its log ends may well have records."""
    looked = asyncio.Event()

    async def never() -> Mapping[Partition, int]:
        looked.set()
        await asyncio.Event().wait()
        return {}

    async def once_looked(_: Job) -> None:
        await looked.wait()

    await send(broker, topics.raw, [event(0)])
    one = worker(broker, topics, WishEngine(before=once_looked), replace(QUICK, lag_s=0.001))
    one.source.gone = never  # type: ignore[method-assign]
    running = asyncio.create_task(one.run())
    await until(lambda: committed(broker, topics, 1))
    await send(broker, topics.raw, [event(1)])
    await until(lambda: committed(broker, topics, 2))
    one.stop()
    await asyncio.wait_for(running, 30)
    assert 2 == len(await everything(broker, topics.anonymized))


async def test_a_look_at_the_lag_that_fails_is_not_passed_over(broker: LocalBroker, topics: Topics) -> None:
    """Its task is nobody's that is awaited."""

    async def broken() -> Mapping[Partition, int]:
        raise ValueError

    one = worker(broker, topics, WishEngine(), replace(QUICK, lag_s=0.001))
    one.source.lag = broken  # type: ignore[method-assign]
    with pytest.raises(Died, match="ValueError"):
        await asyncio.wait_for(one.run(), 30)


async def waits(one: Worker) -> bool:
    return any(lane.waiting for lane, _ in one._lanes.values()) and await holds(one, 1)


async def is_ready(one: Worker) -> bool:
    return one.health.ready


async def moves_on(one: Worker, since: float) -> bool:
    return min(one._progressed_at, one.health.progressed_at) > since


async def loops_on(one: Worker, since: float) -> bool:
    return one.health.looped_at > since


async def committed(broker: LocalBroker, topics: Topics, offset: int) -> bool:
    return {0: offset} == dict(await broker.committed(topics.raw, topics.group))
