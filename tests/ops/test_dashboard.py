"""The dashboard's queries, asked of a real Prometheus that scraped a worker, an eraser and a signer at work."""

from __future__ import annotations

import asyncio
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import VARIANTS, documents
from tests.ops.prometheus import Prometheus
from tests.ops.watched import Watched, watched

pytestmark = pytest.mark.timeout(900)  # only ends one that hangs, on a machine with much else to do
RIGHTLY_EMPTY: dict[str, str] = {}  # a query -> why it need not answer where all is well


def rendered() -> dict[str, Any]:
    """What Grafana's sidecar would load."""
    (found,) = [each for each in documents(*VARIANTS["monitoring"]) if each["metadata"]["name"].endswith("-dashboard")]
    told: dict[str, Any] = json.loads(found["data"]["clipveil.json"])
    return told


DASHBOARD = rendered()
TARGETS: dict[str, dict[str, Any]] = {
    f"{panel['title']} {target['refId']}": target
    for panel in DASHBOARD["panels"]
    if panel["type"] != "row"
    for target in panel["targets"]
}


def as_asked(expression: str, namespace: str = "voice") -> str:
    """With Grafana's variables filled in."""
    return expression.replace("$namespace", namespace).replace("$__rate_interval", "1m")


@dataclass(frozen=True)
class Seen:
    """What Prometheus answered: by query, and for the variable."""

    answers: dict[str, list[dict[str, Any]]]
    namespaces: list[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(_worked(tmp_path_factory.mktemp("watched")))


async def _worked(folder: Path) -> Seen:
    """Clips of every kind, erasures and reports, until every query answers or nothing more is to be expected."""
    async with watched(folder) as scene:
        await scene.ask()
        for _ in range(40):
            await _some(scene)
            answers = await asyncio.to_thread(_answers, scene.prometheus)
            if all(answers[name] or name in RIGHTLY_EMPTY for name in TARGETS):
                break
            await asyncio.sleep(1.0)
        return Seen(answers, await asyncio.to_thread(_namespaces, scene.prometheus))


async def _some(scene: Watched) -> None:
    for kind in ("published", "identifiers", "no consent", "not decoded"):
        await scene.send(kind)


def _answers(prometheus: Prometheus) -> dict[str, list[dict[str, Any]]]:
    return {name: prometheus.value(as_asked(target["expr"])) for name, target in TARGETS.items()}


def _namespaces(prometheus: Prometheus) -> list[str]:
    (variable,) = [each for each in DASHBOARD["templating"]["list"] if each["name"] == "namespace"]
    asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"])
    assert asked
    return prometheus.label_values(asked[2], asked[1])


@pytest.mark.parametrize("name", TARGETS)
def test_a_query_answers(name: str, seen: Seen) -> None:
    """With numbers; an empty panel tells nobody whether all is well or the query is wrong."""
    series = seen.answers[name]
    assert series or name in RIGHTLY_EMPTY
    values = [float(each["value"][1]) for each in series]
    assert values == [value for value in values if math.isfinite(value) and value >= 0]


@pytest.mark.parametrize("name", TARGETS)
def test_every_line_has_a_name_of_its_own(name: str, seen: Seen) -> None:
    """The legend names labels that the series have, and no two of them look alike."""
    legend = TARGETS[name]["legendFormat"]
    labels = re.findall(r"\{\{\s*(\w+)\s*\}\}", legend)
    names = [tuple(each["metric"].get(label, "") for label in labels) for each in seen.answers[name]]
    assert all(all(part for part in parts) for parts in names), legend
    assert len(names) == len(set(names))


def test_the_namespaces_are_found(seen: Seen) -> None:
    """What the variable is chosen from."""
    assert ["voice"] == seen.namespaces


def test_no_query_is_excused_that_answers(seen: Seen) -> None:
    """The list of those that need not answer is true."""
    assert [] == [name for name in RIGHTLY_EMPTY if seen.answers.get(name)]
    assert [] == sorted(RIGHTLY_EMPTY.keys() - TARGETS.keys())


def test_another_namespace_is_empty(seen: Seen) -> None:
    """Every query keeps to the namespaces that were chosen."""
    assert [] == [name for name, target in TARGETS.items() if "$namespace" not in target["expr"]]
