"""The metrics of ``clipveil erase``. No label holds what a record holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from stream.clip import Outcome, Published
from stream.ports import Partition

KINDS = ("erasure", "report")


class RequestMetrics:
    """Everything that is counted of requests; ``meter`` gives each worker its own view of it."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = self._counter("requests", "Requests answered or refused.", "kind", "outcome")
        for kind in KINDS:
            for outcome in ("answered", "refused"):
                self.requests.labels(kind, outcome)
        self.failed = self._counter("request_commits_failed", "Transactions or producers that failed.", "kind")
        self.waiting = self._gauge("requests_in_flight", "Requests that are being worked on.", "kind")
        self.partitions = self._gauge("request_partitions", "Partitions of requests that this process owns.", "kind")
        self.lag = self._gauge("request_lag", "Requests that nobody has begun yet.", "kind")
        self._entries = self._gauge("index_entries", "Published clips that the index knows.")
        self._unreadable = self._gauge("index_unreadable", "Entries of the index that nobody can open.")
        self._dropped = self._counter("log_keys_dropped", "Keys and events that the log's allow-list dropped.")

    def watch_index(self, entries: Callable[[], int], unreadable: Callable[[], int]) -> None:
        """Where the two gauges of the index come from."""
        self._entries.set_function(entries)
        self._unreadable.set_function(unreadable)

    def log_dropped(self, number: int) -> None:
        self._dropped.inc(number)

    def meter(self, kind: str) -> RequestMeter:
        """The ``Meter`` of the worker on requests of one of KINDS."""
        return RequestMeter(self, kind)

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"clipveil_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"clipveil_{name}", meaning, labels, registry=self.registry)


class RequestMeter:
    """ports.Meter of one kind of requests."""

    def __init__(self, metrics: RequestMetrics, kind: str) -> None:
        self._metrics, self._kind = metrics, kind

    def polled(self, partition: Partition, records: int, size_bytes: int) -> None:
        """Counted when they are answered."""

    def committed(self, partition: Partition, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002
        for outcome in outcomes:
            answered = "answered" if isinstance(outcome, Published) else "refused"
            self._metrics.requests.labels(self._kind, answered).inc()

    def commit_failed(self, fenced: bool) -> None:  # noqa: ARG002
        self._metrics.failed.labels(self._kind).inc()

    def holding(self, records: int, size_bytes: int, partitions: int) -> None:  # noqa: ARG002
        self._metrics.waiting.labels(self._kind).set(records)
        self._metrics.partitions.labels(self._kind).set(partitions)

    def records_gone(self, records: int) -> None:
        """The log tells of it."""

    def lag(self, lag: Mapping[Partition, int]) -> None:
        self._metrics.lag.labels(self._kind).set(sum(lag.values()))
