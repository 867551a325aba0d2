"""Metrics: what is counted is what was committed, and no label holds content."""

from __future__ import annotations

from dataclasses import replace

from stream.clip import Coordinates, CriticalKind, Effort, Published, Reason, Withheld
from stream.ops.metrics import CRITICAL_OUTCOMES, Metrics
from stream.ports import Partition

PARTITION = Partition("clips.raw", 3)
EFFORT = Effort(8.0, 3.5, {"decode": 0.01, "find/speakers": 0.2}, {"PERSON": 2, "CREDIT_CARD": 1})


def published(effort: Effort = EFFORT) -> Published:
    return Published(Coordinates("clips.raw", 3, 7), "token", 0, b"body", "1", effort)


def withheld(reason: Reason = Reason.NO_CONSENT) -> Withheld:
    return Withheld(Coordinates("clips.raw", 3, 8), reason, "1", effort=Effort(4.0, 2.0))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"clipveil_{name}", labels)


def test_outcomes_are_counted_by_what_became_of_them() -> None:
    """Published and withheld clips, reasons, identifiers by type, seconds in and kept."""
    metrics = Metrics()
    metrics.committed(PARTITION, [published(), published(), withheld(), withheld(Reason.TIMED_OUT)])
    assert 2 == value(metrics, "published_total")
    assert 1 == value(metrics, "withheld_total", reason="no_consent")
    assert 1 == value(metrics, "withheld_total", reason="timed_out")
    assert 4 == value(metrics, "identifiers_total", entity_type="PERSON")
    assert 24.0 == value(metrics, "audio_in_seconds_total")
    assert 7.0 == value(metrics, "audio_kept_seconds_total"), "a withheld clip keeps nothing"
    assert 2 == value(metrics, "stage_seconds_count", stage="find/speakers")
    assert 1 == value(metrics, "commits_total")


def test_critical_content_is_counted_by_kind_and_outcome() -> None:
    """Every kind of a clip counts, every pair is there from the start, and what is no kind has no label."""
    metrics = Metrics()
    pairs = [(kind.value, became) for kind in CriticalKind for became in CRITICAL_OUTCOMES]
    assert {0.0} == {value(metrics, "critical_total", kind=kind, outcome=became) for kind, became in pairs}
    both = replace(published(), critical=("financial", "credentials", "canary"))
    told = replace(withheld(Reason.CRITICAL), critical=("distress",), escalated=True)
    metrics.committed(PARTITION, [both, told, replace(told, escalated=False)])
    counted = {pair for pair in pairs if value(metrics, "critical_total", kind=pair[0], outcome=pair[1]) == 1}
    expected = {("financial", "published"), ("credentials", "published")}
    assert expected | {("distress", "escalated"), ("distress", "withheld")} == counted
    assert b"canary" not in metrics.render()


def test_every_reason_is_there_from_the_start() -> None:
    """A rate over a counter that appears with its first clip would miss that clip."""
    metrics = Metrics()
    assert [0.0] * len(Reason) == [value(metrics, "withheld_total", reason=reason.value) for reason in Reason]


def test_the_worker_is_seen_at_work() -> None:
    """Records in, records held, partitions and lag; a partition that went to others keeps no lag."""
    metrics = Metrics()
    metrics.polled(PARTITION, 5, 1000)
    metrics.holding(5, 1000, 2)
    metrics.lag({PARTITION: 10, Partition("clips.raw", 4): 20})
    metrics.lag({PARTITION: 8})
    metrics.commit_failed(fenced=True)
    assert (5, 1000) == (value(metrics, "records_in_total"), value(metrics, "bytes_in_total"))
    assert (5, 2, 1) == (
        value(metrics, "records_in_flight"),
        value(metrics, "partitions"),
        value(metrics, "rebalances_total"),
    )
    assert 8 == value(metrics, "lag", topic="clips.raw", partition="3")
    assert None is value(metrics, "lag", topic="clips.raw", partition="4")
    assert 1 == value(metrics, "commits_failed_total", kind="fenced")


def test_no_label_holds_what_a_clip_holds() -> None:
    """Stages and identifier types that are none of the known kind become other; a token is in no label."""
    metrics = Metrics()
    said = Effort(1.0, 1.0, {"canary stage": 1.0}, {"canary": 1, "CANARY SAID THIS": 1, "X" * 99: 1})
    metrics.committed(PARTITION, [published(said)])
    text = metrics.render().decode()
    assert "canary" not in text.lower()
    assert "token" not in text
    assert 3 == value(metrics, "identifiers_total", entity_type="OTHER")


def test_identifier_types_are_bounded() -> None:
    """A mistake that makes a type of everything does not grow memory without end."""
    metrics = Metrics()
    for number in range(1000):
        metrics.committed(PARTITION, [published(Effort(identifiers={f"TYPE_{number}": 1}))])
    assert metrics.render().decode().count("clipveil_identifiers_total{") <= 101


def test_processes_are_counted() -> None:
    """Ready processes, and replaced ones by cause."""
    metrics = Metrics()
    metrics.processes_ready(2)
    metrics.process_replaced("timed_out")
    metrics.process_replaced("whatever")
    assert 2 == value(metrics, "inference_processes")
    assert (1, 1) == (
        value(metrics, "inference_replaced_total", cause="timed_out"),
        value(metrics, "inference_replaced_total", cause="died"),
    )


def test_metrics_are_there_from_the_start() -> None:
    """A topic that is followed has its age, its entries and a zero of unreadable records."""
    metrics = Metrics()
    metrics.standing_of("clips.consent", lambda: 1.5, lambda: 7)
    told = metrics.render().decode()
    for line in ("standing_unreadable_total", "standing_age_seconds", "standing_entries"):
        assert f'clipveil_{line}{{topic="clips.consent"}}' in told
