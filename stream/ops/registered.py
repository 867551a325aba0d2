"""What all services' metrics have in common: their names, and a list of what was declared, for docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

PREFIX = "clipveil_"


@dataclass(frozen=True)
class Declared:
    """One metric, by the name that a query uses."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


class Registered:
    """A registry with the process's own metrics, and everything that a subclass declares."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.declared: list[Declared] = []
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._dropped = self._counter("log_keys_dropped", "Keys and events that the log's allow-list dropped.")

    def log_dropped(self, number: int) -> None:
        self._dropped.inc(number)

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self.declared.append(Declared(f"{PREFIX}{name}_total", "counter", labels, meaning))
        return Counter(f"{PREFIX}{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        self.declared.append(Declared(f"{PREFIX}{name}", "gauge", labels, meaning))
        return Gauge(f"{PREFIX}{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Iterable[float], *labels: str) -> Histogram:
        self.declared.append(Declared(f"{PREFIX}{name}", "histogram", labels, meaning))
        return Histogram(f"{PREFIX}{name}", meaning, labels, buckets=tuple(buckets), registry=self.registry)
