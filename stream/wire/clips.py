"""Clip events in, anonymized clips out: Avro bodies to values and back.

Every field that comes in is bounded and checked; what our schema does not name never becomes a value.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from stream.clip import (
    AnonymizedClip,
    AudioObject,
    ClipEvent,
    InlineAudio,
    Job,
    Metadata,
    Mute,
    Precision,
    PublishedWord,
    Reason,
    Receipt,
    Refusal,
    Samples,
    Segment,
    Subject,
    Transcript,
    WakeWord,
    Why,
    Word,
)
from stream.policy import Policy
from stream.wire import audio, avro
from stream.wire.fields import consent, demand, milliseconds, moment, number, required, text

EVENT_SCHEMA: Final = "clip_event"
CLIP_SCHEMA: Final = "anonymized_clip"

TEXT_CHARS_MAX: Final = 20_000  # a transcript's text, where it has no words
WORD_CHARS_MAX: Final = 128
TRANSCRIPTS_MAX: Final = 16
ENTRIES_MAX: Final = 128  # of slots, and of attributes
VALUE_CHARS_MAX: Final = 2_048  # of one slot or attribute
TIME_S_MAX: Final = 3_600.0

_GLUE: Final = re.compile(r"(?<=[^\W\d])(?:[^\w'’ʼ@.&‐‑-]|_)+(?=[^\W\d])")  # between letters; "o'clock" is one word
_HEX_DIGITS: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Decoder:
    """ports.Decoder: clip events as our schema clip_event, and the audio inside them."""

    policy: Policy

    def event(self, job: Job) -> ClipEvent:
        """Raises Refusal(UNKNOWN_SCHEMA, EVENT_UNDECODABLE, WORDS_TOO_MANY, WORDS_OUT_OF_BOUNDS)."""
        raw = avro.read(job.writer_schema, EVENT_SCHEMA, job.body)
        return ClipEvent(
            event_id=text(raw["event_id"]),
            clip_id=required(raw["clip_id"]),
            captured_at=moment(raw["captured_at"]),
            subject=_subject(raw),
            device_model=text(raw["device_model"]),
            locale=text(raw["locale"]),
            consent=consent(raw["consent"]),
            wake_word=_wake_word(raw["wake_word"]),
            audio=_audio(raw["audio"], job.audio),
            transcripts=_transcripts(raw["transcripts"], self.policy.words_max),
            intent=text(raw["intent"]),
            slots=_texts(raw["slots"]),
            attributes=_texts(raw["attributes"]),
        )

    def samples(self, event: ClipEvent) -> Samples:
        """Raises Refusal with one of the AUDIO reasons."""
        content = event.audio.content
        if content is None:
            raise Refusal(Reason.AUDIO_NOT_FETCHED)
        if isinstance(event.audio, AudioObject) and hashlib.sha256(content).hexdigest() != event.audio.sha256:
            raise Refusal(Reason.AUDIO_CHANGED)
        return audio.decode(content, self.policy.audio_seconds_min, self.policy.audio_seconds_max)


class Encoder:
    """ports.Encoder: anonymized clips as our schema anonymized_clip, with FLAC inside."""

    def encode(self, clip: AnonymizedClip) -> bytes:
        """The Avro body, built field by field."""
        of = clip.metadata
        return avro.write(
            CLIP_SCHEMA,
            {
                "clip_token": of.token,
                "account_token": of.account_token,
                "campaign": of.campaign,
                "key_epoch": of.key_epoch,
                "captured_hour": milliseconds(of.captured_hour),
                "captured_precision": of.captured_precision.value,
                "language": of.language,
                "device_family": of.device_family,
                "audio": ("clipveil.PublishedAudio", {"content": audio.encode_flac(clip.samples)}),
                "words": [{"text": word.text, **_span(word.segment)} for word in clip.words],
                "mutes": [
                    {**_span(mute.segment), "why": mute.why.value, "entity_type": mute.entity_type}
                    for mute in clip.mutes
                ],
                "receipts": [receipt_record(receipt) for receipt in clip.receipts],
                "policy_version": clip.policy_version,
                "critical": list(clip.critical),
            },
        )

    def decode(self, body: bytes) -> AnonymizedClip:
        """A body that we wrote. Raises Refusal for anything else."""
        return decode_anonymized(avro.schema_text(CLIP_SCHEMA), body)


def decode_anonymized(writer_schema: str, body: bytes, fetched: bytes | None = None) -> AnonymizedClip:
    """A published clip as a consumer sees it, whichever version of our schema wrote it; ``fetched`` is its audio where
    that lies in an object store (see ``published.object_of``). Raises Refusal."""
    raw = avro.read(writer_schema, CLIP_SCHEMA, body)
    content = raw["audio"].get("content", fetched)
    if content is None:
        raise Refusal(Reason.AUDIO_NOT_FETCHED)
    if "sha256" in raw["audio"] and hashlib.sha256(content).hexdigest() != raw["audio"]["sha256"]:
        raise Refusal(Reason.AUDIO_CHANGED)
    try:
        words = tuple(PublishedWord(word["text"], Segment(word["start"], word["end"])) for word in raw["words"])
        mutes = tuple(
            Mute(Segment(mute["start"], mute["end"]), Why(mute["why"]), mute["entity_type"]) for mute in raw["mutes"]
        )
        precision = Precision(raw["captured_precision"])
    except ValueError:
        raise Refusal(Reason.EVENT_UNDECODABLE) from None
    return AnonymizedClip(
        metadata=Metadata(
            token=raw["clip_token"],
            campaign=raw["campaign"],
            key_epoch=raw["key_epoch"],
            captured_hour=moment(raw["captured_hour"]),
            language=raw["language"],
            device_family=raw["device_family"],
            captured_precision=precision,
            account_token=raw["account_token"],
        ),
        samples=audio.decode_published(content),
        words=words,
        mutes=mutes,
        receipts=tuple(Receipt(**receipt) for receipt in raw["receipts"]),
        policy_version=raw["policy_version"],
        critical=tuple(raw["critical"]),
    )


def receipt_record(receipt: Receipt) -> dict[str, Any]:
    return {"detector": receipt.detector, "version": receipt.version, "complete": receipt.complete}


# ------------------------------------------------------------------ parts of an event, each within its bounds
def _subject(raw: Mapping[str, Any]) -> Subject:
    location = raw["location"] or {"city": "", "postcode": "", "latitude": None, "longitude": None}
    return Subject(
        account_id=required(raw["account_id"]),
        first_name=text(raw["first_name"]),
        device_serial=text(raw["device_serial"]),
        household=text(raw["household"]),
        ip=text(raw["ip"]),
        city=text(location["city"]),
        postcode=text(location["postcode"]),
        latitude=number(location["latitude"], -90.0, 90.0),
        longitude=number(location["longitude"], -180.0, 180.0),
    )


def _wake_word(raw: Mapping[str, Any] | None) -> WakeWord | None:
    if raw is None:
        return None
    segment = _segment(raw["start"], raw["end"], Reason.EVENT_UNDECODABLE)
    if segment is None:
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return WakeWord(segment, number(raw["score"], 0.0, 1.0), text(raw["text"]))


def _audio(raw: Mapping[str, Any], fetched: bytes | None) -> InlineAudio | AudioObject:
    if "content" in raw:
        return InlineAudio(raw["content"], text(raw["codec"]))
    return replace(audio_object(raw), content=fetched)


def audio_object(raw: Mapping[str, Any]) -> AudioObject:
    """Where an event says that its audio lies. Raises Refusal(EVENT_UNDECODABLE)."""
    sha256 = text(raw["sha256"]).lower()
    demand(len(sha256) == 64 and set(sha256) <= _HEX_DIGITS)
    demand(raw["bytes"] is None or raw["bytes"] >= 0)
    return AudioObject(text(raw["uri"], VALUE_CHARS_MAX), sha256, raw["bytes"])


def _transcripts(raw: list[Mapping[str, Any]], words_max: int) -> tuple[Transcript, ...]:
    demand(len(raw) <= TRANSCRIPTS_MAX)
    return tuple(
        Transcript(_words(transcript, words_max), number(transcript["confidence"], 0.0, 1.0)) for transcript in raw
    )


def _words(raw: Mapping[str, Any], words_max: int) -> tuple[Word, ...]:
    """Words with their times; those of a bare text have none.

    An entry that holds several words becomes several, each with the time of all: a finder of names looks at words, and
    one of "call diane now" must not pass as one that it does not know.
    """
    whole = text(raw["text"], TEXT_CHARS_MAX)
    entries = raw["words"] or [{"text": word, "start": None, "end": None, "confidence": None} for word in whole.split()]
    if len(entries) > words_max:
        raise Refusal(Reason.WORDS_TOO_MANY)
    words = [
        Word(
            single,
            _segment(entry["start"], entry["end"], Reason.WORDS_OUT_OF_BOUNDS),
            number(entry["confidence"], 0.0, 1.0),
        )
        for entry in entries
        for single in _GLUE.sub(" ", unicodedata.normalize("NFC", text(entry["text"], WORD_CHARS_MAX))).split()
    ]
    if len(words) > words_max:
        raise Refusal(Reason.WORDS_TOO_MANY)
    return tuple(words)


def _texts(raw: Mapping[str, str]) -> Mapping[str, str]:
    demand(len(raw) <= ENTRIES_MAX)
    return MappingProxyType({text(name): text(value, VALUE_CHARS_MAX) for name, value in raw.items()})


def _segment(start: float | None, end: float | None, reason: Reason) -> Segment | None:
    """None where a time is missing; whether it lies inside the clip is seen once the clip's length is known."""
    if start is None or end is None:
        return None
    if not (math.isfinite(start) and 0.0 <= start < end <= TIME_S_MAX):
        raise Refusal(reason)
    return Segment(start, end)


def _span(segment: Segment) -> dict[str, float]:
    return {"start": segment.start, "end": segment.end}
