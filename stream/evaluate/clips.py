"""Runs a corpus of clips through the real pipeline and reports: what leaked, what was kept, what was withheld.

Every clip takes the way of production, ``pipeline.deidentify``, as a job with an Avro body, and is scored by the sound
that comes out of the published bytes. Only one thing is overheard on the way: the speaker evidence, for the error rate.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import soundfile

from stream.clip import (
    SAMPLE_RATE_HZ,
    ClipEvent,
    Consent,
    Coordinates,
    InlineAudio,
    Job,
    Outcome,
    Published,
    Samples,
    Segment,
    SpeakerEvidence,
    Subject,
    TokenKey,
    Transcript,
    WakeWord,
)
from stream.evaluate.corpus import EvaluationClip
from stream.evaluate.scoring import Prediction, audible, figures, intervals, tally
from stream.pipeline import deidentify
from stream.policy import Policy
from stream.ports import Parts, SpeakerFinder

MakeParts = Callable[[], Parts]
MakeJob = Callable[[ClipEvent, Coordinates], Job]
Progress = Callable[[int, int], None]
KEY = TokenKey("evaluation", "1", b"no clip of an evaluation leaves it")
NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """How clips are run: all of it can be sent to another process."""

    make_parts: MakeParts
    make_job: MakeJob
    policy: Policy
    audio_out: Path | None = None


class Listening:
    """A speaker finder that remembers what it found last."""

    def __init__(self, finder: SpeakerFinder) -> None:
        self._finder = finder
        self.heard: SpeakerEvidence | None = None

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        """What the finder finds."""
        self.heard = None
        self.heard = self._finder.find(samples, wake_word, transcript)
        return self.heard


class Bench:
    """The pipeline of one process, built once."""

    def __init__(self, way: Way) -> None:
        self._way = way
        parts = way.make_parts()
        self._ear = Listening(parts.speakers)
        self._parts = Parts(parts.decoder, self._ear, parts.words, parts.encoder)

    def predict(self, number: int, clip: EvaluationClip) -> Prediction:
        """The outcome of one clip; writes its published sound where the way says so."""
        job = self._way.make_job(event_of(clip), Coordinates("evaluation", 0, number))
        self._ear.heard = None
        cpu, wall = time.process_time(), time.perf_counter()
        outcome = deidentify(job, self._parts, self._way.policy, KEY)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        kept, words = self._published(clip, outcome)
        heard = self._ear.heard
        return Prediction(
            clip_id=clip.truth.clip_id,
            published=isinstance(outcome, Published),
            reason="" if isinstance(outcome, Published) else outcome.reason.value,
            kept=kept,
            turns=heard.turns if heard else (),
            confidence=heard.confidence if heard else None,
            words=words,
            cpu_seconds=cpu,
            wall_seconds=wall,
        )

    def _published(self, clip: EvaluationClip, outcome: Outcome) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
        if not isinstance(outcome, Published):
            return (), ()
        published = self._parts.encoder.decode(outcome.body)
        if self._way.audio_out is not None:
            path = self._way.audio_out / f"{clip.truth.clip_id}.flac"
            soundfile.write(path, published.samples, SAMPLE_RATE_HZ, subtype="PCM_16")
        return audible(published.samples), tuple(word.text for word in published.words)


def event_of(clip: EvaluationClip) -> ClipEvent:
    """The clip as an event of a consenting nobody: the corpora say nothing of whose device it was."""
    return ClipEvent(
        event_id=clip.truth.clip_id,
        clip_id=clip.truth.clip_id,
        captured_at=NO_TIME,
        subject=Subject(account_id=""),
        device_model="speaker",
        locale="en-US",
        consent=Consent(human_review=True, version="evaluation", changed_at=NO_TIME),
        wake_word=clip.wake_word,
        audio=InlineAudio(clip.audio.read_bytes(), clip.audio.suffix[1:]),
        transcripts=(clip.transcript,) if clip.transcript else (),
    )


def predict(
    clips: Sequence[EvaluationClip], way: Way, processes: int = 1, progress: Progress | None = None
) -> list[Prediction]:
    """Predictions in the order of ``clips``; several processes each build their own parts."""
    if way.audio_out is not None:
        way.audio_out.mkdir(parents=True, exist_ok=True)
    if processes == 1:
        bench = Bench(way)
        return _counted((bench.predict(number, clip) for number, clip in enumerate(clips)), len(clips), progress)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _build_bench, (way,)) as pool:
        return _counted(pool.map(_predict, range(len(clips)), clips), len(clips), progress)


def _counted(predictions: Iterable[Prediction], count: int, progress: Progress | None) -> list[Prediction]:
    done = []
    for prediction in predictions:
        done.append(prediction)
        if progress is not None:
            progress(len(done), count)
    return done


_bench: Bench | None = None  # of a pool's process


def _build_bench(way: Way) -> None:
    global _bench  # the only place that a pool has for what is built once per process
    _bench = Bench(way)


def _predict(number: int, clip: EvaluationClip) -> Prediction:
    assert _bench is not None
    return _bench.predict(number, clip)


# ------------------------------------------------------------------ reporting
def report(clips: Sequence[EvaluationClip], predictions: Sequence[Prediction], policy: Policy) -> dict[str, Any]:
    """All figures as JSON values: in total, per set and by condition, with intervals over clips and over voices."""
    truths = [clip.truth for clip in clips]
    tallies = [tally(truth, prediction) for truth, prediction in zip(truths, predictions, strict=True)]
    whole = list(range(len(truths)))

    def of(rows: Sequence[int], *, by_voice: bool = True) -> dict[str, Any]:
        chosen = [tallies[row] for row in rows]
        result: dict[str, Any] = {
            **figures(chosen),
            "intervals": intervals(chosen, [truths[row].clip_id for row in rows]),
        }
        if by_voice:
            result["intervals_by_voice"] = intervals(chosen, [truths[row].group for row in rows])
        return result

    conditions: dict[str, dict[str, Any]] = {}
    for name in sorted({name for truth in truths for name in truth.conditions}):
        rows = partial(_split, [truth.conditions.get(name, "unknown") for truth in truths])
        conditions[name] = {value: of(chosen, by_voice=False) for value, chosen in rows().items()}
    return {
        "operating_point": policy.operating_point.name,
        "policy_version": policy.version,
        "total": of(whole),
        "sets": {name: of(rows) for name, rows in _split([truth.collection for truth in truths]).items()},
        "conditions": conditions,
        "withheld_reasons": dict(Counter(p.reason for p in predictions if not p.published).most_common()),
    }


def _split(values: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        rows.setdefault(value, []).append(row)
    return dict(sorted(rows.items()))


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """One line per clip, so that anyone can score the result without us. It holds words: keep it where corpora are."""
    with path.open("w", encoding="utf-8") as sink:
        for prediction in predictions:
            row = {
                "clip_id": prediction.clip_id,
                "outcome": "published" if prediction.published else "withheld",
                "reason": prediction.reason,
                "kept": [[round(segment.start, 6), round(segment.end, 6)] for segment in prediction.kept],
                "words": list(prediction.words),
            }
            sink.write(json.dumps(row) + "\n")
