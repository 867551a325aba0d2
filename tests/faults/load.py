"""A worker with the stand-in engine under a steady load, and the proof that it did everything once and in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from stream.clip import Job
from stream.ports import BrokerUnavailable
from stream.wire.kafka import KafkaBroker
from stream.worker import Limits, Worker
from tests.contract.stand_ins import Tally, Topics, WishEngine, event, offsets, send, until, worker

PARTITIONS = 3
SHARE = 20  # events of each partition between two faults
PATIENCE_S = 120.0  # only ends a test that hangs
LIMITS = Limits(lane_records=8, batch_records=4, fenced_s=2, failures_in_a_row=3, stop_s=8)


async def unevenly(job: Job) -> None:
    await asyncio.sleep(random.Random(job.coordinates.offset).uniform(0, 0.05))


@dataclass
class Load:
    """``broker`` looks on, and is not subject to the fault of the moment where that can be had."""

    broker: KafkaBroker
    topics: Topics = field(default_factory=Topics)
    sent: int = 0  # to each partition
    meter: Tally = field(default_factory=Tally)

    async def feed(self) -> None:
        for number in range(PARTITIONS):
            await send(self.broker, self.topics.raw, [event(self.sent + index) for index in range(SHARE)], number)
        self.sent += SHARE

    async def until_done(self) -> None:
        """Until the group's offsets are the ends of the input."""

        async def done() -> bool:
            try:
                return await self._done() == PARTITIONS * self.sent
            except BrokerUnavailable:
                return False

        await until(done, PATIENCE_S)

    async def until_begun(self) -> None:
        """Until something of what was fed last is committed, and not all of it."""
        before = await self._done()

        async def begun() -> bool:
            return await self._done() > before

        await until(begun, PATIENCE_S)

    async def check(self) -> None:
        """Every input has one audit line and one output, in order."""
        expected = {number: list(range(self.sent)) for number in range(PARTITIONS)}
        audit = [record async for record in self.broker.read(self.topics.audit)]
        assert expected == offsets(audit)
        published: dict[int, list[int]] = {}
        async for record in self.broker.read(self.topics.anonymized):
            published.setdefault(record.coordinates.partition, []).append(int((record.value or b"").split()[1]))
        assert expected == published

    async def _done(self) -> int:
        return sum((await self.broker.committed(self.topics.raw, self.topics.group)).values())


@asynccontextmanager
async def under_load(looking_on: KafkaBroker, through: KafkaBroker) -> AsyncIterator[Load]:
    """With a worker behind ``through``. At the end everything was done once, and the worker stops when it is told to;
    where it ended by itself, that is the failure."""
    load = Load(looking_on)
    await load.topics.create(looking_on, PARTITIONS)
    one: Worker = worker(through, load.topics, WishEngine(before=unevenly), LIMITS, load.meter)
    running = asyncio.create_task(one.run())
    try:
        yield load
        finishing = asyncio.create_task(load.until_done())
        await asyncio.wait({finishing, running}, return_when=asyncio.FIRST_COMPLETED)
        one.stop()
        await asyncio.wait_for(running, 60)
        await finishing
        await load.check()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
