"""Brokers that die, end, come back, run out of disk, or lose the time: nothing is lost, nothing twice, and it goes on.

All but the last test have one broker of their own, whose disk is small and whose clock jumps.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stream.ports import Message
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics
from tests.faults.clock import HOUR_S, Clock, ClockJump
from tests.faults.disk import BrokerDiskFull, Disk
from tests.faults.load import PARTITIONS, Load, under_load
from tests.faults.network import Restart, RestartLeader
from tests.kafka.cluster import KafkaCluster
from tests.kafka.server import KafkaServer

WORLD: Any = SimpleNamespace(draw=random.Random(1), pace=SimpleNamespace(partitions=PARTITIONS))
DISK_MB = 96


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    """Of the broker."""
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Of the broker."""
    disk = Disk(tmp_path_factory.mktemp("disk"), DISK_MB)
    disk.mount()
    yield disk
    disk.unmount()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, clock: Clock, disk: Disk) -> Iterator[KafkaServer]:
    """A broker that may be mistreated."""
    folder = tmp_path_factory.mktemp("broker")
    server = KafkaServer(folder, logs=disk.folder / "logs", heap_mb=256, environment=clock.environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def broker(server: KafkaServer) -> AsyncIterator[KafkaBroker]:
    """It, as a worker sees it."""
    broker = KafkaBroker(briefly(server.bootstrap))
    yield broker
    await broker.close()


def briefly(bootstrap: str) -> KafkaConnection:
    return KafkaConnection(bootstrap, session_timeout_s=6, heartbeat_interval_s=1, rebalance_timeout_s=20)


@pytest.mark.parametrize("cleanly", [False, True], ids=["killed", "ended"])
async def test_a_broker_is_away_for_a_while(server: KafkaServer, broker: KafkaBroker, cleanly: bool) -> None:
    """For longer than the worker would bear failed transactions: brokers that are away are waited for."""
    async with under_load(broker, broker) as load:
        await load.feed()
        await load.until_begun()
        await Restart(server, cleanly, away_s=4).strike(WORLD)
        await load.until_done()
        await load.feed()


async def test_the_disk_of_the_broker_is_full(server: KafkaServer, broker: KafkaBroker, disk: Disk) -> None:
    """The broker gives up; with room again, and started again, it has everything that it had acknowledged."""
    async with under_load(broker, broker) as load:
        await load.feed()
        await load.until_begun()
        writing = asyncio.create_task(write(load))
        await BrokerDiskFull(server, disk).run()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await load.until_done()
        await load.feed()


async def write(load: Load) -> None:
    """A broker notices that its disk is full when it writes; nobody looks at what this one writes."""
    async with asyncio.timeout(60):
        while True:
            await load.broker.send([Message(load.topics.withheld, b"-", bytes(2**16), None, 0)])


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S], ids=["forwards", "backwards"])
async def test_the_clock_of_the_broker_jumps(broker: KafkaBroker, clock: Clock, seconds: int) -> None:
    """Open transactions may be ended by it; they are done again."""
    async with under_load(broker, broker) as load:
        await load.feed()
        await load.until_begun()
        jump = asyncio.create_task(ClockJump(clock, seconds).run())
        await load.until_done()
        await load.feed()
        await load.until_done()
        await jump
        await load.feed()


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S], ids=["forwards", "backwards"])
async def test_the_clock_of_a_worker_jumps(
    kafka: KafkaServer, cluster: KafkaBroker, tmp_path: Path, seconds: int
) -> None:
    """Its membership, its time-outs and its commits do not hang on the time of day."""
    clock, load = Clock(tmp_path), Load(cluster, Topics())
    await load.topics.create(cluster, PARTITIONS)
    command = [sys.executable, "-m", "tests.contract.worker_process", kafka.bootstrap, load.topics.run]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **clock.environment})
    try:
        await load.feed()
        await load.until_done()
        clock.jump(seconds)
        await load.feed()
        await load.until_done()
        clock.jump(0)
        await load.feed()
        await load.until_done()
        process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.wait_for(process.wait(), 60)
        await load.check()
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_jump_is_seen_by_the_process(tmp_path: Path) -> None:
    """The library shifts the time of day, and no clock that only counts."""
    clock = Clock(tmp_path)
    ask = "import time; input(); print(time.time(), time.monotonic())"
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"{ask}; {ask}", env={**os.environ, **clock.environment}, **pipes
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    before = [float(each) for each in (await process.stdout.readline()).split()]
    clock.jump(-10 * HOUR_S)
    process.stdin.write(b"\n")
    after = [float(each) for each in (await process.stdout.readline()).split()]
    await process.wait()
    assert -9 * HOUR_S > after[0] - before[0]
    assert 0 <= after[1] - before[1] < HOUR_S


async def test_three_brokers_lose_their_leader(tmp_path: Path) -> None:
    """The leader of a partition is killed, then another one ended: the other two go on, and it comes back."""
    cluster = KafkaCluster(tmp_path)
    try:
        await asyncio.to_thread(cluster.start)
        broker = KafkaBroker(briefly(cluster.bootstrap))
        async with under_load(broker, broker) as load:
            for cleanly in (False, True):
                await load.feed()
                await load.until_begun()
                await RestartLeader(cluster, cleanly).strike(
                    SimpleNamespace(draw=WORLD.draw, pace=WORLD.pace, topics=load.topics)
                )
                await load.until_done()
            await load.feed()
        await broker.close()
    finally:
        cluster.stop()
