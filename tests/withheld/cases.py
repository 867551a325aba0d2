"""Every bad input, with a canary in every field that holds text, and what must become of it."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import numpy as np
import soundfile

from stream.clip import Reason
from stream.wire import avro
from tests import events

CANARY = "zebedee4711"  # in every text of every event; in the audio files' tags too
EVENT_BYTES_MAX = 4_000_000
SPOKEN = "turn off the kitchen lights please"


@dataclass(frozen=True)
class Case:
    """An input record's value, and its reason; None where it must be published."""

    name: str
    reason: Reason | None
    value: Callable[[], bytes | None]
    fault: str = ""


def event(spoken: str = SPOKEN, **changes: Any) -> dict[str, Any]:
    """An event of which every text is a canary, except the words that may be published."""
    record = events.event(
        event_id=f"{CANARY}-event",
        clip_id=f"{CANARY}-clip-{uuid.uuid4()}",
        account_id=f"{CANARY}-account",
        first_name=f"{CANARY}",
        device_serial=f"{CANARY}-serial",
        device_model=f"{CANARY}-model",
        household=f"{CANARY}-household",
        ip=f"{CANARY}-ip",
        location={"latitude": 52.3702, "longitude": 4.8952, "city": f"{CANARY}-city", "postcode": f"{CANARY}-code"},
        consent={"human_review": True, "version": f"{CANARY}-consent", "changed_at": None},
        wake_word=wake(""),
        audio=tagged(),
        transcripts=[{"text": f"{CANARY} text", "confidence": 0.9, "words": events.words(spoken)}],
        intent=f"{CANARY}-intent",
        slots={f"{CANARY}-slot": f"{CANARY} value"},
        attributes={f"{CANARY}-attribute": f"{CANARY} value"},
    )
    return record | changes


def wake(order: str, **changes: Any) -> dict[str, Any]:
    """A wake word; what stands before the slash is for the scripted speaker model."""
    return {"text": f"{order}/{CANARY}", "start": 0.2, "end": 0.7, "score": 0.9, **changes}


@cache
def tagged_wav() -> bytes:
    """Three seconds with a title and a comment in the file."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 16_000, 1, "PCM_16", format="WAV") as file:
        file.title, file.comment = CANARY, f"{CANARY} comment"
        file.write(events.sound())
    return buffer.getvalue()


def tagged(content: bytes | None = None) -> dict[str, Any]:
    return {"content": tagged_wav() if content is None else content, "codec": f"{CANARY}-codec"}


def framed(**changes: Any) -> Callable[[], bytes]:
    """A whole event, secret words included: only for what must never be published."""
    return lambda: events.value(event(f"{CANARY} said {CANARY}") | changes)


def heard(content: Callable[[], bytes]) -> Callable[[], bytes]:
    """The same with other audio."""
    return lambda: events.value(event(f"{CANARY} said {CANARY}") | {"audio": tagged(content())})


def good(**changes: Any) -> Callable[[], bytes]:
    """An event that is published."""
    return lambda: events.value(event(**changes))


def sounding(rate_hz: int, channels: int, container: str = "WAV", subtype: str | None = None) -> Callable[[], bytes]:
    """A good event with audio of another kind."""
    samples = events.sound(3.0, rate_hz, channels)
    return lambda: events.value(event() | {"audio": tagged(events.encoded(samples, rate_hz, container, subtype))})


def damaged(change: Callable[[bytearray], object]) -> Callable[[], bytes]:
    """A good event whose bytes were changed."""

    def value() -> bytes:
        changed = bytearray(events.value(event(CANARY)))
        change(changed)
        return bytes(changed)

    return value


def newer_schema() -> str:
    """clip_event as a producer has it who added fields of his own."""
    schema = json.loads(avro.schema_text("clip_event"))
    schema["fields"].insert(0, {"name": "voice_print", "type": "bytes"})
    schema["fields"].append({"name": "nickname", "type": "string"})
    return json.dumps(schema)


def newer(reference: int) -> bytes:
    body = io.BytesIO()
    record = event() | {"voice_print": CANARY.encode(), "nickname": CANARY}
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(newer_schema())), record)
    return avro.frame(reference, body.getvalue())


def not_finite(value: float) -> Callable[[], bytes]:
    def content() -> bytes:
        samples = events.sound().copy()
        samples[1000] = value
        return events.encoded(samples, subtype="FLOAT")

    return content


def bomb() -> bytes:
    """Five hours in less than a megabyte."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 16_000, 1, format="FLAC") as file:
        file.title = CANARY
        for _ in range(300):
            file.write(np.zeros(960_000, np.int16))
    return buffer.getvalue()


def cut(container: str, subtype: str) -> Callable[[], bytes]:
    return lambda: events.encoded(events.sound(), container=container, subtype=subtype)[:-2000]


def said(words: list[dict[str, Any]]) -> dict[str, Any]:
    return {"transcripts": [{"text": "", "confidence": 0.9, "words": words}]}


def at(start: float | None, end: float | None) -> dict[str, Any]:
    return {"text": CANARY, "start": start, "end": end, "confidence": 0.9}


SECRET = events.words(f"{CANARY} said {CANARY}")
NEWER_ID = 5  # registered after our own four

