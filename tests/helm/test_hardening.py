"""Every pod of every part: the restricted standard, nothing but memory to write to, no way into the cluster's API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import VARIANTS, Manifest, documents, pod_template, workloads

each_variant = pytest.mark.parametrize("variant", VARIANTS)

RESTRICTED = {"configMap", "projected", "emptyDir", "persistentVolumeClaim", "ephemeral"}  # of those that it allows
BESIDE = {"model-image": {"image"}}  # newer than the written standard; docs/helm.md says so
WRITABLE = {  # what a container may write to, besides memory
    "clipveil-auditor": {"heads": "the signed heads, which must outlive everything"},
    "cluster": {"state": "of the example's own"},
    "fetch-models": {"models": "models are no secret, and nothing of a clip comes there"},
}


def pods(variant: str) -> list[tuple[Manifest, dict[str, Any]]]:
    """What makes pods, with the specification of each."""
    return [(each, pod_template(each)["spec"]) for each in workloads(*VARIANTS[variant])]


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """All of a pod."""
    return [*spec.get("initContainers", []), *spec["containers"]]


@each_variant
def test_pods_keep_the_restricted_standard(variant: str) -> None:
    """Pod Security Standard `restricted`, and a root file system that can't be written."""
    for _, spec in pods(variant):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert {"type": "RuntimeDefault"} == spec["securityContext"]["seccompProfile"]
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= RESTRICTED | BESIDE.get(variant, set())
        for container in containers(spec):
            confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True}
            assert confined | {"capabilities": {"drop": ["ALL"]}} == container["securityContext"]


@each_variant
def test_only_memory_can_be_written(variant: str) -> None:
    """A pod can write to memory alone, but for what is named above: nothing of a clip reaches a disk."""
    for workload, spec in pods(variant):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert {"medium": "Memory", "sizeLimit": "256Mi"} == volumes["tmp"]["emptyDir"]
        for container in containers(spec):
            mounts = {mount["name"]: mount for mount in container["volumeMounts"] if not mount.get("readOnly")}
            for key in (workload["metadata"]["name"], variant, container["name"]):
                for name in WRITABLE.get(key, {}):
                    mounts.pop(name, None)
            tmp = "fetch-tmp" if container["name"] == "fetch-models" else "tmp"
            assert {"medium": "Memory", "sizeLimit": "256Mi"} == volumes[tmp]["emptyDir"]
            assert {tmp: {"name": tmp, "mountPath": "/tmp"}} == mounts


def test_who_fetches_models_leaves_nothing_but_models() -> None:
    """What its image may write to no other container has, but for the models, to be read and compared: the worker's
    /tmp is its home, and a file there would be a word in the worker."""
    ((_, spec),) = pods("model-fetch")
    fetcher, *others = containers(spec)
    assert "fetch-models" == fetcher["name"]
    written = {mount["name"] for mount in fetcher["volumeMounts"] if not mount.get("readOnly")}
    shared = [mount for other in others for mount in other["volumeMounts"] if mount["name"] in written]
    assert [{"name": "models", "mountPath": "/models", "readOnly": True}] * 2 == shared


@each_variant
def test_pods_have_no_way_into_the_kubernetes_api(variant: str) -> None:
    """No token is mounted, by the pod's word and by that of its account, which no other part has."""
    accounts = {
        each["metadata"]["name"]: each for each in documents(*VARIANTS[variant]) if each["kind"] == "ServiceAccount"
    }
    named = []
    for _, spec in pods(variant):
        assert spec["automountServiceAccountToken"] is False
        assert accounts[spec["serviceAccountName"]]["automountServiceAccountToken"] is False
        named.append(spec["serviceAccountName"])
    assert sorted(accounts) == sorted(named)


@each_variant
def test_a_token_that_is_mounted_is_for_brokers_alone(variant: str) -> None:
    """Where the kubelet brings a token, it is for the audience of the values, and not for long."""
    tokens = []
    for _, spec in pods(variant):
        sources = [each for volume in spec["volumes"] for each in volume.get("projected", {}).get("sources", [])]
        tokens += [each["serviceAccountToken"] for each in sources if "serviceAccountToken" in each]
    expected = {"audience": "https://kafka.example", "expirationSeconds": 3600, "path": "kafka-token"}
    assert ([expected] * 3 if variant == "oauth-service-account" else []) == tokens


@each_variant
def test_selectors_find_their_pods_and_no_others(variant: str) -> None:
    """Workloads, budgets and policies select the pods of their own part alone, under any release's name."""
    rendered = documents(*VARIANTS[variant], release="clips-eu")
    labels = {
        each["metadata"]["name"]: pod_template(each)["metadata"]["labels"]
        for each in workloads(*VARIANTS[variant], release="clips-eu")
    }
    assert all(name.startswith("clips-eu-clipveil") for name in labels)
    selecting = [each for each in rendered if each["kind"] in {"Deployment", "StatefulSet", "PodDisruptionBudget"}]
    found = {(each["kind"], each["metadata"]["name"]): each["spec"]["selector"]["matchLabels"] for each in selecting}
    found |= {
        ("NetworkPolicy", each["metadata"]["name"]): each["spec"]["podSelector"]["matchLabels"]
        for each in rendered
        if each["kind"] == "NetworkPolicy"
    }
    for (_, name), selector in found.items():
        assert [name] == [pods for pods, of in labels.items() if selector.items() <= of.items()]
    if variant != "plaintext":
        assert {name for kind, name in found if kind == "NetworkPolicy"} == set(labels)


@each_variant
def test_every_container_has_its_limits(variant: str) -> None:
    """Memory is limited and asked for in full, so that no node runs short; the worker's cores are never throttled."""
    for _, spec in pods(variant):
        for container in containers(spec):
            resources = container["resources"]
            assert resources["limits"]["memory"] == resources["requests"]["memory"]
            assert "cpu" in resources["requests"]
            assert "cpu" not in resources["limits"]
