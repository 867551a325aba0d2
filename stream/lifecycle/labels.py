"""What the output says of whose clip it was: a token by the key of its recording, and values that enough share."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from stream.clip import Coarse, Header, Label, Precision, Refusal, TokenKey
from stream.lifecycle.anonymity import OTHER_FAMILY, Anonymity, Anonymizer, Crowds, Own, began, own_of
from stream.lifecycle.keyring import KeyRing, Scope, account_token, clip_token
from stream.policy import Policy, language
from stream.ports import KeysLapsed


class Recorded(Protocol):
    """What a label is made of: of a header, or of an event."""

    @property
    def clip_id(self) -> str: ...

    @property
    def captured_at(self) -> datetime: ...

    @property
    def locale(self) -> str: ...

    @property
    def device_model(self) -> str: ...


class EpochLabels:
    """ports.Labels: tokens by the key ring as it is now, values by the rule of ``anonymity``."""

    def __init__(
        self,
        ring: Callable[[], KeyRing],
        policy: Policy,
        rule: Anonymity,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``ring`` is asked for every clip. Raises ValueError where the rule has no length for the longest clip."""
        if rule.lengths[-1] < policy.audio_seconds_max:
            raise ValueError("the longest length must hold the longest clip")
        self._ring, self._policy, self._rule, self._today = ring, policy, rule, today
        self._anonymizer = Anonymizer(rule, clock, today)
        self._epochs = Crowds(rule.k, rule.window_s, clock)  # of keys that clips were published by
        self._salt = secrets.token_bytes(32)  # no account's id is kept, nor anything that leads to it afterwards

    def label(self, of: Header) -> Label:
        """Raises Refusal(KEY_MISSING), and KeysLapsed where the ring has no key for now either."""
        ring = self._ring()
        if not any(epoch.covers(self._today()) for epoch in ring.epochs):
            raise KeysLapsed("the ring has no epoch for now")
        key = ring.key_for(of.captured_at)
        values = self._anonymizer.coarse(self._own(of), self._account(of))
        by_length = tuple(zip(self._rule.lengths, values, strict=True))
        linking = account_token(of.account_id, key) if ring.scope is Scope.ACCOUNT else None
        told = key.epoch if self._is_told(ring, key.epoch, self._account(of)) else ""
        return Label(clip_token(of.clip_id, key), key.campaign, told, by_length, linking)

    def _is_told(self, ring: KeyRing, epoch: str, account: int) -> bool:
        """The epoch of now says no more than the moment of publication does; an earlier one says when a late clip was
        recorded, so that it needs as many accounts as every other value."""
        return epoch == ring.key_for(self._today()).epoch or self._epochs.crowded((epoch,), account)

    def emitted(self, of: Header, label: Label, length: int) -> None:
        """A clip was published by entry ``length`` of its label: counts for how rare values are."""
        seconds, coarse = label.by_length[length]
        self._anonymizer.emitted(self._own(of), seconds, self._account(of), coarse)
        with suppress(Refusal):  # its key is destroyed by now: then nobody is told it any more
            self._epochs.add(self._ring().key_for(of.captured_at).epoch, self._account(of))

    def _own(self, of: Header) -> Own:
        return own_of(of.captured_at, *_kind(of, self._policy))

    def _account(self, of: Header) -> int:
        return int.from_bytes(hashlib.blake2b(of.account_id.encode(), key=self._salt, digest_size=8).digest())


def plain_label(of: Recorded, policy: Policy, key: TokenKey) -> Label:
    """Hour, language and device family as they are, and the length too: for evaluation and measurements, where nobody
    else's clips are there to hide among. For clips as long as the policy lets them be."""
    captured = began(of.captured_at, Precision.HOUR)
    coarse = Coarse(captured, Precision.HOUR, *_kind(of, policy))
    return Label(clip_token(of.clip_id, key), key.campaign, key.epoch, ((policy.audio_seconds_max, coarse),))


def _kind(of: Recorded, policy: Policy) -> tuple[str, str]:
    """Language and device family."""
    return language(of.locale), policy.device_families.get(of.device_model.lower(), OTHER_FAMILY)
