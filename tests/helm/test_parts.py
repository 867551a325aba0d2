"""The parts beside the worker: who they are, how they end, and when they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import VARIANTS, documents, manifests, pod_spec

ALL = VARIANTS["all-parts"]
PARTS = ("worker", "eraser", "auditor", "sweep", "topics")


def test_parts_are_off_by_default() -> None:
    """A default release is workers alone."""
    assert {"worker"} == {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in documents()}


def test_each_part_is_somebody_of_its_own() -> None:
    """Its own account, settings, Kafka user and password."""
    seen = set()
    for part in ("worker", "eraser", "auditor", "sweep", "topics"):
        rendered = manifests(*ALL, part=part)
        (volume,) = [each for each in pod_spec(rendered)["volumes"] if each["name"] == "secrets"]
        passwords = [
            source["secret"]["name"]
            for source in volume["projected"]["sources"]
            if source["secret"]["items"][0]["path"] == "sasl-password"
        ]
        seen.add((pod_spec(rendered)["serviceAccountName"], *passwords))
    assert 5 == len({account for account, _ in seen}) == len({password for _, password in seen})


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


def test_the_auditor_is_asked_how_it_is() -> None:
    """It has the probes of the others, and both kinds of monitors find it."""
    (container,) = pod_spec(manifests(*ALL, part="auditor"))["containers"]
    paths = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert {"/livez", "/readyz"} == paths
    scraped = [*ALL, *VARIANTS["monitoring"]]
    found = {part for part in PARTS if "PodMonitor" in manifests(*scraped, part=part)}
    assert {"worker", "eraser", "auditor"} == found
    services = [*scraped, "--set", "monitoring.scrape=serviceMonitor"]
    assert found == {part for part in PARTS if {"Service", "ServiceMonitor"} <= manifests(*services, part=part).keys()}


def test_one_sweep_at_a_time() -> None:
    """A CronJob at the time of the values that never runs twice at once, and deletes only where it is told to."""
    spec = manifests(*ALL, part="sweep")["CronJob"]["spec"]
    assert ("17 3 * * *", "Etc/UTC", "Forbid") == (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"])
    assert "Never" == spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"]
    arguments = [
        pod_spec(manifests(*ALL, *more, part="sweep"))["containers"][0]["args"]
        for more in ([], ["--set", "sweep.schedule.delete=false,sweep.schedule.olderThan=72h"])
    ]
    assert ["objects", "sweep", "--older-than", "2d", "--delete"] == arguments[0][:-2]
    assert ["objects", "sweep", "--older-than", "72h"] == arguments[1][:-2]


def test_only_who_reaches_the_store_is_known_to_it() -> None:
    """A cloud's identity is for workers, eraser and sweep, and so are the environment and volumes of the values."""
    values = [*ALL, *VARIANTS["cluster"]]
    known = {
        part
        for part in PARTS
        if "cloud.example/identity"
        in manifests(*values, part=part)["ServiceAccount"]["metadata"].get("annotations", {})
    }
    assert {"worker", "eraser", "sweep"} == known
    told = {part for part in PARTS if "NODE_NAME" in {each["name"] for each in containers_env(*values, part=part)}}
    assert known == told


def containers_env(*arguments: str | Path, part: str) -> list[dict[str, Any]]:
    """Variables of a part's container."""
    variables: list[dict[str, Any]] = pod_spec(manifests(*arguments, part=part))["containers"][0].get("env", [])
    return variables


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


@pytest.mark.parametrize("part", ["worker", "eraser", "auditor", "sweep"])
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
