"""Events to values, each field within its bounds; anonymized clips to bytes and back, without loss."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from stream.clip import (
    AnonymizedClip,
    AudioObject,
    ClipEvent,
    Consent,
    Coordinates,
    InlineAudio,
    Job,
    Metadata,
    Mute,
    Precision,
    PublishedWord,
    Reason,
    Receipt,
    Refusal,
    Segment,
    WakeWord,
    Why,
)
from stream.policy import Policy
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA, EVENT_SCHEMA, Decoder, Encoder, decode_anonymized
from tests import events
from tests.values import LABEL

DECODER = Decoder(Policy())


def job(record: dict[str, Any]) -> Job:
    return Job(Coordinates("clips.raw", 0, 0), avro.schema_text(EVENT_SCHEMA), events.body(record), LABEL)


def decoded(**changes: Any) -> ClipEvent:
    return DECODER.event(job(events.event(**changes)))


def reason_for(**changes: Any) -> Reason:
    with pytest.raises(Refusal) as caught:
        decoded(**changes)
    return caught.value.reason


def transcripts(*words: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"text": "", "confidence": None, "words": [{"confidence": None, **word} for word in words]}]


def wake(start: float, end: float, score: float | None = None) -> dict[str, Any]:
    return {"text": "computer", "start": start, "end": end, "score": score}


# ------------------------------------------------------------------ in
def test_every_field_arrives_where_it_belongs() -> None:
    """An event with all its fields, value by value."""
    event = decoded()
    raw = events.event()
    assert (raw["event_id"], raw["clip_id"]) == (event.event_id, event.clip_id)
    assert datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC) == event.captured_at
    assert ("account-55103", "Marguerite") == (event.subject.account_id, event.subject.first_name)
    assert ("SN-G0911X-8841", "household-3107") == (event.subject.device_serial, event.subject.household)
    assert ("203.0.113.77", "Zwolle", "8011AB") == (event.subject.ip, event.subject.city, event.subject.postcode)
    assert (52.3702, 4.8952) == (event.subject.latitude, event.subject.longitude)
    assert ("speaker", "en-US") == (event.device_model, event.locale)
    assert Consent(True, "2026-01", datetime(2026, 5, 27, 20, 26, 40, tzinfo=UTC)) == event.consent
    assert WakeWord(Segment(0.2, 0.7), 0.93, "computer") == event.wake_word
    assert InlineAudio(raw["audio"]["content"], "wav") == event.audio
    assert ["set", "the", "kitchen", "lights", "to", "green"] == [word.text for word in event.transcripts[0].words]
    assert raw["transcripts"][0]["words"][1]["start"] == event.transcripts[0].words[1].segment.start  # type: ignore[union-attr]
    assert ("set_lights", {"room": "kitchen"}, {"firmware": "8.1.0"}) == (
        event.intent,
        dict(event.slots),
        dict(event.attributes),
    )


def test_what_is_absent_means_no() -> None:
    """No consent record is no consent; no wake word and no place are none."""
    event = decoded(consent=None, wake_word=None, location=None, transcripts=[], slots={}, attributes={})
    assert (Consent(False), None, None, "") == (
        event.consent,
        event.wake_word,
        event.subject.latitude,
        event.subject.city,
    )
    assert () == event.transcripts


def test_an_object_in_a_store_is_not_fetched_here() -> None:
    """Referenced audio becomes a value, and asking for its samples a refusal."""
    event = decoded(audio={"uri": "s3://bucket/key", "sha256": "AB" * 32, "bytes": 9})
    assert AudioObject("s3://bucket/key", "ab" * 32, 9) == event.audio
    with pytest.raises(Refusal) as caught:
        DECODER.samples(event)
    assert Reason.AUDIO_NOT_FETCHED is caught.value.reason


def test_fetched_audio_is_what_the_event_tells_of_or_is_not_heard() -> None:
    """By its hash, also in the process that hears it; and it is decoded as inline audio is."""
    content = events.encoded(events.sound())
    told = {"uri": "s3://bucket/key", "sha256": hashlib.sha256(content).hexdigest(), "bytes": None}
    heard = replace(job(events.event(audio=told)), audio=content)
    assert len(DECODER.samples(decoded())) == len(DECODER.samples(DECODER.event(heard)))
    with pytest.raises(Refusal) as caught:
        DECODER.samples(DECODER.event(replace(heard, audio=content + b"\0")))
    assert Reason.AUDIO_CHANGED is caught.value.reason


def test_a_bare_text_becomes_words_without_times() -> None:
    """So that later it is refused for having none, and never published."""
    event = decoded(transcripts=[{"text": "call  marguerite\nnow", "confidence": 0.5, "words": []}])
    assert [("call", None), ("marguerite", None), ("now", None)] == [
        (word.text, word.segment) for word in event.transcripts[0].words
    ]


def test_words_win_over_the_text() -> None:
    """The text beside words is not read at all."""
    event = decoded(transcripts=[{"text": "secret", "confidence": None, "words": events.words("green")}])
    assert ["green"] == [word.text for word in event.transcripts[0].words]


def test_an_entry_of_several_words_becomes_several() -> None:
    """Each with the time of all, so that whatever is found in one mutes them all; an empty one is none."""
    entries = [{"text": " my name\tis\u3000diane\n", "start": 0.5, "end": 1.5}, {"text": " ", "start": 2.0, "end": 2.1}]
    words = decoded(transcripts=transcripts(*entries)).transcripts[0].words
    assert [(word, Segment(0.5, 1.5)) for word in ("my", "name", "is", "diane")] == [
        (word.text, word.segment) for word in words
    ]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("hello,maria,gonzalez", "hello maria gonzalez"),
        ("wait—maria—no", "wait maria no"),
        ("maria/tom", "maria tom"),
        ("<b>maria</b>", "<b maria b>"),
        ("maria_gonzalez", "maria gonzalez"),
        ("di\u200bane", "di ane"),
        ("zoe\u0308lla", "zo\u00eblla"),
        ("o'clock", "o'clock"),
        ("x-ray", "x-ray"),
        ("bob@example.com", "bob@example.com"),
        ("$3.50,", "$3.50,"),
        ("10:30", "10:30"),
        ("A.M.", "A.M."),
    ],
)
def test_words_glued_by_signs_come_apart(entry: str, words: str) -> None:
    """At signs between letters that no word and no address has."""
    raw = {"text": entry, "start": 0.5, "end": 1.5}
    assert words.split() == [word.text for word in decoded(transcripts=transcripts(raw)).transcripts[0].words]


@pytest.mark.parametrize(("start", "end"), [(None, 1.0), (0.5, None), (None, None)])
def test_half_a_time_is_none(start: float | None, end: float | None) -> None:
    """A word with one time has no times."""
    event = decoded(transcripts=transcripts({"text": "green", "start": start, "end": end}))
    assert event.transcripts[0].words[0].segment is None


@pytest.mark.parametrize(
    ("start", "end"),
    [(-0.1, 0.5), (0.5, 0.5), (1.0, 0.5), (math.nan, 1.0), (0.5, math.nan), (0.5, math.inf), (-math.inf, 1.0)],
)
def test_times_that_can_not_be(start: float, end: float) -> None:
    """Backwards, negative, or no numbers: of a word and of the wake word."""
    assert Reason.WORDS_OUT_OF_BOUNDS is reason_for(
        transcripts=transcripts({"text": "green", "start": start, "end": end})
    )
    assert Reason.EVENT_UNDECODABLE is reason_for(wake_word=wake(start, end))


def test_too_many_words() -> None:
    """One word more than the policy's bound, with or without times."""
    words = [{"text": "la", "start": 0.1, "end": 0.2}] * (Policy().words_max + 1)
    assert Reason.WORDS_TOO_MANY is reason_for(transcripts=transcripts(*words))
    assert Reason.WORDS_TOO_MANY is reason_for(
        transcripts=[{"text": "la " * (Policy().words_max + 1), "confidence": None, "words": []}]
    )
    assert 400 == len(decoded(transcripts=transcripts(*words[:-1])).transcripts[0].words)
    assert Reason.WORDS_TOO_MANY is reason_for(transcripts=transcripts(*words[:-2], {**words[0], "text": "la la"}))
    spaces = [{"text": " " * 20_001, "confidence": None, "words": []}]  # no word at all, and still too much
    assert Reason.EVENT_UNDECODABLE is reason_for(transcripts=spaces)
    unlooked_at = {**words[0], "text": "la" * 1_000}  # what is too much is not even read
    assert Reason.WORDS_TOO_MANY is reason_for(transcripts=transcripts(*words[:-1], unlooked_at))


