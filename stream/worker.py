"""From a polled record to a committed outcome. Read this third, after ``pipeline.py`` and ``clip.py``.

    poll -> Lane.accept -> Intake.finish (many at once) -> Intake.settle -> one transaction: messages, offset -> metrics

Every input partition that this worker owns has a ``Lane``. A lane opens its outbox first, which fences the previous
owner and settles what that one left open, then its intake, which restores what that one left behind, only then seeks to
the committed offset, only then takes records. Outcomes are computed in any order and committed in the order of the
input: the longest finished run of records goes into one transaction together with the offset behind it. Whatever fails
before that is done again, from the committed offset.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, NamedTuple

from stream.clip import Coordinates, Outcome, Reason, Record, Withheld
from stream.lifecycle.bulk import BadLimits, BadWatch, TooManyBad
from stream.ops.log import Event, get
from stream.ports import (
    ClusterAway,
    CommitFailed,
    Fenced,
    Intake,
    Meter,
    Outbox,
    Partition,
    Settled,
    Source,
    SourceLost,
    StandingUnknown,
)

# Withholding for one of these says more about the machinery than about the clip.
FAULTS = frozenset(
    {
        Reason.INTERNAL_ERROR,
        Reason.INFERENCE_DIED,
        Reason.TIMED_OUT,
        Reason.DETECTOR_FAILED,
    }
)


class TooManyFaults(Exception):
    """Clip after clip is withheld because of the machinery: stop, rather than drain the topic into withheld."""


class NotCommitting(Exception):
    """A partition's transactions fail again and again."""


class Died(Exception):
    """Something that nobody thought of. Carries the class name of the cause, never its message."""


@dataclass(frozen=True)
class Limits:
    """Everything that the worker bounds."""

    poll_s: float = 0.25
    lane_records: int = 16  # of one partition, between poll and commit; it may take one poll more
    held_records: int = 32  # of all partitions; a drain has to wait for so many
    held_bytes: int = 256 * 2**20  # of all partitions; exceeded by one poll at most
    batch_records: int = 32  # in one transaction
    faults_in_a_row: int = 20
    failures_in_a_row: int = 10  # of one lane's transactions
    retry_s: float = 0.2  # doubles with every failure, up to 16 times as long
    fenced_s: float = 10.0  # a live owner would have us revoked by then
    drain_s: float = 20.0
    stop_s: float = 5.0  # for leaving the group and closing connections
    lag_s: float = 5.0  # between two looks at the lag


@dataclass(frozen=True)
class Health:
    """What the probes see; times are ``time.monotonic()`` seconds."""

    ready: bool
    stopping: bool
    partitions: int
    in_flight: int
    looped_at: float  # the poll loop last came round
    progressed_at: float  # the last commit, or the last time that nothing was in flight


class _Pending(NamedTuple):
    """A record on its way: where it is, what it weighs, and its outcome to come."""

    coordinates: Coordinates
    size: int
    done: asyncio.Task[Outcome]


