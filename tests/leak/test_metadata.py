"""No field of an event that says whose clip it is leaves, in any way of writing it.

One event holds something unique in every field of the schema, its record something unique as key and timestamp. Beside
each stands which of HIPAA's Safe Harbor identifiers (45 CFR 164.514(b)(2)) it is; those that are said in words are in
tests/find/test_safe_harbor.py. Kept on purpose, and not within that rule: the main speaker's voice (P), and the date
and hour of the recording (C).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import soundfile

from stream.clip import SAMPLE_RATE_HZ, Job, Outcome, Record
from stream.find.pii import make_word_finder
from stream.intake import ClipIntake
from stream.pipeline import deidentify
from stream.policy import Policy
from stream.ports import Message, Partition, Parts, WordFinder
from stream.wire import avro
from stream.wire.clips import Decoder, Encoder
from stream.wire.outcomes import OUTPUT_SCHEMAS, Destination, Outcomes
from tests import events
from tests.contract.stand_ins import OneSchema
from tests.offices import SECRET, real_office
from tests.values import HERE
from tests.withheld.parts import ScriptedSpeakers

POLICY = Policy()
RECORDED = datetime(2026, 5, 28, 20, 26, 41, 137_000, UTC)
CONSENTED = datetime(2025, 2, 17, 9, 53, 28, 611_000, UTC)
SENT = datetime(2026, 5, 28, 20, 27, 3, 419_000, UTC)
NAME = "Zephyrine"

# Field of clip_event -> its identifier on the list, and what it holds here. D to I, K, L and Q have no field of their
# own: an event may hold them in intent, slots, attributes and in what was said.
CANARIES: dict[str, tuple[str, str | float | datetime]] = {
    "first_name": ("A names", NAME),
    "transcripts.words.text": ("A names", NAME.lower()),
    "transcripts.text": ("A names", "vq7unread-hypothesis-text"),
    "location.city": ("B geography", "Qarrowmere"),
    "location.postcode": ("B geography", "ZX91-7QK"),
    "location.latitude": ("B geography", 52.370216),
    "location.longitude": ("B geography", 4.895168),
    "captured_at": ("C dates", RECORDED),  # the hour is kept
    "consent.changed_at": ("C dates", CONSENTED),
    "account_id": ("J account numbers", "acct-k3v8-55103"),
    "household": ("J account numbers", "house-w2n6-3107"),
    "device_serial": ("M device identifiers", "SN-G0911X-8841"),
    "device_model": ("M device identifiers", "prototype-j8s2"),  # a family of models is kept
    "audio.uri": ("N web addresses", "s3://recordings/u5c0-clip.flac"),
    "ip": ("O IP addresses", "203.0.113.77"),
    "audio.content": ("P biometric identifiers", "y4p9-in-the-file's-tags"),  # re-encoded: samples only
    "event_id": ("R other unique codes", "event-h6d1-7f31c2"),
    "clip_id": ("R other unique codes", "clip-b7m4-9b2d4e"),  # a keyed token is kept
    "locale": ("R other unique codes", "en-US-x-r9f3t6"),  # the language is kept
    "consent.version": ("R other unique codes", "consent-e2l5"),
    "wake_word.text": ("R other unique codes", "wake-g8k3-word"),
    "wake_word.score": ("R other unique codes", 0.937194),
    "audio.codec": ("R other unique codes", "codec-n1x7"),
    "audio.sha256": ("R other unique codes", "9d" * 32),
    "transcripts.confidence": ("R other unique codes", 0.918263),
    "transcripts.words.confidence": ("R other unique codes", 0.861947),
    "intent": ("R other unique codes", "intent-a0z5"),
    "slots": ("R other unique codes", "slot-c6q8"),
    "attributes": ("R other unique codes", "attribute-t3y1"),
}
RECORD_KEY, RECORD_TIME = "key-o4w9-3107", SENT
# A yes or no, and times from the clip's first sample, which mutes and words go by.
SAY_NOTHING = {
    "consent.human_review",
    "wake_word.start",
    "wake_word.end",
    "transcripts.words.start",
    "transcripts.words.end",
    "audio.bytes",
}


@dataclass(frozen=True)
class Here:
    """ports.Engine in the test's own process."""

    parts: Parts

    async def run(self, job: Job) -> Outcome:
        return deidentify(job, self.parts, POLICY)


