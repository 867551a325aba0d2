"""Receipts of erasures, signed so that whoever asked can prove what was done, and we can't tell it otherwise later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from stream.lifecycle.chain import canonical_json

COPIES_MAX: Final = 10_000  # in one receipt; an account with more gets several
_DOMAIN: Final = b"clipveil erasure receipt 1\n"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class KeyUnusable(Exception):
    """The file is no Ed25519 private key in PEM. Never says what it holds."""


@dataclass(frozen=True)
class ErasedCopy:
    """A published record that was taken back, and the objects that were deleted with it."""

    topic: str
    token: str
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class ErasureReceipt:
    """What was erased for a request. ``unreadable`` entries of the index nobody could look at: their key is gone."""

    request_id: str
    campaign: str
    requested_at: datetime
    completed_at: datetime
    copies: tuple[ErasedCopy, ...]
    unreadable: int
    key_id: str = ""
    signature: bytes = b""

    def statement(self) -> dict[str, Any]:
        """All that is signed; times are milliseconds since 1970."""
        return {
            "request_id": self.request_id,
            "campaign": self.campaign,
            "requested_at": _milliseconds(self.requested_at),
            "completed_at": _milliseconds(self.completed_at),
            "copies": [
                {"topic": copy.topic, "token": copy.token, "objects": list(copy.objects)} for copy in self.copies
            ],
            "unreadable": self.unreadable,
            "key_id": self.key_id,
        }

    def signed_bytes(self) -> bytes:
        """A domain, so that no other signature of the key can be taken for this one, and canonical JSON (RFC 8785)."""
        return _DOMAIN + canonical_json(self.statement())

    def is_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the holder of the key signed exactly this."""
        if self.key_id != key_id(key):
            return False
        try:
            key.verify(self.signature, self.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """Signs receipts (Ed25519, RFC 8032)."""

    key: Ed25519PrivateKey

    def signed(self, receipt: ErasureReceipt) -> ErasureReceipt:
        """The same receipt with key id and signature."""
        named = replace(receipt, key_id=key_id(self.key.public_key()))
        return replace(named, signature=self.key.sign(named.signed_bytes()))


def signer_of(path: Path) -> Signer:
    """The signer whose key is in a PEM file. Raises KeyUnusable, and OSError where the file can't be read."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their messages may quote the file
        raise KeyUnusable("is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable("is a key of another kind than Ed25519")
    return Signer(key)


def key_id(key: Ed25519PublicKey) -> str:
    """16 hexadecimal digits that name a public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def receipts_of(whole: ErasureReceipt, signer: Signer, most: int = COPIES_MAX) -> Sequence[ErasureReceipt]:
    """Signed receipts that list all copies of ``whole`` between them; one where there are none."""
    parts = [whole.copies[first : first + most] for first in range(0, len(whole.copies), most)] or [()]
    return [signer.signed(replace(whole, copies=part)) for part in parts]


def _milliseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(milliseconds=1)
