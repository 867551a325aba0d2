"""How sure a clip's evidence is: every sign counts, and only its own way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from stream.clip import Segment, Transcript, WakeWord, Word
from stream.find.speakers.confidence import (
    POINT_NUMBERS,
    SIGNS,
    Judge,
    Weights,
    _judge,
    addressed,
    confidence,
    shipped_judges,
    signs,
)
from stream.find.speakers.frames import Frames
from stream.policy import OPERATING_POINTS

SILENCE, MAIN, OTHER, BOTH = (1, 0, 0, 0), (0.02, 0.96, 0, 0.02), (0.02, 0.02, 0.96, 0), (0, 0, 0, 1)
WAKE = WakeWord(Segment(0.0, 0.6))
WORDS = Transcript((Word("x", Segment(0.0, 0.5)), Word("y", Segment(0.5, 1.0))))


def _frames(*stretches: tuple[tuple[float, ...], int, float]) -> Frames:
    """Probabilities, frames, and level in dB of each stretch."""
    rows = np.concatenate([np.tile(np.float32(row), (count, 1)) for row, count, _ in stretches])
    levels = np.concatenate([np.full(count, level, np.float32) for _, count, level in stretches])
    return Frames(rows, rows, 2.0, np.linspace(-0.5, 0.5, len(rows), dtype=np.float32), levels)


CLEAR = _frames((MAIN, 50, -20.0), (SILENCE, 50, -60.0), (OTHER, 50, -40.0))
KEPT = np.arange(150) < 50


def test_signs_are_those_worked_out_by_hand() -> None:
    """One second of main at -20 dB, one of silence at -60, one of a bystander at -40."""
    found = signs(CLEAR, KEPT, WAKE, WORDS)
    assert set(found) == set(SIGNS)
    assert found["addressed"] == 2.0
    assert found["distance_kept"] == pytest.approx(CLEAR.distance[:50].mean(), abs=1e-5)
    assert CLEAR.distance[0] < found["distance"] < CLEAR.distance[75]
    assert found["given_up"] == pytest.approx(1.0 / 49.0, rel=1e-3)
    assert found["others"] == pytest.approx(49.0 / 98.0, rel=1e-3)
    assert found["main_in_wake"] == pytest.approx(0.98)
    assert found["words_in_main"] == 1.0
    assert found["louder"] == pytest.approx(2.0, abs=0.01)
    assert found["above_noise"] == pytest.approx(4.0, abs=0.01)
    assert (found["main_unprompted"], found["others_unprompted"]) == (pytest.approx(0.96), pytest.approx(0.02))
    assert (found["weakest_turn"], found["worst_turn"]) == (pytest.approx(0.96), pytest.approx(0.02))
    assert found["kept_long"] == 0.0
    assert (found["has_wake"], found["has_words"]) == (1.0, 1.0)


def test_what_the_device_does_not_say_is_no_sign() -> None:
    """Without wake word and words their signs are zero."""
    found = signs(CLEAR, KEPT, None, None)
    assert [found[name] for name in ("has_wake", "main_in_wake", "has_words", "main_in_words", "words_in_main")] == [
        0
    ] * 5


def test_nothing_kept_is_not_trusted() -> None:
    """Whatever else speaks for it."""
    assert confidence(CLEAR, np.zeros(150, np.bool_), WAKE, WORDS, "safe", 0.9) == 0.0


@pytest.mark.parametrize("point", sorted(OPERATING_POINTS))
def test_shipped_weights_fit_their_signs(point: str) -> None:
    """Of each operating point; none counts against its direction."""
    judge = shipped_judges()[point]
    for row in (judge.addressed, judge.clean):
        assert all(row.weights[name] * way >= 0 for name, way in SIGNS.items())


@pytest.mark.parametrize("weights", [{"given_up": 0.1}, {"addressed": -0.1}, {"louder": -0.1}, {"loud": 0.1}])
def test_weights_against_their_direction_are_refused(weights: dict[str, float]) -> None:
    """By them more of what speaks against a clip would make it surer; nor is a sign known that is none."""
    row = {
        "clean": {"intercept": 0.0, "weights": dict.fromkeys(SIGNS, 0.0) | weights},
        **dict.fromkeys(POINT_NUMBERS, 0),
    }
    with pytest.raises(ValueError, match="do not fit its signs"):
        _judge(Weights(0.0, dict.fromkeys(SIGNS, 0.0)), row)


def test_clips_with_words_have_a_threshold_of_their_own() -> None:
    """What is equally sure counts less, or more, where the device tells words."""
    nothing = Weights(0.0, dict.fromkeys(SIGNS, 0.0))  # one half, whatever is found
    judge = Judge(nothing, nothing, clean_weight=1.0, shift=2.0, shift_with_words=-1.0)
    assert judge.confidence(0.8, signs(CLEAR, KEPT, WAKE, None)) == pytest.approx(1 / (1 + 0.6 / 0.4 * math.exp(-2.0)))
    assert judge.confidence(0.8, signs(CLEAR, KEPT, WAKE, WORDS)) == pytest.approx(1 / (1 + 0.6 / 0.4 * math.exp(1.0)))


@pytest.mark.parametrize("change", [{"shift_with_words": None}, {"shift_without": 0.0}])
def test_numbers_of_another_fit_are_refused(change: dict[str, float | None]) -> None:
    """One that is missing counts as nothing, never as zero: that would publish more than the fit allowed."""
    row = {"clean": {"intercept": 0.0, "weights": dict.fromkeys(SIGNS, 0.0)}, **dict.fromkeys(POINT_NUMBERS, 0.5)}
    changed = {name: value for name, value in (row | change).items() if value is not None}
    nothing = Weights(0.0, dict.fromkeys(SIGNS, 0.0))
    assert _judge(nothing, row).shift_with_words == 0.5
    with pytest.raises(ValueError, match="shift_with_words, and no more"):
        _judge(nothing, changed)


@pytest.mark.parametrize("point", sorted(OPERATING_POINTS))
def test_a_murky_clip_is_trusted_less_than_a_clear_one(point: str) -> None:
    """Overlap, doubt and a clip head that says nobody was addressed."""
    murky = _frames((MAIN, 50, -20.0), (BOTH, 50, -20.0), ((0.25, 0.25, 0.25, 0.25), 50, -22.0))
    clear = confidence(CLEAR, KEPT, WAKE, WORDS, point, 0.9)
    assert 0.0 < confidence(murky, KEPT, WAKE, WORDS, point, 0.9) < clear < 1.0
    assert confidence(CLEAR, KEPT, WAKE, WORDS, point, 0.2) < clear


@pytest.mark.parametrize("point", sorted(OPERATING_POINTS))
def test_who_seems_not_to_be_addressed_is_not(point: str) -> None:
    """A clip head that says nobody was, and no words."""
    assert 0.0 < addressed(replace(CLEAR, clip_log_odds=-3.0), WAKE, None, point) < 0.5
    assert addressed(CLEAR, WAKE, WORDS, point) > addressed(replace(CLEAR, clip_log_odds=-3.0), WAKE, WORDS, point)


def test_an_unknown_point_is_judged_as_the_safe_one() -> None:
    """A point of one's own has no weights."""
    assert confidence(CLEAR, KEPT, None, None, "other", 0.9) == confidence(CLEAR, KEPT, None, None, "safe", 0.9)
