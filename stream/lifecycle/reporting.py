"""What the audit says to people: by day, what was reviewed, what was withheld and why, what was taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stream.lifecycle.realised import Decision, Realised, decision


@dataclass
class Day:
    """One day (UTC, by when it was decided) under one version of the policy."""

    day: str
    policy_version: str
    inputs: int = 0  # clip events: published and withheld
    published: int = 0
    withheld: Counter[str] = field(default_factory=Counter)  # by reason
    requests: Counter[str] = field(default_factory=Counter)  # by what became of them
    taken_back: int = 0  # published records

    @property
    def sampling(self) -> Realised:
        """How many could have been picked, and were."""
        counts = Counter({decision(None): self.published})
        for reason, number in self.withheld.items():
            counts[decision(reason)] += number
        asked = {each.value: counts[each] for each in Decision if each is not Decision.NOT_ASKED}
        return Realised(eligible=sum(asked.values()), **asked)

    def as_json(self) -> dict[str, Any]:
        sampling = self.sampling
        return {
            "day": self.day,
            "policy_version": self.policy_version,
            "inputs": self.inputs,
            "reviewed": self.published,
            "withheld": dict(sorted(self.withheld.items())),
            "eligible": sampling.eligible,
            "picked": sampling.picked,
            "sampling_rate": sampling.rate,
            **{outcome: self.requests[outcome] for outcome in ("erased", "recalled", "refused")},
            "records_taken_back": self.taken_back,
        }


class AuditReport:
    """``add`` audit records in any order, then look at the ``days``."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], Day] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError for what is no audit record."""
        date = datetime.fromtimestamp(record["decided_at"] / 1000, UTC).date().isoformat()
        key = (date, str(record["policy_version"]))
        day = self._days.setdefault(key, Day(*key))
        if record["outcome"] == "published":
            day.published += 1
            day.inputs += 1
        elif record["outcome"] == "withheld":
            day.withheld[str(record["reason"])] += 1
            day.inputs += 1
        else:
            day.requests[str(record["outcome"])] += 1
            day.taken_back += record["records"]

    @property
    def days(self) -> list[Day]:
        return [self._days[key] for key in sorted(self._days)]
