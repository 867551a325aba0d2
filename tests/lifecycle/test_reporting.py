"""The report for people."""

from __future__ import annotations

from typing import Any

from stream.lifecycle.reporting import AuditReport

NOON = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000


def row(outcome: str, reason: str | None = None, policy: str = "4", days: int = 0, records: int = 0) -> dict[str, Any]:
    decided_at = NOON + days * 86_400_000
    return {
        "outcome": outcome,
        "reason": reason,
        "policy_version": policy,
        "decided_at": decided_at,
        "records": records,
    }


def test_a_day_tells_what_was_reviewed_withheld_and_taken_back() -> None:
    """Counts, the realised rate of what could have been picked, and requests beside them."""
    report = AuditReport()
    reasons = ["no_consent", "not_sampled", "not_sampled", "cap_reached", "critical"]
    for record in [row("published"), *(row("withheld", r) for r in reasons), row("erased", records=17), row("refused")]:
        report.add(record)
    (day,) = report.days
    assert {
        "day": "2026-09-21",
        "policy_version": "4",
        "inputs": 6,
        "reviewed": 1,
        "withheld": {"cap_reached": 1, "critical": 1, "no_consent": 1, "not_sampled": 2},
        "eligible": 5,
        "picked": 2,
        "sampling_rate": 0.4,
        "erased": 1,
        "recalled": 0,
        "refused": 1,
        "records_taken_back": 17,
    } == day.as_json()


def test_days_and_policies_are_apart_and_in_order() -> None:
    """A change of policy in the middle of a day makes two lines."""
    report = AuditReport()
    for record in [row("published", days=1), row("published", policy="5"), row("published")]:
        report.add(record)
    assert [("2026-09-21", "4"), ("2026-09-21", "5"), ("2026-09-22", "4")] == [
        (day.day, day.policy_version) for day in report.days
    ]


def test_a_day_without_anything_to_pick_from_has_no_rate() -> None:
    """Nothing divided by nothing is not told as none."""
    report = AuditReport()
    report.add(row("withheld", "no_consent"))
    assert report.days[0].as_json()["sampling_rate"] is None
