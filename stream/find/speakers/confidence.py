"""How sure the built-in model's evidence is, from everything that speaks for it or against it. Pure.

Two things must hold: somebody spoke to the device, and what is kept is theirs alone. Each is a logistic regression on
the same signs, the first on those of a first look at the clip, and the confidence is the product of the first and a
power of the second. A sign may only count one way: more speech that is given up, more entropy or more overlap never
makes a clip surer, and a louder main speaker, or one who covers the wake word and the words, never less sure. The
weights were fitted on held-out voices, rooms and noises (``stream.evaluate.calibration``) and lie in
``confidence.json``; those of what is clean are of one operating point each, since what is kept depends on it. Words
make a clip look surer, whether the device was meant or heard a television; so those that have some have a threshold of
their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from stream.clip import Segment, Transcript, WakeWord
from stream.find.speakers.frames import BOTH, BYSTANDER, FRAME_S, MAIN, Flags, Floats, Frames, runs, tells_words
from stream.policy import SAFE

# sign -> which way it may count: +1 only for the clip, -1 only against it, 0 either way (that the device says a thing
# at all is no merit of the clip, it only shifts what the sign beside it is worth)
SIGNS: Mapping[str, int] = {
    "addressed": +1,  # the clip head's log-odds
    "distance": -1,  # of whoever is likely the main speaker, the logarithm against 2 m
    "distance_kept": -1,  # and of the second of what is kept that seems nearest
    "given_up": -1,  # share of the main speaker's likely speech that is not kept
    "leaking": -1,  # log of the share of others' likely speech that is
    "entropy": -1,  # of a frame of speech
    "overlap": -1,  # share of speech that is both at once
    "others": -1,  # share of speech that is others'
    "has_wake": 0,
    "main_in_wake": +1,  # probability of the main speaker inside the wake-word window
    "has_words": 0,
    "main_in_words": +1,  # and inside the device's words
    "words_in_main": +1,  # share of what is kept that lies inside words
    "main_unprompted": +1,  # probability of the main speaker alone in what is kept, heard without the device's words
    "others_unprompted": -1,  # and of anybody else there
    "weakest_turn": +1,  # main_unprompted of the kept stretch where it is least
    "worst_turn": -1,  # probability of anybody else in the kept stretch where it is highest
    "kept_long": 0,  # log of the seconds kept
    "louder": +1,  # main above others, tens of dB
    "above_noise": +1,  # main above the clip's quiet parts, tens of dB
    "longer": 0,  # log of the clip's length against 8 s
}
FIRST_LOOK_MIN = 0.5
POINT_NUMBERS = ("clean_weight", "shift", "shift_with_words")  # of each point in confidence.json
UNHEARD_LEVEL_DB = 20.0  # how much louder than nobody a main speaker counts


@dataclass(frozen=True)
class Weights:
    """A logistic regression: log-odds = ``intercept`` + sum of ``weights`` times signs."""

    intercept: float
    weights: Mapping[str, float]

    def probability(self, found: Mapping[str, float]) -> float:
        return _logistic(self.intercept + sum(self.weights[name] * value for name, value in found.items()))


@dataclass(frozen=True)
class Judge:
    """Of one operating point: ``addressed``, that anybody spoke to the device; ``clean``, that what is kept is then all
    theirs and theirs alone, of which the ``clean_weight``-th power counts: all of an accidental activation is leaked,
    but of a clip that is not clean a part; ``shift`` and, where the device tells words, ``shift_with_words``, in
    log-odds, put the product's right threshold at the point's ``confidence_min``."""

    addressed: Weights
    clean: Weights
    clean_weight: float
    shift: float
    shift_with_words: float

    def confidence(self, addressed: float, found: Mapping[str, float]) -> float:
        """``addressed`` as probability, ``found`` the signs of what is kept."""
        product = addressed * self.clean.probability(found) ** self.clean_weight
        return self.shifted(product, told_words=found["has_words"] > 0)

    def shifted(self, product: float, *, told_words: bool) -> float:
        """The confidence for a ``product`` of both probabilities, by the threshold for its kind of clip."""
        return _logistic(log_odds(product) + (self.shift_with_words if told_words else self.shift))


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(30.0, max(-30.0, value))))


def log_odds(probability: float) -> float:
    """Finite at both ends."""
    bounded = min(1.0 - 1e-9, max(1e-9, probability))
    return math.log(bounded / (1.0 - bounded))


@cache
def shipped_judges() -> Mapping[str, Judge]:
    """By operating point. Raises ValueError when their weights are not weights of our signs, each in its direction."""
    text = resources.files("stream.find.speakers").joinpath("confidence.json").read_text(encoding="utf-8")
    told = json.loads(text)
    addressed = _weights(told["addressed"])
    return {name: _judge(addressed, row) for name, row in told["points"].items()}


def _judge(addressed: Weights, row: Mapping[str, Any]) -> Judge:
    if row.keys() != {"clean", *POINT_NUMBERS}:
        raise ValueError(f"the speaker evidence of a point needs clean, {', '.join(POINT_NUMBERS)}, and no more")
    return Judge(addressed, _weights(row["clean"]), **{name: float(row[name]) for name in POINT_NUMBERS})


def _weights(row: Mapping[str, Any]) -> Weights:
    weights = Weights(**row)
    if set(weights.weights) != set(SIGNS) or any(weights.weights[name] * way < 0 for name, way in SIGNS.items()):
        raise ValueError("the weights of the speaker evidence do not fit its signs")
    return weights


def _judge_of(point_name: str) -> Judge:
    judges = shipped_judges()
    return judges.get(point_name, judges[SAFE.name])


def likely_main(frames: Frames) -> Flags:
    """(frame,): the first look, before anything is known of the clip as a whole."""
    return np.asarray(frames.probabilities[:, MAIN] >= FIRST_LOOK_MIN, np.bool_)


def addressed(frames: Frames, wake_word: WakeWord | None, transcript: Transcript | None, point_name: str) -> float:
    """0..1: how sure one may be that anybody spoke to the device."""
    found = signs(frames, likely_main(frames), wake_word, transcript)
    return _judge_of(point_name).addressed.probability(found)


def confidence(
    frames: Frames,
    kept: Flags,
    wake_word: WakeWord | None,
    transcript: Transcript | None,
    point_name: str,
    addressed: float,
) -> float:
    """0..1: how sure one may be of what is kept, (frame,) flags, at an operating point, in a clip in which somebody
    spoke to the device with probability ``addressed``; 0 where nothing is kept."""
    if not kept.any():
        return 0.0
    return _judge_of(point_name).confidence(addressed, signs(frames, kept, wake_word, transcript))


def signs(frames: Frames, kept: Flags, wake_word: WakeWord | None, transcript: Transcript | None) -> dict[str, float]:
    """All of SIGNS for one clip and the frames (frame,) of it that would be kept."""
    p = frames.probabilities
    others, speech = frames.others, float(frames.speech.sum()) + 1e-3
    present = p[:, MAIN] + p[:, BOTH]
    entropy = -(p * np.log(p + 1e-9)).sum(axis=1)
    wake = _inside([wake_word.segment] if wake_word else [], len(p))
    words = _inside([word.segment for word in transcript.words if word.segment] if transcript else [], len(p))
    stretches = runs(kept) or [(0, len(p))]
    main_db = _level(frames, p[:, MAIN] * kept)
    others_db = _level(frames, p[:, BYSTANDER]) if p[:, BYSTANDER].sum() > 10 else main_db - UNHEARD_LEVEL_DB
    return {
        "addressed": float(np.clip(frames.clip_log_odds, -6.0, 6.0)),
        "distance": float((frames.distance * p[:, MAIN]).sum() / (p[:, MAIN].sum() + 1e-3)),
        "distance_kept": _nearest(frames.distance, kept),
        "given_up": float(p[~kept, MAIN].sum() / (p[:, MAIN].sum() + 1e-3)),
        "leaking": math.log((float(others[kept].sum()) + 0.02) / (float(others.sum()) + 1.0)),
        "entropy": float((entropy * frames.speech).sum() / speech),
        "overlap": float(p[:, BOTH].sum() / speech),
        "others": float(others.sum() / speech),
        "has_wake": float(wake.any()),
        "main_in_wake": _mean(present[wake]),
        "has_words": float(tells_words(transcript)),
        "main_in_words": _mean(present[words]),
        "words_in_main": _mean(words[kept]),
        "main_unprompted": _mean(frames.unprompted[kept, MAIN]),
        "others_unprompted": _mean(frames.unprompted[kept, BYSTANDER] + frames.unprompted[kept, BOTH]),
        "weakest_turn": min(_mean(frames.unprompted[first:end, MAIN]) for first, end in stretches),
        "worst_turn": max(_mean(others[first:end]) for first, end in stretches),
        "kept_long": math.log(max(1, int(kept.sum())) * FRAME_S),
        "louder": float(np.clip(main_db - others_db, -10.0, UNHEARD_LEVEL_DB)) / 10.0,
        "above_noise": float(np.clip(main_db - np.percentile(frames.level_db, 10), 0.0, 40.0)) / 10.0,
        "longer": math.log(len(p) * FRAME_S / 8.0),
    }


def _inside(segments: Iterable[Segment], count: int) -> Flags:
    """(frame,): whose middle lies in any of ``segments``."""
    middles = (np.arange(count) + 0.5) * FRAME_S
    flags = np.zeros(count, np.bool_)
    for segment in segments:
        flags |= (middles >= segment.start) & (middles < segment.end)
    return flags


def _nearest(distance: Floats, kept: Flags) -> float:
    """The least mean ``distance`` over a second of what is kept, or over all of it where that is less."""
    values = distance[kept]
    width = min(len(values), round(1.0 / FRAME_S))
    return float(np.convolve(values, np.ones(width) / width, "valid").min()) if width else 0.0


def _mean(values: Floats | Flags) -> float:
    return float(values.mean()) if len(values) else 0.0


def _level(frames: Frames, weights: Floats) -> float:
    """Mean power in dB of the frames, weighted."""
    power = 10.0 ** (frames.level_db.astype(np.float64) / 10.0)
    return 10.0 * math.log10(float((power * weights).sum() / (weights.sum() + 1e-6)) + 1e-10)
