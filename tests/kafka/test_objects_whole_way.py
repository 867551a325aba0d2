"""The headline of object storage: ``clipveil run`` between a real Kafka and a real S3 server, killed while it works.

Events name their audio and large outputs are put away; the store fails in every way meanwhile. What the events say of
whose clips they are, URIs and tags of files among it, is one canary.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import soundfile

from stream.clip import AudioObject, ClipEvent, InlineAudio, Reason, Record
from stream.config import Settings
from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.lifecycle.keyring import clip_token
from stream.ports import Message
from stream.reader import open_clips
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.published import object_of
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, everything, until
from tests.kafka.test_whole_way import Processes, rows, values
from tests.wire.s3 import S3, Breaking, breaking, s3_server

CLIPS, PARTITIONS = 57, 3
CANARY = "acctk3v855103"
INLINE_MAX = 60_000
BROKEN = {21: Reason.AUDIO_MISSING, 22: Reason.AUDIO_CHANGED, 23: Reason.AUDIO_ELSEWHERE, 24: Reason.AUDIO_TOO_LARGE}
LIMIT_S = 300.0  # only ends a test that hangs
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


# ------------------------------------------------------------------ the events
def events() -> list[ClipEvent]:
    """Real clips of the demonstration, each of an account of its own and under the canary."""
    clips = [*conversation_clips(), *own_clips()]
    whose = [replace(clips[number % len(clips)].event.subject, account_id=account(number)) for number in range(CLIPS)]
    return [
        replace(
            clips[number % len(clips)].event,
            event_id=f"event-{number}-{CANARY}",
            clip_id=f"clip-{number}-{CANARY}",
            subject=replace(subject, device_serial=CANARY),
        )
        for number, subject in enumerate(whose)
    ]


def account(number: int) -> str:
    return f"{CANARY}-{number}"


def by_reference(event: ClipEvent, number: int, s3: S3) -> bytes:
    """The event's body with its audio in the store in place of inside; some are as ``BROKEN`` says."""
    assert isinstance(event.audio, InlineAudio)
    content = tagged(event.audio.content)
    uri, told = f"s3://raw/clips/{CANARY}/{number}.flac", AudioObject("", hashlib.sha256(content).hexdigest())
    broken = BROKEN.get(number)
    if broken is not Reason.AUDIO_MISSING:
        s3.put(uri.removeprefix("s3://"), content[::-1] if broken is Reason.AUDIO_CHANGED else content)
    if broken is Reason.AUDIO_ELSEWHERE:
        uri = f"s3://raw/{CANARY}/{number}.flac"
    size = 2**30 if broken is Reason.AUDIO_TOO_LARGE else len(content) if number % 2 else None
    raw = avro.read(avro.schema_text("clip_event"), "clip_event", event_body(event))
    return avro.write("clip_event", {**raw, "audio": {"uri": uri, "sha256": told.sha256, "bytes": size}})


def tagged(content: bytes) -> bytes:
    """The same sound as FLAC, with the canary as its title; what is no sound is left as it is."""
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="int16")
    except soundfile.LibsndfileError:
        return content
    written = io.BytesIO()
    with soundfile.SoundFile(written, "w", rate, 1, "PCM_16", format="FLAC") as file:
        file.title = CANARY
        file.write(samples)
    assert CANARY.encode() in written.getvalue()
    return written.getvalue()


async def messages(folder: Path, topic: str, s3: S3) -> list[Message]:
    schema = await FileRegistry(folder / "registry").register(f"{topic}-value", avro.schema_text("clip_event"))
    bodies = [by_reference(event, number, s3) for number, event in enumerate(events())]
    return [
        Message(topic, b"%d" % number, avro.frame(schema.id, body), None, number % PARTITIONS)
        for number, body in enumerate(bodies)
    ]


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
    proxy.choose = lambda request: ""
    referred = await check_objects(published, s3)
    assert {left} == set(s3.keys("published")) - referred
    await check_reader(settings, published)
    await asyncio.to_thread(check_sweep, processes, s3, referred)
    await check_reader(settings, published)
    await check_no_canary(cluster, topics, processes, s3)


async def killed_at_put(
    number: int, processes: Processes, weather: Weather, running: subprocess.Popen[bytes] | None = None
) -> str:
    """Kills the worker when so many puts are done, before it hears of the last; returns that object's key."""
    process = running or processes.start()
    killed = asyncio.Event()

    def put(done: int) -> None:
        if done >= number and not killed.is_set():
            process.kill()
            killed.set()

    weather.put = put  # type: ignore[method-assign]
    async with asyncio.timeout(LIMIT_S):
        while not killed.is_set():
            assert process.poll() is None, processes.log()[-2000:]
            await asyncio.sleep(0.02)
    last = weather.puts[-1]
    await asyncio.to_thread(process.wait, 60)
    return last


