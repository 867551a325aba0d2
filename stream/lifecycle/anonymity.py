"""How coarse a value must be so that enough accounts share it: a ladder of values, and who was published with which.

The rule, for the clips that were published in the last ``window_s`` by this process. A clip may be published with the
values of a step of the ladder when, its own account included,

1. at least k accounts published clips whose *own* values have that step's values, whatever they were published with:
   what is published could be any of theirs, which is (k,1)-anonymity; and
2. at least k accounts published clips *with* values that this clip could have been published with: whoever looks for
   a known clip has so many to choose from, which is (1,k)-anonymity.

Both are weaker than k-anonymity, which puts clips into classes of k or more with equal values: that needs all clips
before the first is published. Terms: Gionis, Mazza, Tassa, "k-Anonymization Revisited" (ICDE 2008). Who can replay the
rule, because he knows every input in order, may tell the first clips of a class from later ones.

Memory only, and of this process: after a restart, or beside another process, fewer accounts are known, so that more is
made coarse and never less.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from stream.clip import Coarse, Precision

NO_LANGUAGE = "und"  # undetermined, in BCP 47
OTHER_FAMILY = "other"


@dataclass(frozen=True)
class Anonymity:
    """The rule's numbers, and the ladder. Lengths are seconds, ascending; both lists end with the same one."""

    k: int = 11
    window_s: float = 86_400.0
    lengths: tuple[float, ...] = (1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
    coarse_lengths: tuple[float, ...] = (5.0, 15.0, 60.0)
    precision: Precision = Precision.HOUR  # of the first step

    def __post_init__(self) -> None:
        for lengths in (self.lengths, self.coarse_lengths):
            if not lengths or min(lengths) <= 0 or list(lengths) != sorted(set(lengths)):
                raise ValueError("lengths must be positive and ascending")
        if self.precision is Precision.YEAR:
            raise ValueError("the first step tells the hour or the day")
        if self.lengths[-1] != self.coarse_lengths[-1]:
            raise ValueError("the longest length must be the longest coarse one too")

    def steps(self, of: Own, length: float) -> tuple[Value, ...]:
        """What a clip that is filled up to ``length`` may be published with, from the finest to what still tells year
        and language; ``last`` comes after them."""
        coarse = self.coarse_length(length)
        ladder = (
            Value(Precision.HOUR, of.hour, of.language, of.device_family, length),
            Value(Precision.DAY, of.day, of.language, of.device_family, length),
            Value(Precision.DAY, of.day, of.language, of.device_family, coarse),
            Value(Precision.DAY, of.day, of.language, OTHER_FAMILY, coarse),
            Value(Precision.YEAR, of.year, of.language, OTHER_FAMILY, coarse),
        )
        return ladder if self.precision is Precision.HOUR else ladder[1:]

    def last(self, length: float, today: datetime) -> Value:
        """Tells nothing of the clip but its coarse length, of which what is heard tells as much: so it is always
        allowed. Even the year is that of the publication."""
        year = seconds_since_1970(began(today, Precision.YEAR))
        return Value(Precision.YEAR, year, NO_LANGUAGE, OTHER_FAMILY, self.coarse_length(length))

    def coarse_length(self, length: float) -> float:
        return next(longer for longer in self.coarse_lengths if length <= longer)


class Value(NamedTuple):
    """A ``Coarse`` that is quick to look up; ``began`` is seconds since 1970."""

    precision: Precision
    began: int
    language: str
    device_family: str
    seconds: float

    def coarse(self) -> Coarse:
        captured = datetime.fromtimestamp(self.began, UTC)
        return Coarse(captured, self.precision, self.language, self.device_family, self.seconds)


def value_of(coarse: Coarse) -> Value:
    """The other way round."""
    captured = seconds_since_1970(coarse.captured)
    return Value(coarse.precision, captured, coarse.language, coarse.device_family, coarse.seconds)


@dataclass(frozen=True)
class Own:
    """A clip's own values but its length; times are seconds since 1970, of when its hour, day and year began."""

    hour: int
    day: int
    year: int
    language: str
    device_family: str


def own_of(captured_at: datetime, language: str, device_family: str) -> Own:
    hour, day, year = (seconds_since_1970(began(captured_at, precision)) for precision in Precision)
    return Own(hour, day, year, language, device_family)


def seconds_since_1970(moment: datetime) -> int:
    return int(moment.timestamp())


def began(moment: datetime, precision: Precision) -> datetime:
    """The first moment of its hour, day or year, in UTC."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if precision is Precision.HOUR:
        return hour
    day = hour.replace(hour=0)
    return day if precision is Precision.DAY else day.replace(month=1, day=1)


class Crowds:
    """Which accounts were seen with a value in the last ``window_s``.

    Of each value the last ``enough`` accounts are kept, and no more than ``values_max`` values: those that were seen
    longest ago are forgotten first.
    """

    def __init__(self, enough: int, window_s: float, clock: Callable[[], float], values_max: int = 50_000) -> None:
        self._enough, self._window_s, self._clock, self._values_max = enough, window_s, clock, values_max
        self._seen: OrderedDict[Hashable, dict[int, float]] = OrderedDict()  # newest last, also within

    def add(self, value: Hashable, account: int) -> None:
        now = self._clock()
        accounts = self._seen.setdefault(value, {})
        accounts.pop(account, None)
        accounts[account] = now
        if len(accounts) > self._enough:
            del accounts[next(iter(accounts))]
        self._seen.move_to_end(value)
        self._forget(now - self._window_s)

    def crowded(self, values: Iterable[Hashable], account: int) -> bool:
        """Whether ``enough`` accounts, this one included, had any of the values."""
        since = self._clock() - self._window_s
        crowd = {account}
        for value in values:
            accounts = self._seen.get(value)
            if accounts is None:
                continue
            if len(accounts) == self._enough and next(iter(accounts.values())) > since:
                return True  # the oldest of them counts, so all do
            crowd.update(other for other, seen_at in accounts.items() if seen_at > since)
            if len(crowd) >= self._enough:
                return True
        return len(crowd) >= self._enough

    def __len__(self) -> int:
        return len(self._seen)

    def _forget(self, since: float) -> None:
        while self._seen:
            accounts = next(iter(self._seen.values()))
            if len(self._seen) <= self._values_max and next(reversed(accounts.values())) > since:
                return
            self._seen.popitem(last=False)


class Anonymizer:
    """Picks a step for each clip by the rule."""

    def __init__(self, rule: Anonymity, clock: Callable[[], float], today: Callable[[], datetime]) -> None:
        self.rule, self._today = rule, today
        self._own = Crowds(rule.k, rule.window_s, clock)  # values that clips have
        self._published = Crowds(rule.k, rule.window_s, clock)  # values that they were published with

    def coarse(self, of: Own, account: int) -> tuple[Coarse, ...]:
        """What may be published of the clip as of now, for each length that it may be filled up to."""
        today, rule = self._today(), self.rule
        return tuple(
            self._step(rule.steps(of, length), rule.last(length, today), account).coarse() for length in rule.lengths
        )

    def _step(self, steps: tuple[Value, ...], last: Value, account: int) -> Value:
        if self._published.crowded((last, *steps), account):
            for numbered in enumerate(steps):
                if self._own.crowded((numbered,), account):
                    return numbered[1]
        return last

    def emitted(self, of: Own, length: float, account: int, published: Coarse) -> None:
        """Counts a clip that was published. The steps have numbers, since one's values may read like another's."""
        for numbered in enumerate(self.rule.steps(of, length)):
            self._own.add(numbered, account)
        self._published.add(value_of(published), account)
