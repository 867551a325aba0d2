"""Hostile input for a minute: every target keeps its promises, and the drivers see one that does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.fuzz import campaign
from tests.fuzz.limits import GROWTH_MAX, resident_peak
from tests.fuzz.targets import MODULES, load, shares

EXAMPLES = {"avro-bytes": 300, "avro-events": 150, "records": 150, "audio": 100, "words": 6, "clip": 10}
FEW = 25


@pytest.mark.parametrize("name", MODULES)
def test_no_input_breaks_a_promise(name: str) -> None:
    """Success or a refusal of the closed list, and no more memory than may be, for seeds and for any bytes."""
    target = load(name)
    draw, seeds = random.Random(1), target.seeds()
    target.run(seeds[0])
    before = resident_peak()
    for seed in draw.sample(seeds, min(len(seeds), EXAMPLES.get(name, FEW) // 2)):
        target.run(seed)
    joined = st.builds(bytes.__add__, st.sampled_from(seeds), st.binary(max_size=120))

    @settings(
        max_examples=EXAMPLES.get(target.name, FEW),
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @example(b"")
    @given(st.one_of(st.binary(max_size=target.length_max), joined))
    def hostile(data: bytes) -> None:
        assert target.run(data)

    hostile()
    assert resident_peak() - before <= GROWTH_MAX


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("planted-raises", "Violation planted at _raises"),
        ("planted-hangs", "took more than 2 s"),
        ("planted-eats", "MemoryError grew by more than it may"),
    ],
)
def test_the_long_run_sees_what_breaks_a_promise(tmp_path: Path, name: str, found: str) -> None:
    """An exception, an input that never ends, and one that eats memory are found, with the input that did it."""
    result = campaign.run(name, 2, 120.0, tmp_path, options=("plain",), input_s_max=2.0, stuck_max=1)
    assert any(told.startswith(found) for told in result.violations), result
    assert b"\7" in {path.read_bytes() for path in tmp_path.glob("violation-*") if path.suffix != ".txt"}


def test_the_share_of_a_target_goes_by_its_weight() -> None:
    """All inputs are given out, and each target gets some."""
    given_out = shares(list(MODULES), 1_000_000)
    assert set(MODULES) == set(given_out)
    assert 1_000_000 <= sum(given_out.values()) <= 1_000_000 + len(given_out)
    assert min(given_out.values()) > 1_000
