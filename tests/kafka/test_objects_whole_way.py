"""The headline of object storage: ``clipveil run`` between a real Kafka and a real S3 server, killed while it works.

Events name their audio and large outputs are put away; the store fails in every way meanwhile. What the events say of
whose clips they are, URIs and tags of files among it, is one canary.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stream.config import Settings
from stream.lifecycle.keyring import clip_token
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, until
from tests.kafka.by_reference import (
    CLIPS,
    INLINE_MAX,
    LIMIT_S,
    PARTITIONS,
    account,
    check_export,
    check_no_canary,
    check_objects,
    check_once,
    check_reader,
    check_scrape,
    check_sweep,
    events,
    messages,
)
from tests.kafka.test_whole_way import Processes
from tests.wire.s3 import S3, Breaking, breaking, s3_server

FETCH_FAULTS, PUT_FAULTS = ("503", "cut", "stall", "403"), ("503", "lost", "403")


@dataclass
class Weather:
    """What goes wrong with requests: the same with every run, and never so often with one object that it is given up.
    One put after the other is told to ``put``, once it is done, and before the worker hears of it."""

    attempts: dict[str, int] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)

    def choose(self, request: str) -> str:
        if request.startswith("HEAD"):
            return ""
        attempt, faults = self.attempts.get(request, 0), PUT_FAULTS if request.startswith("PUT") else FETCH_FAULTS
        self.attempts[request] = attempt + 1
        number = int(hashlib.sha256(request.encode()).hexdigest()[:8], 16)
        return faults[(number + attempt) % len(faults)] if attempt < number % 3 else ""

    def done(self, request: str) -> None:
        if request.startswith("PUT"):
            self.puts.append(urlsplit(request.split()[1]).path.removeprefix("/published/"))
            self.put(len(self.puts))

    def put(self, number: int) -> None: ...


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[Breaking]:
    async with breaking(s3.url) as found:
        yield found


@pytest.fixture
def processes(tmp_path: Path, connection: KafkaConnection, topics: Topics, proxy: Breaking) -> Iterator[Processes]:
    """None of them outlives the test."""
    started = Processes(tmp_path, connection, topics, **store(proxy))
    yield started
    started.end()


def store(proxy: Breaking) -> dict[str, str]:
    return {
        "OBJECTS__SOURCES": "s3://raw/clips/",
        "OBJECTS__OUTPUT": "s3://published/out/",
        "OBJECTS__ENDPOINT": proxy.url,
        "OBJECTS__ACCESS_KEY_ID": "a",
        "OBJECTS__SECRET_ACCESS_KEY": "b",
        "OBJECTS__REQUEST_SECONDS_MAX": "2",
        "OBJECTS__INLINE_BYTES_MAX": str(INLINE_MAX),
    }


def settings_of(connection: KafkaConnection, topics: Topics, folder: Path, proxy: Breaking) -> Settings:
    objects = {name.removeprefix("OBJECTS__").lower(): value for name, value in store(proxy).items()}
    told: dict[str, Any] = {
        "kafka": {"bootstrap_servers": connection.bootstrap_servers},
        "registry": {"folder": folder / "registry"},
        "topics": {"anonymized": topics.anonymized},
        "tokens": {"key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
        "objects": objects,
    }
    return Settings.model_validate(told)


# ------------------------------------------------------------------ the run
@pytest.mark.timeout(900)
async def test_every_clip_once_and_every_object_where_its_record_says(
    cluster: KafkaBroker,
    connection: KafkaConnection,
    topics: Topics,
    processes: Processes,
    tmp_path: Path,
    s3: S3,
    proxy: Breaking,
) -> None:
    """The worker is killed twice between a put and its commit, once while somebody opts out, and the store is away for
    a while: every clip is published or withheld once, what a record refers to is there, what nobody refers to is what
    the opt-out left and goes with a sweep, and no canary is anywhere."""
    await topics.create_all(cluster, PARTITIONS)
    await cluster.send(await messages(tmp_path, topics.raw, s3))
    settings = settings_of(connection, topics, tmp_path, proxy)
    weather = Weather()
    proxy.choose, proxy.done = weather.choose, weather.done

    left = await killed_at_put(3, processes, weather)
    gone = opted_out(left, settings)
    consent = ("consent", "set", account(gone), "--no", "--topic", topics.settings().consent)
    done = await asyncio.to_thread(processes.command, *consent)
    assert 0 == done.returncode, done.stderr
    proxy.for_ever = "503"
    running = processes.start()
    await until(partial(processes.told, "objects_unavailable", 10), LIMIT_S)
    proxy.for_ever = ""
    await killed_at_put(len(weather.puts) + 4, processes, weather, running)
    running = processes.start()

    async def all_done() -> bool:
        return processes.all_run() and CLIPS == sum((await cluster.committed(topics.raw, topics.group)).values())

    await until(all_done, LIMIT_S)
    await check_scrape(processes)
    running.terminate()
    assert 0 == await asyncio.to_thread(running.wait, 60)

    published = await check_once(cluster, topics, gone)
    referred = await check_objects(published, s3)
    assert {left} == set(s3.keys("published")) - referred
    await check_reader(settings, published)
    proxy.choose = lambda request: ""
    await asyncio.to_thread(check_sweep, processes, s3, referred)
    await check_reader(settings, published)
    await asyncio.to_thread(check_export, processes, tmp_path / "out", published)
    await check_no_canary(cluster, topics, processes, s3)


async def killed_at_put(
    number: int, processes: Processes, weather: Weather, running: subprocess.Popen[bytes] | None = None
) -> str:
    """Kills the worker when so many puts are done, before it hears of the last; returns that object's key."""
    process = running or processes.start()
    killed = asyncio.Event()

    def put(done: int) -> None:
        if done >= number and not killed.is_set():
            processes.kill(process)
            killed.set()

    weather.put = put  # type: ignore[method-assign]
    async with asyncio.timeout(LIMIT_S):
        while not killed.is_set():
            assert processes.all_run()
            await asyncio.sleep(0.02)
    last = weather.puts[-1]
    await asyncio.to_thread(process.wait, 60)
    return last


def opted_out(key: str, settings: Settings) -> int:
    """Whose clip an object was made of, by its token."""
    ring = settings.tokens.ring()()
    tokens = [clip_token(event.clip_id, ring.key_for(event.captured_at)) for event in events()]
    return tokens.index(key.split("/")[1])
