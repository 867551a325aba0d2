"""The parts beside the worker: who they are, how they end, and when they are made."""

from __future__ import annotations

import pytest

from tests.helm.chart import VARIANTS, documents, manifests, pod_spec

ALL = VARIANTS["all-parts"]


def test_parts_are_off_by_default() -> None:
    """A default release is workers alone."""
    assert {"worker"} == {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in documents()}


def test_each_part_is_somebody_of_its_own() -> None:
    """Its own account, settings, Kafka user and password."""
    seen = set()
    for part in ("worker", "eraser", "auditor", "topics"):
        rendered = manifests(*ALL, part=part)
        (volume,) = [each for each in pod_spec(rendered)["volumes"] if each["name"] == "secrets"]
        passwords = [
            source["secret"]["name"]
            for source in volume["projected"]["sources"]
            if source["secret"]["items"][0]["path"] == "sasl-password"
        ]
        seen.add((pod_spec(rendered)["serviceAccountName"], *passwords))
    assert 4 == len({account for account, _ in seen}) == len({password for _, password in seen})


def test_heads_are_kept_and_signed_by_one() -> None:
    """One signer at most, with a volume that outlives the release."""
    spec = manifests(*ALL, part="auditor")["StatefulSet"]["spec"]
    assert 1 == spec["replicas"]
    assert {"whenDeleted": "Retain", "whenScaled": "Retain"} == spec["persistentVolumeClaimRetentionPolicy"]
    (claim,) = spec["volumeClaimTemplates"]
    assert ("5Gi", "retained") == (claim["spec"]["resources"]["requests"]["storage"], claim["spec"]["storageClassName"])


def test_the_eraser_ends_as_gently_as_a_worker() -> None:
    """Between SIGTERM and SIGKILL its longest transaction fits."""
    spec = pod_spec(manifests(*ALL, "--set", "config.kafka.transaction_timeout_s=300", part="eraser"))
    assert spec["terminationGracePeriodSeconds"] > 300 + 20
    (container,) = spec["containers"]
    assert "/readyz" == container["readinessProbe"]["httpGet"]["path"]


def test_topics_are_made_before_anything_else() -> None:
    """Account, settings and network policy of the Job come before it, the Job before the release, all go afterwards."""
    weights = {}
    for kind, manifest in manifests(*ALL, part="topics").items():
        annotations = manifest["metadata"]["annotations"]
        assert "pre-install,pre-upgrade" == annotations["helm.sh/hook"]
        assert "before-hook-creation,hook-succeeded" == annotations["helm.sh/hook-delete-policy"]
        weights[kind] = int(annotations["helm.sh/hook-weight"])
    job = weights.pop("Job")
    assert {"ServiceAccount", "ConfigMap", "NetworkPolicy"} == weights.keys()
    assert job > max(weights.values())


@pytest.mark.parametrize("part", ["worker", "eraser", "auditor"])
def test_no_other_part_is_a_hook(part: str) -> None:
    """What stays with the release is managed with it."""
    for manifest in manifests(*ALL, part=part).values():
        assert "helm.sh/hook" not in manifest["metadata"].get("annotations", {})


def test_what_a_platform_says_of_its_pods_arrives() -> None:
    """Zones, priority, identity, labels, environment and volumes, as the values have them."""
    rendered = manifests(*VARIANTS["cluster"])
    spec = pod_spec(rendered)
    spread = [(each["topologyKey"], each["whenUnsatisfiable"]) for each in spec["topologySpreadConstraints"]]
    assert [("topology.kubernetes.io/zone", "DoNotSchedule"), ("kubernetes.io/hostname", "ScheduleAnyway")] == spread
    assert "voice" == spec["priorityClassName"]
    assert "nodeAffinity" in spec["affinity"]
    assert {"cloud.example/identity": "clipveil"} == rendered["ServiceAccount"]["metadata"]["annotations"]
    assert "voice" == rendered["Deployment"]["spec"]["template"]["metadata"]["labels"]["team"]
    assert "/state" in {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert {"CLIPVEIL_CONSENT__SNAPSHOT_FILE", "NODE_NAME"} == {each["name"] for each in spec["containers"][0]["env"]}
