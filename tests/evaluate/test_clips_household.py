"""The shipped model and rule on the household corpora: what is promised of the safe point holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.commands.evaluate import job_of
from stream.config import Settings
from stream.evaluate.clips import Way, predict
from stream.evaluate.corpus import load_clips
from stream.evaluate.scoring import figures, tally
from stream.inference.parts import build_parts
from stream.policy import SAFE, Policy
from stream.ports import Parts


def make_parts(policy: Policy) -> Parts:
    return build_parts(Settings(), policy)


@pytest.mark.parametrize(("collection", "yield_min"), [("household-dev", 0.15), ("household-dev-words", 0.3)])
def test_safe_leaks_next_to_nothing(corpora: Path, collection: str, yield_min: float) -> None:
    """Of voices and noises that neither training nor calibration heard: at most 2 % of bystanders' speech is audible,
    at least 90 % of the main speaker's, at most 6 % of accidental activations; and some clips are published at all."""
    clips = load_clips(corpora / collection)
    way = Way(make_parts, job_of, Policy(operating_point=SAFE, transcript_required=False))
    predictions = predict(clips, way)
    total = figures([tally(clip.truth, found) for clip, found in zip(clips, predictions, strict=True)])
    assert (total["bystander_leak"] or 0.0) <= 0.02
    assert (total["main_kept_published"] or 0.0) >= 0.9
    assert (total["accidental_published"] or 0.0) <= 0.06
    assert (total["yield"] or 0.0) >= yield_min
