"""The metrics of ``clipveil run``, their names and meaning in one place. No label ever holds what a record holds.

``Metrics`` is the worker's ``Meter`` and the engine's counter of processes; ``render`` is what Prometheus scrapes, and
docs/metrics.md is written from what is declared here, in ``store_metrics``, ``request_metrics`` and ``audit_metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from stream.clip import CriticalKind, Outcome, Published, Reason, Withheld
from stream.lifecycle.realised import Decision, decision
from stream.ops.store_metrics import StoreMetrics
from stream.ports import Partition

CONTENT_TYPE = CONTENT_TYPE_LATEST
STAGES = (
    "decode",
    "find/times",
    "find/speakers",
    "find/words",
    "find/ages",
    "find/doubts",
    "plan",
    "edit",
    "encode",
    "gate",
)
CRITICAL_OUTCOMES = ("published", "withheld", "escalated")
_STAGE_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_CLIP_SECONDS = (0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_TYPES_MAX = 100  # identifier types are a closed list elsewhere; a bound here keeps a mistake from growing memory


class Metrics(StoreMetrics):
    """Everything that is counted of clips."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self._types: set[str] = set()
        self._owned_partitions = 0
        self._make_record_metrics()
        self._make_clip_metrics()
        self._make_machinery_metrics()
        self._make_standing_metrics()
        self._make_memory_metrics()
        self._make_trace_metrics()

    def _make_record_metrics(self) -> None:
        self._records_in = self._counter("records_in", "Records polled, repeats after a rebalance included.")
        self._bytes_in = self._counter("bytes_in", "Bytes of the records polled.")
        self._published = self._counter("published", "Clips published, in committed transactions.")
        self._withheld = self._counter("withheld", "Clips withheld, in committed transactions, by reason.", "reason")
        for reason in Reason:
            self._withheld.labels(reason.value)
        self._picks = self._counter("picks", "Committed records by what the sampler said of them.", "decision")
        for each in Decision:
            self._picks.labels(each.value)
        self._commits = self._counter("commits", "Committed transactions.")
        self._commits_failed = self._counter("commits_failed", "Transactions or producers that failed.", "kind")
        for kind in ("fenced", "failed"):
            self._commits_failed.labels(kind)
        self._in_flight = self._gauge("records_in_flight", "Records polled and not yet committed.")
        self._in_flight_bytes = self._gauge("bytes_in_flight", "Bytes of the records in flight.")
        self._partitions = self._gauge("partitions", "Input partitions that this worker owns.")
        bad = "Records among the last of a partition that can't be read; at a threshold the worker stops."
        self._bad = self._gauge("bad_records", bad, "partition")
        self._gone = self._counter("records_gone", "Records that their topic deleted before anybody read them.")
        self._lag = self._gauge("lag", "Records between our position and the end, by partition.", "topic", "partition")
        self._rebalances = self._counter("rebalances", "Changes of the number of partitions that this worker owns.")

    def _make_clip_metrics(self) -> None:
        self._audio_in = self._counter("audio_in_seconds", "Seconds of audio decoded.")
        self._audio_kept = self._counter("audio_kept_seconds", "Seconds of audio left audible in published clips.")
        self._identifiers = self._counter("identifiers", "Identifiers found, by type.", "entity_type")
        critical = (
            "Clips with critical content, by its kind and by what became of them; one with two kinds counts twice."
        )
        self._critical = self._counter("critical", critical, "kind", "outcome")
        for kind in CriticalKind:
            for became in CRITICAL_OUTCOMES:
                self._critical.labels(kind.value, became)
        self._stages = self._histogram("stage_seconds", "Wall time of a stage of one clip.", _STAGE_SECONDS, "stage")
        for stage in (*STAGES, "other"):
            self._stages.labels(stage)
        self._clips = self._histogram("clip_seconds", "Wall time of one clip, all stages.", _CLIP_SECONDS)

    def _make_machinery_metrics(self) -> None:
        self._processes = self._gauge("inference_processes", "Inference processes that are ready for clips.")
        self._replaced = self._counter("inference_replaced", "Inference processes replaced, by cause.", "cause")
        for cause in ("recycled", "memory", "timed_out", "died"):
            self._replaced.labels(cause)
        stalled = "Since the worker came round and, while it holds records, committed some; at a bound /livez fails."
        self._stalled = self._gauge("stalled_seconds", stalled)

    def _make_standing_metrics(self) -> None:
        unreadable = "Records on consent and recalls that could not be decoded: they count as a no, or a recall."
        self._standing_unreadable = self._counter("standing_unreadable", unreadable, "topic")
        self._standing_age = self._gauge("standing_age_seconds", "Since consent or recalls were surely known.", "topic")
        self._standing_entries = self._gauge("standing_entries", "Accounts, or recalls, that are known.", "topic")

    def _make_memory_metrics(self) -> None:
        self._memory_used = self._gauge("memory_used_bytes", "Memory of the service that nobody can take back.")
        self._memory_limit = self._gauge("memory_limit_bytes", "What it may use; 0 where no limit is known.")
        self._shedding = self._gauge("memory_shedding", "1 while nothing is polled for want of memory.")
        self._shed = self._counter("memory_shed_seconds", "Seconds for which nothing was polled for want of memory.")
        self._tasks = self._gauge("tasks", "Tasks of the event loop.")

    def _make_trace_metrics(self) -> None:
        self._traces = self._counter("traces", "Traces of clips, sent to the collector or lost.", "outcome")
        for outcome in ("sent", "lost"):
            self._traces.labels(outcome)

    # -------------------------------------------------------------- the worker's Meter
    def polled(self, partition: Partition, records: int, size_bytes: int) -> None:  # noqa: ARG002
        self._records_in.inc(records)
        self._bytes_in.inc(size_bytes)

    def committed(self, partition: Partition, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002
        self._commits.inc()
        for outcome in outcomes:
            self._count(outcome)

    def commit_failed(self, fenced: bool) -> None:
        self._commits_failed.labels("fenced" if fenced else "failed").inc()

    def holding(self, records: int, size_bytes: int, partitions: int) -> None:
        if partitions != self._owned_partitions:
            self._rebalances.inc()
        self._owned_partitions = partitions
        self._in_flight.set(records)
        self._in_flight_bytes.set(size_bytes)
        self._partitions.set(partitions)

    def bad(self, partition: Partition, records: int) -> None:
        """How many of the partition's last records can't be read."""
        self._bad.labels(str(partition.number)).set(records)

    def records_gone(self, records: int) -> None:
        self._gone.inc(records)

    def lag(self, lag: Mapping[Partition, int]) -> None:
        self._lag.clear()  # partitions that went to others must not keep their last value
        for partition, records in lag.items():
            self._lag.labels(partition.topic, str(partition.number)).set(records)

    def _count(self, outcome: Outcome) -> None:
        effort = outcome.effort
        self._picks.labels(decision(outcome.reason if isinstance(outcome, Withheld) else None).value).inc()
        match outcome:
            case Published():
                self._published.inc()
                self._audio_kept.inc(effort.kept_seconds)
            case Withheld():
                self._withheld.labels(outcome.reason.value).inc()
        self._count_critical(outcome)
        self._audio_in.inc(effort.audio_seconds)
        for stage, seconds in effort.stage_seconds.items():
            self._stages.labels(stage if stage in STAGES else "other").observe(seconds)
        if effort.stage_seconds:
            self._clips.observe(sum(effort.stage_seconds.values()))
        for entity_type, found in effort.identifiers.items():
            self._identifiers.labels(self._known_type(entity_type)).inc(found)

    def _count_critical(self, outcome: Outcome) -> None:
        became = "published" if isinstance(outcome, Published) else "escalated" if outcome.escalated else "withheld"
        for kind in CriticalKind:
            if kind in outcome.critical:
                self._critical.labels(kind.value, became).inc()

    def _known_type(self, entity_type: str) -> str:
        """The type itself where it looks like one; types are upper case, words of a clip never get here as such."""
        if entity_type in self._types:
            return entity_type
        plausible = entity_type.replace("_", "").isalnum() and entity_type.isupper() and len(entity_type) <= 40
        if not plausible or len(self._types) >= _TYPES_MAX:
            return "OTHER"
        self._types.add(entity_type)
        return entity_type

    # -------------------------------------------------------------- the engine's counter
    def processes_ready(self, number: int) -> None:
        self._processes.set(number)

    def process_replaced(self, cause: str) -> None:
        self._replaced.labels(cause if cause in ("recycled", "memory", "timed_out") else "died").inc()

    # -------------------------------------------------------------- consent and recalls
    def standing_unreadable(self, topic: str, records: int) -> None:
        self._standing_unreadable.labels(topic).inc(records)

    def standing_of(self, topic: str, age_s: Callable[[], float], entries: Callable[[], int]) -> None:
        """Both are asked whenever the metrics are."""
        self._standing_unreadable.labels(topic)
        self._standing_age.labels(topic).set_function(age_s)
        self._standing_entries.labels(topic).set_function(entries)

    # -------------------------------------------------------------- resources
    def memory(self, used: int, limit: int, shedding: bool, shed_s: float) -> None:
        self._memory_used.set(used)
        self._memory_limit.set(limit)
        self._shedding.set(shedding)
        self._shed.inc(shed_s)

    def traces(self, outcome: str, number: int) -> None:
        self._traces.labels("sent" if outcome == "sent" else "lost").inc(number)

    def tasks_of(self, count: Callable[[], int]) -> None:
        """It is asked whenever the metrics are."""
        self._tasks.set_function(count)

    def stalled_of(self, seconds: Callable[[], float]) -> None:
        """It is asked whenever the metrics are."""
        self._stalled.set_function(seconds)
