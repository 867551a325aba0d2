"""One input partition while a worker owns it: what it holds, what it commits, and how it begins again.

The order in which a lane opens, and why, is told in ``worker.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice, takewhile
from typing import NamedTuple, Protocol

from stream.clip import Coordinates, Outcome, Record
from stream.lifecycle.bulk import BadLimits, BadWatch, TooManyBad
from stream.ops.log import Event, get, missing
from stream.passage import Passage, Step
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
    StandingUnknown,
)


class NotCommitting(Exception):
    """A partition's transactions fail again and again, or nobody has taken any for too long."""


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
    away_s: float = 900.0  # without anybody to begin a transaction with
    fenced_s: float = 10.0  # a live owner would have us revoked by then
    drain_s: float = 20.0
    stop_s: float = 5.0  # for leaving the group and closing connections
    lag_s: float = 5.0  # between two looks at the lag

    def pause_s(self, attempt: int) -> float:
        """How long to wait after so many failures."""
        return self.retry_s * 2.0 ** min(attempt - 1, 4)


class Owner(Protocol):
    """What a lane needs of its worker."""

    source: Source
    meter: Meter
    limits: Limits

    def outbox(self, partition: Partition, /) -> Outbox: ...

    def intake(self, partition: Partition, /) -> Intake: ...

    def watch(self, partition: Partition, /) -> Awaitable[BadWatch]:
        """What counts the partition's bad records. Raises CommitFailed."""

    def opened(self) -> None: ...

    def faults_with(self, outcomes: Sequence[Outcome]) -> int: ...

    def committed(
        self, partition: Partition, outcomes: Sequence[Outcome], faults: int, passages: Sequence[Passage]
    ) -> None: ...

    def discard(self, outbox: Outbox) -> None: ...


class _Pending(NamedTuple):
    """A record on its way: where it is, what it weighs, its outcome to come, and its steps."""

    coordinates: Coordinates
    size: int
    done: asyncio.Task[Outcome]
    passage: Passage


class Lane:
    """One input partition while this worker owns it."""

    def __init__(self, worker: Owner, partition: Partition) -> None:
        self.partition = partition
        self.open = False
        self._worker = worker
        self._intake: Intake = worker.intake(partition)
        self._bad = BadWatch(BadLimits(), partition)
        self._pending: deque[_Pending] = deque()
        self._arrived = asyncio.Event()
        self._asking = False  # who may still be heard, of somebody who can't say for now
        self._away_since: float | None = None
        self.idle = asyncio.Event()  # set while nothing is in flight
        self.idle.set()

    @property
    def records(self) -> int:
        return len(self._pending)

    @property
    def waiting(self) -> bool:
        """Whether what is in flight waits for something outside, without which nobody could go on."""
        return self._asking or self._intake.waiting

    @property
    def size(self) -> int:
        return sum(pending.size for pending in self._pending) + self._intake.held

    def accept(self, records: Sequence[Record]) -> None:
        """Starts work on polled records; they come in order, from where the lane sought to."""
        for record in records:
            passage = Passage()
            done = asyncio.create_task(self._intake.finish(record), context=passage.context())
            self._pending.append(_Pending(record.coordinates, len(record.value or b""), done, passage))
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
                attempts += 1
                self._failed(failure, attempts)
                failures += not isinstance(failure, ClusterAway)  # an outage ends, and a restart would not end it
                if failures >= self._worker.limits.failures_in_a_row:
                    raise NotCommitting(f"transactions of one partition fail again and again ({failure})") from None
                pause_s = self._worker.limits.pause_s(attempts)
            finally:
                self._abandon()
                self._worker.discard(outbox)
            await asyncio.sleep(pause_s)

    def _failed(self, failure: CommitFailed, attempt: int) -> None:
        """Raises NotCommitting where brokers were away for so long that it may well be us: the wrong password, say."""
        self._worker.meter.commit_failed(fenced=False)
        get().warning(
            Event.COMMIT_FAILED,
            partition=self.partition.number,
            attempt=attempt,
            error=failure.cause,
            **missing(failure),
        )
        if not isinstance(failure, ClusterAway):
            return
        if self._away_since is None:
            self._away_since = time.monotonic()
        elif time.monotonic() - self._away_since > self._worker.limits.away_s:
            raise NotCommitting(f"nobody takes transactions ({failure.cause})") from None

    async def _open(self, outbox: Outbox) -> None:
        self._worker.source.pause(self.partition)
        await outbox.start()
        self._away_since = None
        self._intake = self._worker.intake(self.partition)
        done = await self._intake.open()
        self._bad = await self._worker.watch(self.partition)
        if await self._worker.source.seek_to_committed(self.partition) < done:
            raise CommitFailed("OffsetBeforeAudit")  # brokers that start may say that nothing was committed
        self.open = True
        self._worker.opened()

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
        passages = [pending.passage for pending in batch]
        with _all_at(Step.SETTLE, passages):
            settled = await self._settled([pending.done.result() for pending in batch])
        with _all_at(Step.COMMIT, passages):
            await outbox.commit(settled.messages, batch[-1].coordinates.offset + 1)
        for _ in batch:
            self._pending.popleft()
        if not self._pending:
            self.idle.set()
        self._intake.committed(settled)
        self._bad.committed(settled.outcomes)
        self._worker.committed(self.partition, settled.outcomes, faults, passages)

    def _fitting(self, outcomes: Sequence[Outcome]) -> int:
        """How many may be committed before too many of the partition are bad. Raises TooManyBad where it is none."""
        try:
            return self._bad.fits(outcomes)
        except TooManyBad as bad:
            get().error(Event.TOO_MANY_BAD, partition=bad.partition, records=bad.records, offset=bad.offset)
            raise

    async def _settled(self, outcomes: Sequence[Outcome]) -> Settled:
        """Asks until somebody can say who may still be heard: what was heard meanwhile is not lost."""
        for attempt in count(1):
            try:
                settled = await self._intake.settle(outcomes)
            except StandingUnknown:
                self._asking = True
                get().warning(Event.STANDING_UNKNOWN, partition=self.partition.number, attempt=attempt)
                await asyncio.sleep(self._worker.limits.pause_s(attempt))
            else:
                break
        self._asking = False
        return settled

    def _abandon(self) -> None:
        """What is not committed will be done again, by whoever owns the partition then."""
        self.open = self._asking = False
        for pending in self._pending:
            pending.done.cancel()
        self._pending.clear()
        self._bad.close()
        self.idle.set()


@contextlib.contextmanager
def _all_at(step: Step, passages: Sequence[Passage]) -> Iterator[None]:
    """A step that the records of one transaction take together."""
    with contextlib.ExitStack() as stack:
        for passage in passages:
            stack.enter_context(passage.at(step))
        yield