LONG = "x" * 3_000


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {name: LONG}
            for name in ("event_id", "clip_id", "account_id", "first_name", "device_serial", "device_model")
        ),
        *({name: LONG} for name in ("household", "ip", "locale", "intent")),
        {"clip_id": ""},
        {"clip_id": " "},
        {"account_id": ""},
        {"captured_at": -1},
        {"captured_at": 1_780_000_000},  # seconds where milliseconds belong
        {"captured_at": 1_780_000_000_000_000},  # microseconds
        {"captured_at": 2**62},
        {"location": {"latitude": 91.0, "longitude": 0.0, "city": "", "postcode": ""}},
        {"location": {"latitude": math.nan, "longitude": 0.0, "city": "", "postcode": ""}},
        {"location": {"latitude": 0.0, "longitude": -181.0, "city": "", "postcode": ""}},
        {"location": {"latitude": None, "longitude": None, "city": LONG, "postcode": ""}},
        {"consent": {"human_review": True, "version": LONG, "changed_at": None}},
        {"consent": {"human_review": True, "version": "", "changed_at": 2**60}},
        {"wake_word": wake(0.1, 0.5, 1.5)},
        {"wake_word": wake(0.1, 0.5, math.nan)},
        {"audio": {"content": b"x", "codec": LONG}},
        {"audio": {"uri": LONG, "sha256": "ab" * 32, "bytes": None}},
        {"audio": {"uri": "s3://bucket/key", "sha256": "ab", "bytes": None}},
        {"audio": {"uri": "s3://bucket/key", "sha256": "xy" * 32, "bytes": None}},
        {"transcripts": transcripts({"text": LONG, "start": 0.1, "end": 0.2})},
        {"transcripts": transcripts({"text": "la", "start": 0.1, "end": 0.2, "confidence": 2.0})},
        {"transcripts": [{"text": "", "confidence": -1.0, "words": []}]},
        {"transcripts": [{"text": "x" * 20_001, "confidence": None, "words": []}]},
        {"transcripts": [{"text": "", "confidence": None, "words": []}] * 17},
        {"slots": {f"slot{n}": "" for n in range(129)}},
        {"slots": {"slot": LONG}},
        {"slots": {LONG: ""}},
        {"attributes": {"attribute": LONG}},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_field_is_bounded(changes: dict[str, Any]) -> None:
    """A value out of its bounds makes the whole event undecodable."""
    assert Reason.EVENT_UNDECODABLE is reason_for(**changes)


