"""The short run under fire, on a real Apache Kafka; ``make faults`` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.report import SEED
from tests.faults.results import summary
from tests.faults.run import Run
from tests.faults.scales import SCALES

OUT = Path(__file__).parents[2] / "out" / "faults"


@pytest.mark.timeout(1500)
async def test_nothing_is_lost_nothing_comes_twice_nothing_leaks(tmp_path: Path) -> None:
    """20,000 events, while workers, brokers and networks fail: every input has one outcome, in order, told the same by
    every topic; every zombie is fenced; no canary is anywhere."""
    scale = SCALES["short"]
    results = await Run(scale, SEED, tmp_path, OUT / "short.json").go()
    assert results.good, summary(results)
    assert scale.events <= results.verdict.inputs
    assert scale.kills <= results.of_kind("kill ")
    assert scale.zombies == results.of_kind("zombie ") == results.faults.get("zombies fenced")
    assert scale.restarts == results.of_kind("broker ", "leader ")
    assert scale.network == results.of_kind("network ")
    assert results.verdict.uncommitted > 0  # some were struck in mid-transaction
