"""Whose clip an event is, and whether it may be heard: all that is read of it in the process that talks to Kafka."""

from __future__ import annotations

from typing import Final

from stream.clip import AudioObject, Header
from stream.wire import avro
from stream.wire.clips import audio_object
from stream.wire.fields import consent, moment, number, required, text

HEADER_SCHEMA: Final = "clip_header"
AUDIO_SCHEMA: Final = "clip_audio"


def header(writer_schema: str, body: bytes) -> Header:
    """The event's header. Audio, words and every other field are skipped, never built (Avro's schema resolution).

    Raises Refusal(UNKNOWN_SCHEMA, EVENT_UNDECODABLE).
    """
    raw = avro.read(writer_schema, HEADER_SCHEMA, body)
    woken = raw["wake_word"]
    return Header(
        clip_id=required(raw["clip_id"]),
        account_id=required(raw["account_id"]),
        captured_at=moment(raw["captured_at"]),
        locale=text(raw["locale"]),
        device_model=text(raw["device_model"]),
        consent=consent(raw["consent"]),
        woken=woken is not None,
        wake_score=None if woken is None else number(woken["score"], 0.0, 1.0),
    )


def audio_of(writer_schema: str, body: bytes) -> AudioObject | None:
    """Where the event's audio lies; None where it is inside. For clips that may be heard, and no others: a URI may say
    whose clip it is.

    Raises Refusal(UNKNOWN_SCHEMA, EVENT_UNDECODABLE).
    """
    raw = avro.read(writer_schema, AUDIO_SCHEMA, body)["audio"]
    return audio_object(raw) if "uri" in raw else None
