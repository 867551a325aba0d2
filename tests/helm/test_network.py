"""The network policy: nothing in, and out only to brokers, registry and names."""

from __future__ import annotations

from typing import Any

from tests.helm.chart import VARIANTS, manifests


def policy(*arguments: Any) -> dict[str, Any]:
    """Specification of the rendered NetworkPolicy."""
    spec: dict[str, Any] = manifests(*arguments)["NetworkPolicy"]["spec"]
    return spec


def ports(rule: dict[str, Any]) -> list[tuple[str, int]]:
    """Protocols and ports of one rule."""
    return [(port["protocol"], port["port"]) for port in rule["ports"]]


def test_default_deny() -> None:
    """Both directions are under the policy, nothing may come in, and every way out names its ports."""
    spec = policy()
    assert ["Ingress", "Egress"] == spec["policyTypes"]
    assert [] == spec["ingress"]
    names, brokers, registry = spec["egress"]
    assert [("UDP", 53), ("TCP", 53)] == ports(names)
    assert "kube-dns" == names["to"][0]["podSelector"]["matchLabels"]["k8s-app"]
    assert [("TCP", 9093)] == ports(brokers)
    assert [("TCP", 8081)] == ports(registry)


def test_the_ports_follow_the_settings() -> None:
    """Brokers' and registry's ports come from the settings: what the pods are told to reach is open, once."""
    servers = r"a:9094\,b:9094\, [2001:db8::1]:9095\,c"
    spec = policy("--set", f"config.kafka.bootstrap_servers={servers}", "--set", "networkPolicy.brokerPorts={9096}")
    assert [("TCP", 9094), ("TCP", 9095), ("TCP", 9092), ("TCP", 9096)] == ports(spec["egress"][1])
    for url, port in {
        "https://r.example": 443,
        "http://r.example/path": 80,
        "https://[2001:db8::2]:8443": 8443,
    }.items():
        assert [("TCP", port)] == ports(policy("--set", f"config.registry.url={url}")["egress"][2])


def test_narrowed_to_peers() -> None:
    """Where brokers and registry are named, no other address is open."""
    _, brokers, registry = policy(*VARIANTS["narrow-network"])["egress"]
    assert [{"ipBlock": {"cidr": "10.20.0.0/24"}}] == brokers["to"]
    assert {"app": "schema-registry"} == registry["to"][0]["podSelector"]["matchLabels"]


def test_only_those_named_may_scrape() -> None:
    """Metrics are open to the peers that are named, on the one port."""
    (rule,) = policy(*VARIANTS["monitoring"])["ingress"]
    assert [("TCP", 8080)] == ports(rule)
    assert {"kubernetes.io/metadata.name": "monitoring"} == rule["from"][0]["namespaceSelector"]["matchLabels"]


def test_off_means_off() -> None:
    """Switched off, there is no policy."""
    assert "NetworkPolicy" not in manifests(*VARIANTS["plaintext"])
