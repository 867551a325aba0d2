"""``clipveil tail``: one line a clip, whatever lies on the topic."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from stream.clip import (
    AnonymizedClip,
    AudioObject,
    Coordinates,
    Metadata,
    Mute,
    PublishedWord,
    Receipt,
    Record,
    Segment,
    Why,
)
from stream.commands.tail import line_of, watch
from stream.lifecycle.rolling import ROLL_KEY
from stream.ports import Message
from stream.reading.referred import Fetch, nowhere
from stream.wire import avro
from stream.wire.clips import Encoder
from stream.wire.local import LocalBroker
from stream.wire.published import by_reference, inline_audio
from stream.wire.registry_files import FileRegistry


def clip(words: tuple[str, ...]) -> AnonymizedClip:
    return AnonymizedClip(
        Metadata("f00d", "default", "1", datetime(2026, 1, 1, tzinfo=UTC), "en", "speaker"),
        np.zeros(48_000, dtype=np.float32),
        tuple(PublishedWord(word, Segment(0.1 + n, 0.5 + n)) for n, word in enumerate(words)),
        (Mute(Segment(0.5, 1.5), Why.BYSTANDER),),
        (Receipt("speakers", "1", complete=True),),
        "1",
    )


def record(value: bytes | None) -> Record:
    return Record(Coordinates("clips.anonymized", 2, 9), value, b"f00d")


async def told(folder: Path, body: bytes, fetch: Fetch = nowhere) -> str:
    registry = FileRegistry(folder)
    registered = await registry.register("clips.anonymized-value", avro.schema_text("anonymized_clip"))
    return await line_of(record(avro.frame(registered.id, body)), registry, fetch)


async def test_a_line_has_token_seconds_and_words(tmp_path: Path) -> None:
    """What an annotator gets, on one line."""
    line = await told(tmp_path, Encoder().encode(clip(("play", "<PERSON>"))))
    assert "f00d    2.0 of   3.0 s  play <PERSON>" == line


async def test_a_clip_by_reference_is_a_line_like_any_other(tmp_path: Path) -> None:
    """Its sound is fetched; without a store it is told that it was not."""
    whole = Encoder().encode(clip(("play",)))

    async def fetch(audio: AudioObject) -> bytes:
        assert "s3://published/x" == audio.uri
        return inline_audio(whole)

    body = by_reference(whole, "s3://published/x")
    assert await told(tmp_path, whole) == await told(tmp_path, body, fetch)
    assert (await told(tmp_path, body)).endswith("audio_not_fetched")


async def test_a_clip_can_not_steer_the_terminal(tmp_path: Path) -> None:
    """Control characters in words are shown as question marks, and a clip stays on one line."""
    line = await told(tmp_path, Encoder().encode(clip(("\x1b[2Jplay\nmore",))))
    assert line.endswith("?[2Jplay?more")


async def test_an_erased_clip_is_told(tmp_path: Path) -> None:
    """A tombstone has the token alone."""
    assert "f00d  erased" == await line_of(record(None), FileRegistry(tmp_path), nowhere)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"canary", "event_undecodable"), (avro.frame(99, b"canary"), "unknown_schema")],
)
async def test_what_is_no_clip_is_told_by_place(tmp_path: Path, value: bytes, expected: str) -> None:
    """One bad record does not end the watching."""
    assert f"?  partition 2 offset 9: {expected}" == await line_of(record(value), FileRegistry(tmp_path), nowhere)


async def test_the_watching_goes_on_past_tombstones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Erased clips are told, empty records are not, and the clips behind them come."""
    broker = LocalBroker()
    await broker.create_topics({"clips.anonymized": 1})
    registry = FileRegistry(tmp_path)
    registered = await registry.register("clips.anonymized-value", avro.schema_text("anonymized_clip"))
    value = avro.frame(registered.id, Encoder().encode(clip(("play",))))
    keys_and_values = [(b"f00d", value), (b"f00d", None), (ROLL_KEY, None), (b"beef", value)]
    await broker.send([Message("clips.anonymized", key, value) for key, value in keys_and_values])
    await watch(broker, registry, nowhere, "clips.anonymized", from_start=True, follow=False, count=None)
    assert ["f00d    2.0 of", "f00d  erased", "f00d    2.0 of"] == [
        line[:14].rstrip() for line in capsys.readouterr().out.splitlines()
    ]
