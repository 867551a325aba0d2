"""Hostile input for a minute: every target keeps its promises, and the drivers see one that does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from tests.fuzz import page
from tests.fuzz.campaign import Campaign, Result
from tests.fuzz.chances import inputs
from tests.fuzz.engines import COVERAGE, HYPOTHESIS, at_hand
from tests.fuzz.limits import Limits, forget_peak, memory_peak, timed
from tests.fuzz.targets import MODULES, load, shares

EXAMPLES = {"avro-bytes": 300, "avro-events": 150, "records": 150, "audio": 100, "words": 6, "clip": 10}
FEW = 25
PLANTED = Limits(cpu_s=0.5, still_s=3.0, growth=80 * 2**20)
FOUND = {
    "raises": "Violation planted at _raises",
    "hangs": "stood still for 3 s",
    "burns": "took more than 0.5 s of processor time",
    "slow": "TooLong took more than 0.5 s of processor time",
    "eats": "MemoryError grew by more than it may",
    "dies": "ended with 5",
}


@pytest.mark.parametrize("name", MODULES)
def test_no_input_breaks_a_promise(name: str) -> None:
    """Success or a refusal of the closed list, in no more time and memory than may be, for seeds and for any bytes."""
    target, limits = load(name), Limits()
    draw, seeds = random.Random(1), target.seeds()
    target.run(seeds[0])
    forget_peak()
    before = memory_peak()
    for seed in draw.sample(seeds, min(len(seeds), EXAMPLES.get(name, FEW) // 2)):
        timed(target.run, seed, limits)

    @settings(
        max_examples=EXAMPLES.get(target.name, FEW),
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @example(b"")
    @given(inputs(target))
    def hostile(data: bytes) -> None:
        assert timed(target.run, data, limits)

    hostile()
    assert memory_peak() - before <= limits.growth


def planted(folder: Path, name: str, inputs: int = 2) -> Result:
    """As many inputs of a target that breaks a promise where its input begins with a 7, as its second seed does."""
    campaign = Campaign(f"planted-{name}", HYPOTHESIS, folder, limits=PLANTED, stuck_max=1)
    return campaign.run(inputs, 3_600.0)


@pytest.mark.parametrize("name", FOUND)
def test_the_long_run_sees_what_breaks_a_promise(tmp_path: Path, name: str) -> None:
    """What raises, never ends, works for too long, eats memory or kills is found, with the input that did it."""
    result = planted(tmp_path, name)
    assert any(told.startswith((FOUND[name], FOUND["burns"] if name == "slow" else "-")) for told in result.violations)
    assert b"\7" in {path.read_bytes() for path in tmp_path.glob("violation-*") if path.suffix != ".txt"}


def test_memory_is_that_of_the_child(tmp_path: Path) -> None:
    """A large parent, as whoever runs all tests is one, hides nothing of what its child eats."""
    held = b"\1" * (400 * 2**20)
    assert any(told.startswith(FOUND["eats"]) for told in planted(tmp_path, "eats").violations)
    del held


def test_waiting_for_a_turn_is_no_fault(tmp_path: Path) -> None:
    """An input that takes long by the clock, and little of the processor, keeps its promise: the machine is busy."""
    result = planted(tmp_path, "waits")
    assert (2, {}) == (result.inputs, result.violations)


def test_guided_by_coverage_a_broken_promise_is_found_too(tmp_path: Path) -> None:
    """The other engine's driver counts and finds as well."""
    if COVERAGE not in at_hand():
        pytest.skip("atheris has no wheel for this Python")
    result = Campaign("planted-raises", COVERAGE, tmp_path, limits=PLANTED, stuck_max=1).run(2_000, 3_600.0)
    assert 2_000 <= result.inputs
    assert any(told.startswith(FOUND["raises"]) for told in result.violations)


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """What was done is counted once: whole children, and the last report of one that was killed."""
    campaign = Campaign("key-ring", HYPOTHESIS, tmp_path)
    assert 40 == campaign.run(40, 3_600.0).inputs
    (tmp_path / "report.json").write_text(
        '{"inputs": 7, "outcomes": {"odd": 7}, "violations": {"odd": 1}, "growth_mb": 1, "slowest_s": 0.1}'
    )
    result = campaign.run(60, 3_600.0)
    assert (60, 60, 7, {"odd": 1}) == (
        result.inputs, sum(result.outcomes.values()), result.outcomes["odd"], result.violations
    )  # fmt: skip
    assert 60 == campaign.run(60, 3_600.0).inputs


@pytest.mark.parametrize("engines", [(COVERAGE, HYPOTHESIS), (HYPOTHESIS,)])
def test_the_share_of_a_target_goes_by_its_weight(engines: tuple[str, ...]) -> None:
    """All inputs are given out, and each target gets its part, whoever makes them."""
    given_out = shares(list(MODULES), 1_000_000, engines)
    by_name = {name: sum(given_out.get((name, engine), 0) for engine in engines) for name in MODULES}
    assert set(engines) == {engine for _, engine in given_out}
    assert 1_000_000 <= sum(given_out.values()) == sum(by_name.values()) <= 1_000_000 + len(given_out)
    assert min(by_name.values()) >= 20_000


def test_the_page_tells_what_is_proved(tmp_path: Path) -> None:
    """None in N is a rate below 3/N; what broke a promise, or was cut short, is no proof."""
    told = {"inputs": 300, "outcomes": {"a": 300}, "violations": {}, "seconds": 9.0, "growth_mb": 1, "slowest_s": 0.1}
    whole = {"inputs": 300, "asked": 300, "violations": 0, "seed": 1, "targets": {"words": {HYPOTHESIS: told}}}
    file = tmp_path / "page.md"
    file.write_text(f"a\n{page.BEGIN}\nold\n{page.END}\nb\n")
    page.rewrite(file, whole)
    assert file.read_text().startswith("a\n")
    assert file.read_text().endswith("b\n")
    assert "| words | 0 | 300 | 1 | 0.1 | 1 | 0 | below 1.0e-02 |" in file.read_text()
    assert "failed" not in page.table(whole)
    assert "failed" in page.table(whole | {"asked": 301})
    broken = {"words": {HYPOTHESIS: told | {"violations": {"x": 1}}}}
    assert "not bounded" in page.table(whole | {"violations": 1, "targets": broken})
    assert "failed" in page.table(whole | {"violations": 1, "targets": broken})
