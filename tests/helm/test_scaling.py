"""How many workers there are: by hand, by lag or by CPU, and never by two of them."""

from __future__ import annotations

import pytest

from tests.helm.chart import VARIANTS, documents, manifests

SCALERS = {"ScaledObject", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_thing_alone_says_how_many(variant: str) -> None:
    """Either the Deployment has a number, or one scaler is there and the Deployment has none."""
    rendered = documents(*VARIANTS[variant])
    scalers = [each for each in rendered if each["kind"] in SCALERS]
    replicas = manifests(*VARIANTS[variant])["Deployment"]["spec"].get("replicas")
    assert (0, True) == (len(scalers), replicas is not None) or (1, None) == (len(scalers), replicas)


@pytest.mark.parametrize("variant", ["keda", "hpa"])
def test_scalers_find_the_workers_and_take_them_away_slowly(variant: str) -> None:
    """The scaler names the workers' Deployment; one pod goes at a time, and only after calm."""
    rendered = manifests(*VARIANTS[variant])
    (scaler,) = [rendered[kind]["spec"] for kind in SCALERS & rendered.keys()]
    assert rendered["Deployment"]["metadata"]["name"] == scaler["scaleTargetRef"]["name"]
    behavior = scaler.get("behavior") or scaler["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    calm = 900 if variant == "keda" else 600
    policies = [{"type": "Pods", "value": 1, "periodSeconds": calm}]
    assert {"stabilizationWindowSeconds": calm, "policies": policies} == behavior["scaleDown"]


def test_keda_watches_what_the_workers_read() -> None:
    """Cluster, group, topic and protection are the settings'; KEDA's own secret is another one than the workers'."""
    (trigger,) = manifests(*VARIANTS["keda"])["ScaledObject"]["spec"]["triggers"]
    metadata = trigger["metadata"]
    assert ("kafka-0.kafka.svc:9093,kafka-1.kafka.svc:9093", "clipveil", "clips.raw") == (
        metadata["bootstrapServers"],
        metadata["consumerGroup"],
        metadata["topic"],
    )
    assert ("enable", "scram_sha512") == (metadata["tls"], metadata["sasl"])
    assert {"name": "keda-kafka"} == trigger["authenticationRef"]
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["version"] >= "2.1.0", "what KEDA speaks by default Kafka 4 does not answer"


def test_keda_never_takes_the_last_pod() -> None:
    """Consent and quotas are restored at each start: a service that is at nothing would answer late and often."""
    spec = manifests(*VARIANTS["keda"])["ScaledObject"]["spec"]
    assert spec["minReplicaCount"] >= 1
    assert "idleReplicaCount" not in spec


@pytest.mark.parametrize(
    ("mechanism", "keda"),
    [("PLAIN", "plaintext"), ("SCRAM-SHA-256", "scram_sha256"), ("SCRAM-SHA-512", "scram_sha512")],
)
def test_mechanisms_have_kedas_names(mechanism: str, keda: str) -> None:
    """Every mechanism of the settings is one that KEDA knows."""
    rendered = manifests(*VARIANTS["keda"], "--set", f"config.kafka.sasl_mechanism={mechanism}")
    assert keda == rendered["ScaledObject"]["spec"]["triggers"][0]["metadata"]["sasl"]
