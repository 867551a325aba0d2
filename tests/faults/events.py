"""Clip events that carry a canary in everything that identifies somebody, and in whatever lies around it."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

import fastavro

from stream.wire import avro
from tests.faults.stems import NUMBER_DIGITS, Stem

HOUR_MS = 3_600_000
CAPTURED_MS = 1_780_000_000_000  # 2026-05-28, long before any run
UNKNOWN_SCHEMA = 2_000_000_000


class Wish(StrEnum):
    """What is to become of an event, and why."""

    PUBLISH = "publish"
    TOMBSTONE = "no_value"
    BROKEN = "event_undecodable"
    UNKNOWN = "unknown_schema"
    DISSENT = "no_consent"
    NOBODY = "no_main_speaker"
    ESCALATE = "critical"
    RAISE = "internal_error"  # an exception that quotes the event


_SPECIAL = {
    3: Wish.TOMBSTONE,
    7: Wish.BROKEN,
    11: Wish.UNKNOWN,
    17: Wish.DISSENT,
    23: Wish.ESCALATE,
    29: Wish.RAISE,
}


def wish(number: int) -> Wish:
    """Known from the event's number alone, to whoever sends, hears and checks it."""
    return _SPECIAL.get(number % 40, Wish.NOBODY if number % 10 in (1, 6) else Wish.PUBLISH)


@dataclass(frozen=True)
class Event:
    """What is sent of one event."""

    number: int
    key: bytes = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    timestamp_ms: int = 0


class Events:
    """Makes them. ``schema_id`` is that of ``newer_schema`` in the registry."""

    def __init__(self, stem: Stem, schema_id: int) -> None:
        self._stem, self._schema_id = stem, schema_id

    def make(self, number: int) -> Event:
        stem, what = self._stem, wish(number)
        headers = (
            ("trace", stem.text("trace", number).encode()),
            (stem.text("headername", number), stem.number(number).encode()),
            ("address", stem.ip(number).encode()),
        )
        key = key_of(stem, number)
        return Event(number, key, self._value(number, what), headers, captured_ms(number))

    def _value(self, number: int, what: Wish) -> bytes | None:
        if what is Wish.TOMBSTONE:
            return None
        if what is Wish.BROKEN:
            said = " ".join([*self._stem.spoken(number), self._stem.text("broken", number), self._stem.number(number)])
            return avro.frame(self._schema_id, said.encode())
        body = io.BytesIO()
        fastavro.schemaless_writer(body, _newer(), record(self._stem, number, agreed=what is not Wish.DISSENT))
        return avro.frame(UNKNOWN_SCHEMA if what is Wish.UNKNOWN else self._schema_id, body.getvalue())


def key_of(stem: Stem, number: int) -> bytes:
    """The record's key says which event it is of."""
    return stem.text("key", number).encode()


def number_of(key: bytes) -> int:
    return int(key[-NUMBER_DIGITS:])


def captured_ms(number: int) -> int:
    """Exact to the millisecond, and never a full hour."""
    return CAPTURED_MS // HOUR_MS * HOUR_MS + 1_234_567 + number % 1000


def newer_schema() -> str:
    """The schema of a producer that is ahead of us: fields that ours does not name."""
    schema = json.loads(avro.schema_text("clip_event"))
    schema["fields"] += [
        {"name": "owner_email", "type": "string", "default": ""},
        {"name": "contacts", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "gateway", "type": "bytes", "default": ""},
    ]
    return json.dumps(schema)


@cache
def _newer() -> Any:
    return fastavro.parse_schema(json.loads(newer_schema()))


def record(stem: Stem, number: int, *, agreed: bool = True) -> dict[str, Any]:
    """One canary of each class in every field."""

    def said(kind: str) -> str:
        return stem.text(kind, number)

    return {
        "event_id": said("event"),
        "clip_id": said("clip"),
        "captured_at": captured_ms(number),
        "account_id": said("account"),
        "first_name": said("name").capitalize(),
        "device_serial": stem.mac(number),
        "device_model": said("model"),
        "household": said("household"),
        "ip": stem.ip(number),
        "location": {
            "latitude": stem.latitude(number),
            "longitude": stem.longitude(number),
            "city": said("city").upper(),
            "postcode": stem.number(number),
        },
        "locale": "en-US",
        "consent": {"human_review": agreed, "version": said("consent"), "changed_at": captured_ms(number) - HOUR_MS},
        "wake_word": {"text": said("wake"), "start": 0.1, "end": 0.6, "score": 0.9},
        "audio": {"content": wav(stem, number), "codec": said("codec")},
        "transcripts": list(_transcripts(stem, number)),
        "intent": said("intent"),
        "slots": {"who": said("slot"), said("slotname"): stem.number(number)},
        "attributes": {"ssid": said("attribute"), said("attributename"): stem.mac(number)},
        "owner_email": f"{said('email')}@example.com",
        "contacts": [said("contact"), " ".join(stem.spoken(number))],
        "gateway": stem.network + struct.pack(">I", number),
    }


def _transcripts(stem: Stem, number: int) -> Iterator[dict[str, Any]]:
    """A name, a number in words, and one in single digits."""
    for kind, words in (
        ("first", ["call", stem.text("word", number), *stem.spoken(number)]),
        ("second", [*stem.number(number), stem.text("guess", number)]),
    ):
        timed = [
            {"text": word, "start": 0.7 + 0.1 * place, "end": 0.75 + 0.1 * place, "confidence": 0.9}
            for place, word in enumerate(words)
        ]
        yield {"text": stem.text(kind, number), "confidence": 0.9, "words": timed}


def wav(stem: Stem, number: int) -> bytes:
    """A container with a comment in it. What is heard is a click: whoever hears these events hears nothing."""
    return riff(b"\x00\x01" * 64, stem.text("comment", number), stem.number(number))


def riff(samples: bytes, comment: str, artist: str) -> bytes:
    """Mono, 16 kHz, 16 bit, with the two tags."""
    tags = b"INFO" + _chunk(b"ICMT", comment.encode() + b"\0") + _chunk(b"IART", artist.encode() + b"\0")
    sound = _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16))
    return _chunk(b"RIFF", b"WAVE" + sound + _chunk(b"LIST", tags) + _chunk(b"data", samples))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
