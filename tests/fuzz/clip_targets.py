"""A whole clip through the pipeline, with evidence of who speaks that may be anything: published or withheld."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    Clip,
    Coordinates,
    Finding,
    Job,
    Published,
    Reason,
    Receipt,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    Turn,
    WakeWord,
    Withheld,
    WordEvidence,
)
from stream.pipeline import deidentify
from stream.policy import Policy
from stream.ports import Parts
from stream.wire import avro
from stream.wire.clips import Decoder, Encoder
from tests import events
from tests.fuzz import words_targets
from tests.fuzz.source import Source, mutated
from tests.fuzz.target import Target, promise
from tests.values import LABEL, SPEAKERS_RAN, WORDS_RAN

SECONDS = 2.0
TYPES = ("PERSON", "CREDIT_CARD", "PHONE_NUMBER", "DISTRESS", "anything")
NUMBERS = (0.0, 0.5, 0.97, 1.0, 2.0, -1.0, float("nan"), float("inf"))
POLICY = Policy(languages=frozenset({"en", "es"}), names_by_phrase=frozenset({"es"}))


@dataclass
class AnySpeakers:
    """Turns that overlap, touch, end after the clip, or belong to nobody."""

    source: Source
    said: SpeakerEvidence | None = None

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        self.said = self._evidence(len(samples) / SAMPLE_RATE_HZ)
        return self.said

    def _evidence(self, seconds: float) -> SpeakerEvidence:
        source = self.source
        if not source.seldom(3):
            return SpeakerEvidence((Turn(Segment(0.0, seconds), "main"),), "main", 0.97, SPEAKERS_RAN)
        turns = []
        for _ in range(source.number(6)):
            start = source.byte() / 100
            turns.append(Turn(Segment(start, start + (1 + source.byte()) / 100), source.pick(("main", "b1", "b2", ""))))
        receipt = replace(SPEAKERS_RAN, complete=not source.seldom(16))
        return SpeakerEvidence(
            tuple(turns), source.pick(("main", "main", "b1", "x", None)), source.pick(NUMBERS), receipt
        )


@dataclass
class AnyWords:
    """The real finder, or findings of a model gone mad."""

    source: Source

    def find(self, clip: Clip) -> WordEvidence:
        source = self.source
        if source.seldom(2):
            return words_targets.finder().find(clip)
        found = tuple(
            Finding(source.number(3), source.number(12), source.number(12), source.pick(TYPES))
            for _ in range(source.number(4))
        )
        receipt: Receipt = replace(WORDS_RAN, complete=not source.seldom(16))
        return WordEvidence(found, receipt)


@cache
def _sound() -> bytes:
    return events.encoded(events.sound(SECONDS))


@cache
def _event() -> dict[str, Any]:
    return events.event(audio={"content": _sound(), "codec": "wav"})


def run_clip(data: bytes) -> str:
    source = Source(data)
    record = dict(_event())
    record["transcripts"] = [_transcript(source) for _ in range(1 + source.number(3))]
    record["locale"] = source.pick(("en-US", "es-ES", "en", "de", ""))
    record["wake_word"] = None if source.seldom(24) else record["wake_word"]
    record["consent"] = None if source.seldom(24) else record["consent"]
    record["first_name"] = source.text(10)
    body = avro.write("clip_event", record)
    body = mutated(source, body, 1) if source.seldom(16) else body
    speakers = AnySpeakers(source)
    parts = Parts(Decoder(POLICY), speakers, AnyWords(source), Encoder())
    job = Job(Coordinates("clips.raw", 0, 7), avro.schema_text("clip_event"), body, LABEL)
    outcome = deidentify(job, parts, POLICY)
    if isinstance(outcome, Withheld):
        promise(outcome.reason in set(Reason), "a reason that is not in the list")
        return f"{outcome.reason.value} {outcome.fault}".strip()
    promise(speakers.said, "published, and nobody asked who speaks")
    _published(outcome, speakers.said)
    return "published"


def _published(outcome: Published, who: SpeakerEvidence) -> None:
    """Only what one voice says is heard, and no field of the event is read."""
    made = Encoder().decode(outcome.body)
    promise(made.metadata.token == LABEL.token, "another clip's token")
    others = np.zeros(len(made.samples), dtype=bool)
    own = np.zeros(len(made.samples), dtype=bool)
    for turn in who.turns:
        (own if turn.speaker == who.main else others)[_at(turn.segment.start) + 1 : _at(turn.segment.end) - 1] = True
    promise(not made.samples[others].any(), "another voice is audible")
    audible = np.flatnonzero(made.samples)
    near = np.convolve(own, np.ones(7), "same") > 0  # samples are counted in whole numbers, turns in seconds
    promise(near[audible].all(), "what nobody is known to say is audible")
    for told in ("account-55103", "clip-9b2d4e", "SN-G0911X-8841", "203.0.113.77"):
        promise(told.encode() not in outcome.body, "a value of the event is published")
    promise(all(one.segment.start <= two.segment.start for one, two in pairwise(made.words)), "words out of order")


def _at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _transcript(source: Source) -> dict[str, Any]:
    said = words_targets._words(source, 8)
    words, start = [], 0.1
    for word in said:
        start += source.byte() / 1_000
        end = start + (1 + source.byte()) / 1_000
        timed = not source.seldom(32)
        words.append({"text": word[:120], "start": start if timed else None, "end": end if timed else None,
                      "confidence": source.byte() / 255})  # fmt: skip
        start = end if not source.seldom(8) else start
    return {"text": "", "confidence": source.pick((0.1, 0.5, 0.9, None)), "words": words}


def seeds() -> list[bytes]:
    said = [bytes([0, at, 0, at + 40, 0, at + 80, 0, at + 100, 5, 3, 3, 3]) for at in range(0, 40, 4)]
    return [bytes([0]) + row + bytes([100] * 60) for row in said] + [
        bytes([2]) + row * 3 + bytes([80] * 90) for row in said
    ]


TARGETS = (Target("clip", run_clip, seeds, length_max=300),)
