"""Chooses what the speaker evidence is worth: the weights of ``find/speakers/confidence.py``, and figures for choosing
the operating points. It sees only voices, rooms and noises that training held out, mixed anew; no evaluation corpus.

    python -m stream.evaluate.calibration CORPORA ROOMS [--model DIRECTORY] [--write]

ROOMS is the folder of simulated rooms that training made (``rooms`` in its output folder). With --write the weights go
into ``confidence.json``, shifted so that as many clips reach the ``confidence_min`` of ``policy.py`` as YIELDS says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from scipy.optimize import minimize  # type: ignore[import-untyped]  # comes without stubs

from stream.clip import SAMPLE_RATE_HZ, Segment, Transcript, Turn, WakeWord, Word
from stream.evaluate.corpus import Truth
from stream.evaluate.scoring import Prediction, figures, tally
from stream.find.speakers import confidence
from stream.find.speakers.builtin import BuiltinFinder
from stream.find.speakers.frames import MAIN_LABEL, Flags, Frames, runs, surely_main, tells_words, turns
from stream.policy import OPERATING_POINTS, OperatingPoint
from stream.segments import own_and_others, seconds, subtract, widen
from stream.train.batches import load_stock
from stream.train.mixtures import Mixture, make_mixture

WEIGHTS_FILE = Path(confidence.__file__).with_name("confidence.json")
FLAG_S = 0.01  # a mixture's flags are per 10 ms
CLIP_S = (3.0, 20.0)
PATTERN_SHARES = {  # of a household; training has more of what is hard
    "after": 0.11,
    "before": 0.10,
    "both": 0.11,
    "overlap": 0.14,
    "tv": 0.16,
    "nobody": 0.08,
    "conversation": 0.05,
    "accident": 0.25,
}
LEAK_SHARE_MAX = 0.02  # a clip is good when no more of its bystanders' speech is audible
LEAK_S_MAX = 0.1  # or no more than this
KEPT_SHARE_MIN = 0.85  # and at least this of its main speaker's
RIDGE = 3.0
FOLDS = 5
SHOWN_QUANTILES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Heard:
    """A held-out clip and what the model hears in it."""

    truth: Truth
    wake_word: WakeWord | None
    transcript: Transcript | None = field(repr=False)
    frames: Frames


def hear_held_out(corpora: Path, rooms: Path, finder: BuiltinFinder, count: int, seed: int) -> list[Heard]:
    """``count`` mixtures of held-out material and the frames of each."""
    stock = load_stock(corpora, rooms, held_out=True)
    clips = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        pattern = str(rng.choice(list(PATTERN_SHARES), p=list(PATTERN_SHARES.values())))
        mixture = make_mixture(rng, stock, round(float(np.clip(rng.gamma(5.0, 1.9), *CLIP_S)), 2), pattern)
        truth, wake_word, transcript = _told(mixture, str(number))
        clips.append(Heard(truth, wake_word, transcript, finder.listen(mixture.audio, wake_word, transcript)))
    return clips


def _told(mixture: Mixture, clip_id: str) -> tuple[Truth, WakeWord | None, Transcript | None]:
    """Truth, and what the device would say, of a mixture."""
    spoken = tuple(
        Turn(segment, MAIN_LABEL if row == 0 else f"b{row}")
        for row, active in enumerate(mixture.active)
        for segment in _segments(active)
    )
    wake, words = _segments(mixture.wake), [] if mixture.words is None else _segments(mixture.words)
    truth = Truth(
        clip_id=clip_id,
        collection="held-out",
        duration=len(mixture.audio) / SAMPLE_RATE_HZ,
        turns=tuple(sorted(spoken)),
        main=MAIN_LABEL if mixture.addressed else None,
        identifiers=(),
        conditions={},
        group=clip_id,
    )
    transcript = Transcript(tuple(Word("", segment) for segment in words)) if words else None
    return truth, WakeWord(wake[0]) if wake else None, transcript


def _segments(flags: Flags) -> list[Segment]:
    return [Segment(start * FLAG_S, end * FLAG_S) for start, end in runs(flags)]


# ------------------------------------------------------------------ what a point would do
def signs_of(clips: Sequence[Heard], kept: Sequence[Flags]) -> Floats:
    """(clip, sign), in the order of SIGNS."""
    rows = [
        list(confidence.signs(clip.frames, flags, clip.wake_word, clip.transcript).values())
        for clip, flags in zip(clips, kept, strict=True)
    ]
    return np.array(rows)


def predict(clip: Heard, kept: Flags, point: OperatingPoint, sure: float) -> Prediction:
    """What the plan would make of the clip, were it as sure as ``sure``."""
    found = turns(clip.frames, kept, clip.truth.duration)
    main, others = own_and_others(found, MAIN_LABEL)
    own = widen(subtract(main, others), -point.keep_margin_s, clip.truth.duration)
    overlap = seconds(main) - seconds(subtract(main, others))
    published = (
        bool(kept.any())
        and sure >= point.confidence_min
        and overlap <= point.overlap_share_max * seconds(main)
        and seconds(own) >= point.kept_seconds_min
    )
    return Prediction(clip.truth.clip_id, published, "", own, found, sure)


def is_good(clip: Heard, kept: Flags, point: OperatingPoint) -> bool:
    """Whether publishing the clip would do no harm and be of use."""
    sums = tally(clip.truth, predict(clip, kept, replace(point, confidence_min=0.0, overlap_share_max=1.0), 1.0))
    leak_max = max(LEAK_S_MAX, LEAK_SHARE_MAX * sums["bystander"])
    return bool(
        sums["main_published"]
        and sums["leaked"] <= leak_max
        and sums["main_kept"] >= KEPT_SHARE_MIN * sums["main_speech"]
    )


# ------------------------------------------------------------------ fitting
def fit(signs: Floats, good: Flags) -> confidence.Weights:
    """Logistic regression with ridge, each weight held to its sign's direction."""
    centre, scale = signs.mean(axis=0), signs.std(axis=0) + 1e-6
    scaled = np.column_stack(((signs - centre) / scale, np.ones(len(signs))))

    def loss(weights: Floats) -> tuple[float, Floats]:
        log_odds = scaled @ weights
        gradient = scaled.T @ (1.0 / (1.0 + np.exp(-log_odds)) - good)
        penalty = np.append(weights[:-1], 0.0)
        value = np.logaddexp(0.0, log_odds).sum() - log_odds[good].sum() + RIDGE / 2 * (penalty**2).sum()
        return float(value), gradient + RIDGE * penalty

    bounds = [{1: (0.0, None), -1: (None, 0.0), 0: (None, None)}[way] for way in confidence.SIGNS.values()]
    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True, bounds=[*bounds, (None, None)], method="L-BFGS-B").x
    raw = found[:-1] / scale
    return confidence.Weights(float(found[-1] - raw @ centre), dict(zip(confidence.SIGNS, raw.tolist(), strict=True)))


