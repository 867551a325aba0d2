"""The worker alone: its bounds, its health, and what it does when its parts misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO

import pytest

from stream.clip import Coordinates, Job, Outcome, Reason, Record, Withheld
from stream.lifecycle.bulk import BadLimits, BadWatch
from stream.ops import log
from stream.ports import ClusterAway, CommitFailed, Message, Outbox, Partition, SourceLost, StandingUnknown
from stream.whose import Head
from stream.wire.local import LocalBroker
from stream.wire.local_group import OnChange
from stream.worker import Died, Lane, Limits, NotCommitting, TooManyFaults, Worker
from tests.contract.stand_ins import (
    Everybody,
    LineWriter,
    Tally,
    Topics,
    WishEngine,
    event,
    everything,
    intakes,
    office,
    offsets,
    send,
    until,
    until_committed,
    worker,
)

QUICK = Limits(retry_s=0.001, fenced_s=0.05, drain_s=0.2, stop_s=0.3)


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    """The embedded broker: what the worker does does not depend on it, as the contract suite shows."""
    embedded = LocalBroker()
    yield embedded
    await embedded.close()


@pytest.fixture
async def topics(broker: LocalBroker) -> Topics:
    """Topics of one partition."""
    names = Topics()
    await names.create(broker)
    return names


async def finish(one: Worker, broker: LocalBroker, topics: Topics) -> None:
    """Runs the worker until it has committed everything, and stops it; raises what ends it before."""
    running, committed = asyncio.create_task(one.run()), asyncio.create_task(until_committed(broker, topics))
    await asyncio.wait({running, committed}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    ended = running.done() or committed.done()
    committed.cancel()
    one.stop()
    await asyncio.wait_for(running, 30)
    assert ended, "neither committed nor ended in time"


async def test_what_is_held_is_bounded_in_records(broker: LocalBroker, topics: Topics) -> None:
    """A slow engine and a full topic: no more than the limit between poll and commit."""
    await send(broker, topics.raw, [event(number) for number in range(60)])
    meter = Tally()
    engine = WishEngine(before=lambda _: asyncio.sleep(0.005))
    await finish(worker(broker, topics, engine, Limits(held_records=6, poll_s=0.02), meter), broker, topics)
    assert 6 == meter.held_records_max
    assert 60 == len(meter.outcomes)


async def test_what_is_held_is_bounded_in_bytes(broker: LocalBroker) -> None:
    """Over the limit nothing more is polled; one poll may exceed it."""
    topics = Topics()
    await topics.create(broker, 6)
    for number in range(6):
        await send(broker, topics.raw, [event(index).ljust(1000) for index in range(10)], number)
    meter = Tally()
    engine = WishEngine(before=lambda _: asyncio.sleep(0.005))
    limits = Limits(held_bytes=3000, held_records=100, lane_records=2, poll_s=0.02)
    await finish(worker(broker, topics, engine, limits, meter), broker, topics)
    assert 3000 <= meter.held_bytes_max < 3000 + 2 * 1000
    assert 60 == len(meter.outcomes)


async def test_while_it_sheds_nothing_is_polled_and_what_is_in_flight_goes_on(broker: LocalBroker) -> None:
    """Near the memory limit the lag grows and nothing else happens; afterwards all partitions go on."""
    topics = Topics()
    await topics.create(broker, 2)
    await send(broker, topics.raw, [event(0, "hold")], 0)
    engine, short = WishEngine(), False
    one = Worker(
        broker.source(topics.raw, topics.group),
        lambda partition: broker.outbox(partition, topics.group),
        intakes(topics, engine),
        Tally(),
        Limits(poll_s=0.02),
        shedding=lambda: short,
    )
    running = asyncio.create_task(one.run())
    await until(lambda: holds(one, 1))
    short = True
    await asyncio.sleep(0.1)  # a poll that had begun
    for number in range(2):
        await send(broker, topics.raw, [event(index) for index in range(1, 9)], number)
    engine.release.set()
    await until(lambda: committed_is(broker, topics, {0: 1}))
    await asyncio.sleep(0.2)
    assert (1, 0) == (sum(engine.seen.values()), one.health.in_flight)
    assert one.health.ready
    short = False
    await until_committed(broker, topics)
    one.stop()
    await running
    assert 17 == sum(engine.seen.values())


async def test_one_partition_cannot_hold_all(broker: LocalBroker) -> None:
    """While one partition's clips hang, another's go through."""
    topics = Topics()
    await topics.create(broker, 2)
    await send(broker, topics.raw, [event(number, "hold") for number in range(50)], 0)
    await send(broker, topics.raw, [event(number) for number in range(50)], 1)
    engine = WishEngine()
    one = worker(broker, topics, engine, Limits(lane_records=4, held_records=12, poll_s=0.02, drain_s=0.2))
    running = asyncio.create_task(one.run())
    await until(lambda: committed_is(broker, topics, {1: 50}))
    one.stop()
    await running
    assert {1: 50} == dict(await broker.committed(topics.raw, topics.group))


class Steps:
    """Source, outbox and intake of one lane, and the worker around them: writes down what is asked of them."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.source = self
        self.done = 0

    def pause(self, _: Partition) -> None:
        self.taken.append("pause")

    async def start(self) -> None:
        self.taken.append("fence")

    def intake(self, _: Partition) -> Steps:
        self.taken.append("new intake")
        return self

    async def open(self) -> int:
        self.taken.append("restore")
        return self.done

    async def watch(self, partition: Partition) -> BadWatch:
        self.taken.append("look back")
        return BadWatch(BadLimits(), partition)

    async def seek_to_committed(self, _: Partition) -> int:
        self.taken.append("seek")
        return 0

    def opened(self) -> None:
        self.taken.append("take")


