"""Results without models: the real pipeline, whose detectors say what is true of each clip. Exact and fast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from stream.clip import (
    Clip,
    Coordinates,
    Finding,
    Job,
    Published,
    Receipt,
    Record,
    Samples,
    SpeakerEvidence,
    Transcript,
    WakeWord,
    WordEvidence,
)
from stream.demo.clips import DemoClip
from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.demo.results import Output, Result
from stream.demo.summary import Setup
from stream.evaluate.clips import LABEL
from stream.pipeline import deidentify
from stream.policy import Policy
from stream.ports import Parts
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA, EVENT_SCHEMA, Decoder, Encoder, decode_anonymized
from stream.wire.events import event_body

POLICY = Policy()
SETUP = Setup("embedded broker, 3 partitions", "1", "safe", (("speakers", "truth"), ("identifiers", "truth")), 1, 2.0)


@dataclass(frozen=True)
class TrueSpeakers:
    clip: DemoClip

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        return SpeakerEvidence(self.clip.turns, self.clip.main, 1.0, Receipt("speakers", "truth", complete=True))


@dataclass(frozen=True)
class TrueWords:
    clip: DemoClip

    def find(self, clip: Clip) -> WordEvidence:
        findings = tuple(Finding(0, span.first, span.last, span.entity_type) for span in self.clip.spans)
        return WordEvidence(findings, Receipt("identifiers", "truth", complete=True))


@cache
def all_clips() -> tuple[DemoClip, ...]:
    return (*conversation_clips(), *own_clips())


def named(name: str) -> DemoClip:
    return next(clip for clip in all_clips() if clip.name == name)


def true_result(clip: DemoClip) -> Result:
    """The outcome that perfect detectors lead to."""
    parts = Parts(Decoder(POLICY), TrueSpeakers(clip), TrueWords(clip), Encoder())
    job = Job(Coordinates("clips.raw", 0, 0), avro.schema_text(EVENT_SCHEMA), event_body(clip.event), LABEL)
    outcome = deidentify(job, parts, POLICY)
    if not isinstance(outcome, Published):
        return Result(clip, withheld=outcome)
    schema = avro.schema_text(CLIP_SCHEMA)
    flac = avro.read(schema, CLIP_SCHEMA, outcome.body)["audio"]["content"]
    return Result(clip, Output(decode_anonymized(schema, outcome.body), flac))


def record(value: bytes, key: bytes = b"key") -> Record:
    return Record(Coordinates("clips.anonymized", 0, 0), value, key)
