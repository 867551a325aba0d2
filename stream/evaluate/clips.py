"""Runs a corpus of clips through the real pipeline and reports: what leaked, what was kept, what was withheld.

Every clip takes the way of production, ``pipeline.deidentify``, as a job with an Avro body, and is scored by the sound
that comes out of the published bytes. Only one thing is overheard on the way: the speaker evidence, for the error rate.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import soundfile
from rich.console import Console
from rich.progress import Progress as ProgressBar

from stream.clip import (
    SAMPLE_RATE_HZ,
    ClipEvent,
    Coarse,
    Consent,
    Coordinates,
    Job,
    Label,
    Outcome,
    Precision,
    Published,
    Samples,
    Segment,
    SpeakerEvidence,
    Subject,
    Transcript,
    WakeWord,
)
from stream.evaluate.corpus import EvaluationClip, load_clips
from stream.evaluate.picture import draw_trade_off
from stream.evaluate.report import report, table, trade_off
from stream.evaluate.scoring import Prediction, audible
from stream.pipeline import deidentify
from stream.policy import OPERATING_POINTS, Policy
from stream.ports import Parts, SpeakerFinder

MakeParts = Callable[[Policy], Parts]
MakeJob = Callable[[ClipEvent, Coordinates], Job]
Progress = Callable[[int, int], None]
NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)
# No clip of an evaluation leaves it, and each stays as long as it is.
LABEL = Label("evaluation", "evaluation", "1", ((3600.0, Coarse(NO_TIME, Precision.YEAR, "en", "other")),))


@dataclass(frozen=True)
class Way:
    """How clips are run. With several processes all of it is sent to them: functions of a module, no lambdas."""

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
        parts = way.make_parts(way.policy)
        self._ear = Listening(parts.speakers)
        self._parts = replace(parts, speakers=self._ear)

    def predict(self, number: int, clip: EvaluationClip) -> Prediction:
        """The outcome of one clip; writes its published sound where the way says so."""
        job = self._way.make_job(event_of(clip), Coordinates("evaluation", 0, number))
        self._ear.heard = None
        cpu, wall = time.process_time(), time.perf_counter()
        outcome = deidentify(job, self._parts, self._way.policy)
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
        subject=Subject(account_id="nobody-of-a-corpus"),
        device_model="speaker",
        locale="en-US",
        consent=Consent(human_review=True, version="evaluation", changed_at=NO_TIME),
        wake_word=clip.wake_word,
        audio=clip.encoded(),
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
    families, critical = dict(way.policy.device_families), dict(way.policy.critical)  # proxies can't be sent
    policy = replace(way.policy, device_families=families, critical=critical)
    way, context = replace(way, policy=policy), multiprocessing.get_context("spawn")
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


# ------------------------------------------------------------------ the command
def evaluate_clips(
    folder: Path,
    json_out: Path,
    way: Way,
    *,
    predictions_out: Path | None = None,
    processes: int = 1,
    with_trade_off: bool = False,
    cut_s: float | None = None,
) -> dict[str, Any]:
    """Runs every clip of ``folder`` and writes the figures to ``json_out``; prints them as a table and returns them.

    ``predictions_out`` also gets clips.jsonl and audio/. ``with_trade_off`` adds two runs that publish whatever they
    can, one with each operating point's frame thresholds: their figures for every confidence go into the JSON and, with
    matplotlib, into a picture beside it. ``cut_s`` as ``load_clips`` has it. Raises FileNotFoundError when
    ``folder`` is no corpus of clips.
    """
    clips = load_clips(folder, cut_s)
    truths = [clip.truth for clip in clips]
    policy = replace(way.policy, transcript_required=False)
    audio_out = None if predictions_out is None else predictions_out / "audio"
    predictions = _predict_with_bar(clips, replace(way, policy=policy, audio_out=audio_out), processes)
    result = report(truths, predictions, policy)
    if with_trade_off:
        curves = {
            name: trade_off(
                truths, _predict_with_bar(clips, replace(way, policy=_publish_all(policy, name)), processes)
            )
            for name in OPERATING_POINTS
        }
        result["trade_off"] = curves
        draw_trade_off(curves, json_out.with_suffix(".png"))
    json_out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if predictions_out is not None:
        write_predictions(predictions, predictions_out / "clips.jsonl")
    Console().print(table(result, f"{folder.name}, operating point {policy.operating_point.name}"))
    return result


def _publish_all(policy: Policy, name: str) -> Policy:
    point = replace(OPERATING_POINTS[name], confidence_min=0.0, overlap_share_max=1.0)
    return replace(policy, operating_point=point)


def _predict_with_bar(clips: Sequence[EvaluationClip], way: Way, processes: int) -> list[Prediction]:
    with ProgressBar(transient=True) as bar:
        task = bar.add_task(f"{way.policy.operating_point.name}", total=len(clips))
        return predict(clips, way, processes, lambda done, _: bar.update(task, completed=done))