async def test_a_lane_opens_in_the_one_order_that_is_safe() -> None:
    """Before the predecessor is fenced its state may change, and before that is restored no record may come."""
    steps = Steps()
    lane = Lane(steps, Partition("raw", 0))  # type: ignore[arg-type]
    steps.taken.clear()
    await lane._open(steps)  # type: ignore[arg-type]
    assert ["pause", "fence", "new intake", "restore", "look back", "seek", "take"] == steps.taken
    assert lane.open


async def test_a_lane_does_not_open_before_what_is_done() -> None:
    """A broker that starts may say, without an error, that the group has no offset yet: all would be done again."""
    steps = Steps()
    steps.done = 1
    lane = Lane(steps, Partition("raw", 0))  # type: ignore[arg-type]
    with pytest.raises(CommitFailed):
        await lane._open(steps)  # type: ignore[arg-type]
    assert not lane.open


async def test_what_was_heard_early_waits_for_its_turn(broker: LocalBroker, topics: Topics) -> None:
    """A record that is done behind one that is not is not committed over its head, which would lose that one."""
    await send(broker, topics.raw, [event(0), event(1, "hold"), event(2)])
    third = asyncio.Event()

    async def before(job: Job) -> None:
        if job.coordinates.offset == 2:
            third.set()
        elif job.coordinates.offset == 0:
            await third.wait()
            await asyncio.sleep(0.05)  # so that the third is done by the time that the first is

    engine = WishEngine(before=before)
    one = worker(broker, topics, engine, replace(QUICK, poll_s=0.02))
    running = asyncio.create_task(one.run())
    await until(lambda: committed_is(broker, topics, {0: 1}))
    engine.release.set()
    await until_committed(broker, topics)
    one.stop()
    await asyncio.wait_for(running, 30)
    assert [b"publish 0", b"hold 1", b"publish 2"] == [
        each.value for each in await everything(broker, topics.anonymized)
    ]


async def test_health_says_when_it_is_ready_and_what_it_holds(broker: LocalBroker, topics: Topics) -> None:
    """Not before the lanes are open, not while it stops; progress is the last commit while something is in flight."""
    engine = WishEngine()
    await send(broker, topics.raw, [event(0, "hold")])
    one = worker(broker, topics, engine)
    assert not one.health.ready
    running = asyncio.create_task(one.run())
    await until(lambda: holds(one, 1))
    before = one.health
    assert (True, False, 1, 1) == (before.ready, before.stopping, before.partitions, before.in_flight)
    await asyncio.sleep(0.05)
    assert before.progressed_at == one.health.progressed_at
    engine.release.set()
    await until_committed(broker, topics)
    assert one.health.progressed_at > before.progressed_at
    one.stop()
    assert (False, True) == (one.health.ready, one.health.stopping)
    await running


async def test_a_good_clip_between_faults_keeps_the_worker_going(broker: LocalBroker, topics: Topics) -> None:
    """Only faults in a row count; a poisonous clip now and then is withheld and passed."""
    wishes = ["die", "die", "publish"] * 10
    await send(broker, topics.raw, [event(number, wish) for number, wish in enumerate(wishes)])
    await finish(worker(broker, topics, WishEngine(), Limits(faults_in_a_row=3)), broker, topics)
    assert 20 == len(await everything(broker, topics.withheld))


