"""What of the withheld may go through everything again, and how often: pure decisions, no Kafka.

A replay is a copy of the raw record at the end of its partition. It is no way around anything: consent, erasure,
sampling, quota and the gate look at the copy as at every other record. It is refused all the same where somebody, or
the gate, has said no: what was decided about a person is not tried again until it comes out differently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stream.clip import Coordinates, Reason

# Withheld because of what surrounds a clip, and that may have passed.
PASSING: Final = frozenset(
    {
        Reason.TIMED_OUT,
        Reason.INFERENCE_DIED,
        Reason.DETECTOR_FAILED,
        Reason.INTERNAL_ERROR,
        Reason.UNKNOWN_SCHEMA,
        Reason.AUDIO_NOT_FETCHED,
        Reason.AUDIO_MISSING,
    }
)
# A person's word, the sample's, the gate's; and a record without anything in it.
NEVER: Final = frozenset(
    {
        Reason.NO_VALUE,
        Reason.NO_CONSENT,
        Reason.OPTED_OUT,
        Reason.ERASED,
        Reason.RECALLED,
        Reason.RECORDED_LATER,  # once its time has come, an erasure of today would not cover it any more
        Reason.NO_WAKE_WORD,
        Reason.NOT_SAMPLED,
        Reason.QUOTA_REACHED,
        Reason.CAP_REACHED,
        Reason.CRITICAL,
        Reason.GATE_MUTE_AUDIBLE,
        Reason.GATE_DIGITS_LEFT,
        Reason.GATE_IDENTIFIER_LEFT,
        Reason.GATE_RECEIPT_MISSING,
        Reason.GATE_UNCHANGED,
        Reason.GATE_MALFORMED,
        Reason.GATE_CRITICAL_LEFT,
    }
)
# The rest only where somebody asks for it by name: after a new policy, a larger limit, a key that came back.

Place = tuple[int, int]  # partition and offset


class NotReplayed(Exception):
    """Somebody asked for what can't be replayed. Tells offsets and reasons."""


@dataclass(frozen=True)
class Candidate:
    """A withheld record."""

    at: Coordinates
    reason: Reason
    policy_version: str
    decided_at_ms: int


@dataclass(frozen=True)
class Replay:
    """One that was done: ``copy`` is the copy's offset, ``first`` where the event came in, ``times`` how often it was
    replayed by then."""

    at: Coordinates
    copy: int
    first: int
    times: int


@dataclass
class History:
    """All replays of one raw topic. ``add`` them in any order."""

    topic: str
    _done: set[Place] = field(default_factory=set)
    _first: dict[Place, int] = field(default_factory=dict)  # of copies
    _times: Counter[Place] = field(default_factory=Counter)  # of events, by where they came in

    def add(self, replay: Replay) -> None:
        if replay.at.topic != self.topic:
            return
        number, event = replay.at.partition, (replay.at.partition, replay.first)
        self._done.add((number, replay.at.offset))
        self._first[number, replay.copy] = replay.first
        self._times[event] = max(self._times[event], replay.times)

    def has(self, at: Coordinates) -> bool:
        return (at.partition, at.offset) in self._done

    def times(self, at: Coordinates) -> int:
        """How often the event that lies at ``at``, itself or as a copy, was replayed."""
        return self._times[at.partition, self.first(at)]

    def first(self, at: Coordinates) -> int:
        return self._first.get((at.partition, at.offset), at.offset)


@dataclass(frozen=True)
class Wish:
    """What somebody asks for: by reason, or by coordinates. ``again`` replays what was replayed before."""

    reasons: frozenset[Reason] = PASSING
    at: frozenset[Place] = frozenset()
    since_ms: int = 0
    policy_version: str | None = None
    times_max: int = 3
    again: bool = False

    def __post_init__(self) -> None:
        """Raises NotReplayed."""
        if refused := self.reasons & NEVER:
            raise NotReplayed(f"withheld for good: {', '.join(sorted(refused))}")
        if self.again and not self.at:
            raise NotReplayed("what was replayed before is replayed again by its coordinates alone")

    def means(self, candidate: Candidate) -> bool:
        at = candidate.at
        named = (at.partition, at.offset) in self.at if self.at else candidate.reason in self.reasons
        policy = self.policy_version in (None, candidate.policy_version)
        return named and policy and candidate.decided_at_ms >= self.since_ms


@dataclass
class Chosen:
    """What is to be replayed, in the order of the input, and what is not, by reason."""

    records: list[Candidate] = field(default_factory=list)
    before: Counter[Reason] = field(default_factory=Counter)  # replayed before
    too_often: Counter[Reason] = field(default_factory=Counter)
    unaudited: Counter[Reason] = field(default_factory=Counter)

    def confirm(self, audited: Mapping[Place, Reason]) -> None:
        """Keeps what the audit, too, says was withheld, for that very reason. A withheld record alone proves nothing:
        a forged one would have a published clip published anew, or try again what was refused for good."""
        told, self.records = self.records, []
        for candidate in told:
            if audited.get((candidate.at.partition, candidate.at.offset)) is candidate.reason:
                self.records.append(candidate)
            else:
                self.unaudited[candidate.reason] += 1


def choose(candidates: Iterable[Candidate], wish: Wish, history: History) -> Chosen:
    """Of all withheld records. Raises NotReplayed, before anything is done, where a record that was asked for by its
    coordinates was not withheld, or was for good."""
    chosen, found = Chosen(), {}
    for candidate in candidates:
        if candidate.at.topic == history.topic and wish.means(candidate):
            found[candidate.at] = candidate
    _check(wish, found)
    for _, candidate in sorted(found.items()):
        if history.has(candidate.at) and not wish.again:
            chosen.before[candidate.reason] += 1
        elif history.times(candidate.at) >= wish.times_max:
            chosen.too_often[candidate.reason] += 1
        else:
            chosen.records.append(candidate)
    return chosen


def _check(wish: Wish, found: dict[Coordinates, Candidate]) -> None:
    for candidate in found.values():
        if candidate.reason in NEVER:
            at = candidate.at
            raise NotReplayed(f"{at.partition}:{at.offset} was withheld for good: {candidate.reason}")
    missing = wish.at - {(at.partition, at.offset) for at in found}
    for partition, offset in sorted(missing):
        raise NotReplayed(f"{partition}:{offset} is not among the withheld records that were asked for")


def done(candidate: Candidate, copy: Coordinates, history: History) -> Replay:
    """What is to be remembered of a replay; ``history`` knows it only once it is added."""
    at = candidate.at
    return Replay(at, copy.offset, history.first(at), history.times(at) + 1)
