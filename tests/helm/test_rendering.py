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
from tests.helm.chart import CHART, ROOT, VARIANTS, helm, manifests, pod_spec, render
from tests.helm.update import SNAPSHOT

KUBERNETES = ("1.28.0", "1.32.0", "1.37.0")  # the oldest that Chart.yaml allows, one between, the newest known
OPERATOR_CRD = ROOT / ".cache" / "crds" / "podmonitors.json"

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def rendered_pod(variant: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod's specification and its one container."""
    spec = pod_spec(manifests(*VARIANTS[variant]))
    (container,) = spec["containers"]
    return spec, container


def _closed(schema: Any) -> Any:
    """The schema, refusing what it does not name, as `kubectl apply --validate=strict` does."""
    if isinstance(schema, list):
        return [_closed(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    named = closed.get("type") == "object" and "properties" in closed
    return closed | {"additionalProperties": False} if named and "additionalProperties" not in closed else closed


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
    rendered = manifests(*VARIANTS[variant])
    rendered.pop("PodMonitor", None)
    for manifest in rendered.values():
        kubernetes_validate.validate(manifest, version, strict=True)
    assert {"ConfigMap", "Deployment", "ServiceAccount", "PodDisruptionBudget"} <= set(rendered)


def test_strict_validation_sees_a_misspelt_field() -> None:
    """The validation that the tests rely on refuses a field that Kubernetes does not know."""
    deployment = manifests()["Deployment"]
    deployment["spec"]["template"]["spec"]["automountServiceAcountToken"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES[0], strict=True)


def test_valid_for_the_prometheus_operator() -> None:
    """The PodMonitor is valid by the operator's own definition, selects our pods and names a port that they have."""
    definition = json.loads(OPERATOR_CRD.read_text(encoding="utf-8"))
    (version,) = definition["spec"]["versions"]
    rendered = manifests(*VARIANTS["monitoring"])
    monitor = rendered["PodMonitor"]
    body = {key: value for key, value in monitor.items() if key != "metadata"}  # Kubernetes checks that part
    jsonschema.validate(body, _closed(version["schema"]["openAPIV3Schema"]))
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (container,) = pod_spec(rendered)["containers"]
    assert [endpoint["port"]] == [port["name"] for port in container["ports"]]
    labels = rendered["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert "prometheus" == monitor["metadata"]["labels"]["release"]


def test_default_rendering_is_the_one_we_looked_at() -> None:
    """The default rendering is the snapshot; after a change that is meant: `python -m tests.helm.update`."""
    assert SNAPSHOT.read_text(encoding="utf-8") == render()


@each_variant
def test_pods_keep_the_restricted_standard(variant: str) -> None:
    """Pod Security Standard `restricted`, and a root file system that can't be written."""
    spec, container = rendered_pod(variant)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert {"type": "RuntimeDefault"} == spec["securityContext"]["seccompProfile"]
    own = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert own == container["securityContext"]
    allowed = {"configMap", "projected", "emptyDir", "persistentVolumeClaim"}
    assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= allowed
    assert {"hostNetwork", "hostPID", "hostIPC", "initContainers"}.isdisjoint(spec)


@each_variant
def test_only_memory_can_be_written(variant: str) -> None:
    """The one place that a pod can write to is memory: nothing of a clip reaches a disk."""
    spec, container = rendered_pod(variant)
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert {"tmp"} == writable
    assert ["Memory"] == [volume["emptyDir"]["medium"] for volume in spec["volumes"] if "emptyDir" in volume]
    assert ["/tmp"] == [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "tmp"]


@each_variant
def test_pods_have_no_way_into_the_kubernetes_api(variant: str) -> None:
    """No token is mounted, by the pod's word and by the account's."""
    rendered = manifests(*VARIANTS[variant])
    spec = pod_spec(rendered)
    assert spec["automountServiceAccountToken"] is False
    assert rendered["ServiceAccount"]["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == rendered["ServiceAccount"]["metadata"]["name"]


@each_variant
def test_selectors_find_the_pods(variant: str) -> None:
    """Deployment, budget and network policy select the pods, under any release's name."""
    rendered = manifests(*VARIANTS[variant], release="clips-eu")
    pods = rendered["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [rendered[kind]["spec"]["selector"] for kind in ("Deployment", "PodDisruptionBudget")]
    if "NetworkPolicy" in rendered:
        selectors.append(rendered["NetworkPolicy"]["spec"]["podSelector"])
    for selector in selectors:
        assert selector["matchLabels"]
        assert selector["matchLabels"].items() <= pods.items()
    assert "clips-eu-clipveil" == rendered["Deployment"]["metadata"]["name"]


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
