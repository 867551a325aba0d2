"""The hash chain of the audit: every record holds the digest of the one before it.

    digest = SHA-256(0x00 || previous || canonical(record))

``previous`` are the 32 bytes of the digest before (zeros for the first), ``canonical`` is JSON as in RFC 8785 of all
fields but ``digest``. Whoever changes, drops or moves a record has to compute everything behind it anew, and then
meets the heads that somebody else has signed (``heads.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from stream.ports import Partition
from stream.whose import AuditRecord, Head

RECORD_DOMAIN: Final = b"\x00"
INTEGER_MAX: Final = 2**53 - 1  # beyond it, JSON numbers are not the same in every language (RFC 7493)

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """RFC 8785 for what we write: null, booleans, integers, text, arrays, and objects with ASCII keys.

    Keys in order, no spaces, UTF-8. Raises ValueError for anything that could be written in two ways: floats, integers
    beyond 2^53 - 1, keys that are not ASCII (whose order depends on the encoding), lone surrogates.
    """
    _demand_exact(value)
    return _ENCODER.encode(value).encode()


def canonical(record: Mapping[str, Any]) -> bytes:
    """What a record's digest is over: all of its fields but ``digest``. Raises ValueError as above."""
    return canonical_json({name: value for name, value in record.items() if name != "digest"})


def digest_of(record: Mapping[str, Any], previous: bytes) -> bytes:
    """The 32 bytes that ``record`` must hold as its digest behind ``previous``. Raises ValueError."""
    return hashlib.sha256(RECORD_DOMAIN + previous + canonical(record)).digest()


def link(record: Mapping[str, Any], after: Head) -> tuple[AuditRecord, Head]:
    """``record`` as the next of the chain that ends at ``after``, and where the chain ends then. Raises ValueError."""
    linked = {**record, "sequence": after.sequence + 1, "previous": after.digest.hex()}
    digest = digest_of(linked, after.digest)
    return {**linked, "digest": digest.hex()}, Head(after.sequence + 1, digest)


def end_at(record: Mapping[str, Any], of: Partition) -> Head:
    """Where the chain of the input partition ``of`` ends, whose last record is ``record``.

    Raises ValueError for one that is no link of it, or whose digest is not its own.
    """
    if (of.topic, of.number) != (record.get("topic"), record.get("partition")):
        raise ValueError("of another chain")
    sequence, digest = record.get("sequence"), record.get("digest")
    if not isinstance(sequence, int) or sequence < 1:
        raise ValueError("no place in a chain")
    previous = bytes.fromhex(str(record.get("previous")))
    found = digest_of(record, previous)
    if len(previous) != len(found) or found.hex() != digest:
        raise ValueError("the digest is not the record's")
    return Head(sequence, found)


def _demand_exact(value: object) -> None:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return
    if kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:  # type: ignore[operator]
            raise ValueError("an integer that not every language can hold")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if type(name) is not str or not name.isascii():
                raise ValueError("a key that is not ASCII text")
            _demand_exact(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _demand_exact(inner)
    else:
        raise ValueError("a value with more than one way to write it")
