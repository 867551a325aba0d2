"""Whether chains of audit records are what was once written: one pass, record by record, in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stream.lifecycle.chain import digest_of
from stream.lifecycle.heads import Anchor, Anchors
from stream.whose import GENESIS, Head

PUBLISHED: Final = "published"
WITHHELD: Final = "withheld"
REQUESTS: Final = frozenset({"erased", "recalled", "refused"})
_DIGEST: Final = re.compile("[0-9a-f]{64}")
GAPS_MAX: Final = 1_000  # of offsets, remembered for each chain


@dataclass(frozen=True)
class Problem:
    """What does not hold. ``sequence`` is the first record of the chain that is not what it was, as far as can be told:
    it lies between ``since`` and ``sequence``, mostly the same; both 0 where no record is meant."""

    chain: str
    sequence: int
    what: str
    since: int = 0

    def __str__(self) -> str:
        return f"{self.chain}: {self.what}" if self.chain else self.what


@dataclass
class Counts:
    """What the records of a chain say became of their inputs."""

    published: int = 0
    withheld: int = 0
    requests: int = 0

    @property
    def inputs(self) -> int:
        return self.published + self.withheld + self.requests


@dataclass
class ChainCheck:
    """One chain, from ``head`` on. ``add`` all records that say to be of it, in order, then ``close``; after a problem
    nothing is judged."""

    chain: str
    anchors: Iterator[Anchor] = field(default_factory=lambda: iter(()), repr=False)
    head: Head = GENESIS
    counts: Counts = field(default_factory=Counts)
    problem: Problem | None = None
    offset: int = -1  # of the last record's input
    signed: int = 0  # the last record that a signed head vouches for
    unsigned_since_ms: int | None = None  # when the first record behind it was decided
    gaps: list[tuple[int, int]] = field(default_factory=list, repr=False)  # (first, last) offset without a record
    gaps_left_out: int = 0

    def __post_init__(self) -> None:
        self._anchor = next(self.anchors, None)

    def add(self, record: Mapping[str, Any]) -> bool:
        """Whether the chain still holds with this record."""
        if self.problem is None:
            self._follow(record)
        return self.problem is None

    def close(self) -> None:
        """There are no more records."""
        if self.problem is None and self._anchor is not None:
            last = self.head.sequence
            for anchor in (self._anchor, *self.anchors):
                last = anchor.sequence
            first = self.head.sequence + 1
            what = f"{_are(first, last)} missing from the end, though signed"
            self._break(first, what, since=self.signed + 1)  # those behind the last head may be new ones too

    def _follow(self, record: Mapping[str, Any]) -> None:
        """The first thing that does not hold. What was edited is known by its digest, whatever else it says."""
        sequence, expected = record.get("sequence"), self.head.sequence + 1
        digest = _own_digest(record)
        if type(sequence) is not int or sequence < 1:
            self._break(expected, f"what stands in the place of record {expected} is no link of a chain")
        elif sequence > expected:
            self._break(expected, f"{_are(expected, sequence - 1)} missing: record {sequence} comes next")
        elif not digest:
            self._break(expected, f"record {expected} was changed: its digest is not that of what it says")
        elif sequence < expected:
            what = f"record {sequence} comes again, in the place of record {expected}"
            self._break(expected, what, since=max(sequence, self.signed + 1))
        elif record["previous"] != self.head.digest.hex():
            what = f"record {sequence} does not follow record {sequence - 1}: one of them was put in another's place"
            self._break(sequence, what, since=self.signed + 1)
        elif what := self._nonsense(record):
            self._break(sequence, f"record {sequence} {what}")
        else:
            self._accept(record, Head(sequence, digest))

    def _nonsense(self, record: Mapping[str, Any]) -> str:
        """What no writer of ours writes, whatever the digests say; empty where there is nothing."""
        offset, outcome = record.get("offset"), record.get("outcome")
        if type(offset) is not int or offset <= self.offset:
            return f"is about offset {offset}, after one about offset {self.offset}"
        if type(record.get("decided_at")) is not int:
            return "does not say when it was decided"
        hashed, reason = record.get("published_sha256"), record.get("reason")
        if outcome == PUBLISHED:
            return "" if _is_digest(hashed) and reason is None else "says published, and not what"
        if outcome == WITHHELD:
            return "" if reason and hashed is None else "says withheld, and not why"
        if outcome not in REQUESTS or type(record.get("records")) is not int:
            return "says something else than what can become of an input"
        return ""

    def _accept(self, record: Mapping[str, Any], head: Head) -> None:
        self.head = head
        if record["outcome"] == PUBLISHED:
            self.counts.published += 1
        elif record["outcome"] == WITHHELD:
            self.counts.withheld += 1
        else:
            self.counts.requests += 1
        if record["offset"] > self.offset + 1:
            self._gap(self.offset + 1, record["offset"] - 1)
        self.offset = record["offset"]
        if self.unsigned_since_ms is None:
            self.unsigned_since_ms = record["decided_at"]
        while self._anchor is not None and self._anchor.sequence <= head.sequence:
            self._compare(self._anchor)
            self._anchor = next(self.anchors, None)

    def _gap(self, first: int, last: int) -> None:
        if len(self.gaps) < GAPS_MAX:
            self.gaps.append((first, last))
        else:
            self.gaps_left_out += 1

    def _compare(self, anchor: Anchor) -> None:
        if self.problem is not None or anchor.sequence != self.head.sequence:
            return
        first = self.signed + 1
        if anchor.digest != self.head.digest:
            what = f"{_are(first, anchor.sequence)} not what was signed: somebody wrote the chain anew"
            self._break(anchor.sequence, what, first)
        elif (anchor.published, anchor.withheld) != (self.counts.published, self.counts.withheld):
            self._break(anchor.sequence, f"up to record {anchor.sequence} other counts were signed", first)
        else:
            self.signed, self.unsigned_since_ms = anchor.sequence, None

    def _break(self, sequence: int, what: str, since: int = 0) -> None:
        self.problem = Problem(self.chain, sequence, what, since or sequence)


@dataclass
class Verification:
    """All chains of one audit or several. ``add`` records, of one chain in order; then ``close``."""

    anchors: Anchors
    unsigned_ms_max: int = 600_000  # so long a record may wait for a head that vouches for it
    chains: dict[str, ChainCheck] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    started_ms: int = field(init=False)
    latest_ms: int = 0  # as late as it is known to be; of an export that is as late as it tells itself

    def __post_init__(self) -> None:
        self.started_ms = self.latest_ms  # no record moves the clock by which it is judged

    def add(self, record: Mapping[str, Any]) -> bool:
        """Whether the record is a sound link of its chain."""
        name = chain_of(record)
        check = self.chains.get(name)
        if check is None:
            check = self.chains[name] = ChainCheck(name, self.anchors.of(name))
        if not check.add(record):
            return False
        self.latest_ms = max(self.latest_ms, record["decided_at"])
        return True

    def unreadable(self, where: str) -> None:
        """A record that nobody can decode, in place of ``add``."""
        self.problems.append(Problem("", 0, f"{where} is no audit record that can be read"))

    def close(self) -> None:
        """There are no more records: what is missing at the end, and who vouches for the rest."""
        self.problems += [Problem("", 0, what) for what in (*self.anchors.refused, *self.anchors.holes())]
        for name in sorted(self.anchors.chains - self.chains.keys()):
            self.chains[name] = ChainCheck(name, self.anchors.of(name))
        known_ms = max(self.started_ms, self.anchors.latest_ms)
        now_ms = max(self.latest_ms, known_ms)
        for name, check in sorted(self.chains.items()):
            check.close()
            if check.problem is not None:
                self.problems.append(check.problem)
            elif check.unsigned_since_ms is not None and (
                now_ms - check.unsigned_since_ms > self.unsigned_ms_max
                or 0 < known_ms < check.unsigned_since_ms - self.unsigned_ms_max  # stamped ahead, it would never be due
            ):
                first = check.signed + 1
                what = f"nobody has signed {_records(first, check.head.sequence)}, and it was time"
                self.problems.append(Problem(name, check.head.sequence, what, first))

    @property
    def counts(self) -> Counts:
        """Of all chains."""
        every = [check.counts for check in self.chains.values()]
        return Counts(*(sum(getattr(c, name) for c in every) for name in ("published", "withheld", "requests")))


def chain_of(record: Mapping[str, Any]) -> str:
    """The name of the chain that a record says to be of."""
    return f"{record.get('topic')}/{record.get('partition')}"


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _own_digest(record: Mapping[str, Any]) -> bytes:
    """The record's digest where it is what the record says it is; empty where it is not."""
    try:
        previous = bytes.fromhex(record["previous"])
        digest = digest_of(record, previous)
    except (KeyError, TypeError, ValueError):
        return b""
    return digest if len(previous) == len(digest) and record.get("digest") == digest.hex() else b""


def _records(first: int, last: int) -> str:
    return f"record {first}" if first >= last else f"records {first} to {last}"


def _are(first: int, last: int) -> str:
    return f"{_records(first, last)} {'is' if first >= last else 'are'}"