class Lane:
    """One input partition while this worker owns it."""

    def __init__(self, worker: Worker, partition: Partition) -> None:
        self.partition = partition
        self.open = False
        self._worker = worker
        self._intake: Intake = worker.intake(partition)
        self._bad = BadWatch(BadLimits(), partition)
        self._pending: deque[_Pending] = deque()
        self._arrived = asyncio.Event()
        self.idle = asyncio.Event()  # set while nothing is in flight
        self.idle.set()

    @property
    def records(self) -> int:
        return len(self._pending)

    @property
    def size(self) -> int:
        return sum(pending.size for pending in self._pending)

    def accept(self, records: Sequence[Record]) -> None:
        """Starts work on polled records; they come in order, from where the lane sought to."""
        for record in records:
            done = asyncio.create_task(self._intake.finish(record))
            self._pending.append(_Pending(record.coordinates, len(record.value or b""), done))
            self.idle.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Until cancelled: open, commit what finishes, and after a failure do it all again."""
        failures = attempts = 0
        while True:
            outbox = self._worker.outbox(self.partition)
            try:
                await self._open(outbox)
                while True:
                    await self._commit(outbox)
                    failures = attempts = 0
            except Fenced:
                self._worker.meter.commit_failed(fenced=True)
                get().warning(Event.PARTITION_FENCED, partition=self.partition.number)
                pause_s = self._worker.limits.fenced_s
            except CommitFailed as failure:
                self._worker.meter.commit_failed(fenced=False)
                attempts += 1
                failures += not isinstance(failure, ClusterAway)  # an outage ends, and a restart would not end it
                cause = str(failure) if str(failure).isidentifier() else type(failure).__name__
                get().warning(Event.COMMIT_FAILED, partition=self.partition.number, attempt=attempts, error=cause)
                if failures >= self._worker.limits.failures_in_a_row:
                    raise NotCommitting("transactions of one partition fail again and again") from None
                pause_s = self._worker.limits.retry_s * 2.0 ** min(attempts - 1, 4)
            finally:
                self._abandon()
                self._worker.discard(outbox)
            await asyncio.sleep(pause_s)

    async def _open(self, outbox: Outbox) -> None:
        self._worker.source.pause(self.partition)
        await outbox.start()
        self._intake = self._worker.intake(self.partition)
        done = await self._intake.open()
        self._bad = await self._worker.watch(self.partition)
        if await self._worker.source.seek_to_committed(self.partition) < done:
            raise CommitFailed("OffsetBeforeAudit")  # brokers that start may say that nothing was committed
        self.open = True
        self._worker.throttle()

    async def _commit(self, outbox: Outbox) -> None:
        """One transaction for the longest finished run of records at the head of the lane."""
        while not self._pending:
            self._arrived.clear()
            await self._arrived.wait()
        await asyncio.wait([self._pending[0].done])
        finished = takewhile(lambda pending: pending.done.done(), self._pending)
        batch = list(islice(finished, self._worker.limits.batch_records))
        batch = batch[: self._fitting([pending.done.result() for pending in batch])]
        faults = self._worker.faults_with([pending.done.result() for pending in batch])
        settled = await self._settled([pending.done.result() for pending in batch])
        await outbox.commit(settled.messages, batch[-1].coordinates.offset + 1)
        for _ in batch:
            self._pending.popleft()
        if not self._pending:
            self.idle.set()
        self._intake.committed(settled)
        self._bad.committed(settled.outcomes)
        self._worker.committed(self.partition, settled.outcomes, faults)

    def _fitting(self, outcomes: Sequence[Outcome]) -> int:
        """How many may be committed before too many of the partition are bad. Raises TooManyBad where it is none."""
        try:
            return self._bad.fits(outcomes)
        except TooManyBad as bad:
            get().error(Event.TOO_MANY_BAD, partition=bad.partition, records=bad.records, offset=bad.offset)
            raise

    async def _settled(self, outcomes: Sequence[Outcome]) -> Settled:
        """Asks until somebody can say who may still be heard: what was heard meanwhile is not lost."""
        limits, attempt = self._worker.limits, 0
        while True:
            try:
                return await self._intake.settle(outcomes)
            except StandingUnknown:
                attempt += 1
                get().warning(Event.STANDING_UNKNOWN, partition=self.partition.number, attempt=attempt)
            await asyncio.sleep(limits.retry_s * 2.0 ** min(attempt - 1, 4))

    def _abandon(self) -> None:
        """What is not committed will be done again, by whoever owns the partition then."""
        self.open = False
        for pending in self._pending:
            pending.done.cancel()
        self._pending.clear()
        self._bad.close()
        self.idle.set()


async def _unwatched(partition: Partition) -> BadWatch:
    return BadWatch(BadLimits(share_max=1.0), partition)


class Worker:
    """A member of the group, with one lane for each of its partitions. ``run`` it once."""

    def __init__(
        self,
        source: Source,
        outbox: Callable[[Partition], Outbox],
        intake: Callable[[Partition], Intake],
        meter: Meter,
        limits: Limits | None = None,
        watch: Callable[[Partition], Awaitable[BadWatch]] = _unwatched,
        shedding: Callable[[], bool] = lambda: False,
    ) -> None:
        """``watch`` makes what counts a partition's bad records, as they were left; it may raise CommitFailed. While
        ``shedding`` says so, nothing more is polled; what is in flight goes on."""
        self.source = source
        self.outbox = outbox
        self.intake = intake
        self.meter = meter
        self.watch = watch
        self.limits = limits or Limits()
        self._shedding = shedding
        self._lanes: dict[Partition, tuple[Lane, asyncio.Task[None]]] = {}
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._faults = 0
        self._joined = False
        self._looped_at = self._progressed_at = self._lag_at = time.monotonic()

    @property
    def health(self) -> Health:
        lanes = [lane for lane, _ in self._lanes.values()]
        in_flight = sum(lane.records for lane in lanes)
        ready = self._joined and all(lane.open for lane in lanes) and not self._stopping.is_set()
        progressed_at = self._progressed_at if in_flight else time.monotonic()
        return Health(ready, self._stopping.is_set(), len(lanes), in_flight, self._looped_at, progressed_at)

    def stop(self) -> None:
        """Finish what is in flight, within ``drain_s``, commit it, leave the group. Safe in a signal's callback."""
        self._stopping.set()

    async def run(self) -> None:
        """Until ``stop``. Raises TooManyFaults, TooManyBad, NotCommitting, SourceLost or Died; uncommitted work is
        left undone."""
        pump = asyncio.create_task(self._pump())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({pump, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            if pump.done() and not pump.cancelled():
                self._fail(pump.exception())
            await _end(pump)
            if self._failure is None:
                await self._drain()
        finally:
            await _end(pump, stopping)
            await self._close()
        if self._failure is not None:
            get().error(Event.FAILED, error=type(self._failure).__name__)
            raise self._failure
        get().info(Event.STOPPED)

    # -------------------------------------------------------------- the loop
    async def _pump(self) -> None:
        await self.source.start(self._gained, self._lost)
        while True:
            self._looped_at = time.monotonic()
            polled = await self.source.poll(self.throttle(), self.limits.poll_s)
            for partition, records in polled.items():
                lane, _ = self._lanes.get(partition, (None, None))
                if lane is not None and lane.open:  # a closed lane will seek, and meet these records again
                    self.meter.polled(partition, len(records), sum(len(record.value or b"") for record in records))
                    lane.accept(records)
            if time.monotonic() - self._lag_at > self.limits.lag_s:
                for partition, gone in (await self.source.gone()).items():
                    self.meter.records_gone(gone)
                    get().error(Event.RECORDS_GONE, partition=partition.number, records=gone)
                self.meter.lag(await self.source.lag())
                self._lag_at = time.monotonic()

    def throttle(self) -> int:
        """Pauses what has enough in flight, resumes the rest; returns how many records to poll at most."""
        lanes = [lane for lane, _ in self._lanes.values()]
        records, size = sum(lane.records for lane in lanes), sum(lane.size for lane in lanes)
        over = records >= self.limits.held_records or size >= self.limits.held_bytes or self._shedding()
        for lane in lanes:
            if over or not lane.open or lane.records >= self.limits.lane_records:
                self.source.pause(lane.partition)
            else:
                self.source.resume(lane.partition)
        self.meter.holding(records, size, len(lanes))
        return max(1, min(self.limits.held_records - records, self.limits.lane_records))

    # -------------------------------------------------------------- called by lanes
    def committed(self, partition: Partition, outcomes: Sequence[Outcome], faults: int) -> None:
        self._faults = faults
        self._progressed_at = time.monotonic()
        self.meter.committed(partition, outcomes)
        self.throttle()

    def faults_with(self, outcomes: Sequence[Outcome]) -> int:
        """Faults in a row once ``outcomes`` are committed; a commit that fails and is tried again counts them once.

        Too many stop the worker before they are committed: those clips are not withheld but done again after a restart.
        """
        faults = self._faults
        for outcome in outcomes:
            faulty = isinstance(outcome, Withheld) and outcome.reason in FAULTS
            faults = faults + 1 if faulty else 0
            if faults >= self.limits.faults_in_a_row:
                get().error(Event.TOO_MANY_FAULTS, records=faults)
                raise TooManyFaults(f"{faults} clips in a row were withheld because of the machinery")
        return faults

    def discard(self, outbox: Outbox) -> None:
        """Stops it in the background: neither a rebalance nor a retry waits for a producer that hangs."""
        stop = asyncio.create_task(outbox.stop())
        self._closing.add(stop)
        stop.add_done_callback(self._closing.discard)

    # -------------------------------------------------------------- rebalances, and the end
    async def _gained(self, partitions: frozenset[Partition]) -> None:
        self._joined = True
        if self._stopping.is_set():
            return
        for partition in partitions:
            lane = Lane(self, partition)
            task = asyncio.create_task(lane.run())
            task.add_done_callback(self._lane_ended)
            self._lanes[partition] = (lane, task)
        get().info(Event.PARTITIONS_ASSIGNED, partitions=len(partitions))

    async def _lost(self, partitions: frozenset[Partition]) -> None:
        """At once, without waiting for inference: the next owner does again what is not committed."""
        self._joined = False
        await _end(*(self._lanes.pop(partition)[1] for partition in partitions if partition in self._lanes))
        get().info(Event.PARTITIONS_REVOKED, partitions=len(partitions))

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fail(task.exception())

    def _fail(self, fault: BaseException | None) -> None:
        if fault is not None:
            ours = isinstance(fault, (TooManyFaults, TooManyBad, NotCommitting, SourceLost))
            self._failure = self._failure or (fault if ours else Died(type(fault).__name__))
            self._stopping.set()

    async def _drain(self) -> None:
        get().info(Event.STOPPING, records=self.health.in_flight)
        drained = {asyncio.create_task(lane.idle.wait()) for lane, _ in self._lanes.values()}
        if drained:
            await asyncio.wait(drained, timeout=self.limits.drain_s)
            await _end(*drained)

    async def _close(self) -> None:
        await self._lost(frozenset(self._lanes))
        ending = {asyncio.create_task(self.source.stop()), *self._closing}
        _, hanging = await asyncio.wait(ending, timeout=self.limits.stop_s)
        if hanging:
            get().warning(Event.STOP_HANGS, attempts=len(hanging))


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancels until they are done: a cancellation can get lost in libraries, and in Python 3.11's ``wait_for``."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.2)
