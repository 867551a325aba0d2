"""What a run has to tell, while it goes on and at its end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.judge import TOLD_MAX, Verdict
from tests.faults.world import SHARE

RESTARTS = ("broker ", "leader ")


@dataclass
class Results:
    """Counts of a run so far."""

    scale: dict[str, int]
    seed: int
    faults: dict[str, int] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0.0
    events_per_s: float = 0.0
    checking_s: float = 0.0
    checker_mb: int = 0  # memory, at most
    checked: bool = False

    @property
    def good(self) -> bool:
        return self.checked and self.verdict.good and not self.complaints

    @property
    def sent_twice_max(self) -> int:
        """What a producer may write again where brokers go while it writes: all that is under way, in each world."""
        return SHARE * self.scale["worlds"] * self.of_kind(*RESTARTS)

    def of_kind(self, *kinds: str) -> int:
        """How many faults whose kind begins with one of these."""
        return sum(number for kind, number in self.faults.items() if kind.startswith(kinds))

    def add(self, verdict: Verdict) -> None:
        for name, value in asdict(verdict).items():
            setattr(self.verdict, name, getattr(self.verdict, name) + value)
        del self.verdict.problems[TOLD_MAX:]

    def close(self) -> None:
        """All worlds are checked. Complains where less was done than should have been, or more was sent."""
        of, done = self.scale, self.of_kind
        asked = {
            "kills": (of["kills"], done("kill ")),
            "zombies that the broker refused": (of["zombies"], done("zombies fenced")),
            "restarts of brokers": (of["restarts"], done(*RESTARTS)),
            "faults of the network": (of["network"], done("network ")),
            "rebalances": (of["rebalances"], done("rebalance")),
            "events": (of["events"], self.verdict.inputs),
        }
        for what, (wanted, number) in asked.items():
            if number < wanted:
                self.complaints.append(f"{number:,} {what} instead of {wanted:,}")
        if self.verdict.sent_twice > self.sent_twice_max:
            self.complaints.append(f"the producer sent {self.verdict.sent_twice:,} events twice, and no fault says why")
        self.checked = True

    def told(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {**asdict(self), "good": self.good, "sent_twice_max": self.sent_twice_max}

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(self.told(), indent=1, sort_keys=True) + "\n")
        beside.replace(path)


def summary(results: Results) -> dict[str, Any]:
    """For a terminal."""
    found = asdict(results.verdict)
    spent = {"checking_s": round(results.checking_s), "checker_mb": results.checker_mb}
    return {**found, **spent, "complaints": results.complaints, "faults": dict(sorted(results.faults.items()))}
