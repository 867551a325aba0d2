"""Which clips are picked for review: keyed, repeatable, and decided before anything is decoded or heard.

    wake word -> rate (of locale and device family) -> quota (account and day) -> cap (hour)

The rate is a matter of the clip's id and a key alone, so whoever has no key can't know or steer what is picked, a
replay picks the same clips, and a higher rate picks those of the lower one and more. Quota and cap are counted per
input partition, by the time of the recording (``places.py``). The quota is exact where all clips of an account come in
one partition (a raw topic keyed by account or household) whose number does not change; else it holds for each partition
alone. The cap is divided over the partitions without their talking to each other. Both count picks: a clip that is
withheld later has taken its places all the same.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property
from types import MappingProxyType
from typing import Final, Protocol

from stream.clip import Header, Reason, Record
from stream.lifecycle.places import DIGEST_BYTES, MAC_BYTES, Place, Places, Unreadable
from stream.ports import BrokerUnavailable, CommitFailed, Message

KEY_BYTES_MIN: Final = 32
ANY: Final = "*"
OTHER: Final = "other"  # the family of a device model that the policy does not list
_SUBTAG: Final = re.compile("[a-z0-9]{1,8}")  # of a language tag (RFC 5646)
_FAMILY: Final = re.compile("[^/*]+")
_HOUR_S: Final = 3600


# ------------------------------------------------------------------ rules
@dataclass(frozen=True)
class SamplingRule:
    """A rate (0..1) for the locales that begin with ``subtags`` (all, where empty), on ``family`` or any ("*")."""

    subtags: tuple[str, ...]
    family: str
    rate: float

    @classmethod
    def named(cls, name: str, rate: float) -> SamplingRule:
        """Of ``de``, ``en-US``, ``en-US/speaker`` or ``*/tv``; case and ``_`` for ``-`` do not matter.

        Raises ValueError for any other text, for ``*`` alone (that is the default rate), and for a rate beyond 0..1.
        """
        locale, slash, family = name.lower().partition("/")
        subtags = () if locale == ANY and slash else tuple(locale.replace("_", "-").split("-"))
        if not all(map(_SUBTAG.fullmatch, subtags)) or (slash and not _FAMILY.fullmatch(family)):
            raise ValueError("a rate is named by locale, locale/family or */family")
        if not 0.0 <= rate <= 1.0:
            raise ValueError("a rate is 0 to 1")
        return cls(subtags, family or ANY, rate)


@dataclass(frozen=True)
class SamplingRules:
    """What may be picked, and how much of it.

    ``device_families`` maps device models, in lower case, to families. ``account_per_day_max`` is per account and UTC
    day, ``per_hour_max`` of the whole deployment per hour; 0 is no limit. ``days_kept`` days up to the newest one take
    picks where there is a limit, and ``accounts_max`` accounts, counted once a day, are remembered for each partition.
    """

    rate: float = 1.0
    rules: tuple[SamplingRule, ...] = ()
    device_families: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    account_per_day_max: int = 0
    per_hour_max: int = 0
    wake_word_required: bool = True
    wake_score_min: float = 0.0
    days_kept: int = 3
    accounts_max: int = 200_000

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError("a rate is 0 to 1")
        if min(self.account_per_day_max, self.per_hour_max) < 0 or self.days_kept < 2 or self.accounts_max < 1:
            raise ValueError("limits are at least 0, days_kept at least 2, accounts_max at least 1")

    @property
    def limited(self) -> bool:
        """Whether anything has to be counted."""
        return self.account_per_day_max > 0 or self.per_hour_max > 0

    @cached_property
    def _rates(self) -> Mapping[tuple[tuple[str, ...], str], float]:
        return {((), ANY): self.rate} | {(rule.subtags, rule.family): rule.rate for rule in self.rules}

    @cached_property
    def _subtags_max(self) -> int:
        return max(len(subtags) for subtags, _ in self._rates)

    def rate_for(self, locale: str, device_model: str) -> float:
        """The rate of the most specific rule: the one that names more of the locale, and the family.

        Where one names more of the locale and another the family, neither is, and the lower rate counts: to set
        ``*/tv`` to 0 turns off televisions, whatever ``de`` says.
        """
        family = self.device_families.get(device_model.lower(), OTHER).lower()
        subtags = locale.lower().replace("_", "-").split("-", self._subtags_max)[: self._subtags_max]
        told, rate = self._longest(subtags, ANY) or (0, self.rate)
        of_family = self._longest(subtags, family)
        if of_family is None:
            return rate
        return of_family[1] if of_family[0] >= told else min(rate, of_family[1])

    def _longest(self, subtags: Sequence[str], family: str) -> tuple[int, float] | None:
        """Subtags named and rate of the rule for this family that names most of a locale."""
        for number in range(len(subtags), -1, -1):
            rate = self._rates.get((tuple(subtags[:number]), family))
            if rate is not None:
                return number, rate
        return None

    def unwoken(self, of: Header) -> bool:
        """Whether nobody is known to have spoken to the device. A score that is not told is below every minimum."""
        if not self.wake_word_required:
            return False
        score = of.wake_score if of.wake_score is not None else 0.0
        return not (of.woken and score >= self.wake_score_min)  # so that no number at all is refused too


# ------------------------------------------------------------------ the arithmetic
def chosen(key: bytes, clip_id: str, rate: float) -> bool:
    """Whether HMAC-SHA-256 (RFC 2104) of the clip's id, as a number in [0, 1), is below the rate."""
    return int.from_bytes(_mac(key, b"clip", clip_id)[:8], "big") < rate * 2.0**64


