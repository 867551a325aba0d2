"""Bad records in bulk: when so much of a partition can't be read that the producer, or our view of it, is broken.

A bad record now and then is withheld and passed. Many at once are not passed: they wait, uncommitted, until somebody
has looked, because whatever is wrong may be mended on our side (a registry that lacks a schema, a limit, a decoder).

Two shares are watched, each over outcomes that could have been bad in that way at all: events among all records, and
audio among the clips that were heard. With one share for both, a sample of one clip in a hundred would hide a codec
that nobody can decode.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from stream.clip import Outcome, Reason, Withheld
from stream.ports import Partition

# Not here: what a person decides (consent), what people do (short or silent clips, a language), what our models say,
# and NO_VALUE, with which nothing is lost: tombstones in bulk are how some platforms delete.
BAD_EVENTS: Final = frozenset({Reason.UNKNOWN_SCHEMA, Reason.EVENT_UNDECODABLE, Reason.EVENT_TOO_LARGE})
BAD_AUDIO: Final = frozenset(
    {
        Reason.AUDIO_NOT_FETCHED,
        Reason.AUDIO_ELSEWHERE,
        Reason.AUDIO_MISSING,
        Reason.AUDIO_CHANGED,
        Reason.AUDIO_TOO_LARGE,
        Reason.AUDIO_UNDECODABLE,
        Reason.AUDIO_TRUNCATED,
        Reason.AUDIO_EMPTY,
        Reason.AUDIO_NOT_FINITE,
    }
)
# Withheld before anybody looked at the audio, or for what says nothing of it.
_UNHEARD: Final = BAD_EVENTS | {
    Reason.NO_VALUE,
    Reason.LANGUAGE_UNSUPPORTED,
    Reason.NO_CONSENT,
    Reason.OPTED_OUT,
    Reason.ERASED,
    Reason.RECALLED,
    Reason.RECORDED_LATER,
    Reason.NO_WAKE_WORD,
    Reason.NOT_SAMPLED,
    Reason.QUOTA_REACHED,
    Reason.CAP_REACHED,
    Reason.KEY_MISSING,
    Reason.TIMED_OUT,
    Reason.INFERENCE_DIED,
    Reason.INTERNAL_ERROR,
}


class TooManyBad(Exception):
    """Too much of a partition can't be read: stop, rather than drain it into withheld. Tells counts and offsets."""

    def __init__(self, partition: int, records: int, offset: int, message: str) -> None:
        super().__init__(message)
        self.partition, self.records, self.offset = partition, records, offset


@dataclass(frozen=True)
class BadLimits:
    """The worker stops where at least ``least`` records, and ``share_max`` of the last ``window``, are bad.

    A ``share_max`` of 1 never stops it. ``accepted`` has, by partition, the last offset up to which bad records are
    withheld without counting: somebody has looked at them.
    """

    window: int = 200
    share_max: float = 0.5
    least: int = 50
    accepted: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def off(self) -> bool:
        return self.share_max >= 1.0


class Seen(NamedTuple):
    """What became of a record; ``reason`` None where it was published."""

    offset: int
    reason: Reason | None


class _Window:
    """The last outcomes that could have been bad for one of ``reasons``."""

    def __init__(self, limits: BadLimits, reasons: frozenset[Reason], apart: frozenset[Reason]) -> None:
        self.limits, self.reasons, self.apart = limits, reasons, apart
        self.seen: deque[Seen] = deque(maxlen=limits.window)
        self.bad: deque[Seen] = deque()

    def add(self, seen: Seen, accepted: int) -> bool:
        """Whether there are too many bad ones with this one. A good one never says so."""
        bad = seen.reason in self.reasons
        if seen.reason in self.apart or (bad and seen.offset <= accepted):
            return False
        if len(self.seen) == self.limits.window and self.bad and self.bad[0] is self.seen[0]:
            self.bad.popleft()
        self.seen.append(seen)
        if not bad:
            return False
        self.bad.append(seen)
        return len(self.bad) >= max(self.limits.least, self.limits.share_max * len(self.seen))

    def copy(self) -> _Window:
        twin = _Window(self.limits, self.reasons, self.apart)
        twin.seen, twin.bad = self.seen.copy(), self.bad.copy()
        return twin

    @property
    def full(self) -> bool:
        return len(self.seen) == self.limits.window


class BadWatch:
    """The bad records of one partition while its lane is open. ``restore`` it from what was audited before."""

    def __init__(self, limits: BadLimits, partition: Partition, told: Callable[[int], None] = lambda _: None) -> None:
        """``told`` is told how many of the last records are bad."""
        self._limits, self._partition, self._told = limits, partition, told
        self._accepted = limits.accepted.get(partition.number, -1)
        self._windows = self._empty()

    def _empty(self) -> list[_Window]:
        return [_Window(self._limits, BAD_EVENTS, frozenset()), _Window(self._limits, BAD_AUDIO, _UNHEARD)]

    # -------------------------------------------------------------- what was
    def restore(self, seen: Iterable[Seen]) -> None:
        """Forgets what it knows, and takes these, oldest first."""
        self._windows = self._empty()
        self._add(seen)

    @property
    def wants_more(self) -> bool:
        """Whether older records could matter: there are few, or bad audio among few clips that were heard."""
        events, audio = self._windows
        return not events.full or (bool(audio.bad) and not audio.full)

    # -------------------------------------------------------------- what is next
    def fits(self, outcomes: Sequence[Outcome]) -> int:
        """How many of the next outcomes may be committed. Raises TooManyBad where it is none of them.

        Nothing is counted yet: a commit that fails and is tried again counts once.
        """
        if self._limits.off:
            return len(outcomes)
        trial = [window.copy() for window in self._windows]
        for number, outcome in enumerate(outcomes):
            for window in trial:
                if window.add(_seen(outcome), self._accepted):
                    if number:
                        return number
                    raise self._too_many(window)
        return len(outcomes)

    def committed(self, outcomes: Sequence[Outcome]) -> None:
        self._add(map(_seen, outcomes))

    def close(self) -> None:
        """The partition is somebody else's now."""
        self._told(0)

    def _add(self, seen: Iterable[Seen]) -> None:
        if self._limits.off:
            return
        for each in seen:
            for window in self._windows:
                window.add(each, self._accepted)
        self._told(max(len(window.bad) for window in self._windows))

    def _too_many(self, window: _Window) -> TooManyBad:
        counts = Counter(str(seen.reason) for seen in window.bad)
        reasons = ", ".join(f"{reason} {number}" for reason, number in counts.most_common())
        first, last = window.bad[0].offset, window.bad[-1].offset
        records, here = len(window.bad), self._partition
        return TooManyBad(
            here.number,
            records,
            first,
            f"{records} of the last {len(window.seen)} records of partition {here.number} of {here.topic} are bad "
            f"({reasons}), the first at offset {first}; those from offset {last} on wait. To withhold them all the "
            f"same, name the partition and an offset in worker.bad_accepted",
        )


def _seen(outcome: Outcome) -> Seen:
    return Seen(outcome.coordinates.offset, outcome.reason if isinstance(outcome, Withheld) else None)
