"""Worker processes that are killed: whatever they were in the middle of, every input comes out exactly once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, event, everything, offsets, send, until, until_committed

ROOT = Path(__file__).parents[2]
PARTITIONS, EACH = 4, 150


class Workers:
    """Worker processes of one group."""

    def __init__(self, connection: KafkaConnection, topics: Topics) -> None:
        self._command = [
            sys.executable,
            "-m",
            "tests.contract.worker_process",
            connection.bootstrap_servers,
            topics.run,
        ]
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        self._running.append(subprocess.Popen(self._command, cwd=ROOT))
        return self._running[-1]

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def workers(connection: KafkaConnection, topics: Topics) -> Iterator[Workers]:
    """None of them outlives the test."""
    started = Workers(connection, topics)
    yield started
    started.end()


async def test_killed_workers_lose_and_repeat_nothing(cluster: KafkaBroker, topics: Topics, workers: Workers) -> None:
    """Two of three are killed without warning in mid-work, the last one drains: 600 inputs, each once, in order."""
    await topics.create(cluster, PARTITIONS)
    for number in range(PARTITIONS):
        await send(cluster, topics.raw, [event(index) for index in range(EACH)], number)

    async def done(share: float) -> bool:
        committed = sum((await cluster.committed(topics.raw, topics.group)).values())
        return committed >= share * PARTITIONS * EACH

    victims = [workers.start(), workers.start()]
    for victim, share in zip(victims, (0.15, 0.4), strict=True):
        await until(partial(done, share), 60)
        victim.send_signal(signal.SIGKILL)
        last = workers.start()
    await until_committed(cluster, topics, 90)
    last.send_signal(signal.SIGTERM)
    assert 0 == await asyncio.to_thread(last.wait, 30)

    expected = {number: list(range(EACH)) for number in range(PARTITIONS)}
    assert expected == offsets(await everything(cluster, topics.audit))
    published = [record.value for record in await everything(cluster, topics.anonymized)]
    assert PARTITIONS * EACH == len(published)