@pytest.fixture(scope="module")
def words() -> WordFinder:
    """Takes a moment to make."""
    return make_word_finder(POLICY.languages)


@pytest.fixture
async def intake(words: WordFinder) -> ClipIntake:
    """From a record's bytes to messages; all real but the speaker finder."""
    parts = Parts(Decoder(POLICY), ScriptedSpeakers(), words, Encoder())
    to = {schema: Destination(f"clips.{schema}", number) for number, schema in enumerate(OUTPUT_SCHEMAS, 1)}
    office = real_office(Here(parts), OneClipEvent(), Outcomes(to), POLICY)
    intake = ClipIntake(office, Partition(HERE.topic, HERE.partition))
    await intake.open()
    return intake


class OneClipEvent(OneSchema):
    """Every id is our schema's."""

    async def writer_schema(self, reference: int | str) -> str:
        return avro.schema_text("clip_event")


def canary(path: str) -> Any:
    value = CANARIES[path][1]
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def tagged_audio() -> bytes:
    """A FLAC file that names somebody in its tags."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", SAMPLE_RATE_HZ, 1, format="FLAC") as file:
        file.artist = file.comment = canary("audio.content")
        file.write(events.sound())
    return buffer.getvalue()


def record(**changes: Any) -> Record:
    """A record with a canary in every field."""
    said = f"call {canary('transcripts.words.text')} about the kitchen lights"
    words = [{**word, "confidence": canary("transcripts.words.confidence")} for word in events.words(said)]
    whole = ("account_id", "first_name", "device_serial", "device_model", "household", "ip", "locale", "intent")
    place = ("latitude", "longitude", "city", "postcode")
    event = events.event(
        **{name: canary(name) for name in (*whole, "event_id", "clip_id", "captured_at")},
        location={name: canary(f"location.{name}") for name in place},
        consent={
            "human_review": True,
            "version": canary("consent.version"),
            "changed_at": canary("consent.changed_at"),
        },
        wake_word={"text": canary("wake_word.text"), "start": 0.2, "end": 0.7, "score": canary("wake_word.score")},
        audio={"content": tagged_audio(), "codec": canary("audio.codec")},
        transcripts=[
            {"text": canary("transcripts.text"), "confidence": canary("transcripts.confidence"), "words": words}
        ],
        slots={"contact": canary("slots"), canary("slots"): "contact"},
        attributes={"note": canary("attributes"), canary("attributes"): "note"},
    )
    sent_ms = round(RECORD_TIME.timestamp() * 1000)
    return Record(HERE, events.value({**event, **changes}), RECORD_KEY.encode(), sent_ms)


def ways_to_write(value: str | float | datetime) -> Iterator[bytes]:
    """Plain, UTF-16, hexadecimal, base64 at every offset, hashed without a key; of numbers and times the binary too."""
    if isinstance(value, datetime):
        in_ms = round(value.timestamp() * 1000)
        yield from (in_ms.to_bytes(8, "little"), in_ms.to_bytes(8, "big"), _avro_long(in_ms))
        texts = [str(in_ms), str(in_ms // 1000), f"{value:%H:%M:%S}", f"{value:%M:%S}", f"{value:%dT%H:%M}"]
    elif isinstance(value, float):
        yield from (struct.pack(order + kind, value) for order in "<>" for kind in "df")
        texts = [str(value), f"{value:.4f}"]
    else:
        texts = [value, value.lower(), value.upper()]
        yield from (digest[:8] for digest in _digests(value))
        texts += [digest.hex()[:16] for digest in _digests(value)]
    for text in texts:
        plain = text.encode()
        yield from (plain, text.encode("utf-16-le"), text.encode("utf-16-be"))
        yield from (plain.hex().encode(), plain.hex().upper().encode())
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + plain).rstrip(b"=")
            yield encoded[(0, 2, 3)[offset] : -1]  # without what depends on the neighbours


def _digests(text: str) -> list[bytes]:
    return [hashlib.new(name, text.encode()).digest() for name in ("md5", "sha1", "sha256")]


def _avro_long(number: int) -> bytes:
    """As Avro writes it: zig-zag, seven bits a byte."""
    number, written = number << 1, bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def bytes_of(message: Message) -> bytes:
    """All of it that a broker keeps."""
    stamp = b"" if message.timestamp_ms is None else message.timestamp_ms.to_bytes(8, "big")
    return b"\n".join((message.topic.encode(), message.key or b"", message.value or b"", stamp))


def leaks(messages: Sequence[Message]) -> list[str]:
    """The fields of which something is in a message, whichever topic it goes to."""
    sources = {**{path: value for path, (_, value) in CANARIES.items()}, "key": RECORD_KEY, "timestamp": RECORD_TIME}
    written = b"\n".join(bytes_of(message) for message in messages)
    return [path for path, value in sources.items() if any(way in written for way in ways_to_write(value))]


async def written(intake: ClipIntake, **changes: Any) -> Sequence[Message]:
    """All that is written of a record."""
    return (await intake.settle([await intake.finish(record(**changes))])).messages


def fields(schema: Any, path: str = "") -> Iterator[str]:
    """Paths of all fields that hold no further fields."""
    if isinstance(schema, list):
        for branch in schema:
            yield from fields(branch, path)
    elif isinstance(schema, dict) and schema["type"] == "record":
        for field in schema["fields"]:
            yield from fields(field["type"], f"{path}.{field['name']}".lstrip("."))
    elif isinstance(schema, dict) and schema["type"] == "array":
        yield from fields(schema["items"], path)
    elif schema != "null":
        yield path


def test_every_field_has_a_canary() -> None:
    """A field that is new in the schema must come here."""
    assert {*CANARIES, *SAY_NOTHING} == set(fields(json.loads(avro.schema_text("clip_event"))))


def test_a_canary_would_be_seen_in_the_event() -> None:
    """The event holds every canary as this test writes it, but for the fields of the other kind of audio."""
    source = record()
    whole = [Message("", source.key, source.value, source.timestamp_ms)]
    assert {*CANARIES, "key", "timestamp"} - {"audio.uri", "audio.sha256"} == set(leaks(whole))


async def test_no_canary_is_published(intake: ClipIntake) -> None:
    """Neither in the published record, its key and its time, nor in the audit record; the index is sealed."""
    messages = await written(intake)
    assert ["clips.anonymized_clip", "clips.index", "clips.audit"] == [message.topic for message in messages]
    assert [] == leaks(messages)


async def test_the_published_record_is_keyed_by_a_token_and_dated_by_the_hour(intake: ClipIntake) -> None:
    """Not by the key and the time of the record that came in."""
    published, index, _ = await written(intake)
    assert not any(SECRET in bytes_of(message) for message in (published, index))
    assert 32 == len(published.key or b"")
    assert round(RECORDED.replace(minute=0, second=0, microsecond=0).timestamp() * 1000) == published.timestamp_ms


@pytest.mark.parametrize(
    "changes",
    [
        {"consent": {"human_review": False, "version": "consent-e2l5", "changed_at": canary("consent.changed_at")}},
        {"audio": {"content": b"RIFF" + canary("audio.content").encode(), "codec": canary("audio.codec")}},
        {"audio": ("clipveil.AudioObject", {"uri": canary("audio.uri"), "sha256": canary("audio.sha256"), "bytes": 3})},
        {"locale": f"{NAME}-{NAME}"},
    ],
    ids=["no consent", "broken audio", "audio elsewhere", "unknown language"],
)
async def test_no_canary_is_told_of_what_is_withheld(intake: ClipIntake, changes: dict[str, Any]) -> None:
    """What is said of a clip that is not published says nothing of its event."""
    messages = await written(intake, **changes)
    assert ["clips.withheld", "clips.audit"] == [message.topic for message in messages]
    assert [] == leaks(messages)
