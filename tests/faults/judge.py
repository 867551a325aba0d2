"""Whether every input has exactly one outcome, told the same by every topic, in order; fed record by record."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stream.lifecycle.verifying import ChainCheck
from tests.faults.events import HOUR_MS, Wish, wish

TOLD_MAX = 50  # problems of a run, in words


class Seen(NamedTuple):
    """A record of an output topic, as bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0


class Place(NamedTuple):
    """Of an input."""

    partition: int
    offset: int


@dataclass
class Verdict:
    """What was found. ``broken`` counts everything that should not be and is none of the others."""

    inputs: int = 0
    published: int = 0
    withheld: int = 0
    lost: int = 0
    twice: int = 0
    out_of_order: int = 0
    leaked: int = 0
    broken: int = 0
    sent_twice: int = 0  # events that their producer wrote twice; no fault of the service
    uncommitted: int = 0  # records that were written and taken back: what the faults hit
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.twice or self.out_of_order or self.leaked or self.broken)

    def tell(self, what: str, problem: str, number: int = 1) -> None:
        setattr(self, what, getattr(self, what) + number)
        if len(self.problems) < TOLD_MAX:
            self.problems.append(f"{what}: {problem}")


class Judge:
    """Feed it all inputs, then the audit, then all else, then ``close`` it. All but the inputs are read_committed."""

    def __init__(self, group: str, raw: str, began_ms: int, expected: Callable[[int], Wish | None] = wish) -> None:
        self.verdict = Verdict()
        self._group, self._raw, self._began_ms = group, raw, began_ms
        self._expected = expected  # None of an event that the real models decide about
        self._numbers: dict[int, list[int]] = {}  # by partition, one an offset
        self._chains: dict[int, ChainCheck] = {}
        self._audited: dict[int, bytearray] = {}  # by partition, how often an offset is told of
        self._digests: dict[bytes, list[Place]] = {}  # of what the audit says was published, until it is found
        self._sent: set[int] = set()
        self._reasons: dict[Place, str] = {}  # of what the audit says was withheld, until it is found
        self._escalated: Counter[Place] = Counter()
        self._last: dict[tuple[Any, ...], int] = {}
        self._tokens: Counter[bytes] = Counter()

    # -------------------------------------------------------------- inputs and the audit
    def input(self, partition: int, offset: int, number: int) -> None:
        numbers = self._numbers.setdefault(partition, [])
        while len(numbers) < offset:  # no record of ours is transactional: there is no gap
            numbers.append(-1)
            self.verdict.tell("broken", f"the input lacks {partition}/{len(numbers) - 1}")
        numbers.append(number)
        self._audited.setdefault(partition, bytearray()).append(0)
        self.verdict.inputs += 1
        self.verdict.sent_twice += number in self._sent
        self._sent.add(number)

    def audit(self, partition: int, row: Mapping[str, Any]) -> None:
        at = Place(row["partition"], row["offset"])
        self._links(partition, row)
        counts = self._audited.get(at.partition, bytearray())
        if partition != at.partition or row["topic"] != self._raw or at.offset >= len(counts):
            self.verdict.tell("broken", f"the audit tells of {at}, which is no input")
            return
        if counts[at.offset]:
            self.verdict.tell("twice", f"{at} in the audit")
        counts[at.offset] = min(counts[at.offset] + 1, 255)
        self._ordered("audit", at)
        expected = self._expected(self._numbers[at.partition][at.offset])
        if row["outcome"] == "published":
            self.verdict.published += 1
            self._digests.setdefault(bytes.fromhex(row["published_sha256"]), []).append(at)
        else:
            self.verdict.withheld += 1
            self._reasons[at] = row["reason"]
        if expected is not None and (row["reason"] or "publish") != expected:
            self.verdict.tell("broken", f"{at} became {row['reason'] or 'published'}, and should be {expected}")

    def _links(self, partition: int, row: Mapping[str, Any]) -> None:
        chain = self._chains.setdefault(partition, ChainCheck(f"{self._group}/{partition}"))
        if chain.problem is None and not chain.add(row):
            self.verdict.tell("broken", f"the audit's chain: {chain.problem}")

    # -------------------------------------------------------------- what was written beside it
    def published(self, record: Seen) -> None:
        digest = hashlib.sha256(record.value or b"").digest()
        places = self._digests.get(digest)
        if places is None:
            self.verdict.tell("broken", f"published {record.partition}/{record.offset}, of which no audit tells")
            return
        self._tokens[record.key or b""] += 1
        if not places:
            self.verdict.tell("twice", f"published {record.partition}/{record.offset}, of which the audit tells once")
            return
        at = places.pop(0)  # an event that was sent twice is two inputs, which end in the same bytes
        self._ordered("published", at, record.partition)
        self._coarse(record)
        if record.headers:
            self.verdict.tell("broken", "a published record has headers")

    def index(self, record: Seen) -> None:
        self._tokens[record.key or b""] -= 1
        self._coarse(record)

    def withheld(self, row: Mapping[str, Any]) -> None:
        at = Place(row["partition"], row["offset"])
        reason = self._reasons.get(at)
        if reason == "":
            self.verdict.tell("twice", f"{at} withheld")
        elif reason != row["reason"] or row["topic"] != self._raw:
            self.verdict.tell("broken", f"{at} was withheld for {row['reason']}; the audit says {reason}")
        self._reasons[at] = ""
        self._ordered("withheld", at)

    def escalation(self, row: Mapping[str, Any]) -> None:
        self._escalated[Place(row["partition"], row["offset"])] += 1

    def _ordered(self, what: str, at: Place, lane: int = 0) -> None:
        here = (what, at.partition, lane)
        if at.offset < self._last.get(here, -1):
            self.verdict.tell("out_of_order", f"{at} in {what}, after {self._last[here]}")
        self._last[here] = at.offset

    def _coarse(self, record: Seen) -> None:
        """The time of a recording is told by the hour."""
        if record.timestamp_ms % HOUR_MS:
            self.verdict.tell("leaked", f"the exact time of a recording, on {record.topic}")

    def of_now(self, record: Seen) -> None:
        """The time of a record that is of no recording is that at which it was written."""
        if record.timestamp_ms < self._began_ms:
            self.verdict.tell("leaked", f"the time of a recording, on {record.topic}")

    # -------------------------------------------------------------- the end
    def close(self, committed: Mapping[int, int]) -> Verdict:
        """``committed`` are the group's offsets at the end, by partition."""
        for partition, counts in self._audited.items():
            lost = [offset for offset, count in enumerate(counts) if not count]
            if lost:
                self.verdict.tell("lost", f"{len(lost)} of partition {partition}, the first {lost[0]}", len(lost))
        missing = sum(map(len, self._digests.values()))
        if missing:
            self.verdict.tell("lost", f"{missing} that the audit says were published", missing)
        unheld = sum(bool(reason) for reason in self._reasons.values())
        if unheld:
            self.verdict.tell("lost", f"{unheld} that the audit says were withheld", unheld)
        if odd := sum(bool(number) for number in self._tokens.values()):
            self.verdict.tell("broken", f"{odd} tokens are not in the index just as often as they were published")
        self._close_escalations()
        ends = {partition: len(numbers) for partition, numbers in self._numbers.items()}
        if ends != dict(committed):
            self.verdict.tell("broken", f"the group's offsets are {dict(committed)}, the input ends at {ends}")
        return self.verdict

    def _close_escalations(self) -> None:
        expected = Counter(
            Place(partition, offset)
            for partition, numbers in self._numbers.items()
            for offset, number in enumerate(numbers)
            if number >= 0 and self._expected(number) is Wish.ESCALATE
        )
        if self._expected is wish and expected != self._escalated:
            more, fewer = self._escalated - expected, expected - self._escalated
            self.verdict.tell("broken", f"escalations: {more.total()} too many, {fewer.total()} missing")
