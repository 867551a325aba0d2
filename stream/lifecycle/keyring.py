"""The keys behind tokens, sealed index entries and MACs of accounts: a campaign's ring, one key an epoch. Pure.

No key is used for two purposes: each purpose has its own, derived from the epoch's with HKDF-SHA256 (RFC 5869), and
campaign, epoch and purpose are bound into the derivation. The ring holds derived keys only. An epoch that is not in
the ring any more can be neither matched nor unsealed: that is what destroying its key means.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stream.clip import Reason, Refusal, TokenKey

SECRET_BYTES_MIN = 32
ACCOUNT_BYTES = 16  # of an account's MAC
_DERIVED_BYTES = 32
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Scope(StrEnum):
    """Whether clips of one account can be told to be of one account."""

    CLIP = "clip"
    ACCOUNT = "account"


@dataclass(frozen=True)
class Epoch:
    """The derived keys of one epoch: for clips recorded at ``first`` or later and before ``until``."""

    first: datetime
    until: datetime
    token_key: TokenKey
    seal_key: bytes = field(repr=False)  # 32 bytes, for AES-256-GCM

    @property
    def id(self) -> str:
        return self.token_key.epoch

    def covers(self, moment: datetime) -> bool:
        return self.first <= moment < self.until


@dataclass(frozen=True)
class KeyRing:
    """All keys of one campaign. Make one with ``ring_of`` or ``single_ring``, or read it with ``parse_ring``."""

    campaign: str
    scope: Scope
    epochs: tuple[Epoch, ...]
    account_key: bytes = field(repr=False)

    def key_for(self, captured_at: datetime) -> TokenKey:
        """The key of tokens of clips recorded then: of the epoch that began last, where several cover the time. A
        record that comes late, or again, gets the key of its recording. Raises Refusal(KEY_MISSING)."""
        covering = [epoch for epoch in self.epochs if epoch.covers(captured_at)]
        if not covering:
            raise Refusal(Reason.KEY_MISSING)
        return max(covering, key=lambda epoch: (epoch.first, epoch.id)).token_key

    def seal_key(self, epoch: str) -> bytes:
        """The 32 bytes under which that epoch's index entries are sealed. Raises Refusal(KEY_MISSING)."""
        for known in self.epochs:
            if known.id == epoch:
                return known.seal_key
        raise Refusal(Reason.KEY_MISSING)

    def account_mac(self, account_id: str) -> bytes:
        """16 bytes that stand for an account where it must be found again and not be named: HMAC-SHA-256 (RFC 2104),
        cut. The same in every epoch of the campaign."""
        return hmac.new(self._mac_key, account_id.encode(), hashlib.sha256).digest()[:ACCOUNT_BYTES]

    @cached_property
    def _mac_key(self) -> bytes:
        return derived(self.account_key, "account mac", self.campaign)

    def sampling_key(self) -> bytes:
        """32 bytes by which clips are picked."""
        return derived(self.account_key, "sampling", self.campaign)

    def only(self, epochs: Iterable[str]) -> KeyRing:
        """The ring with no other epochs than these."""
        kept = frozenset(epochs)
        return KeyRing(
            self.campaign, self.scope, tuple(epoch for epoch in self.epochs if epoch.id in kept), self.account_key
        )


def epoch_of(
    campaign: str, name: str, secret: bytes, first: datetime | None = None, until: datetime | None = None
) -> Epoch:
    """An epoch from its secret, which is not kept. No ``first`` or no ``until``: without bound on that side."""
    return Epoch(
        first=first or _FIRST,
        until=until or _LAST,
        token_key=TokenKey(campaign, name, derived(secret, "token", campaign, name)),
        seal_key=derived(secret, "seal", campaign, name),
    )


def single_ring(campaign: str, epoch: str, secret: bytes, scope: Scope = Scope.CLIP) -> KeyRing:
    """One epoch for all times; the account key comes from its secret, so that both are destroyed at once."""
    account_key = derived(secret, "account", campaign)
    return KeyRing(campaign, scope, (epoch_of(campaign, epoch, secret),), account_key)


def derived(secret: bytes, *purpose: str) -> bytes:
    """32 bytes for one purpose, by HKDF-SHA256 (RFC 5869) without salt."""
    return HKDF(SHA256(), _DERIVED_BYTES, salt=None, info=framed("clipveil", *purpose)).derive(secret)


# ------------------------------------------------------------------ tokens
def clip_token(clip_id: str, key: TokenKey) -> str:
    """What stands in for a clip, under whichever scope: it is the key of the published record, and two clips under one
    key would be one after compaction. 32 hexadecimal digits."""
    return _token("clip", clip_id, key)


def account_token(account_id: str, key: TokenKey) -> str:
    """What stands in for an account under scope ``account``; another one in every epoch. 32 hexadecimal digits."""
    return _token("account", account_id, key)


def _token(kind: str, name: str, key: TokenKey) -> str:
    """HMAC-SHA-256 (RFC 2104), cut to 128 bits; kind, campaign and epoch are bound in, with their lengths, so that two
    campaigns or epochs that share a key by mistake still give unrelated tokens."""
    message = framed(kind, key.campaign, key.epoch, name)
    return hmac.new(key.secret, message, hashlib.sha256).hexdigest()[:32]


def framed(*parts: str) -> bytes:
    """Parts with their lengths before them: ``ab, c`` is not ``a, bc``."""
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
