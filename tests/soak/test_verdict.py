"""The judge of the soak: what grows is found, what does not is not accused, and too short a run is neither."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.soak.picture import draw
from tests.soak.sampling import Sample
from tests.soak.verdict import RULES, judge

LEVEL = {
    "parent_rss": 120.0,
    "parent_uss": 80.0,
    "inference_rss": 1000.0,
    "inference_uss": 700.0,
    "parent_descriptors": 25,
    "inference_descriptors": 8,
    "parent_threads": 4,
    "inference_threads": 4,
    "tasks": 97,
}


def run(minutes: float, **per_hour: float) -> list[Sample]:
    """A sample every five seconds: a start that fills caches, noise, and growth of some series; an inference process
    is replaced now and then, and has grown until then."""
    dice = random.Random(7)
    samples = []
    for number in range(int(minutes * 12)):
        seconds = number * 5.0
        values: dict[str, Any] = {}
        for series, level in LEVEL.items():
            grown = per_hour.get(series, 0.0) * seconds / 3600
            if "ss" in series:
                values[series] = level * (1 - 0.1 * 0.5 ** (seconds / 60)) + grown + dice.gauss(0, level * 0.01)
            else:
                values[series] = int(level + grown + dice.choice([0, 0, 0, 1]))
            if series.startswith("inference") and "ss" in series:
                values[series] += (seconds % 400) / 10
        lag, clips = dice.randrange(60, 90), number * 10
        samples.append(Sample(seconds, inference_pid=1, lag=lag, clips=clips, replaced=0, shedding=0, **values))
    return samples


def test_what_does_not_grow_is_flat() -> None:
    """An hour with a warm-up, noise and recycled processes: no series is accused."""
    report = judge(run(60))
    assert {rule.series: "flat" for rule in RULES} == {name: each["verdict"] for name, each in report["series"].items()}
    assert ("flat", 2.0) == (report["verdict"], report["clips_per_s"])


@pytest.mark.parametrize(
    ("series", "per_hour"),
    [
        ("parent_rss", 12.0),
        ("parent_uss", 12.0),
        ("inference_rss", 130.0),
        ("parent_descriptors", 6.0),
        ("tasks", 8.0),
        ("inference_threads", 4.0),
    ],
)
def test_what_grows_is_found(series: str, per_hour: float) -> None:
    """A leak in one series, and in no other, is found within the hour."""
    report = judge(run(60, **{series: per_hour}))
    grown = [name for name, each in report["series"].items() if each["verdict"] == "grows"]
    assert ([series], "grows") == (grown, report["verdict"])


def test_a_run_that_is_too_short_says_so() -> None:
    """Ten minutes decide nothing, whatever they show; no sample at all does not either."""
    assert "undecided" == judge(run(10))["verdict"]
    assert {"undecided"} == {each["verdict"] for each in judge(run(10, tasks=100))["series"].values()}
    assert "undecided" == judge([])["verdict"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda number: {"lag": 0}, "no clip waited"),
        (lambda number: {"shedding": 1}, "it shed load"),
        (lambda number: {"clips": min(number, 400) * 10}, "it slowed down"),
    ],
)
def test_what_does_little_is_not_called_flat(changed: Callable[[int], dict[str, int]], told: str) -> None:
    """An hour without clips to hear, without memory to hear them, or with ever fewer heard, proves nothing."""
    report = judge([replace(sample, **changed(number)) for number, sample in enumerate(run(60))])
    assert ("undecided", [told]) == (report["verdict"], report["not_full_load"])


def test_growth_within_a_process_is_told() -> None:
    """Processes that live for ten minutes each and grow by 60 MiB an hour meanwhile: the hour as a whole is flat."""
    samples = [
        replace(sample, inference_pid=int(sample.seconds // 600), inference_uss=700 + sample.seconds % 600 / 60)
        for sample in run(60)
    ]
    assert 60.0 == judge(samples)["inference_process_grows_mb_per_hour"]


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    """From the samples and the report."""
    samples = run(10)
    draw(samples, judge(samples), tmp_path / "soak.png")
    assert b"\x89PNG" == (tmp_path / "soak.png").read_bytes()[:4]