CASES = (
    # the event
    Case("tombstone", Reason.NO_VALUE, lambda: None),
    Case("no frame", Reason.EVENT_UNDECODABLE, lambda: b"{" + CANARY.encode() + b"}"),
    Case("empty value", Reason.EVENT_UNDECODABLE, lambda: b""),
    Case("cut off", Reason.EVENT_UNDECODABLE, damaged(lambda value: value.__delitem__(slice(-50, None)))),
    Case("bytes behind it", Reason.EVENT_UNDECODABLE, damaged(lambda value: value.extend(CANARY.encode()))),
    Case(
        "a length that can't be", Reason.EVENT_UNDECODABLE, damaged(lambda v: v.__setitem__(slice(5, 7), b"\xff\x7f"))
    ),
    Case("no UTF-8", Reason.EVENT_UNDECODABLE, damaged(lambda value: value.__setitem__(8, 0xFF))),
    Case("unknown id", Reason.UNKNOWN_SCHEMA, lambda: events.value(event(CANARY), 4711)),
    Case("unknown GUID", Reason.UNKNOWN_SCHEMA, lambda: events.value(event(CANARY), str(uuid.uuid4()))),
    Case("schema of another record", Reason.EVENT_UNDECODABLE, lambda: events.value(event(CANARY), 3)),
    Case("too large", Reason.EVENT_TOO_LARGE, heard(lambda: tagged_wav() + CANARY.encode() * 400_000)),
    Case("no consent", Reason.NO_CONSENT, framed(consent={"human_review": False, "version": "", "changed_at": None})),
    Case("consent unknown", Reason.NO_CONSENT, framed(consent=None)),
    Case("another language", Reason.LANGUAGE_UNSUPPORTED, framed(locale="nl-NL")),
    # its audio
    Case(
        "audio elsewhere",
        Reason.AUDIO_NOT_FETCHED,
        framed(audio={"uri": f"s3://{CANARY}/x", "sha256": "ab" * 32, "bytes": None}),
    ),
    Case("no audio file", Reason.AUDIO_UNDECODABLE, heard(lambda: CANARY.encode() * 100)),
    Case("cut-off WAV", Reason.AUDIO_TRUNCATED, heard(lambda: tagged_wav()[:-2000])),
    Case("cut-off FLAC", Reason.AUDIO_TRUNCATED, heard(cut("FLAC", "PCM_16"))),
    Case("cut-off Opus", Reason.AUDIO_TRUNCATED, heard(cut("OGG", "OPUS"))),
    Case("no bytes", Reason.AUDIO_EMPTY, heard(lambda: b"")),
    Case("no frames", Reason.AUDIO_EMPTY, heard(lambda: events.encoded(np.zeros(0)))),
    Case("a blink", Reason.AUDIO_TOO_SHORT, heard(lambda: events.encoded(events.sound(0.2)))),
    Case("silence", Reason.AUDIO_SILENT, heard(lambda: events.encoded(np.zeros(48_000)))),
    Case("NaN", Reason.AUDIO_NOT_FINITE, heard(not_finite(np.nan))),
    Case("Inf", Reason.AUDIO_NOT_FINITE, heard(not_finite(np.inf))),
    Case("a bomb", Reason.AUDIO_TOO_LONG, heard(bomb)),
    # its words
    Case("no transcript", Reason.NO_TRANSCRIPT, framed(transcripts=[])),
    Case("a word after the end", Reason.WORDS_OUT_OF_BOUNDS, framed(**said([*SECRET, at(3.2, 3.4)]))),
    Case("a word far out", Reason.WORDS_OUT_OF_BOUNDS, framed(**said([*SECRET, at(900.0, 901.0)]))),
    Case("a word backwards", Reason.WORDS_OUT_OF_BOUNDS, framed(**said([*SECRET, at(2.0, 1.0)]))),
    Case("a word without times", Reason.WORDS_WITHOUT_TIMES, framed(**said([*SECRET, at(None, None)]))),
    Case("too many words", Reason.WORDS_TOO_MANY, framed(**said([at(0.1, 0.2)] * 401))),
    # its models
    Case("nobody", Reason.NO_MAIN_SPEAKER, framed(wake_word=wake("nobody"))),
    Case("unsure", Reason.MAIN_SPEAKER_UNCERTAIN, framed(wake_word=wake("unsure"))),
    Case("not all seen", Reason.DETECTOR_FAILED, framed(wake_word=wake("incomplete"))),
    Case("speaker model raises", Reason.DETECTOR_FAILED, framed(wake_word=wake("raise")), "ValueError"),
    Case("word model raises", Reason.DETECTOR_FAILED, framed(wake_word=wake("raise words")), "KeyError"),
    Case("model hangs", Reason.TIMED_OUT, framed(wake_word=wake("hang"))),
    Case("process killed", Reason.INFERENCE_DIED, framed(wake_word=wake("kill"))),
    Case("process ends", Reason.INFERENCE_DIED, framed(wake_word=wake("exit"))),
    # what only looks bad
    Case("8 kHz stereo", None, sounding(8_000, 2)),
    Case("44.1 kHz stereo", None, sounding(44_100, 2)),
    Case("48 kHz stereo", None, sounding(48_000, 2)),
    Case("48 kHz stereo Opus", None, sounding(48_000, 2, "OGG", "OPUS")),
    Case("44.1 kHz stereo MP3", None, sounding(44_100, 2, "MP3")),
    Case("fields that we don't know", None, lambda: newer(NEWER_ID)),
)
