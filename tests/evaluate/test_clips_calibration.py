"""Fitting the confidence, and that calibration judges clips as the plan will."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from stream import plan
from stream.clip import (
    SAMPLE_RATE_HZ,
    Clip,
    ClipEvent,
    Consent,
    Coordinates,
    Evidence,
    InlineAudio,
    Receipt,
    Segment,
    SpeakerEvidence,
    Subject,
    Transcript,
    Turn,
    Word,
    WordEvidence,
)
from stream.evaluate.calibration import Heard, apply, calibrate, cross_fit, fit, is_good, predict
from stream.evaluate.corpus import Truth
from stream.find.speakers.confidence import SIGNS, Judge, likely_main, log_odds, signs
from stream.find.speakers.frames import Frames, surely_main, tells_words, turns
from stream.policy import OPERATING_POINTS, OperatingPoint, Policy

POINT = OperatingPoint("safe", 0.8, 0.1, 0.1, 0.5, 0.5, 0.05, 0.3)
MAIN, OTHER, BOTH, SILENCE = (0.01, 0.99, 0, 0), (0.01, 0, 0.99, 0), (0, 0, 0, 1), (1, 0, 0, 0)


def _heard(*turns_of_truth: tuple[float, float, str], main: str | None = "main") -> Heard:
    """Four seconds; the model hears main 0-1.5, both 1.5-1.7, a bystander 1.7-2.5, nobody after that."""
    rows = np.array([MAIN] * 75 + [BOTH] * 10 + [OTHER] * 40 + [SILENCE] * 75, np.float32)
    spoken = tuple(Turn(Segment(start, end), speaker) for start, end, speaker in turns_of_truth)
    truth = Truth("a", "x", 4.0, spoken, main, (), {}, "a")
    return Heard(truth, None, None, Frames(rows, rows, 1.0, np.zeros(200, np.float32), np.zeros(200, np.float32)))


def test_calibration_keeps_what_the_plan_keeps() -> None:
    """Same frames, same point: the prediction's kept sound is the plan's keep-list."""
    heard = _heard((0.0, 1.7, "main"))
    kept = surely_main(heard.frames, POINT, 0.0, told_words=False)
    receipt = Receipt("x", "1", True)
    evidence = SpeakerEvidence(turns(heard.frames, kept, 4.0), "main", 0.9, receipt)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    event = ClipEvent("e", "c", moment, Subject("a"), "x", "en", Consent(True), None, InlineAudio(b""), ())
    clip = Clip(Coordinates("t", 0, 0), event, np.zeros(4 * SAMPLE_RATE_HZ, np.float32))
    decided = plan.decide(clip, Evidence(evidence, WordEvidence((), receipt)), Policy(operating_point=POINT))
    assert predict(heard, kept, POINT, 0.9).kept == decided.keep
    assert predict(heard, kept, POINT, 0.9).published
    assert not predict(heard, kept, POINT, 0.4).published


@pytest.mark.parametrize(
    ("good", "spoken", "main"),
    [
        (True, [(0.0, 1.5, "main"), (1.7, 2.5, "b1")], "main"),
        (False, [(0.0, 1.0, "main"), (1.0, 2.5, "b1")], "main"),  # half a second leaks
        (False, [(0.0, 1.5, "main"), (2.0, 4.0, "main")], "main"),  # more than half is lost
        (False, [(0.0, 1.5, "b1")], None),  # nobody spoke to the device
    ],
)
def test_a_good_clip_leaks_nothing_and_keeps_the_most(
    good: bool, spoken: list[tuple[float, float, str]], main: str | None
) -> None:
    """The label that the confidence is fitted to."""
    heard = _heard(*spoken, main=main)
    assert is_good(heard, surely_main(heard.frames, POINT, 0.0, told_words=False), POINT) is good


def test_a_sign_never_counts_against_its_direction() -> None:
    """Though the examples say otherwise: there every sign is lower where the clip is good."""
    rng = np.random.default_rng(0)
    good = rng.random(400) < 0.5
    signs = rng.standard_normal((400, len(SIGNS))) - good[:, None]
    weights = fit(signs, good).weights
    assert all(weights[name] * way >= 0 for name, way in SIGNS.items())
    assert weights["given_up"] < 0
    assert weights["addressed"] == 0


def test_telling_signs_are_learnt() -> None:
    """Probabilities by weights that never saw the clip tell good from bad, also for clips outside those fitted to."""
    rng = np.random.default_rng(1)
    among = rng.random(600) < 0.6
    good = rng.random(600) < 0.5
    signs = rng.standard_normal((600, len(SIGNS)))
    signs[:, 0] += 4.0 * good
    sure = cross_fit(signs, good, among)
    assert sure[good].mean() > 0.8 > 0.2 > sure[~good].mean()
    assert sure[good & ~among].mean() > 0.8
    assert apply(fit(signs[among], good[among]), signs) == pytest.approx(sure, abs=0.25)


def test_each_point_publishes_its_share_with_words_and_without() -> None:
    """Though words make a clip surer, as many of either kind are published as are to be."""
    rng = np.random.default_rng(2)
    words = Transcript((Word("x", Segment(0.0, 1.5)),))
    clips = []
    for number in range(240):
        main = "main" if number % 3 else None
        heard = _heard((0.0, 1.5, "main" if main else "b1"), (1.7, 2.5, "b2"), main=main)
        head = float(rng.normal(1.0 if main else -1.0, 1.0))
        told = words if number % 2 else None
        surer = 2.0 if told and main else 0.0
        clips.append(Heard(heard.truth, None, told, replace(heard.frames, clip_log_odds=head + surer)))
    shares = {"safe": (0.25, 0.4), "throughput": (0.7, 0.5)}
    for name, calibrated in calibrate(clips, shares).items():
        point = OPERATING_POINTS[name]
        for kind, share in zip((None, words), shares[name], strict=True):
            addressed = [clip for clip in clips if clip.transcript is kind and clip.truth.main]
            published = [_published(clip, calibrated.judge, point) for clip in addressed]
            assert np.mean(published) == pytest.approx(share, abs=0.08)


def _published(clip: Heard, judge: Judge, point: OperatingPoint) -> bool:
    asked = judge.addressed.probability(signs(clip.frames, likely_main(clip.frames), clip.wake_word, clip.transcript))
    kept = surely_main(clip.frames, point, log_odds(asked), told_words=tells_words(clip.transcript))
    sure = judge.confidence(asked, signs(clip.frames, kept, clip.wake_word, clip.transcript))
    return predict(clip, kept, point, sure).published