def apply(weights: confidence.Weights, signs: Floats) -> Floats:
    """(clip,): the probability by each row of signs."""
    rows = signs.tolist()
    return np.array([weights.probability(dict(zip(confidence.SIGNS, row, strict=True))) for row in rows])


def cross_fit(signs: Floats, labels: Flags, among: Flags) -> Floats:
    """(clip,): each clip's probability by weights that were fitted without it, to the clips ``among`` the others."""
    fold = np.arange(len(labels)) % FOLDS
    found = np.zeros(len(labels))
    for number in range(FOLDS):
        rest = (fold != number) & among
        found[fold == number] = apply(fit(signs[rest], labels[rest]), signs[fold == number])
    return found


# the share of held-out clips with a main speaker that each point publishes, the surest first: of those for which the
# device tells no words, and of those for which it does
YIELDS = {"safe": (0.2, 0.3), "throughput": (0.69, 0.7)}
# how much it counts at each point that what is kept is clean, beside that somebody was addressed
CLEAN_WEIGHTS = {"safe": 0.2, "throughput": 0.04}


@dataclass(frozen=True)
class Calibrated:
    """The judge of one point, shifted so that its ``confidence_min`` gives its yield, and the figures there and all
    along, by weights that were fitted without each clip."""

    judge: confidence.Judge
    chosen: Mapping[str, float | None]
    rows: Sequence[Mapping[str, float | None]]


