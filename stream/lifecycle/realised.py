"""The rate at which clips were picked in fact, told by what the audit says of every record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stream.clip import Reason


class Decision(StrEnum):
    """What the sampler said of a record, as far as its outcome tells: the closed list of a metric's label."""

    NOT_ASKED = "not_asked"  # nobody may hear the clip anyway, or nobody can read the record
    PICKED = "picked"
    NOT_SAMPLED = "not_sampled"
    QUOTA_REACHED = "quota_reached"
    CAP_REACHED = "cap_reached"


_REFUSED: Mapping[str, Decision] = {
    Reason.NOT_SAMPLED: Decision.NOT_SAMPLED,
    Reason.QUOTA_REACHED: Decision.QUOTA_REACHED,
    Reason.CAP_REACHED: Decision.CAP_REACHED,
}
_BEFORE = frozenset(
    {
        Reason.NO_VALUE,
        Reason.UNKNOWN_SCHEMA,
        Reason.EVENT_UNDECODABLE,
        Reason.EVENT_TOO_LARGE,
        Reason.NO_CONSENT,
        Reason.OPTED_OUT,
        Reason.ERASED,
        Reason.RECALLED,
        Reason.RECORDED_LATER,
        Reason.NO_WAKE_WORD,
    }
)


def decision(reason: str | None) -> Decision:
    """Of an outcome's reason, None for a published one.

    What is withheld for any other reason, or for one that this version does not know, was picked: so the realised rate
    may be told too high, never too low. A clip whose account objected while it was in flight counts as not asked.
    """
    if reason in _BEFORE:
        return Decision.NOT_ASKED
    return _REFUSED.get(reason or "", Decision.PICKED)


@dataclass(frozen=True)
class Realised:
    """How many clips could have been picked (``eligible``), and what became of them. ``picked`` is not published."""

    eligible: int
    picked: int
    not_sampled: int
    quota_reached: int
    cap_reached: int

    @property
    def rate(self) -> float | None:
        """Picked / eligible; None where there was nothing to pick from."""
        return self.picked / self.eligible if self.eligible else None


def realised(rows: Iterable[Mapping[str, Any]]) -> Realised:
    """Of audit records (``outcome``, ``reason``), each record of the input once."""
    counts = Counter(decision(None if row["outcome"] == "published" else row["reason"]) for row in rows)
    asked = {each.value: counts[each] for each in Decision if each is not Decision.NOT_ASKED}
    return Realised(eligible=sum(asked.values()), **asked)