@pytest.mark.parametrize(
    "reason", [Reason.INTERNAL_ERROR, Reason.INFERENCE_DIED, Reason.TIMED_OUT, Reason.DETECTOR_FAILED]
)
async def test_what_the_machinery_does_to_clips_are_faults(broker: LocalBroker, topics: Topics, reason: Reason) -> None:
    """Each by itself: so many in a row, and nothing of them is committed."""
    one = worker(broker, topics, WishEngine(), replace(QUICK, faults_in_a_row=2))
    fault = Withheld(Coordinates(topics.raw, 0, 0), reason, "p1")
    assert 1 == one.faults_with([fault])
    with pytest.raises(TooManyFaults):
        one.faults_with([fault, fault])


async def test_refusals_are_no_faults(broker: LocalBroker, topics: Topics) -> None:
    """A topic full of clips without a main speaker is withheld to its end."""
    await send(broker, topics.raw, [event(number, "refuse") for number in range(30)])
    await finish(worker(broker, topics, WishEngine(), Limits(faults_in_a_row=3)), broker, topics)
    assert 30 == len(await everything(broker, topics.withheld))


async def test_an_engine_that_gives_up_a_clip_withholds_it(broker: LocalBroker, topics: Topics) -> None:
    """A cancelled future out of a broken pool is no cancellation of the lane."""

    class GivesUp(WishEngine):
        async def run(self, job: object) -> Outcome:
            raise asyncio.CancelledError

    await send(broker, topics.raw, [event(0)])
    meter = Tally()
    await finish(worker(broker, topics, GivesUp(), meter=meter), broker, topics)
    (outcome,) = meter.outcomes
    assert isinstance(outcome, Withheld)
    assert Reason.INFERENCE_DIED == outcome.reason


async def test_an_outage_of_consent_costs_no_clip_twice(broker: LocalBroker, topics: Topics) -> None:
    """While nobody can say who has opted out nothing is published; then what was heard already is."""
    engine, everybody, outages = WishEngine(), Everybody(topics.index), [True, True, True]

    async def fresh() -> None:
        if outages and outages.pop():
            raise StandingUnknown

    everybody.fresh = fresh  # type: ignore[method-assign]
    await send(broker, topics.raw, [event(0)])
    meter = Tally()
    shared = office(topics, engine, everybody=everybody)
    await finish(worker(broker, topics, engine, QUICK, meter, shared), broker, topics)
    assert (1, 0, []) == (sum(engine.seen.values()), meter.failed, outages)
    assert 1 == len(await everything(broker, topics.anonymized))


class Failing:
    """An outbox whose transactions never go through."""

    async def start(self) -> None: ...

    async def commit(self, messages: Sequence[Message], next_offset: int) -> None:
        raise CommitFailed("refused")

    async def stop(self) -> None: ...


async def test_transactions_that_always_fail_stop_the_worker(broker: LocalBroker, topics: Topics) -> None:
    """It retries with a new outbox each time, a bounded number of times, and then says so."""
    await send(broker, topics.raw, [event(0)])
    meter = Tally()
    made: list[Outbox] = []

    def make(_: Partition) -> Outbox:
        made.append(Failing())
        return made[-1]

    limits = Limits(failures_in_a_row=4, retry_s=0.001)
    source = broker.source(topics.raw, topics.group)
    with pytest.raises(NotCommitting):
        await Worker(source, make, intakes(topics, WishEngine()), meter, limits).run()
    assert (4, 4) == (len(made), meter.failed)


async def test_brokers_that_are_away_are_waited_for(broker: LocalBroker, topics: Topics) -> None:
    """However often nobody answers: an outage is no failed transaction, and what comes after it is done once."""
    await send(broker, topics.raw, [event(0)])
    meter, tries = Tally(), iter(range(30))

    class Away:
        def __init__(self, outbox: Outbox) -> None:
            self._outbox, self.commit, self.stop = outbox, outbox.commit, outbox.stop

        async def start(self) -> None:
            if next(tries, None) is not None:
                raise ClusterAway("KafkaConnectionError")
            await self._outbox.start()

    one = worker(broker, topics, WishEngine(), Limits(failures_in_a_row=2, retry_s=0.001), meter)
    one.outbox = lambda partition: Away(broker.outbox(partition, topics.group))
    await finish(one, broker, topics)
    assert (30, 1) == (meter.failed, len(await everything(broker, topics.anonymized)))


async def test_a_fault_is_counted_once_however_often_its_commit_is_tried(broker: LocalBroker, topics: Topics) -> None:
    """One faulty clip and five failed commits are no five faults in a row."""
    await send(broker, topics.raw, [event(0, "die")])
    limits = Limits(failures_in_a_row=5, faults_in_a_row=3, retry_s=0.001)
    source = broker.source(topics.raw, topics.group)
    with pytest.raises(NotCommitting):
        await Worker(source, lambda _: Failing(), intakes(topics, WishEngine()), Tally(), limits).run()


