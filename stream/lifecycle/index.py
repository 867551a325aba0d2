"""The index of what was published: from a token to its account, and from an account to its tokens.

On its topic an entry is sealed: the key of the record is the token, and the value can be opened only with a key of its
epoch, for that token and no other. Where the key is destroyed, nobody can tell whose the token is, nor can we.

    version (1 byte) | length of the epoch (1) | epoch | nonce (12) | AES-256-GCM of the entry, with its tag (16)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stream.clip import Header, Published, Reason, Record, Refusal, TokenKey
from stream.ports import Message
from stream.whose import IndexEntry

VERSION: Final = 1
NONCE_BYTES: Final = 12  # 96 bits, at random: NIST SP 800-38D allows 2^32 of them with one key
_DOMAIN: Final = b"clipveil index entry"


class SealKeys(Protocol):
    """What the index needs of the key ring."""

    @property
    def campaign(self) -> str: ...

    def key_for(self, captured_at: datetime) -> TokenKey:
        """By which a clip recorded then got its token. Raises Refusal(KEY_MISSING)."""

    def seal_key(self, epoch: str) -> bytes:
        """32 bytes. Raises Refusal(KEY_MISSING)."""

    def account_mac(self, account_id: str) -> bytes:
        """What stands for an account where it is not named."""


Encode = Callable[[IndexEntry], bytes]
Decode = Callable[[bytes], IndexEntry]  # raises Refusal


# ------------------------------------------------------------------ sealing
@dataclass(frozen=True)
class SealedIndex:
    """ports.Index, and the way back."""

    topic: str
    keys: Callable[[], SealKeys]  # as they are now: a ring changes while the service runs
    encode: Encode
    decode: Decode
    nonce: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    def entry(self, of: Header, outcome: Published) -> Message:
        """The record that leads from the outcome's token to the account. Raises Refusal(KEY_MISSING)."""
        keys = self.keys()
        found = IndexEntry(
            token=outcome.token,
            account_id=of.account_id,
            captured_at=of.captured_at,
            coordinates=outcome.coordinates,
            campaign=keys.campaign,
            key_epoch=keys.key_for(of.captured_at).epoch,
            uris=outcome.uris,
        )
        return Message(self.topic, outcome.token.encode(), self.seal(found), outcome.timestamp_ms)

    def seal(self, entry: IndexEntry) -> bytes:
        """The value of its record. Raises Refusal(KEY_MISSING)."""
        epoch, nonce = entry.key_epoch.encode(), self.nonce(NONCE_BYTES)
        head = bytes([VERSION, len(epoch)]) + epoch
        bound = _bound(entry.campaign, entry.key_epoch, entry.token)
        return head + nonce + AESGCM(self.keys().seal_key(entry.key_epoch)).encrypt(nonce, self.encode(entry), bound)

    def open(self, token: str, value: bytes) -> IndexEntry:
        """The entry of ``token``. Raises Refusal(KEY_MISSING) where its epoch's key is gone, and
        Refusal(EVENT_UNDECODABLE) for what was not sealed by us, not for this campaign, or for another token."""
        epoch = epoch_of(value)
        keys, sealed = self.keys(), value[2 + len(epoch) :]
        bound = _bound(keys.campaign, epoch, token)
        try:
            body = AESGCM(keys.seal_key(epoch)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise Refusal(Reason.EVENT_UNDECODABLE) from None
        return self.decode(body)

    def digest(self, account_id: str) -> bytes:
        """By which the copies of an account are found."""
        return self.keys().account_mac(account_id)

    def has_key(self, epoch: str) -> bool:
        """Whether entries of that epoch can be opened."""
        try:
            self.keys().seal_key(epoch)
        except Refusal:
            return False
        return True


def epoch_of(value: bytes) -> str:
    """The id of the epoch whose key opens a sealed value. Raises Refusal(EVENT_UNDECODABLE)."""
    if len(value) < 2 or value[0] != VERSION:
        raise Refusal(Reason.EVENT_UNDECODABLE)
    try:
        return value[2 : 2 + value[1]].decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(Reason.EVENT_UNDECODABLE) from None


def _bound(campaign: str, epoch: str, token: str) -> bytes:
    """What a sealed entry is bound to; with lengths, so that no two triples give the same bytes."""
    parts = [part.encode() for part in (campaign, epoch, token)]
    return _DOMAIN + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


# ------------------------------------------------------------------ looking up
class Copy(NamedTuple):
    """A published clip, and whose it is by the keyed digest of the account."""

    token: str
    account: bytes
    captured_at: datetime
    uris: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Copy({self.token})"


class PublishedIndex:
    """The index as of now, in memory. Give it every record of its topic, in order; ``met`` is told of entries.

    Entries that can't be opened are kept as they are: a key that was only not there yet opens them later.
    """

    def __init__(
        self,
        sealed: SealedIndex,
        met: Callable[[Copy, IndexEntry], None] = lambda *_: None,
    ) -> None:
        self._sealed, self._met = sealed, met
        self._copies: dict[str, Copy] = {}
        self._tokens: dict[bytes, set[str]] = {}
        self._locked: dict[str, dict[str, bytes]] = {}  # by epoch, since keys come and go by epoch
        self._broken: set[str] = set()  # no key will open them

    def __len__(self) -> int:
        return len(self._copies)

    def __contains__(self, token: str) -> bool:
        return token in self._copies

    @property
    def unreadable(self) -> int:
        """How many entries nobody can open."""
        return sum(map(len, self._locked.values())) + len(self._broken)

    def is_unreadable(self, token: str) -> bool:
        """Whether there is such a token, and nobody can tell any more whose it is."""
        return token in self._broken or any(token in of_epoch for of_epoch in self._locked.values())

    def of_account(self, account: bytes) -> Iterator[Copy]:
        """All that was published of an account, which is named by its digest."""
        return (self._copies[token] for token in sorted(self._tokens.get(account, ())))

    def of_token(self, token: str) -> Copy | None:
        """None where it was never published, is erased, or can't be opened."""
        return self._copies.get(token)

    async def apply(self, records: Sequence[Record]) -> None:
        """What a follower of the topic has read."""
        for record in records:
            self.take(record)

    def take(self, record: Record) -> None:
        """An entry, or the tombstone of one. Never raises for what it holds."""
        token = (record.key or b"").decode(errors="replace")
        self._drop(token)
        if record.value is not None:
            self._add(token, record.value)

    def retry(self) -> None:
        """Opens what could not be opened, where its key is there now."""
        for epoch in tuple(self._locked):
            if self._sealed.has_key(epoch):
                for token, value in self._locked.pop(epoch).items():
                    self._add(token, value)

    def _add(self, token: str, value: bytes) -> None:
        try:
            entry = self._sealed.open(token, value)
        except Refusal as refusal:
            if refusal.reason is Reason.KEY_MISSING:
                self._locked.setdefault(epoch_of(value), {})[token] = value
            else:
                self._broken.add(token)
            return
        copy = Copy(token, self._sealed.digest(entry.account_id), entry.captured_at, entry.uris)
        self._copies[token] = copy
        self._tokens.setdefault(copy.account, set()).add(token)
        self._met(copy, entry)

    def _drop(self, token: str) -> None:
        self._broken.discard(token)
        for of_epoch in self._locked.values():
            of_epoch.pop(token, None)
        copy = self._copies.pop(token, None)
        if copy is not None:
            self._tokens[copy.account].discard(token)
            if not self._tokens[copy.account]:
                del self._tokens[copy.account]