def calibrate(clips: Sequence[Heard], shares: Mapping[str, tuple[float, float]]) -> dict[str, Calibrated]:
    """The judge for each operating point, which publishes ``shares`` of the clips with a main speaker: of those without
    words, and of those with."""
    spoken_to = np.array([clip.truth.main is not None for clip in clips])
    first = signs_of(clips, [confidence.likely_main(clip.frames) for clip in clips])
    weights, asked = fit(first, spoken_to), cross_fit(first, spoken_to, np.ones(len(clips), np.bool_))
    return {
        name: _calibrate(clips, spoken_to, asked, weights, OPERATING_POINTS[name], of) for name, of in shares.items()
    }


def _calibrate(
    clips: Sequence[Heard],
    spoken_to: Flags,
    asked: Floats,
    addressed: confidence.Weights,
    point: OperatingPoint,
    shares: tuple[float, float],
) -> Calibrated:
    kept = [
        surely_main(clip.frames, point, confidence.log_odds(one), told_words=tells_words(clip.transcript))
        for clip, one in zip(clips, asked.tolist(), strict=True)
    ]
    good = np.array([is_good(clip, flags, point) for clip, flags in zip(clips, kept, strict=True)])
    signs = signs_of(clips, kept)
    weight = CLEAN_WEIGHTS[point.name]
    product = asked * cross_fit(signs, good, spoken_to) ** weight
    told_words = signs[:, list(confidence.SIGNS).index("has_words")] > 0
    shifts = {
        told: confidence.log_odds(point.confidence_min)
        - confidence.log_odds(float(np.quantile(product[spoken_to & (told_words == told)], 1.0 - share)))
        for told, share in zip((False, True), shares, strict=True)
    }
    judge = confidence.Judge(addressed, fit(signs[spoken_to], good[spoken_to]), weight, shifts[False], shifts[True])
    sure = [
        judge.shifted(one, told_words=told) for one, told in zip(product.tolist(), told_words.tolist(), strict=True)
    ]
    outcomes = list(zip(clips, kept, sure, strict=True))
    rows = []
    for level in [*np.quantile(np.array(sure)[spoken_to], SHOWN_QUANTILES).tolist(), point.confidence_min]:
        stricter = replace(point, confidence_min=level)
        rows.append(figures([tally(clip.truth, predict(clip, flags, stricter, own)) for clip, flags, own in outcomes]))
    return Calibrated(judge, rows[-1], rows[:-1])


def write(judges: Mapping[str, confidence.Judge]) -> None:
    """Into the package, rounded: the fifth digit of a weight says nothing."""
    points = {
        name: {
            "clean": _rounded(judge.clean),
            "clean_weight": judge.clean_weight,
            "shift": round(judge.shift, 4),
            "shift_with_words": round(judge.shift_with_words, 4),
        }
        for name, judge in judges.items()
    }
    told = {"addressed": _rounded(next(iter(judges.values())).addressed), "points": points}
    WEIGHTS_FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _rounded(row: confidence.Weights) -> dict[str, Any]:
    weights = {sign: round(weight, 4) for sign, weight in row.weights.items()}
    return {"intercept": round(row.intercept, 4), "weights": weights}


def main() -> None:
    """See the module."""
    options = argparse.ArgumentParser(prog="python -m stream.evaluate.calibration")
    options.add_argument("corpora", type=Path)
    options.add_argument("rooms", type=Path)
    options.add_argument("--model", type=Path)
    options.add_argument("--clips", type=int, default=4000)
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    console = Console()
    finder = BuiltinFinder(OPERATING_POINTS["safe"], chosen.model)
    clips = hear_held_out(chosen.corpora, chosen.rooms, finder, chosen.clips, seed=20_261_122)
    shown = ("bystander_leak", "main_kept_published", "main_kept", "yield", "accidental_published")
    found = calibrate(clips, YIELDS)
    for name, calibrated in found.items():
        console.print(f"{name}: {OPERATING_POINTS[name]}")
        for mark, row in (*(("  ", row) for row in calibrated.rows), ("->", calibrated.chosen)):
            console.print(mark, "  ".join(f"{figure} {row[figure] or 0.0:.3f}" for figure in shown))
    if chosen.write:
        write({name: calibrated.judge for name, calibrated in found.items()})


if __name__ == "__main__":
    main()
