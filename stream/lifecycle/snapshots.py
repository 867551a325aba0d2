"""The consent table in a file, so that a start does not read the whole topic.

    magic, length of the header, header (JSON), the buckets one after the other, BLAKE2b-256 of all that

The file holds no account id, but the key of its hashes: whoever has it can ask whether an account that he knows is in
it. It is readable by its owner only. The checksum finds damage, not a forger: the folder has to be ours alone.
"""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from stream.lifecycle.consent import BUCKETS, KEY_BYTES, Bucket

MAGIC: Final = b"CVCONS01"  # the last two digits are the version
HEADER_BYTES_MAX: Final = 4 * 2**20
ENTRY_BYTES: Final = 16
_LENGTH: Final = struct.Struct(">I")
_SUM_BYTES: Final = 32


class Unusable(Exception):
    """Not a snapshot of this topic that can be trusted: the topic has to be read from its beginning."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A table, and the offsets of its topic up to which it knows everything; ``saved_at`` in seconds since 1970."""

    topic: str
    offsets: Mapping[int, int]
    key: bytes = field(repr=False)
    buckets: Sequence[Bucket] = field(repr=False)
    saved_at: float


def write(path: Path, snapshot: Snapshot) -> None:
    """Replaces the file at once, or leaves it as it was. Raises OSError."""
    header = json.dumps(
        {
            "topic": snapshot.topic,
            "offsets": {str(number): offset for number, offset in snapshot.offsets.items()},
            "key": snapshot.key.hex(),
            "counts": [bucket.shape[1] for bucket in snapshot.buckets],
            "saved_at": snapshot.saved_at,
        }
    ).encode()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            summed = blake2b(digest_size=_SUM_BYTES)
            start = MAGIC + _LENGTH.pack(len(header)) + header
            for piece in chain([start], map(_bytes, snapshot.buckets)):
                summed.update(piece)
                file.write(piece)
            file.write(summed.digest())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(path.parent)


def read(path: Path, topic: str) -> Snapshot:
    """Raises Unusable, whatever is wrong with the file."""
    try:
        with path.open("rb") as file:
            return _read(file, topic)
    except OSError:
        raise Unusable("missing, or not to be read") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # of a header that is no header
        raise Unusable("damaged") from None


def _read(file: BinaryIO, topic: str) -> Snapshot:
    size = os.fstat(file.fileno()).st_size
    summed = blake2b(digest_size=_SUM_BYTES)
    start = _exactly(file, len(MAGIC) + _LENGTH.size)
    (length,) = _LENGTH.unpack(start[len(MAGIC) :])
    if not start.startswith(MAGIC) or length > HEADER_BYTES_MAX:
        raise Unusable("another format")
    text = _exactly(file, length)
    header = json.loads(text)
    counts = _counts(header["counts"])
    if size != len(start) + length + ENTRY_BYTES * sum(counts) + _SUM_BYTES:
        raise Unusable("damaged")
    summed.update(start + text)
    buckets = []
    for count in counts:
        content = _exactly(file, ENTRY_BYTES * count)
        summed.update(content)
        buckets.append(np.frombuffer(content, "<u8").astype(np.uint64, copy=False).reshape(2, count))
    if summed.digest() != _exactly(file, _SUM_BYTES):
        raise Unusable("damaged")
    if header["topic"] != topic:
        raise Unusable("another topic")
    key = bytes.fromhex(header["key"])
    saved_at = float(header["saved_at"])
    if len(key) != KEY_BYTES or not math.isfinite(saved_at):
        raise Unusable("damaged")
    offsets = {int(number): int(offset) for number, offset in header["offsets"].items()}
    return Snapshot(topic, offsets, key, buckets, saved_at)


def _counts(raw: Any) -> list[int]:
    if not isinstance(raw, list) or len(raw) != BUCKETS or not all(type(count) is int and count >= 0 for count in raw):
        raise Unusable("damaged")
    return raw


def _exactly(file: BinaryIO, length: int) -> bytes:
    found = file.read(length)
    if len(found) != length:
        raise Unusable("damaged")
    return found


def _bytes(bucket: Bucket) -> bytes:
    return bucket.astype("<u8", copy=False).tobytes()


def _sync_folder(folder: Path) -> None:
    """So that the new name, too, is there after a power cut; where a file system can't, the old file may come back."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
