"""Clip events as a producer writes them: values to records of the schema ``clip_event``."""

from __future__ import annotations

from typing import Any

from stream.clip import ClipEvent, InlineAudio, Segment, Transcript, WakeWord
from stream.wire import avro
from stream.wire.clips import EVENT_SCHEMA
from stream.wire.fields import milliseconds


def event_body(event: ClipEvent) -> bytes:
    """The Avro body of an event whose audio is inline."""
    if not isinstance(event.audio, InlineAudio):
        raise TypeError("only events with their audio inside are written here")
    subject, consent = event.subject, event.consent
    place = {name: getattr(subject, name) for name in ("latitude", "longitude", "city", "postcode")}
    names = ("account_id", "first_name", "device_serial", "household", "ip")
    record = {
        "event_id": event.event_id,
        "clip_id": event.clip_id,
        "captured_at": milliseconds(event.captured_at),
        **{name: getattr(subject, name) for name in names},
        "device_model": event.device_model,
        "location": place,
        "locale": event.locale,
        "consent": {
            "human_review": consent.human_review,
            "version": consent.version,
            "changed_at": None if consent.changed_at is None else milliseconds(consent.changed_at),
        },
        "wake_word": _wake_word(event.wake_word),
        "audio": {"content": event.audio.content, "codec": event.audio.codec},
        "transcripts": [_transcript(transcript) for transcript in event.transcripts],
        "intent": event.intent,
        "slots": dict(event.slots),
        "attributes": dict(event.attributes),
    }
    return avro.write(EVENT_SCHEMA, record)


def _wake_word(wake_word: WakeWord | None) -> dict[str, Any] | None:
    if wake_word is None:
        return None
    return {"text": wake_word.text, "score": wake_word.score, **_times(wake_word.segment)}


def _transcript(transcript: Transcript) -> dict[str, Any]:
    words = [{"text": word.text, "confidence": word.confidence, **_times(word.segment)} for word in transcript.words]
    return {
        "text": " ".join(word.text for word in transcript.words),
        "confidence": transcript.confidence,
        "words": words,
    }


def _times(segment: Segment | None) -> dict[str, float | None]:
    return {"start": None, "end": None} if segment is None else {"start": segment.start, "end": segment.end}