def share(cap: int, partition: int, partitions: int, hour: int) -> int:
    """What one partition may pick of an hour's cap. The shares of an hour are all but equal, and their sum is the cap;
    the places that can't be divided go round by the hour, so that a small cap reaches every partition in its turn."""
    turn = (partition + hour) % partitions
    return cap * (turn + 1) // partitions - cap * turn // partitions


def _mac(key: bytes, purpose: bytes, *parts: str) -> bytes:
    """Each part behind its length, so that no two calls ask for the same bytes."""
    encoded = [part.encode() for part in parts]
    return hmac.digest(key, purpose + b"".join(len(part).to_bytes(4, "big") + part for part in encoded), "sha256")


# ------------------------------------------------------------------ the sampler
class PartitionSampler:
    """ports.Sampler of one input partition, for as long as its lane is open."""

    def __init__(
        self,
        rules: SamplingRules,
        key: bytes,
        partition: int,
        partitions: int,
        *,
        topic: str = "clips.sampling",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """``key`` is for this purpose alone. Raises ValueError for one that is short, and for no such partition."""
        if len(key) < KEY_BYTES_MIN:
            raise ValueError(f"the sampling key has fewer than {KEY_BYTES_MIN} bytes")
        if not 0 <= partition < partitions:
            raise ValueError("no such partition")
        self._rules = rules
        self._key = key
        self._partition, self._partitions = partition, partitions
        self._now_s = now_s
        self._places = Places(topic, partition, rules.days_kept, rules.accounts_max)

    def pick(self, of: Header, offset: int = 0) -> Reason | None:
        """None where the clip is picked; else NO_WAKE_WORD, NOT_SAMPLED, QUOTA_REACHED or CAP_REACHED."""
        if self._rules.unwoken(of):
            return Reason.NO_WAKE_WORD
        if not chosen(self._key, of.clip_id, self._rules.rate_for(of.locale, of.device_model)):
            return Reason.NOT_SAMPLED
        return self._place(of, offset) if self._rules.limited else None

    def _place(self, of: Header, offset: int) -> Reason | None:
        quota, cap = self._rules.account_per_day_max, self._rules.per_hour_max
        hour = int(of.captured_at.timestamp() // _HOUR_S)
        if hour // 24 > self._now_s() // (24 * _HOUR_S) + 1:
            # A device whose clock is wrong: its day would raise the floor, and all days before it would be refused.
            return Reason.QUOTA_REACHED if quota else Reason.CAP_REACHED
        # Not by the id alone: a producer that gives all its clips one id, and one time, must not get past the quota.
        captured = of.captured_at.astimezone(UTC).isoformat()
        clip = _mac(self._key, b"place", of.clip_id, of.account_id, captured, str(offset))[:DIGEST_BYTES]
        account = _mac(self._key, b"account", of.account_id, str(hour // 24))[:MAC_BYTES]
        limit = share(cap, self._partition, self._partitions, hour) if cap else None
        return self._places.take(Place(clip, account, hour), quota, limit)

    def changes(self) -> Sequence[Message]:
        """What has to be written for the picks since the last call."""
        return self._places.changes()

    def restore(self, record: Record) -> None:
        """One record of this partition of the changelog, in order. Raises Unreadable."""
        self._places.restore(record)


class Reader(Protocol):
    """As much of a Broker as is needed to read a partition."""

    def read(self, topic: str, *, partition: int | None = None) -> AsyncIterator[Record]: ...


async def open_sampler(
    reader: Reader,
    rules: SamplingRules,
    key: bytes,
    partition: int,
    partitions: int,
    *,
    topic: str = "clips.sampling",
    now_s: Callable[[], float] = time.time,
) -> PartitionSampler:
    """The sampler of input partition ``partition`` of ``partitions``, with every pick that was committed.

    Reads nothing where there is no limit. ``topic`` needs as many partitions as the input. Raises CommitFailed where
    the changelog can't be read, or holds what this version does not know.
    """
    sampler = PartitionSampler(rules, key, partition, partitions, topic=topic, now_s=now_s)
    if rules.limited:
        try:
            async for record in reader.read(topic, partition=partition):
                sampler.restore(record)
        except BrokerUnavailable as error:
            raise CommitFailed(str(error)) from None  # the class name of its cause
        except Unreadable as error:
            raise CommitFailed(type(error).__name__) from None
    return sampler
