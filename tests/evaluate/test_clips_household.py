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
from stream.policy import SAFE, THROUGHPUT, OperatingPoint, Policy
from stream.ports import Parts


def make_parts(policy: Policy) -> Parts:
    return build_parts(Settings(), policy)


def _figures(corpora: Path, collection: str, point: OperatingPoint) -> dict[str, float]:
    clips = load_clips(corpora / collection)
    way = Way(make_parts, job_of, Policy(operating_point=point, transcript_required=False))
    predictions = predict(clips, way)
    total = figures([tally(clip.truth, found) for clip, found in zip(clips, predictions, strict=True)])
    return {name: value or 0.0 for name, value in total.items()}


@pytest.mark.parametrize(("collection", "yield_min"), [("household-dev", 0.2), ("household-dev-words", 0.35)])
def test_safe_leaks_next_to_nothing(corpora: Path, collection: str, yield_min: float) -> None:
    """Of voices and noises that neither training nor calibration heard: at most 2 % of bystanders' speech is audible,
    at least 90 % of the main speaker's, at most 6 % of accidental activations; and enough clips are published."""
    total = _figures(corpora, collection, SAFE)
    assert total["bystander_leak"] <= 0.02
    assert total["main_kept_published"] >= 0.9
    assert total["accidental_published"] <= 0.06
    assert total["yield"] >= yield_min


@pytest.mark.parametrize(
    ("collection", "leak_max", "kept_min"), [("household-dev", 0.08, 0.74), ("household-dev-words", 0.055, 0.8)]
)
def test_throughput_keeps_most_and_leaks_little(
    corpora: Path, collection: str, leak_max: float, kept_min: float
) -> None:
    """Of the same: so much of all main speech is kept, withheld clips counted as lost, and no more is leaked. Of
    accidental activations one in six is published."""
    total = _figures(corpora, collection, THROUGHPUT)
    assert total["bystander_leak"] <= leak_max
    assert total["main_kept"] >= kept_min
    assert total["accidental_published"] <= 0.25
