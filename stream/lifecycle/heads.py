"""Signed heads: where a chain ended at some moment, by the word of somebody who can't write to it.

    signature = Ed25519(key, "clipveil audit head" || 0x00 || canonical JSON of all fields but ``signature``)

A chain alone proves nothing against whoever can rewrite all of it. A head that is kept elsewhere does: what lies before
it can't be changed any more without being seen.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from stream.lifecycle.chain import canonical_json

HEAD_DOMAIN: Final = b"clipveil audit head\x00"
KEY_ID_DIGITS: Final = 16
_PUBLIC_KEY: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)

AuditHead = dict[str, Any]  # as the schema ``audit_head`` has it
PublicKeys = Mapping[str, Ed25519PublicKey]  # by key id


# ------------------------------------------------------------------ keys
def signing_key(pem: bytes) -> Ed25519PrivateKey:
    """From PKCS #8, as ``openssl genpkey -algorithm ed25519`` writes it. Raises ValueError for any other."""
    try:
        key = load_pem_private_key(pem, password=None)
    except Exception:  # noqa: BLE001 - of many types, for files that are no keys
        raise ValueError("no private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("no Ed25519 key")  # noqa: TRY004 - of a file's content, not of an argument
    return key


def public_keys(pems: Iterable[bytes]) -> dict[str, Ed25519PublicKey]:
    """By key id; each of ``pems`` holds one or several, as ``openssl pkey -in key.pem -pubout`` writes them.

    Raises ValueError for anything else.
    """
    keys = {}
    for pem in (key for text in pems for key in _PUBLIC_KEY.findall(text) or [text]):
        try:
            key = load_pem_public_key(pem)
        except Exception:  # noqa: BLE001 - as above
            raise ValueError("no public key") from None
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("no Ed25519 key")  # noqa: TRY004 - as above
        keys[key_id(key)] = key
    return keys


def key_id(key: Ed25519PublicKey) -> str:
    """By which a head names the key: the beginning of the SHA-256 of its SubjectPublicKeyInfo (RFC 8410)."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:KEY_ID_DIGITS]


# ------------------------------------------------------------------ heads
def signed_bytes(head: Mapping[str, Any]) -> bytes:
    """What the signature of ``head`` is over. Raises ValueError for what has no canonical form."""
    return HEAD_DOMAIN + canonical_json({name: value for name, value in head.items() if name != "signature"})


def sign(head: Mapping[str, Any], key: Ed25519PrivateKey) -> AuditHead:
    """The head with the id of the key and its signature."""
    named = {**head, "key_id": key_id(key.public_key())}
    return {**named, "signature": key.sign(signed_bytes(named)).hex()}


def vouched(head: Mapping[str, Any], keys: PublicKeys) -> bool:
    """Whether one of ``keys`` signed exactly this head."""
    key = keys.get(str(head.get("key_id")))
    if key is None:
        return False
    try:
        key.verify(bytes.fromhex(str(head.get("signature"))), signed_bytes(head))
    except (InvalidSignature, ValueError):
        return False
    return True


# ------------------------------------------------------------------ all the heads of all chains, at 56 bytes each
class Anchor(NamedTuple):
    """What one signed head says of its chain."""

    sequence: int
    published: int
    withheld: int
    signed_at: int  # milliseconds since 1970
    digest: bytes


class Anchors:
    """The signed heads by which chains are judged. Fill it first, then ask; every source should have all of them."""

    _ROW: Final = struct.Struct("<qqqq32s")
    _TYPE: Final = np.dtype([("sequence", "<i8"), ("counts", "<i8", 3), ("digest", "V32")])
    _NUMBER: Final = struct.Struct("<qq")

    def __init__(self, keys: PublicKeys, sources: Iterable[str] = ("the heads",)) -> None:
        self._keys = keys
        self._rows: dict[str, bytearray] = {}
        self._numbers = {source: bytearray() for source in sources}
        self.latest_ms = 0
        self.refused: list[str] = []  # in words

    def add(self, head: Mapping[str, Any], source: str = "the heads") -> None:
        """One head from ``source``; one that no key vouches for only ends up in ``refused``."""
        if not vouched(head, self._keys):
            self.refused.append(f"head {head.get('number')} of {source} is not signed by a known key")
            return
        try:
            row, number = self._ROW.pack(*_anchor(head)), self._NUMBER.pack(head["number"], head["signed_at"])
        except (KeyError, TypeError, ValueError, struct.error):
            self.refused.append(f"head {head.get('number')} of {source} lacks something")
            return
        self._rows.setdefault(str(head["chain"]), bytearray()).extend(row)
        self._numbers[source].extend(number)
        self.latest_ms = max(self.latest_ms, head["signed_at"])

    def __len__(self) -> int:
        """Of the fullest source."""
        return max(len(numbers) // self._NUMBER.size for numbers in self._numbers.values())

    @property
    def chains(self) -> frozenset[str]:
        return frozenset(self._rows)

    def of(self, chain: str) -> Iterator[Anchor]:
        """The chain's heads by sequence; one that two sources have comes twice."""
        rows = np.frombuffer(bytes(self._rows.get(chain, b"")), self._TYPE)
        for row in rows[np.argsort(rows["sequence"], kind="stable")]:
            published, withheld, signed_at = map(int, row["counts"])
            yield Anchor(int(row["sequence"]), published, withheld, signed_at, row["digest"].tobytes())

    def holes(self, grace_ms: int = 60_000) -> Iterator[str]:
        """In words: heads that were signed, as their numbers tell, and that a source lacks.

        Those of the last ``grace_ms`` may still be on their way into one of the sources.
        """
        tables = {source: np.frombuffer(bytes(n), "<i8").reshape(-1, 2) for source, n in self._numbers.items()}
        every = np.concatenate(list(tables.values()))
        due = every[every[:, 1] <= self.latest_ms - grace_ms, 0]
        newest = {
            source: max(int(table[:, 0].max(initial=0)), int(due.max(initial=0))) for source, table in tables.items()
        }
        for source, table in tables.items():
            missing = np.setdiff1d(np.arange(1, newest[source] + 1), table[:, 0])
            if len(missing):
                yield f"{len(missing)} signed heads are missing from {source}, the first is number {int(missing[0])}"


def _anchor(head: Mapping[str, Any]) -> Anchor:
    digest = bytes.fromhex(head["digest"])
    if len(digest) != 32 or head["sequence"] < 1:
        raise ValueError("no end of a chain")
    return Anchor(head["sequence"], head["published"], head["withheld"], head["signed_at"], digest)
