"""Clip events that name their audio, and what has to be true once a service has been through all of them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import soundfile

from stream.clip import AudioObject, ClipEvent, InlineAudio, Reason, Record
from stream.config import Settings
from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.ports import Message
from stream.reader import open_clips
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker
from stream.wire.published import object_of
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, everything
from tests.kafka.test_whole_way import Processes, rows, values
from tests.wire.s3 import S3

CLIPS, PARTITIONS = 57, 3
CANARY = "acctk3v855103"
INLINE_MAX = 30_000
BROKEN = {21: Reason.AUDIO_MISSING, 22: Reason.AUDIO_CHANGED, 23: Reason.AUDIO_ELSEWHERE, 24: Reason.AUDIO_TOO_LARGE}
LIMIT_S = 300.0  # only ends a test that hangs


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


def check_export(processes: Processes, folder: Path, published: list[Record]) -> None:
    """So has a labeling tool."""
    exported = processes.command("export", "label-studio", str(folder))
    assert 0 == exported.returncode, exported.stderr
    tokens = {(record.key or b"").decode() for record in published}
    assert tokens == {path.stem for path in (folder / "clips").glob("*.wav")}
    assert not any(CANARY.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


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
