"""The service in a real cgroup, driven towards its memory limit."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ops import cgroups
from tests.ops.memory_service import CLIPS

ROOT = Path(__file__).parents[2]
LIMIT = 450_000_000  # a service with one such process needs some 200 MB; the clips keep 720 MB in all
Run = Callable[[float], "Ended"]


@dataclass(frozen=True)
class Ended:
    """What the service came to."""

    code: int
    kills: int
    told: dict[str, Any]
    log: list[dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the service in a cgroup of its own, which sheds above a share of the limit."""

    def inside(high_share: float) -> Ended:
        try:
            with cgroups.limited(LIMIT) as group:
                command = [sys.executable, "-m", "tests.ops.memory_service", str(tmp_path), str(high_share)]
                enter = functools.partial(cgroups.enter, group)
                done = subprocess.run(
                    command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, preexec_fn=enter
                )
                lines = [json.loads(line) for line in done.stderr.splitlines()]
                return Ended(done.returncode, cgroups.kills(group), json.loads(done.stdout or "{}"), lines)
        except cgroups.NotAllowed as error:
            pytest.skip(f"no cgroup can be made here: {error}")

    return inside


def test_a_service_that_sheds_survives_where_one_that_does_not_loses_clips(run: Run) -> None:
    """Clip after clip makes the inference process grow beyond the limit. With shedding the kernel kills nobody and
    every clip is heard; without, it kills, and clips are withheld for it."""
    shedding = run(0.8)
    assert (0, 0) == (shedding.code, shedding.kills)
    assert {"no_consent": CLIPS} == shedding.told["reasons"]  # what the parts say of a clip that they heard
    assert 0 < shedding.told["shed_s"]
    events = [line["event"] for line in shedding.log]
    assert 2 <= events.count("memory_shedding") == events.count("memory_relieved")
    assert {"memory"} == {line["cause"] for line in shedding.log if line["event"] == "inference_replaced"}

    careless = run(1.0)
    assert 0 < careless.kills
    assert 0 < careless.told["reasons"]["inference_died"]
    assert 0 == careless.code, "the kernel takes the inference process, not the one that talks to Kafka"
