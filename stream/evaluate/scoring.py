"""Predictions and truth to figures. Pure: what was audible, whose it was, and how sure the figures are.

A clip is scored by what stays audible in the published sound, and by nothing that we say about it. Every figure is a
ratio of two sums over clips, so that an interval is one bootstrap over clips (or over groups of clips that share a
main voice: Field and Welsh 2007, cluster bootstrap) of the same sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # comes without stubs

from stream.clip import SAMPLE_RATE_HZ, Samples, Segment, Turn
from stream.evaluate.corpus import Truth
from stream.segments import Segments, intersect, seconds, subtract, union

ZERO_RUN_MIN = SAMPLE_RATE_HZ // 50  # 20 ms: speech crosses zero, but it does not stay there
RESAMPLES = 1_000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """What became of one clip: ``kept`` is what is audible, ``turns`` the speech that was found (for the error rate),
    ``confidence`` that of the speaker evidence (None where the clip did not come that far)."""

    clip_id: str
    published: bool
    reason: str
    kept: Segments
    turns: tuple[Turn, ...]
    confidence: float | None = None
    words: tuple[str, ...] = field(default=(), repr=False)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0


# figure -> (what is counted, out of what); columns of a tally
FIGURES: Mapping[str, tuple[str, str]] = {
    "withheld": ("withheld", "clips"),
    "yield": ("main_published", "main_clips"),
    "bystander_leak": ("leaked", "bystander_published"),
    "bystander_leak_alone": ("leaked_alone", "bystander_published_alone"),
    "bystander_leak_in_overlap": ("leaked_overlap", "bystander_published_overlap"),
    "bystander_leak_of_all_clips": ("leaked", "bystander"),
    "main_kept": ("main_kept", "main_speech"),
    "main_kept_published": ("main_kept", "main_speech_published"),
    "accidental_published": ("accidental_published", "accidental_clips"),
    "der": ("speaker_error", "speech"),
    "pii_audible": ("identifiers_audible", "identifiers"),
}
SUMS = ("audio_seconds", "cpu_seconds", "wall_seconds")
COUNTS = ("clips", "main_clips", "accidental_clips", "identifiers")


def audible(samples: Samples | npt.NDArray[np.int16]) -> Segments:
    """Where a published sound, (sample,), is anything but silence: runs of exact zeros of 20 ms and more are mute."""
    sounding = np.concatenate(([False], np.asarray(samples) != 0, [False]))
    edges = np.flatnonzero(sounding[1:] != sounding[:-1])
    found = (Segment(start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ) for start, end in edges.reshape(-1, 2).tolist())
    return union(found, gap=(ZERO_RUN_MIN - 1) / SAMPLE_RATE_HZ)


def tally(truth: Truth, prediction: Prediction) -> dict[str, float]:
    """The sums of one clip, in seconds and counts, that all figures are made of."""
    main, others = truth.speech()
    alone, overlap = subtract(others, main), intersect(others, main)
    solo = subtract(main, others)
    kept = union(prediction.kept) if prediction.published else ()
    out = float(prediction.published)
    heard = [segment for segment in truth.identifiers if intersect([segment], kept)]
    return {
        "clips": 1.0,
        "withheld": 1.0 - out,
        "main_clips": float(truth.main is not None),
        "main_published": out * (truth.main is not None),
        "accidental_clips": float(truth.main is None),
        "accidental_published": out * (truth.main is None),
        "bystander": seconds(others),
        "bystander_published": out * seconds(others),
        "bystander_published_alone": out * seconds(alone),
        "bystander_published_overlap": out * seconds(overlap),
        "leaked": seconds(intersect(others, kept)),
        "leaked_alone": seconds(intersect(alone, kept)),
        "leaked_overlap": seconds(intersect(overlap, kept)),
        "main_speech": seconds(solo),
        "main_speech_published": out * seconds(solo),
        "main_kept": seconds(intersect(solo, kept)),
        "identifiers": float(len(truth.identifiers)),
        "identifiers_audible": float(len(heard)),
        "speech": sum(seconds(union(own)) for own in by_speaker(truth.turns).values()),
        "speaker_error": speaker_error_seconds(truth.turns, prediction.turns),
        "audio_seconds": truth.duration,
        "cpu_seconds": prediction.cpu_seconds,
        "wall_seconds": prediction.wall_seconds,
    }


def by_speaker(turns: Sequence[Turn]) -> dict[str, list[Segment]]:
    """Segments of each label, in order of time."""
    found: dict[str, list[Segment]] = {}
    for turn in sorted(turns):
        found.setdefault(turn.speaker, []).append(turn.segment)
    return found


def speaker_error_seconds(reference: Sequence[Turn], hypothesis: Sequence[Turn]) -> float:
    """Missed, false and confused speech under the best matching of labels: no collar, overlap counted (NIST RT-09)."""
    theirs, ours = list(by_speaker(reference).values()), list(by_speaker(hypothesis).values())
    edges = np.unique([time for own in theirs + ours for segment in own for time in (segment.start, segment.end)])
    if len(edges) < 2:
        return 0.0
    lengths, middles = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    true, found = _activity(theirs, middles), _activity(ours, middles)
    together = (true * lengths) @ found.T
    rows, columns = linear_sum_assignment(-together)
    most = np.maximum(true.sum(axis=0), found.sum(axis=0))
    return float(most @ lengths - together[rows, columns].sum())


def _activity(speakers: Sequence[Sequence[Segment]], times: Floats) -> Floats:
    """(speaker, time): 1 where the speaker speaks."""
    active = np.zeros((len(speakers), len(times)))
    for row, own in zip(active, speakers, strict=True):
        for segment in own:
            row[(times > segment.start) & (times < segment.end)] = 1.0
    return active


def figures(tallies: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """Every figure over some clips; None where there is nothing to divide by."""
    total = {column: sum(row[column] for row in tallies) for column in _columns()}
    result: dict[str, float | None] = {count: int(total[count]) for count in COUNTS}
    for figure, (part, whole) in FIGURES.items():
        result[figure] = total[part] / total[whole] if total[whole] else None
    return result | {column: total[column] for column in SUMS}


def intervals(
    tallies: Sequence[Mapping[str, float]], groups: Sequence[str], seed: int = 0
) -> dict[str, tuple[float, float] | None]:
    """95 % percentile bootstrap intervals of each ratio, drawing whole groups (one group a clip: over clips)."""
    names = sorted(set(groups))
    columns = _columns()
    sums = np.zeros((len(names), len(columns)))
    index = {name: row for row, name in enumerate(names)}
    for row, group in zip(tallies, groups, strict=True):
        sums[index[group]] += [row[column] for column in columns]
    draws = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    drawn = dict(zip(columns, (draws @ sums).T, strict=True))
    return {figure: _interval(drawn[part], drawn[whole]) for figure, (part, whole) in FIGURES.items()}


def _interval(parts: Floats, wholes: Floats) -> tuple[float, float] | None:
    countable = wholes > 0
    if not countable.any():
        return None
    low, high = np.percentile(parts[countable] / wholes[countable], [2.5, 97.5])
    return float(low), float(high)


def _columns() -> tuple[str, ...]:
    return tuple(dict.fromkeys([*COUNTS, *SUMS, *(column for pair in FIGURES.values() for column in pair)]))