def opted_out(key: str, settings: Settings) -> int:
    """Whose clip an object was made of, by its token."""
    ring = settings.tokens.ring()()
    tokens = [clip_token(event.clip_id, ring.key_for(event.captured_at)) for event in events()]
    return tokens.index(key.split("/")[1])


# ------------------------------------------------------------------ what is true in the end
async def check_once(cluster: KafkaBroker, topics: Topics, gone: int) -> list[Record]:
    """The outcome of every input, told by three topics that agree; returns what was published."""
    audit = rows("audit", await values(cluster, topics.audit))
    each = {number: list(range(CLIPS // PARTITIONS)) for number in range(PARTITIONS)}
    assert each == {number: [row["offset"] for row in audit if row["partition"] == number] for number in each}
    withheld = rows("withheld", await values(cluster, topics.withheld))
    reasons = {row["offset"] * PARTITIONS + row["partition"]: row["reason"] for row in withheld}
    assert len(reasons) == len(withheld)
    assert {number: reason.value for number, reason in BROKEN.items()} == {
        number: reasons.get(number) for number in BROKEN
    }
    assert Reason.OPTED_OUT.value == reasons[gone]
    published = await everything(cluster, topics.anonymized)
    told = sorted(row["published_sha256"] for row in audit if row["published_sha256"])
    assert told == sorted(hashlib.sha256(record.value or b"").hexdigest() for record in published)
    assert CLIPS == len(published) + len(withheld)
    assert len(published) == len({record.key for record in published})
    return published


def referring(published: list[Record]) -> dict[bytes, AudioObject]:
    """By token, of the clips whose audio does not lie in their record."""
    schema = avro.schema_text("anonymized_clip")
    found = {record.key or b"": object_of(schema, avro.unframe(record.value or b"")[1]) for record in published}
    return {token: audio for token, audio in found.items() if audio is not None}


async def check_objects(published: list[Record], s3: S3) -> set[str]:
    """Each is named by its token and its own bytes, and is as its record tells; returns their keys."""
    found = referring(published)
    assert 0 < len(found) < len(published), "some are large, and some are not"
    for token, audio in found.items():
        content = s3.get(audio.uri.removeprefix("s3://"))
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (audio.sha256, audio.size)
        assert f"s3://published/out/{token.decode()}/{audio.sha256}.flac" == audio.uri
        assert len(content) > INLINE_MAX
    return {audio.uri.removeprefix("s3://published/") for audio in found.values()}


async def check_reader(settings: Settings, published: list[Record]) -> None:
    """Whoever reads the topic has every clip, once, with its sound."""

    async def drop(token: str) -> None:
        raise AssertionError(f"{token} was not taken back")

    async with asyncio.timeout(LIMIT_S), open_clips(settings, erased=drop, follow=False) as clips:
        read = [one async for one in clips]
    assert sorted(one.metadata.token.encode() for one in read) == sorted(record.key or b"" for record in published)
    assert all(one.samples.any() for one in read)


def check_sweep(processes: Processes, s3: S3, referred: set[str]) -> None:
    """Young objects stay; of old ones only what nobody refers to goes, and only when it is told to."""
    there = len(referred) + 1
    for days, arguments, said, left in (
        (0, ["--delete"], f"{there} objects, 0 orphans", there),
        (3, [], f"{there} objects, 1 orphans", there),
        (0, ["--delete"], f"{there} objects, 1 orphans", there - 1),
    ):
        s3.age("published", timedelta(days=days))
        swept = processes.command("objects", "sweep", "--older-than", "2d", *arguments)
        assert 0 == swept.returncode, swept.stderr
        assert said in swept.stdout
        assert left == len(s3.keys("published"))
    assert referred == set(s3.keys("published"))


async def check_scrape(processes: Processes) -> None:
    """Fetches and puts are counted, failures by cause; and no canary is in a scrape."""
    started = [json.loads(line) for line in processes.log().splitlines() if '"started"' in line]
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{started[-1]['port']}/metrics")).text
    assert CANARY not in text
    assert 'clipveil_object_seconds_count{request="fetch"}' in text
    counted = [line for line in text.splitlines() if line.startswith("clipveil_object_failures_total{")]
    assert any(not line.endswith(" 0.0") for line in counted), counted


async def check_no_canary(cluster: KafkaBroker, topics: Topics, processes: Processes, s3: S3) -> None:
    """Not in keys, metadata, tags or content of an object, not in what was written to any topic, nor in a log."""
    for key in s3.keys("published"):
        whole = json.dumps(s3.head(f"published/{key}"), default=str).encode() + s3.get(f"published/{key}")
        assert CANARY.encode() not in key.encode() + whole
    names = topics.settings()
    for topic in set(names.all) - {names.raw, names.consent}:
        for record in await everything(cluster, topic):
            assert CANARY.encode() not in (record.key or b"") + (record.value or b""), topic
    assert CANARY not in processes.log()
