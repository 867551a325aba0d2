"""Whether the audit agrees with what lies around it: what was published, what was withheld, how far the group came.

Chains and heads say that nobody changed the audit. Only this says that nothing was published beside it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stream.lifecycle.verifying import PUBLISHED, WITHHELD, ChainCheck, Problem, chain_of

TAKEN_BACK: Final = frozenset({"erased", "recalled"})
_MIXED: Final = 2**64


@dataclass
class Tally:
    """Withheld records about one input partition: where they begin and end, how many, and what they say, mixed."""

    first: int = -1
    last: int = -1
    count: int = 0
    mixed: int = 0

    def add(self, offset: int, reason: str) -> None:
        self.first, self.last = offset if self.first < 0 else min(self.first, offset), max(self.last, offset)
        self.count += 1
        self.mixed = (self.mixed + _said(offset, reason)) % _MIXED


@dataclass
class World:
    """What is found outside the audit. Holds 32 bytes for each published record that is still there."""

    published: set[bytes] = field(default_factory=set, repr=False)  # SHA-256 of the values
    withheld: dict[str, Tally] = field(default_factory=dict)  # by chain
    committed: Mapping[str, int] = field(default_factory=dict)  # the group's offset, by chain
    unreadable: int = 0  # records on the topic of withheld ones

    def add_published(self, value: bytes) -> None:
        self.published.add(hashlib.sha256(value).digest())

    def add_withheld(self, record: Mapping[str, Any]) -> None:
        """A record as the schema ``withheld`` has it; whatever else lies there is counted."""
        if type(record.get("offset")) is not int or not record.get("reason"):
            self.unreadable += 1
            return
        self.withheld.setdefault(chain_of(record), Tally()).add(record["offset"], record["reason"])


class Reconciliation:
    """``add`` every sound audit record, then ask for the ``problems``.

    Read the world first and the audit then, so that the audit knows all that the world has. Records that were in the
    audit even before the world was read are ``settled``: the world must have these.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._unaccounted = set(world.published)
        self._gone: set[bytes] = set()
        self._taken_back = 0
        self._audited: dict[str, Tally] = {}
        self._unwritten: Counter[str] = Counter()

    def add(self, record: Mapping[str, Any], *, settled: bool) -> None:
        if record["outcome"] == PUBLISHED:
            digest = bytes.fromhex(record["published_sha256"])
            self._unaccounted.discard(digest)
            if settled and digest not in self._world.published:
                self._gone.add(digest)
        elif record["outcome"] == WITHHELD:
            self._count(record, settled)
        elif record["outcome"] in TAKEN_BACK:
            self._taken_back += record["records"]

    def _count(self, record: Mapping[str, Any], settled: bool) -> None:
        name, offset = chain_of(record), record["offset"]
        there = self._world.withheld.get(name)
        if there is None:
            return  # its time on the topic is over; what is there is judged, not for how long
        if there.first <= offset <= there.last:
            self._audited.setdefault(name, Tally()).add(offset, record["reason"])
        elif offset > there.last and settled:
            self._unwritten[name] += 1

    def problems(self, chains: Mapping[str, ChainCheck]) -> Iterator[Problem]:
        """What does not agree, once all records of all chains were added."""
        if self._world.unreadable:
            yield Problem("", 0, f"{self._world.unreadable} records among the withheld can't be read")
        if self._unaccounted:
            yield Problem("", 0, f"{len(self._unaccounted)} published records are in no audit record that holds")
        if len(self._gone) > self._taken_back:
            what = f"{len(self._gone)} audited records are not published any more, and requests took back "
            yield Problem("", 0, f"{what}{self._taken_back} at most")
        for name, there in sorted(self._world.withheld.items()):
            if chains.get(name) is None or chains[name].problem is None:
                yield from self._compared(name, there)
        for name, committed in sorted(self._world.committed.items()):
            check = chains.get(name, ChainCheck(name))
            if committed > check.offset + 1 and check.problem is None:
                last, so_far = check.head.sequence, f"inputs up to offset {committed - 1} were done with"
                yield Problem(name, last + 1, f"{so_far}, and the audit ends at offset {check.offset}", last + 1)

    def _compared(self, name: str, there: Tally) -> Iterator[Problem]:
        audited = self._audited.get(name, Tally())
        if audited.count != there.count:
            what = f"{there.count} withheld records lie on their topic, and the audit has {audited.count} of them"
            yield Problem(name, 0, what)
        elif audited.mixed != there.mixed:
            yield Problem(name, 0, "withheld records tell of other inputs or reasons than the audit")
        if self._unwritten[name]:
            yield Problem(name, 0, f"{self._unwritten[name]} withheld records are not on their topic")


def _said(offset: int, reason: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{offset} {reason}".encode()).digest()[:8])
