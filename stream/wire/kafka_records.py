"""Single records of a batch: those that were not read, and those that aiokafka can't read."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import decode_varint

from stream.clip import Reason

UNREADABLE: Final = (CorruptRecordException, ValueError, IndexError)  # what aiokafka's reading of a record raises
_LOG_APPEND_TIME: Final = 0x08


class Unread(bytes):
    """The empty value of a record that was not read. Told by its type, which no producer can give to a value."""

    reason: Reason

    def __new__(cls, reason: Reason) -> Unread:
        value = super().__new__(cls)
        value.reason = reason
        return value


@dataclass(frozen=True)
class Row:
    """A record as aiokafka's fetcher takes it."""

    offset: int
    timestamp: int
    timestamp_type: int
    value: bytes | None = field(repr=False)
    key: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(default=(), repr=False)
    checksum: None = None


class Head(NamedTuple):
    """The fields in front of a batch's records (message format 2)."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def log_append_time(self) -> bool:
        return bool(self.attributes & _LOG_APPEND_TIME)


HEAD: Final = struct.Struct(">qiibIhiqqqhii")


def unread(reason: Reason, offset: int, head: Head) -> Row:
    return Row(offset, head.max_timestamp, int(head.log_append_time), Unread(reason))


def row(raw: memoryview, head: Head) -> Row | None:
    """A record, or that it can't be read; None where not even its offset can. A header may have any name here: no
    broker looks at it, and aiokafka raises where it is no UTF-8."""
    try:
        passed, at = decode_varint(raw, 1)
        delta, at = decode_varint(raw, at)
    except UNREADABLE:
        return None
    offset = head.base_offset + delta
    timestamp = head.max_timestamp if head.log_append_time else head.first_timestamp + passed
    try:
        key, at = _nullable(raw, at)
        value, at = _nullable(raw, at)
        count, at = decode_varint(raw, at)
        headers = []
        for _ in range(count):
            name, at = _nullable(raw, at)
            content, at = _nullable(raw, at)
            headers.append(((name or b"").decode(errors="replace"), content))
    except UNREADABLE:
        return unread(Reason.EVENT_UNDECODABLE, offset, head)
    if at != len(raw) or count < 0:
        return unread(Reason.EVENT_UNDECODABLE, offset, head)
    return Row(offset, timestamp, int(head.log_append_time), value, key, tuple(headers))


def _nullable(raw: memoryview, at: int) -> tuple[bytes | None, int]:
    """Raises IndexError."""
    length, at = decode_varint(raw, at)
    if length < 0:
        return None, at
    if length > len(raw) - at:
        raise IndexError
    return bytes(raw[at : at + length]), at + length
