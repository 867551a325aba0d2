"""What a run tells of itself: less than was asked for, or more than its faults explain, is a failure, and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults import run
from tests.faults.report import bound, table
from tests.faults.results import Results
from tests.faults.scales import SCALES
from tests.faults.world import SHARE

DONE = {
    "kill after_send": 9,
    "zombie after_send": 2,
    "zombies fenced": 2,
    "broker killed and started": 1,
    "network cut": 3,
    "rebalance": 1,
}


def good() -> Results:
    """Just what was asked for."""
    results = Results(asdict(SCALES["smoke"]), 1, dict(DONE))
    results.verdict.inputs = 1_000
    return results


def test_what_was_asked_for_was_done() -> None:
    """Nothing to complain of, also where as much was sent twice as may have been under way."""
    results = good()
    results.verdict.sent_twice = SHARE
    results.close()
    assert ([], True) == (results.complaints, results.good)


def fewer(kind: str) -> Callable[[Results], None]:
    def spoil(results: Results) -> None:
        results.faults[kind] -= 1

    return spoil


def fewer_events(results: Results) -> None:
    results.verdict.inputs -= 1


def sent_twice(results: Results) -> None:
    results.verdict.sent_twice = SHARE + 1


@pytest.mark.parametrize(
    "spoil", [*(fewer(kind) for kind in DONE if kind != "zombie after_send"), fewer_events, sent_twice]
)
def test_what_is_missing_or_too_much_is_told(spoil: Callable[[Results], None]) -> None:
    """A zombie that was not refused by name is missing as well."""
    results = good()
    spoil(results)
    results.close()
    assert (1, False) == (len(results.complaints), results.good)


async def test_a_run_that_fails_writes_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was: they say what, and that the run is not good; the page can be made of them."""

    def broken(*_: object) -> None:
        raise OSError("no room | for brokers")

    monkeypatch.setattr(run, "arena", broken)
    results = await run.Run(SCALES["smoke"], 1, tmp_path, tmp_path / "out.json").go()
    assert not results.good
    written = json.loads((tmp_path / "out.json").read_text())
    assert (["the run itself: OSError: no room | for brokers"], False) == (written["complaints"], written["good"])
    assert r"no room \| for brokers" in table(written)
    assert "did not come to its end" in table(written)


def test_bounds_are_given_for_each_kind_of_fault() -> None:
    """None wrong in N is below 3/N; where anything is wrong there is no bound."""
    results = good()
    results.close()
    assert "| 9 | below 3.3e-01 |" in table(results.told())
    assert "| 1,000 | below 3.0e-03 |" in table(results.told())
    results.verdict.twice = 1
    assert "| 9 | not bounded |" in table(results.told())
    assert "This run failed" in table(results.told())
    assert ("not bounded", "not bounded") == (bound(1, 10), bound(0, 0))
