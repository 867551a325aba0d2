"""The metrics of ``clipveil erase``. No label holds what a record holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry

from stream.clip import Outcome, Published
from stream.ops.registered import Registered
from stream.ports import Partition

KINDS = ("erasure", "report")


class RequestMetrics(Registered):
    """Everything that is counted of requests; ``meter`` gives each worker its own view of it."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self.requests = self._counter("requests", "Requests answered or refused.", "kind", "outcome")
        for kind in KINDS:
            for outcome in ("answered", "refused"):
                self.requests.labels(kind, outcome)
        self.failed = self._counter("request_commits_failed", "Transactions or producers that failed.", "kind")
        self.gone = self._counter(
            "requests_gone", "Requests that their topic deleted before anybody read them.", "kind"
        )
        self.waiting = self._gauge("requests_in_flight", "Requests that are being worked on.", "kind")
        self.partitions = self._gauge("request_partitions", "Partitions of requests that this process owns.", "kind")
        self.lag = self._gauge("request_lag", "Requests that nobody has begun yet.", "kind")
        for each in (self.failed, self.gone, self.waiting, self.partitions, self.lag):
            for kind in KINDS:
                each.labels(kind)
        self._entries = self._gauge("index_entries", "Published clips that the index knows.")
        self._unreadable = self._gauge("index_unreadable", "Entries of the index that nobody can open.")
        stalled = "Since a worker came round and, while it holds requests, answered some; each takes `settle_seconds`."
        self._stalled = self._gauge("request_stalled_seconds", stalled)

    def watch_index(self, entries: Callable[[], int], unreadable: Callable[[], int]) -> None:
        """Where the two gauges of the index come from."""
        self._entries.set_function(entries)
        self._unreadable.set_function(unreadable)

    def stalled_of(self, seconds: Callable[[], float]) -> None:
        """It is asked whenever the metrics are."""
        self._stalled.set_function(seconds)

    def meter(self, kind: str) -> RequestMeter:
        """The ``Meter`` of the worker on requests of one of KINDS."""
        return RequestMeter(self, kind)


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
        self._metrics.gone.labels(self._kind).inc(records)

    def lag(self, lag: Mapping[Partition, int]) -> None:
        self._metrics.lag.labels(self._kind).set(sum(lag.values()))
