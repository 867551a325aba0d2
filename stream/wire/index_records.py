"""What is inside a sealed entry of the index: Avro, without a header, since nobody else ever reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from stream.clip import Coordinates, Reason, Refusal
from stream.whose import IndexEntry
from stream.wire import avro

INDEX_SCHEMA: Final = "index_entry"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode_entry(entry: IndexEntry) -> bytes:
    """The body that is sealed."""
    at = entry.coordinates
    return avro.write(
        INDEX_SCHEMA,
        {
            "token": entry.token,
            "account_id": entry.account_id,
            "captured_at": milliseconds(entry.captured_at),
            "topic": at.topic,
            "partition": at.partition,
            "offset": at.offset,
            "campaign": entry.campaign,
            "key_epoch": entry.key_epoch,
            "uris": list(entry.uris),
        },
    )


def decode_entry(body: bytes) -> IndexEntry:
    """Raises Refusal(EVENT_UNDECODABLE)."""
    told = avro.read(avro.schema_text(INDEX_SCHEMA), INDEX_SCHEMA, body)
    return IndexEntry(
        token=told["token"],
        account_id=told["account_id"],
        captured_at=moment(told["captured_at"]),
        coordinates=Coordinates(told["topic"], told["partition"], told["offset"]),
        campaign=told["campaign"],
        key_epoch=told["key_epoch"],
        uris=tuple(told["uris"]),
    )


def milliseconds(when: datetime) -> int:
    """Since 1970, as Avro has it; exact, which a float of seconds is not."""
    return (when - _EPOCH) // timedelta(milliseconds=1)


def moment(since_1970_ms: int) -> datetime:
    """Raises Refusal(EVENT_UNDECODABLE) for a time that no calendar has."""
    try:
        return _EPOCH + timedelta(milliseconds=since_1970_ms)
    except OverflowError:
        raise Refusal(Reason.EVENT_UNDECODABLE) from None