async def test_an_outbox_that_does_not_stop_is_left_behind(broker: LocalBroker, topics: Topics) -> None:
    """The worker ends all the same."""

    class Hanging:
        def __init__(self, outbox: Outbox) -> None:
            self.start, self.commit = outbox.start, outbox.commit

        async def stop(self) -> None:
            await asyncio.Event().wait()

    await send(broker, topics.raw, [event(0)])
    one = worker(broker, topics, WishEngine(), QUICK)
    one.outbox = lambda partition: Hanging(broker.outbox(partition, topics.group))
    await finish(one, broker, topics)
    assert 1 == len(await everything(broker, topics.anonymized))


async def test_a_cancellation_that_gets_lost_is_repeated(broker: LocalBroker, topics: Topics) -> None:
    """Libraries, and Python 3.11's wait_for, can swallow one: neither poll nor commit goes on for ever."""

    class Stubborn:
        """A source whose poll survives more cancellations than there are places that end it."""

        def __init__(self) -> None:
            inner = broker.source(topics.raw, topics.group)
            self.start, self.stop, self.lag, self.gone = inner.start, inner.stop, inner.lag, inner.gone
            self.pause, self.resume, self.seek_to_committed = inner.pause, inner.resume, inner.seek_to_committed
            self._poll = inner.poll
            self._to_swallow = 4

        async def poll(self, max_records: int, timeout_s: float) -> Mapping[Partition, Sequence[Record]]:
            try:
                return await self._poll(max_records, timeout_s)
            except asyncio.CancelledError:
                if not self._to_swallow:
                    raise
                self._to_swallow -= 1
                return {}

    await send(broker, topics.raw, [event(0)])
    one = worker(broker, topics, WishEngine())
    one.source = source = Stubborn()
    await finish(one, broker, topics)
    source._to_swallow = 0
    assert [] == running_tasks("Worker._pump")
    assert {0: [0]} == offsets(await everything(broker, topics.audit))


async def test_a_lost_membership_ends_the_worker(broker: LocalBroker, topics: Topics) -> None:
    """It does not go on as if there were nothing to do."""

    class Lost:
        async def start(self, on_assigned: OnChange, on_revoked: OnChange) -> None:
            raise SourceLost("GroupAuthorizationFailedError")

        async def stop(self) -> None: ...

    one = worker(broker, topics, WishEngine())
    one.source = Lost()  # type: ignore[assignment]
    with pytest.raises(SourceLost):
        await one.run()


async def test_an_unforeseen_error_is_told_by_its_class_alone(broker: LocalBroker, topics: Topics) -> None:
    """A writer that fails on everything stops the worker; neither the exception nor the log quotes the clip."""

    class Quoting(LineWriter):
        def audit(self, outcome: Outcome, after: Head) -> tuple[Message, Head]:
            raise ValueError("canary")

    lines = StringIO()
    log.configure("DEBUG", lines)
    await send(broker, topics.raw, [event(0, "raise")])
    quoting = replace(office(topics, WishEngine()), writer=Quoting(topics))
    one = worker(broker, topics, WishEngine(), of=quoting)
    with pytest.raises(Died) as caught:
        await one.run()
    assert "ValueError" == str(caught.value)
    assert caught.value.__cause__ is None
    written = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert ["failed"] == [line["event"] for line in written if line["level"] == "error"]
    assert "canary" not in lines.getvalue()
    assert {} == dict(await broker.committed(topics.raw, topics.group))


async def test_every_log_line_is_on_the_list(broker: LocalBroker, topics: Topics) -> None:
    """Nothing that the worker says is dropped by the log's allow-list, the end by faults included."""
    lines = StringIO()
    dropped: list[int] = []
    log.configure("DEBUG", lines, dropped.append)
    await send(broker, topics.raw, [event(number, "die") for number in range(5)])
    with pytest.raises(TooManyFaults):
        await worker(broker, topics, WishEngine(), Limits(faults_in_a_row=3)).run()
    assert [] == dropped
    assert {"too_many_faults", "failed", "partitions_assigned"} <= {
        json.loads(line)["event"] for line in lines.getvalue().splitlines()
    }


async def committed_is(broker: LocalBroker, topics: Topics, expected: dict[int, int]) -> bool:
    return expected == dict(await broker.committed(topics.raw, topics.group))


def running_tasks(named: str) -> list[str]:
    """Tasks of a coroutine function that have not ended."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if name == named]


async def holds(one: Worker, number: int) -> bool:
    return one.health.in_flight == number
