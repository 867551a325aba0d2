"""The network policy: nothing in, and out only to brokers, registry and names."""

from __future__ import annotations

from typing import Any

from tests.helm.chart import VARIANTS, manifests

PARTS = ("worker", "eraser", "auditor", "sweep", "topics")


def policy(*arguments: Any, part: str = "worker") -> dict[str, Any]:
    """Specification of a part's rendered NetworkPolicy."""
    spec: dict[str, Any] = manifests(*arguments, part=part)["NetworkPolicy"]["spec"]
    return spec


def ports(rule: dict[str, Any]) -> list[tuple[str, int]]:
    """Protocols and ports of one rule."""
    return [(port["protocol"], port["port"]) for port in rule["ports"]]


def test_default_deny() -> None:
    """Both directions are under the policy, nothing may come in, and every way out names its ports."""
    spec = policy()
    assert ["Ingress", "Egress"] == spec["policyTypes"]
    assert [] == spec["ingress"]
    assert 3 == len(spec["egress"])
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


def test_the_object_store_is_closed_until_it_is_named() -> None:
    """Workers, eraser and sweep reach it on its port, where the settings name a store; nobody else does."""
    for values in ("networkPolicy.objectStorePorts={9000}", "config.objects.endpoint=http://minio:9000"):
        ways = [*VARIANTS["all-parts"], "--set", values]
        opened = {part for part in PARTS if ("TCP", 9000) in ways_out(*ways, part=part)}
        assert {"worker", "eraser", "sweep"} == opened
    store = policy(*VARIANTS["s3"])["egress"][3]
    assert ([("TCP", 9000)], [{"ipBlock": {"cidr": "10.30.0.0/24"}}]) == (ports(store), store["to"])
    assert ("TCP", 443) in ways_out(*VARIANTS["s3-identity"], part="worker")
    folder = ["--set", "config.objects.output=file:///srv/clips/"]
    assert policy()["egress"] == policy(*folder)["egress"]


def test_the_token_endpoint_is_open_to_all_who_need_tokens() -> None:
    """Its port alone, of its address, to its peers where they are named; where no endpoint is asked there is no way."""
    for part in ("worker", "eraser", "auditor", "topics"):
        (rule,) = [rule for rule in policy(*VARIANTS["oauth"], part=part)["egress"] if ("TCP", 8443) in ports(rule)]
        assert [("TCP", 8443)] == ports(rule)
        assert {"kubernetes.io/metadata.name": "login"} == rule["to"][0]["namespaceSelector"]["matchLabels"]
    at_default = ["--set", "config.kafka.oauth_token_url=https://login.example/token"]
    assert ("TCP", 443) in ways_out(*VARIANTS["oauth"], *at_default, part="topics")
    assert 3 == len(policy(*VARIANTS["oauth-service-account"])["egress"])


def test_each_part_has_the_ways_that_it_needs() -> None:
    """Names and brokers for all; the registry for all but the Job that makes topics; no way in without a scraper."""
    expected = {("UDP", 53), ("TCP", 53), ("TCP", 9093)}
    for part in PARTS:
        registry = set() if part == "topics" else {("TCP", 443)}
        assert expected | registry == set(ways_out(*VARIANTS["all-parts"], part=part))
        assert [] == policy(*VARIANTS["all-parts"], part=part)["ingress"]


def test_nobody_scrapes_what_serves_no_metrics() -> None:
    """The ways in are those of workers, eraser and auditor alone."""
    scraped = [*VARIANTS["all-parts"], *VARIANTS["monitoring"]]
    assert {"worker", "eraser", "auditor"} == {part for part in PARTS if policy(*scraped, part=part)["ingress"]}


def test_further_ways_are_as_narrow_as_they_are_said() -> None:
    """What the values add is there word for word, and has ports."""
    *_, further = policy(*VARIANTS["cluster"])["egress"]
    assert [("TCP", 4318)] == ports(further)
    assert {"kubernetes.io/metadata.name": "tracing"} == further["to"][0]["namespaceSelector"]["matchLabels"]


def test_further_ways_are_for_those_who_have_traces_or_a_store() -> None:
    """Not for who signs the audit, nor for who makes the topics."""
    values = [*VARIANTS["all-parts"], *VARIANTS["cluster"]]
    assert {"worker", "eraser", "sweep"} == {part for part in PARTS if ("TCP", 4318) in ways_out(*values, part=part)}


def ways_out(*arguments: Any, part: str) -> list[tuple[str, int]]:
    """Protocols and ports of all rules of a part."""
    return [port for rule in policy(*arguments, part=part)["egress"] for port in ports(rule)]
