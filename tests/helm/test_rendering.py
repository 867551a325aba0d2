"""What Helm renders is valid for Kubernetes, hardened, and what we looked at last."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.helm import chart
from tests.helm.chart import CHART, ROOT, VARIANTS, documents, helm, manifests, pod_spec, render
from tests.helm.update import SNAPSHOT

KUBERNETES = ("1.28.0", "1.32.0", "1.37.0")  # the oldest that Chart.yaml allows, one between, the newest known
DEFINITIONS = ROOT / ".cache" / "crds"  # of kinds that Kubernetes itself does not know
CUSTOM = {
    "PodMonitor": "podmonitors.json",
    "ServiceMonitor": "servicemonitors.json",
    "PrometheusRule": "prometheusrules.json",
    "ScaledObject": "scaledobjects.yaml",
}
NEEDS = {"model-image": "1.33.0"}  # variants that older clusters don't have

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def _closed(schema: Any) -> Any:
    """The schema, refusing what it does not name, as `kubectl apply --validate=strict` does."""
    if isinstance(schema, list):
        return [_closed(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    named = closed.get("type") == "object" and "properties" in closed
    return closed | {"additionalProperties": False} if named and "additionalProperties" not in closed else closed


def _known_patterns(schema: Any) -> Any:
    """The schema without patterns that Go's regular expressions know and Python's don't."""
    if isinstance(schema, list):
        return [_known_patterns(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _known_patterns(value) for key, value in schema.items() if key != "pattern" or "(?i)" not in str(value)
    }


@each_variant
def test_lint(variant: str) -> None:
    """Helm's own linter has nothing to warn of."""
    report = helm("lint", "--strict", CHART, *VARIANTS[variant])
    assert "1 chart(s) linted, 0 chart(s) failed" in report
    assert "[WARNING]" not in report


@each_variant
@pytest.mark.parametrize("version", KUBERNETES)
def test_valid_for_kubernetes(variant: str, version: str) -> None:
    """Every manifest is valid by Kubernetes' own schemas, with no field that they don't name."""
    version = max(version, NEEDS.get(variant, ""))
    rendered = [each for each in documents(*VARIANTS[variant]) if each["kind"] not in CUSTOM]
    for manifest in rendered:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert {"ConfigMap", "Deployment", "ServiceAccount", "PodDisruptionBudget"} <= {each["kind"] for each in rendered}


def test_strict_validation_sees_a_misspelt_field() -> None:
    """The validation that the tests rely on refuses a field that Kubernetes does not know."""
    deployment = manifests()["Deployment"]
    deployment["spec"]["template"]["spec"]["automountServiceAcountToken"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES[0], strict=True)


@each_variant
def test_valid_by_their_own_definitions(variant: str) -> None:
    """What Kubernetes does not know is valid by the definitions of the Prometheus operator and of KEDA."""
    for manifest in documents(*VARIANTS[variant]):
        if manifest["kind"] in CUSTOM:
            definition = yaml.safe_load((DEFINITIONS / CUSTOM[manifest["kind"]]).read_text(encoding="utf-8"))
            schema = _known_patterns(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
            assert manifest["apiVersion"].endswith("/" + definition["spec"]["versions"][0]["name"])
            body = {key: value for key, value in manifest.items() if key != "metadata"}  # Kubernetes checks that part
            jsonschema.validate(body, _closed(schema))


def test_some_variant_has_each_custom_kind() -> None:
    """The test above has something to look at."""
    assert set(CUSTOM) <= {each["kind"] for variant in VARIANTS.values() for each in documents(*variant)}


@pytest.mark.parametrize(("variant", "kind"), [("monitoring", "PodMonitor"), ("service-monitor", "ServiceMonitor")])
def test_prometheus_finds_the_pods(variant: str, kind: str) -> None:
    """A monitor selects our pods, or the service before them, and names a port that they have."""
    rendered = manifests(*VARIANTS[variant])
    monitor = rendered[kind]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints" if kind == "PodMonitor" else "endpoints"]
    (container,) = pod_spec(rendered)["containers"]
    assert [endpoint["port"]] == [port["name"] for port in container["ports"]]
    pods = rendered["Deployment"]["spec"]["template"]["metadata"]["labels"]
    found = pods if kind == "PodMonitor" else rendered["Service"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= found.items()
    assert "prometheus" == monitor["metadata"]["labels"]["release"]
    if kind == "ServiceMonitor":
        assert rendered["Service"]["spec"]["selector"].items() <= pods.items()
        assert endpoint["port"] == rendered["Service"]["spec"]["ports"][0]["name"]


def test_default_rendering_is_the_one_we_looked_at() -> None:
    """The default rendering is the snapshot; after a change that is meant: `python -m tests.helm.update`."""
    assert SNAPSHOT.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize(("drain", "transaction"), [(20, 120), (300, 900), (0.5, 1.25)])
def test_pods_are_killed_after_drain_and_transaction(drain: float, transaction: float) -> None:
    """Between SIGTERM and SIGKILL a drain and the longest transaction fit, whatever they are set to."""
    settings = {"worker": {"drain_seconds_max": drain}, "kafka": {"transaction_timeout_s": transaction}}
    grace = pod_spec(manifests("--set-json", f"config={json.dumps(settings)}"))["terminationGracePeriodSeconds"]
    assert grace >= math.ceil(drain) + math.ceil(transaction) + 15
    assert isinstance(grace, int)


def test_probes_ask_the_worker_itself() -> None:
    """Liveness and start ask /livez, readiness /readyz, on the port that the settings file names."""
    rendered = manifests("--set", "config.http.port=9090")
    (container,) = pod_spec(rendered)["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    live, ready = {"path": "/livez", "port": "http"}, {"path": "/readyz", "port": "http"}
    assert {"startup": live, "liveness": live, "readiness": ready} == paths
    assert [{"name": "http", "containerPort": 9090, "protocol": "TCP"}] == container["ports"]
    assert 9090 == yaml.safe_load(rendered["ConfigMap"]["data"]["settings.yaml"])["http"]["port"]


def test_a_slow_start_is_not_killed() -> None:
    """The startup probe lasts longer than loading models and reaching brokers may take."""
    rendered = manifests(
        "--set", "config.engine.start_seconds_max=600", "--set", "config.kafka.connect_seconds_max=120"
    )
    (container,) = pod_spec(rendered)["containers"]
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > 720


def test_other_settings_mean_other_pods() -> None:
    """A change of the settings file changes the pod template, so that pods are replaced; another value does not."""
    before = manifests()["Deployment"]["spec"]["template"]
    assert before != manifests("--set", "config.policy.operating_point=throughput")["Deployment"]["spec"]["template"]
    assert before == manifests("--set", "replicas=5")["Deployment"]["spec"]["template"]


def test_a_core_for_each_process() -> None:
    """The default asks for as many cores as there are inference processes, and puts no CPU limit on them."""
    rendered = manifests()
    (container,) = pod_spec(rendered)["containers"]
    processes = yaml.safe_load(rendered["ConfigMap"]["data"]["settings.yaml"])["engine"]["processes"]
    assert str(processes) == container["resources"]["requests"]["cpu"]
    assert "cpu" not in container["resources"]["limits"]
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


def test_a_digest_goes_before_a_tag() -> None:
    """The image is named by digest where one is given, otherwise by tag, otherwise by the chart's version."""
    digest = "sha256:" + "0" * 64
    images = [
        pod_spec(manifests(*arguments))["containers"][0]["image"]
        for arguments in (["--set", f"image.digest={digest},image.tag=v7"], ["--set", "image.tag=v7"], [])
    ]
    assert [f"clipveil@{digest}", "clipveil:v7", "clipveil:0.1.0"] == images


def test_without_helm_the_tests_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Helm is missing nothing is skipped: the failure names the command that gets it."""
    monkeypatch.setattr(chart, "HELM", tmp_path / "helm")
    with pytest.raises(AssertionError, match=r"bash tests/tools/helm\.sh"):
        helm("version")
