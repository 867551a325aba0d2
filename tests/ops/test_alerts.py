"""The chart's alerts in a real Prometheus: each fires for what it is for, and is silent a little before that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import VARIANTS, documents
from tests.ops.prometheus import promtool

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "alert_cases.yaml").read_text(encoding="utf-8"))
CASES: dict[str, Any] = TABLE["alerts"]


def rendered() -> dict[str, Any]:
    """What Prometheus' operator would load."""
    (rule,) = [each for each in documents(*VARIANTS["monitoring"]) if each["kind"] == "PrometheusRule"]
    spec: dict[str, Any] = rule["spec"]
    return spec


RULES: dict[str, Any] = {rule["alert"]: rule for group in rendered()["groups"] for rule in group["rules"]}


def number(of: str, case: dict[str, Any], expected: int) -> dict[str, Any]:
    """A test of how many alerts of a name, with the labels of the case, fire at the case's time."""
    chosen = {"alertname": of, "alertstate": "firing"} | case.get("labels", {})
    selected = ",".join(f'{label}="{value}"' for label, value in chosen.items())
    samples = [{"labels": "{}", "value": expected}] if expected else []
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in _series(case).items()],
        "promql_expr_test": [
            {"expr": f"count(ALERTS{{{selected}}})", "eval_time": case["at"], "exp_samples": samples},
        ],
    }


def _series(case: dict[str, Any]) -> dict[str, str]:
    return TABLE["healthy"] | case.get("series", {})


def judged(folder: Path, tests: Sequence[dict[str, Any]]) -> None:
    """By promtool, on the rendered rules. Raises AssertionError with what it says."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rendered()))
    told = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": list(tests)}
    (folder / "tests.yaml").write_text(yaml.safe_dump(told))
    promtool("test", "rules", folder / "tests.yaml")


def test_prometheus_reads_the_rules(tmp_path: Path) -> None:
    """All of them, without a warning."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rendered()))
    assert f"SUCCESS: {len(RULES)} rules found" in promtool("check", "rules", tmp_path / "rules.yaml")


def test_every_alert_has_its_cases() -> None:
    """One for which it fires and one for which it does not; no case is of an alert that is gone."""
    assert [] == sorted(RULES.keys() - CASES.keys())
    assert [] == sorted(CASES.keys() - RULES.keys())
    assert [] == [name for name, of in CASES.items() if not (of["fires"] and of["silent"])]


@pytest.mark.parametrize("name", RULES)
def test_an_alert_fires(name: str, tmp_path: Path) -> None:
    """Once, with the labels that its text names."""
    judged(tmp_path, [number(name, case, 1) for case in CASES[name]["fires"]])
    told = " ".join(RULES[name]["annotations"].values())
    named = set(re.findall(r"\$labels\.(\w+)", told))
    assert [] == [case for case in CASES[name]["fires"] if not named <= case["labels"].keys()]


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_silent_a_little_before(name: str, tmp_path: Path) -> None:
    """Below its threshold, before its time, for what looks alike."""
    judged(tmp_path, [number(name, case, 0) for case in CASES[name]["silent"]])


def test_a_healthy_service_is_silent(tmp_path: Path) -> None:
    """No alert fires, at any time of four hours."""
    times = ["5m", "20m", "60m", "90m", "120m", "180m", "239m"]
    judged(tmp_path, [number(name, {"at": at}, 0) for name in RULES for at in times])


def test_the_judge_judges(tmp_path: Path) -> None:
    """A firing alert that is said to be silent, and a silent one that is said to fire, are told."""
    case = CASES["ClipveilLag"]
    for wrong in (number("ClipveilLag", case["fires"][0], 0), number("ClipveilLag", case["silent"][0], 1)):
        with pytest.raises(AssertionError, match="FAILED"):
            judged(tmp_path, [wrong])
