"""Alerts and dashboard: every query names metrics and labels that exist, and every alert has its paragraph."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from stream.clip import Reason
from stream.lifecycle.realised import Decision
from stream.ops.audit_metrics import AuditMetrics
from stream.ops.metrics import Metrics
from stream.ops.request_metrics import RequestMetrics
from tests.helm.chart import CHART, ROOT, VARIANTS, documents

ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = {alert["alert"]: alert["expr"] for alert in ALERTS} | {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
TARGET_LABELS = {"namespace", "pod", "le"}  # those that Prometheus adds, and of buckets


def labels_of_series() -> dict[str, set[str]]:
    """Every series that worker, eraser and signer tell, by name, with the labels that they declare."""
    known: dict[str, set[str]] = {}
    for registry in (Metrics().registry, RequestMetrics().registry, AuditMetrics().registry):
        known |= _declared(registry)
    return known


def _declared(registry: CollectorRegistry) -> dict[str, set[str]]:
    declared = {}
    for collector, names in registry._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        declared |= {name: labels for name in names if not name.endswith("_created")}
        if isinstance(collector, Histogram):
            declared |= {f"{collector._name}_bucket": labels | {"le"}}
    return declared


SERIES = labels_of_series()


@pytest.mark.parametrize("name", QUERIES)
def test_queries_name_what_exists(name: str) -> None:
    """Series, and the labels that are selected by or grouped by, are ones that the service declares."""
    query = QUERIES[name]
    series = set(re.findall(r"\bclipveil_\w+", query))
    assert series
    assert [] == sorted(series - SERIES.keys())
    known = set.union(*(SERIES[each] for each in series)) | TARGET_LABELS
    selected = {label for inside in re.findall(r"\{(.*?)\}", query) for label in re.findall(r"(\w+)\s*=", inside)}
    grouped = {label.strip() for inside in re.findall(r"\bby \((.*?)\)", query) for label in inside.split(",")}
    assert [] == sorted((selected | grouped) - known)


@pytest.mark.parametrize("name", QUERIES)
def test_selected_values_exist(name: str) -> None:
    """Reasons and decisions that a query selects are ones that there are."""
    for label, values in (("reason", {each.value for each in Reason}), ("decision", {each.value for each in Decision})):
        for pattern in re.findall(rf'\b{label}=~?"(.*?)"', QUERIES[name]):
            for alternative in pattern.split("|"):
                assert [value for value in values if re.fullmatch(alternative, value)], alternative


def test_the_names_are_those_that_prometheus_scrapes() -> None:
    """What this file takes for a series is what the text format has: counters with their _total, no others."""
    scraped = {
        sample.name
        for metrics in (Metrics(), RequestMetrics(), AuditMetrics())
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }
    ours = {name for name in scraped if name.startswith("clipveil_") and not name.endswith("_created")}
    assert ours
    assert [] == sorted(ours - SERIES.keys())
    assert "clipveil_published" not in scraped


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_paragraph(alert: dict[str, Any]) -> None:
    """The runbook has a section of the alert's name with something to do in it, and the alert leads there."""
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    text = (ROOT / page).read_text(encoding="utf-8")
    section = text.partition(f"### {alert['alert']}\n")[2].partition("\n### ")[0]
    assert len(section.split()) > 20
    assert alert["alert"].lower() == anchor
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"]["summary"]


def test_the_runbook_has_no_alert_that_is_gone() -> None:
    """Every section is an alert's."""
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert {alert["alert"] for alert in ALERTS} == set(re.findall(r"^### (\w+)$", text, flags=re.MULTILINE))


def test_the_chart_carries_them_as_they_are() -> None:
    """The PrometheusRule has the file's groups, the dashboard's ConfigMap its JSON, word for word."""
    rendered = documents(*VARIANTS["monitoring"])
    (rule,) = [each for each in rendered if each["kind"] == "PrometheusRule"]
    assert ALERTS == rule["spec"]["groups"][0]["rules"]
    (dashboard,) = [each for each in rendered if each["metadata"]["name"].endswith("-dashboard")]
    assert DASHBOARD == json.loads(dashboard["data"]["clipveil.json"])
    assert "1" == dashboard["metadata"]["labels"]["grafana_dashboard"]
