"""Readers and exports of clips whose audio lies in an object store: a real S3 server, and what goes wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from stream.clip import AudioObject, Reason
from stream.commands.export import TOOL, Export
from stream.commands.stores import fetch_of
from stream.config import Settings
from stream.export.folder import ExportFolder
from stream.objects import Place
from stream.reading.clips import Clips, ReadingFailed, Unreadable
from stream.reading.referred import Again, nowhere
from stream.reading.whole import WholeTopic
from stream.wire import avro
from stream.wire.clips import Encoder
from stream.wire.local import LocalBroker
from stream.wire.objects_audio import PublishedAudio
from stream.wire.objects_store import Access, Store
from stream.wire.published import by_reference, inline_audio
from tests import publications
from tests.publications import SCHEMA_ID, Published, Topic, clip, sound, token
from tests.wire.s3 import S3, Breaking, breaking, s3_server

NAME = "clips.anonymized"
OUTPUT = "s3://published/out/"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[Breaking]:
    async with breaking(s3.url) as found:
        yield found


@pytest.fixture
async def topic() -> Topic:
    broker = LocalBroker()
    await broker.create_topics({NAME: 1})
    return Topic(broker, NAME)


def fetch(proxy: Breaking, bytes_max: int = 2**20) -> Again:
    """From what is published, with the shortest of pauses."""
    access = Access(20.0, endpoint=proxy.url, access_key_id="a", secret_access_key="b")
    return Again(PublishedAudio(Store(Place.of(OUTPUT), access), bytes_max).fetch, pause_s=0.001)


async def refer(topic: Topic, s3: S3, number: int, text: str = "call <PERSON> now", *, prefix: str = OUTPUT) -> str:
    """A clip on the topic, its audio in the store; returns where."""
    body = Encoder().encode(clip(token(number), text))
    content = inline_audio(body)
    path = f"{prefix}{token(number)}/{hashlib.sha256(content + text.encode()).hexdigest()}.flac".removeprefix("s3://")
    s3.put(path, content)
    await topic.send((token(number).encode(), avro.frame(SCHEMA_ID, by_reference(body, f"s3://{path}"))))
    return path


@asynccontextmanager
async def reading(topic: Topic, fetch: Again | None) -> AsyncIterator[tuple[Clips, publications.Store]]:
    store = publications.Store()
    clips = Clips(WholeTopic(topic.broker, NAME, {}, follow=False), Published(), store.drop, fetch or nowhere)
    await clips.start()
    yield clips, store
    await clips.stop()


async def unreadable(clips: Clips) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        await anext(clips)
    assert OUTPUT not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


# ------------------------------------------------------------------ readers
async def test_a_clip_by_reference_comes_as_any_other(topic: Topic, s3: S3, proxy: Breaking) -> None:
    """Sound sample for sample and all words, between clips that lie in their records."""
    await topic.publish(1)
    await refer(topic, s3, 2)
    await topic.publish(3)
    async with reading(topic, fetch(proxy)) as (clips, _):
        found = [one async for one in clips]
    assert [token(number) for number in (1, 2, 3)] == [one.metadata.token for one in found]
    assert np.array_equal(sound(), found[1].samples)
    assert (found[0].words, found[0].mutes) == (found[1].words, found[1].mutes)
    assert 1 == len(proxy.requests)


@pytest.mark.parametrize("fault", ["503", "403", "cut"])
async def test_a_store_that_fails_for_a_moment_is_asked_again(
    topic: Topic, s3: S3, proxy: Breaking, fault: str
) -> None:
    """Whoever reads does not notice."""
    await refer(topic, s3, 1)
    proxy.faults = [fault, fault]
    async with reading(topic, fetch(proxy)) as (clips, _):
        assert np.array_equal(sound(), (await anext(clips)).samples)
    assert 3 == len(proxy.requests)


async def test_nothing_is_passed_over_while_the_store_is_away(topic: Topic, s3: S3, proxy: Breaking) -> None:
    """However often it was asked in vain, the same clip is the next one."""
    await refer(topic, s3, 1)
    proxy.for_ever = "503"
    async with reading(topic, fetch(proxy)) as (clips, _):
        for _ in range(2):
            with pytest.raises(ReadingFailed, match="object store does not answer"):
                await anext(clips)
        assert 12 == len(proxy.requests)
        proxy.for_ever = ""
        assert token(1) == (await anext(clips)).metadata.token


async def test_audio_that_was_replaced_is_no_clip(topic: Topic, s3: S3, proxy: Breaking) -> None:
    """Other bytes of the same length, or of another, are told by place, reason and token; the next clip comes."""
    for number, change in ((1, lambda content: content[:-1] + b"x"), (2, lambda content: content + b"x")):
        path = await refer(topic, s3, number)
        s3.put(path, change(s3.get(path)))
    await refer(topic, s3, 3)
    async with reading(topic, fetch(proxy)) as (clips, _):
        for number in (1, 2):
            error = await unreadable(clips)
            assert (Reason.AUDIO_CHANGED, token(number)) == (error.reason, error.token)
        assert token(3) == (await anext(clips)).metadata.token


async def test_audio_that_is_gone_is_told_before_what_took_it_back(topic: Topic, s3: S3, proxy: Breaking) -> None:
    """The record of an erased clip stays until Kafka compacts."""
    s3.delete(await refer(topic, s3, 1))
    await topic.erase(1)
    async with reading(topic, fetch(proxy)) as (clips, store):
        error = await unreadable(clips)
        assert (Reason.AUDIO_MISSING, token(1)) == (error.reason, error.token)
        with pytest.raises(StopAsyncIteration):
            await anext(clips)
        assert ["erased 1"] == store.told


async def test_what_is_too_large_or_elsewhere_is_not_asked_for(topic: Topic, s3: S3, proxy: Breaking) -> None:
    """Not one request: a record does not choose how much a reader takes, nor where it goes."""
    await refer(topic, s3, 1)
    async with reading(topic, fetch(proxy, bytes_max=1000)) as (clips, _):
        assert Reason.AUDIO_TOO_LARGE is (await unreadable(clips)).reason
    await refer(topic, s3, 2, prefix="s3://published/")
    async with reading(topic, fetch(proxy)) as (clips, _):
        await anext(clips)
        del proxy.requests[:]
        assert Reason.AUDIO_ELSEWHERE is (await unreadable(clips)).reason
    assert [] == proxy.requests


async def test_without_a_store_such_a_clip_is_not_read(topic: Topic, s3: S3) -> None:
    """It is told, and never taken for a silent one."""
    await refer(topic, s3, 1)
    async with reading(topic, None) as (clips, _):
        assert Reason.AUDIO_NOT_FETCHED is (await unreadable(clips)).reason


async def test_the_settings_say_where_published_audio_lies(tmp_path: Path) -> None:
    """What the service calls its output is where readers look; without one they look nowhere."""
    content = b"sound"
    (tmp_path / "x.flac").write_bytes(content)
    audio = AudioObject(f"file://{tmp_path}/x.flac", hashlib.sha256(content).hexdigest(), len(content))
    settings = Settings.model_validate({"objects": {"output": f"file://{tmp_path}/"}})
    assert content == await fetch_of(settings)(audio)
    assert nowhere is fetch_of(Settings())


# ------------------------------------------------------------------ exports
async def run(topic: Topic, folder: Path, fetch: Again) -> Export:
    kept = ExportFolder(folder, TOOL, NAME)
    kept.open({})
    export = Export(kept, "https://clips.example/", fetch)
    await export.whole(topic.broker, Published(), NAME)
    return export


def exported(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "clips").glob("*.wav")}


async def test_an_export_has_the_sound_of_clips_by_reference(
    topic: Topic, s3: S3, proxy: Breaking, tmp_path: Path
) -> None:
    """The same file as of a clip that lies in its record, also where the store stumbles."""
    await topic.publish(1)
    await refer(topic, s3, 2)
    proxy.faults = ["503", "cut"]
    await run(topic, tmp_path, fetch(proxy))
    inline, referred = (tmp_path / "clips" / f"{token(number)}.wav" for number in (1, 2))
    assert inline.read_bytes() == referred.read_bytes()


async def test_an_export_that_meets_a_store_that_is_away_removes_nothing(
    topic: Topic, s3: S3, proxy: Breaking, tmp_path: Path
) -> None:
    """It ends there; what it wrote before stays."""
    await refer(topic, s3, 1)
    await refer(topic, s3, 2)
    await run(topic, tmp_path, fetch(proxy))
    proxy.for_ever = "503"
    with pytest.raises(ReadingFailed):
        await run(topic, tmp_path, fetch(proxy))
    assert {token(1), token(2)} == exported(tmp_path)


async def test_audio_that_was_taken_back_or_replaced_is_no_trouble(
    topic: Topic, s3: S3, proxy: Breaking, tmp_path: Path
) -> None:
    """The records of clips that were erased, and those before a replay, lie on the topic for a while: no run fails."""
    for number in (1, 2):
        s3.delete(await refer(topic, s3, number))
    await refer(topic, s3, 2, text="play jazz")
    await topic.erase(1)
    export = await run(topic, tmp_path, fetch(proxy))
    assert {token(2)} == exported(tmp_path)
    assert 0 == export.counts["unreadable"]


async def test_audio_that_is_gone_and_was_not_taken_back_is_told(
    topic: Topic, s3: S3, proxy: Breaking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody deleted what the topic still has: that is a fault, and the clip is not exported any more."""
    path = await refer(topic, s3, 1)
    await run(topic, tmp_path, fetch(proxy))
    s3.delete(path)
    export = await run(topic, tmp_path, fetch(proxy))
    assert set() == exported(tmp_path)
    assert 1 == export.counts["unreadable"]
    assert "audio_missing" in capsys.readouterr().err
