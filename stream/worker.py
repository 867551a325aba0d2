"""From a polled record to a committed outcome. Read this third, after ``pipeline.py`` and ``clip.py``.

    poll -> Lane.accept -> Intake.finish (many at once) -> Intake.settle -> one transaction: messages, offset -> metrics

Every input partition that this worker owns has a ``Lane`` (``lane.py``). A lane opens its outbox first, which fences
the previous owner and settles what that one left open, then its intake, which restores what that one left behind, only
then seeks to the committed offset, only then takes records. Outcomes are computed in any order and committed in the
order of the input: the longest finished run of records goes into one transaction together with the offset behind it.
Whatever fails before that is done again, from the committed offset.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stream.clip import Outcome, Reason, Withheld
from stream.lane import Lane, Limits, NotCommitting
from stream.lifecycle.bulk import BadLimits, BadWatch, TooManyBad
from stream.ops.log import Event, get
from stream.passage import Passage
from stream.ports import Intake, Meter, Outbox, Partition, Source, SourceLost

__all__ = ["Died", "Health", "Lane", "Limits", "NotCommitting", "TooManyFaults", "Worker"]

Trace = Callable[[Partition, Sequence[Outcome], Sequence[Passage]], None]

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


class Died(Exception):
    """Something that nobody thought of. Carries the class name of the cause, never its message."""


@dataclass(frozen=True)
class Health:
    """What the probes see; times are ``time.monotonic()`` seconds."""

    ready: bool
    stopping: bool
    partitions: int
    in_flight: int
    looped_at: float  # the poll loop last came round
    progressed_at: float  # the last commit, or the last time that nothing was in flight but what waits for an outage


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
        trace: Trace | None = None,
    ) -> None:
        """``watch`` makes what counts a partition's bad records, as they were left; it may raise CommitFailed. While
        ``shedding`` says so, nothing more is polled; what is in flight goes on. ``trace`` is told of every transaction
        and must neither wait nor raise."""
        self.source = source
        self.outbox = outbox
        self.intake = intake
        self.meter = meter
        self.watch = watch
        self.limits = limits or Limits()
        self._shedding, self._trace = shedding, trace
        self._lanes: dict[Partition, tuple[Lane, asyncio.Task[None]]] = {}
        self._stopping = asyncio.Event()
        self._opened = asyncio.Event()  # a lane has, since we looked at what was lost
        self._failure: BaseException | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._faults = 0
        self._joined = self._started = False
        self._looped_at = self._progressed_at = time.monotonic()

    @property
    def health(self) -> Health:
        lanes, now = [lane for lane, _ in self._lanes.values()], time.monotonic()
        in_flight = sum(lane.records for lane in lanes)
        working = self._joined and all(lane.open and not lane.waiting for lane in lanes)
        return Health(
            working and not self._stopping.is_set(),
            self._stopping.is_set(),
            len(lanes),
            in_flight,
            self._looped_at if self._started else now,  # a source bounds its start by itself
            self._progressed_at if self._stuck else now,
        )

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
        self._started = True
        looking = asyncio.create_task(self._look_at_lag())
        looking.add_done_callback(self._task_ended)
        try:
            while True:
                self._looped_at = time.monotonic()
                if not self._stuck:
                    self._progressed_at = self._looped_at
                polled = await self.source.poll(self.throttle(), self.limits.poll_s)
                for partition, records in polled.items():
                    lane, _ = self._lanes.get(partition, (None, None))
                    if lane is not None and lane.open:  # a closed lane will seek, and meet these records again
                        self.meter.polled(partition, len(records), sum(len(record.value or b"") for record in records))
                        lane.accept(records)
        finally:
            looking.cancel()

    async def _look_at_lag(self) -> None:
        """Beside the polls, which do not wait for a broker that is slow to say where a log ends. Also when a lane has
        opened: what was lost before it is behind its first commit, and nobody after us would know of it."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.limits.lag_s):
                    await self._opened.wait()
            self._opened.clear()
            for partition, gone in (await self.source.gone()).items():
                self.meter.records_gone(gone)
                get().error(Event.RECORDS_GONE, partition=partition.number, records=gone)
            self.meter.lag(await self.source.lag())

    @property
    def _stuck(self) -> bool:
        """Whether something is in flight that waits for nobody outside: an outage ends, and killing us would not."""
        return any(lane.records and not lane.waiting for lane, _ in self._lanes.values())

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
    def opened(self) -> None:
        self.throttle()
        self._opened.set()

    def committed(
        self, partition: Partition, outcomes: Sequence[Outcome], faults: int, passages: Sequence[Passage]
    ) -> None:
        self._faults = faults
        self._progressed_at = time.monotonic()
        self.meter.committed(partition, outcomes)
        if self._trace is not None:
            self._trace(partition, outcomes, passages)
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
            task.add_done_callback(self._task_ended)
            self._lanes[partition] = (lane, task)
        get().info(Event.PARTITIONS_ASSIGNED, partitions=len(partitions))

    async def _lost(self, partitions: frozenset[Partition]) -> None:
        """At once, without waiting for inference: the next owner does again what is not committed."""
        self._joined = False
        await _end(*(self._lanes.pop(partition)[1] for partition in partitions if partition in self._lanes))
        get().info(Event.PARTITIONS_REVOKED, partitions=len(partitions))

    def _task_ended(self, task: asyncio.Task[None]) -> None:
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
