"""What accounts said last on human review, in memory, for millions of accounts.

An account is a 64-bit keyed BLAKE2b of its id (RFC 7693), so that the table names nobody; with 10 million accounts the
odds that any two share a number, and with it their newest word, are 3 in a million. The numbers lie sorted in buckets
by their first bits, 16 bytes an account. A bucket's array is never changed but replaced: whoever holds ``buckets()``
has the table as it was, for nothing. Since replacing costs as much for one change as for a hundred, changes wait in a
dictionary until there are many.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stream.whose import ConsentChange

KEY_BYTES: Final = 32
BUCKET_BITS: Final = 10
BUCKETS: Final = 1 << BUCKET_BITS
HASH_BYTES: Final = 8
WAITING_MAX: Final = 100_000

Bucket = npt.NDArray[np.uint64]  # (2, accounts): hashes, rising, and words
Change = tuple[str, ConsentChange | None]  # an account's word, or None where it is to be forgotten

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHIFT: Final = np.uint64(64 - BUCKET_BITS)
_EMPTY: Final[Bucket] = np.empty((2, 0), np.uint64)


class Word(NamedTuple):
    """An account's newest word; ``changed_ms`` since 1970, UTC."""

    human_review: bool
    changed_ms: int


class ConsentTable:
    """The newest word of each account: by ``changed_at``, and "no" where two are as new."""

    def __init__(self, key: bytes | None = None, buckets: Sequence[Bucket] | None = None) -> None:
        self.key = key or secrets.token_bytes(KEY_BYTES)
        self._keyed = blake2b(digest_size=HASH_BYTES, key=self.key)
        self._buckets = list(buckets) if buckets is not None else [_EMPTY] * BUCKETS
        self._waiting: dict[bytes, int] = {}
        self._forgotten: set[bytes] = set()  # what the buckets have of these is void

    def __len__(self) -> int:
        return sum(bucket.shape[1] for bucket in self.buckets())

    def newest(self, account_id: str) -> Word | None:
        """What the account said last; None where nothing is known of it."""
        account = self._hash(account_id)
        settled = None if account in self._forgotten else self._settled(account)
        word = max(self._waiting.get(account, 0), settled or 0)
        return Word(not word & 1, word >> 1) if word else None

    def apply(self, changes: Iterable[Change]) -> None:
        """In the order in which they were written."""
        for account_id, change in changes:
            account = self._hash(account_id)
            if change is None:
                self._waiting.pop(account, None)
                self._forgotten.add(account)
            else:
                self._waiting[account] = max(self._waiting.get(account, 0), _word(change))
        if len(self._waiting) + len(self._forgotten) > WAITING_MAX:
            self._settle()

    def clear(self) -> None:
        self._buckets = [_EMPTY] * BUCKETS
        self._waiting.clear()
        self._forgotten.clear()

    def buckets(self) -> Sequence[Bucket]:
        """The table as it is now."""
        self._settle()
        return tuple(self._buckets)

    def _settle(self) -> None:
        for number, hashes, _ in _by_bucket(dict.fromkeys(self._forgotten, 0)):
            here = self._buckets[number]
            self._buckets[number] = here[:, ~np.isin(here[0], hashes)]
        for number, hashes, newer in _by_bucket(self._waiting):
            self._buckets[number] = _merged(self._buckets[number], hashes, newer)
        self._waiting.clear()
        self._forgotten.clear()

    def _settled(self, account: bytes) -> int | None:
        number = np.uint64(int.from_bytes(account, "big"))
        hashes, words = self._buckets[int(number >> _SHIFT)]
        at = int(np.searchsorted(hashes, number))
        return int(words[at]) if at < len(hashes) and hashes[at] == number else None

    def _hash(self, account_id: str) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(account_id.encode(errors="surrogatepass"))  # an error would quote it
        return keyed.digest()


def milliseconds(moment: datetime) -> int:
    """Since 1970; a part of one is dropped."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _word(change: ConsentChange) -> int:
    """One number, above 0, that is the larger the more it counts: the time, and "no" above "yes"."""
    return max(1, milliseconds(change.changed_at)) << 1 | (not change.human_review)


def _by_bucket(words: dict[bytes, int]) -> Iterable[tuple[int, npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
    """Number of the bucket, hashes (rising, each once) and words, of each bucket that there is something for."""
    if not words:
        return
    hashes = np.frombuffer(b"".join(words), dtype=">u8").astype(np.uint64)
    order = np.argsort(hashes)
    hashes = hashes[order]
    values = np.fromiter(words.values(), np.uint64, len(words))[order]
    numbers = hashes >> _SHIFT
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] + np.uint64(1)))
    for start, end in zip(starts, [*starts[1:], len(hashes)], strict=True):
        yield int(numbers[start]), hashes[start:end], values[start:end]


def _merged(bucket: Bucket, hashes: npt.NDArray[np.uint64], words: npt.NDArray[np.uint64]) -> Bucket:
    """A new bucket: the larger word of those that were there, and those that were not."""
    at = np.searchsorted(bucket[0], hashes)
    there = np.zeros(len(hashes), bool)
    inside = at < bucket.shape[1]
    there[inside] = bucket[0, at[inside]] == hashes[inside]
    new = ~there
    merged = np.insert(bucket, at[new], np.stack([hashes[new], words[new]]), axis=1)
    if there.any():
        shifted = at[there] + np.cumsum(new)[there]  # behind the new ones that were put before them
        merged[1, shifted] = np.maximum(merged[1, shifted], words[there])
    return merged
