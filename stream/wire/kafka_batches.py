"""The batches of a fetch, so that no record of any producer can stop a partition.

aiokafka unpacks a compressed batch whole before anybody can look at a record, and whatever it can't read it raises, at
the same offset for ever. What it would read batches with is replaced here: a batch that is larger than a bound once it
is unpacked, and whatever can't be read, come out as records without anything in them but why.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache, partial
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedForMessageFormatError
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint

from stream.clip import Reason
from stream.wire.kafka_records import HEAD, UNREADABLE, Head, Row, Unread, row, unread
from stream.wire.kafka_unpacking import CODEC_MASK, GZIP, TooLarge, unpacked

_LENGTH: Final = struct.Struct(">qi")  # base offset, and how many bytes follow
_MAGIC_AT: Final = 16
_LEGACY_ATTRIBUTES_AT: Final = 17


class NotBounded(RuntimeError):
    """This aiokafka does not read batches where we look at them: it would unpack whatever anybody sends."""


# ------------------------------------------------------------------ in place of aiokafka's
class Batches:
    """The batches of one partition that one fetch brought: aiokafka's MemoryRecords, with a bound."""

    def __init__(self, raw: bytes, bytes_max: int) -> None:
        self._raw = memoryview(raw)
        self._bytes_max = bytes_max
        self._at = 0

    def size_in_bytes(self) -> int:
        return len(self._raw)

    def has_next(self) -> bool:
        """False also where the last one was cut off, as a broker may."""
        return self._end() is not None

    def next_batch(self) -> Any:
        """Raises UnsupportedForMessageFormatError for a format that nobody has written since Kafka 0.11, compressed."""
        end = self._end()
        if end is None:
            return None
        raw, self._at = self._raw[self._at : end], end
        if len(raw) <= _LEGACY_ATTRIBUTES_AT:
            raise CorruptRecordException("a batch that is cut off")
        if raw[_MAGIC_AT] >= 2:
            return Batch(raw, self._bytes_max)
        if raw[_LEGACY_ATTRIBUTES_AT] & CODEC_MASK:
            raise UnsupportedForMessageFormatError("compressed records of message format 0 or 1")
        return LegacyRecordBatch(raw, raw[_MAGIC_AT])

    def _end(self) -> int | None:
        if len(self._raw) - self._at < _LENGTH.size:
            return None
        _, length = _LENGTH.unpack_from(self._raw, self._at)
        end = self._at + _LENGTH.size + int(length)
        return end if self._at < end <= len(self._raw) else None


class Batch:
    """One batch. All but its records is aiokafka's; they are unpacked when they are asked for, and not before, as those
    of an aborted transaction never are."""

    def __init__(self, raw: memoryview, bytes_max: int) -> None:
        if len(raw) < HEAD.size:
            raise CorruptRecordException("a batch that is cut off")
        self._raw = raw
        self._bytes_max = bytes_max
        self._head = Head(*HEAD.unpack_from(raw))
        self._inner = DefaultRecordBatch(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __next__(self) -> Any:
        """The marker of a control batch, which a broker wrote."""
        return next(self._inner)

    def __iter__(self) -> Iterator[Any]:
        if not self._head.records:
            return  # compaction keeps an empty batch, for the sequence numbers of its producer
        try:
            plain = self._plain()
        except MemoryError:
            raise
        except TooLarge:
            yield from self._unread(Reason.EVENT_TOO_LARGE, self._head.base_offset)
            return
        except Exception:  # noqa: BLE001 - decoders of four libraries, each with its own
            yield from self._unread(Reason.EVENT_UNDECODABLE, self._head.base_offset)
            return
        after, last = self._head.base_offset, self._head.last_offset
        try:
            for record in DefaultRecordBatch(plain):
                if (record.offset != after or after > last) and not self._follows(record.offset, after):
                    raise CorruptRecordException
                yield record
                after = record.offset + 1
        except UNREADABLE:
            yield from self._one_by_one(plain, after)

    def _plain(self) -> memoryview:
        """The batch with its records unpacked."""
        codec = self._head.attributes & CODEC_MASK
        if not codec:
            return self._raw
        plain = unpacked(codec, self._raw[HEAD.size :], HEAD.size, self._bytes_max)
        attributes = self._head.attributes & ~CODEC_MASK
        # its checksum is that of the batch as it came, which was looked at before
        HEAD.pack_into(plain, 0, *self._head._replace(attributes=attributes, length=len(plain) - _LENGTH.size))
        return plain

    def _one_by_one(self, plain: memoryview, after: int) -> Iterator[Row]:
        """From ``after`` on, where one of the records can't be read: the others can, as far as it is known where they
        begin."""
        at, following = HEAD.size, self._head.base_offset
        for _ in range(self._head.records):
            try:
                length, start = decode_varint(plain, at)
                at = start + length
                found = row(plain[start:at], self._head) if length > 0 and at <= len(plain) else None
            except UNREADABLE:
                found = None
            if found is None or not self._follows(found.offset, following):
                break
            following = found.offset + 1
            if following > after:
                yield found
                after = following
        else:
            if at == len(plain):
                return  # all were read: what is left of the offsets are gaps
        yield from self._unread(Reason.EVENT_UNDECODABLE, after)

    def _follows(self, offset: int, expected: int) -> bool:
        """Whether a record may lie there: only compaction leaves gaps, and only within the batch."""
        head = self._head
        dense = head.records == head.last_offset_delta + 1
        return offset == expected if dense else expected <= offset <= head.last_offset

    def _unread(self, reason: Reason, start: int) -> Iterator[Row]:
        """One for every offset from ``start`` on. Where compaction has left gaps, nobody knows which ones: rather one
        too many is told of than one too few."""
        for offset in range(start, self._head.last_offset + 1):
            yield unread(reason, offset, self._head)


# ------------------------------------------------------------------ put in place
def bound(bytes_max: int) -> None:
    """From here on no consumer of this process unpacks a batch beyond ``bytes_max``. Raises NotBounded."""
    _check()
    fetcher.MemoryRecords = partial(Batches, bytes_max=bytes_max)


@cache
def _check() -> None:
    """Whether aiokafka does with ours what it does with its own. Its names are private, and may move."""
    builder = DefaultRecordBatchBuilder(2, GZIP, 0, -1, -1, -1, 2**20)
    builder.append(0, 0, None, bytes(1000), [])
    raw = bytes(builder.build())
    try:
        asked = "MemoryRecords" in fetcher.Fetcher._proc_fetch_request.__code__.co_names
        (small,), (large,) = (_fetched(raw, bytes_max) for bytes_max in (2000, 500))
        bounded = small == bytes(1000) and isinstance(large, Unread) and large.reason is Reason.EVENT_TOO_LARGE
    except Exception as error:  # noqa: BLE001 - whatever it is, it is another library than the one we know
        raise NotBounded(f"aiokafka {aiokafka.__version__}: {type(error).__name__}") from None
    if not (asked and bounded and hasattr(fetcher, "MemoryRecords")):
        raise NotBounded(f"aiokafka {aiokafka.__version__} reads batches in another way")


def _fetched(raw: bytes, bytes_max: int) -> list[Any]:
    """Values, by aiokafka's own way from a fetch to its records."""
    here = TopicPartition("none", 0)
    records = fetcher.PartitionRecords(here, Batches(raw, bytes_max), None, 0, None, None, True, fetcher.READ_COMMITTED)
    return [record.value for record in records]
