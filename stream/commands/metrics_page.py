"""``clipveil config metrics``: docs/metrics.md, written from what the services declare."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from stream.ops.audit_metrics import AuditMetrics
from stream.ops.metrics import Metrics
from stream.ops.registered import Declared, Registered
from stream.ops.request_metrics import RequestMetrics

SERVICES = MappingProxyType(
    {"clipveil run": Metrics, "clipveil erase": RequestMetrics, "clipveil audit sign": AuditMetrics}
)
OPEN_LABELS = MappingProxyType(
    {
        "topic": "name of a topic, from the settings",
        "partition": "number of a partition",
        "entity_type": "type of an identifier, such as `PERSON`; at most 100, then `OTHER`",
    }
)
PROCESS = (  # of the Prometheus client; those about a process are there on Linux alone
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "python_info",
)


def page() -> str:
    """Every metric with its type, labels and meaning, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield "Written by `clipveil config metrics`; don't edit it here."
    yield ""
    yield "`GET /metrics` of each service (`http.host`, `http.port`) in Prometheus' text format. No name and no value"
    yield "of a label comes from what a clip says or whose it is. A histogram `x` is scraped as `x_bucket`, `x_sum` and"
    yield "`x_count`; counters and histograms have an `x_created` too, when they began."
    yield ""
    yield "Of each process, from the Prometheus client, without `clipveil_`:"
    yield ", ".join(f"`{name}`" for name in PROCESS) + "."
    for service, metrics in SERVICES.items():
        yield ""
        yield f"## {service}"
        yield ""
        yield "| Metric | Type | Labels | Meaning |"
        yield "|---|---|---|---|"
        declaring = metrics()
        for each in declaring.declared:
            labels = "; ".join(_label(declaring, each, label) for label in each.labels)
            yield f"| `{each.name}` | {each.kind} | {labels} | {each.meaning} |"
    yield ""


def _label(declaring: Registered, of: Declared, label: str) -> str:
    """Its values where they are a closed list: those are declared from the start, in the order of their list."""
    values = dict.fromkeys(
        sample.labels[label]
        for family in declaring.registry.collect()
        for sample in family.samples
        if label in sample.labels and of.name in (sample.name, f"{family.name}_total", family.name)
    )
    return f"`{label}`: " + (", ".join(f"`{value}`" for value in values) or OPEN_LABELS[label])