def written(record: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> Job:
    """The record as a producer writes it whose schema is a changed clip_event."""
    schema = json.loads(avro.schema_text(EVENT_SCHEMA))
    change(schema)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    return Job(Coordinates("clips.raw", 0, 0), json.dumps(schema), body.getvalue(), LABEL)


def test_text_written_as_bytes_must_be_utf8() -> None:
    """Avro lets bytes be read as a string: what is no text is refused, what is passes as text."""

    def as_bytes(schema: dict[str, Any]) -> None:
        next(field for field in schema["fields"] if field["name"] == "event_id")["type"] = "bytes"

    assert "event-1" == DECODER.event(written(events.event(event_id=b"event-1"), as_bytes)).event_id
    with pytest.raises(Refusal) as caught:
        DECODER.event(written(events.event(event_id=b"\xff\xfe"), as_bytes))
    assert Reason.EVENT_UNDECODABLE is caught.value.reason


def test_a_producer_may_use_its_own_namespace_and_order() -> None:
    """Schema resolution goes by unqualified names of records and by names of fields."""

    def another(schema: dict[str, Any]) -> None:
        schema["namespace"] = "com.example.voice"
        schema["fields"].reverse()

    assert decoded() == DECODER.event(written(events.event(), another))


def test_nothing_personal_shows_in_a_decoded_event() -> None:
    """The event can be printed by accident."""
    shown = repr(decoded(attributes={"note": "canary"}, slots={"who": "canary"}))
    for secret in ("Marguerite", "Zwolle", "8011AB", "203.0.113", "account-", "clip-", "kitchen", "canary", "52.37"):
        assert secret not in shown


def test_samples_come_from_the_inline_audio() -> None:
    """At the policy's bounds."""
    assert 48_000 == len(DECODER.samples(decoded()))
    with pytest.raises(Refusal) as caught:
        Decoder(Policy(audio_seconds_max=2.0)).samples(decoded())
    assert Reason.AUDIO_TOO_LONG is caught.value.reason


# ------------------------------------------------------------------ out
def anonymized() -> AnonymizedClip:
    samples = np.rint(events.sound(2.0) * 32768).astype(np.float32) / 32768
    samples[16_000:24_000] = 0.0
    return AnonymizedClip(
        metadata=Metadata(
            "token-1",
            "spring",
            "7",
            datetime(2026, 5, 28, tzinfo=UTC),
            "en",
            "speaker",
            Precision.DAY,
            "account-token-1",
        ),
        samples=samples,
        words=(PublishedWord("call", Segment(0.1, 0.4)), PublishedWord("<PERSON>", Segment(1.0, 1.5))),
        mutes=(Mute(Segment(1.0, 1.5), Why.IDENTIFIER, "PERSON"), Mute(Segment(1.8, 2.0), Why.BYSTANDER)),
        receipts=(Receipt("speakers", "builtin-1", True), Receipt("identifiers", "2.2", True)),
        policy_version="4",
        critical=("financial", "health"),
    )


def test_an_anonymized_clip_comes_back_as_it_was() -> None:
    """Every field, and every sample that 16 bits can hold."""
    clip = anonymized()
    back = Encoder().decode(Encoder().encode(clip))
    np.testing.assert_array_equal(clip.samples, back.samples)
    assert (clip.metadata, clip.words, clip.mutes) == (back.metadata, back.words, back.mutes)
    assert (clip.receipts, clip.policy_version) == (back.receipts, back.policy_version)
    assert clip.critical == back.critical
    assert not back.samples.flags.writeable


def test_a_clip_of_the_first_version_has_the_hour() -> None:
    """Before there was a precision the hour was always told; and no critical content was marked."""
    first = (Path(__file__).parents[1] / "schemas" / "1" / "anonymized_clip.avsc").read_text(encoding="utf-8")
    record = fastavro.schemaless_reader(
        io.BytesIO(Encoder().encode(anonymized())), json.loads(avro.schema_text(CLIP_SCHEMA)), None
    )
    written = io.BytesIO()
    audio = ("clipveil.PublishedAudio", record["audio"])
    fastavro.schemaless_writer(written, json.loads(first), {**record, "audio": audio})
    back = decode_anonymized(first, written.getvalue())
    assert (Precision.HOUR, ()) == (back.metadata.captured_precision, back.critical)


def test_the_same_clip_is_the_same_bytes() -> None:
    """Nothing of the moment gets into a published body."""
    assert Encoder().encode(anonymized()) == Encoder().encode(anonymized())


@pytest.mark.parametrize(
    "change",
    [
        {"mutes": [{"start": 1.0, "end": 1.5, "why": "because", "entity_type": None}]},
        {"mutes": [{"start": 1.5, "end": 1.0, "why": "bystander", "entity_type": None}]},
        {"words": [{"text": "x", "start": -1.0, "end": 1.0}]},
        {"captured_hour": 0},
        {"captured_precision": "minute"},
        {"audio": {"content": b"not FLAC"}},
        {"audio": {"uri": "s3://bucket/key", "sha256": "ab" * 32, "bytes": None}},
    ],
)
def test_what_we_did_not_write_is_not_read_as_ours(change: dict[str, Any]) -> None:
    """A consumer gets a whole clip or a Refusal."""
    schema = avro.schema_text(CLIP_SCHEMA)
    good = dict(avro.read(schema, CLIP_SCHEMA, Encoder().encode(anonymized())))
    with pytest.raises(Refusal):
        decode_anonymized(schema, avro.write(CLIP_SCHEMA, good | change))


def test_a_clip_that_is_no_clip_is_not_written() -> None:
    """A value of a wrong type is an error without content, and no record."""
    broken = replace(anonymized(), policy_version=7)  # type: ignore[arg-type]
    with pytest.raises(Refusal) as caught:
        Encoder().encode(broken)
    assert Reason.INTERNAL_ERROR is caught.value.reason
