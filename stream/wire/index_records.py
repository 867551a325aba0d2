"""What is inside a sealed entry of the index: Avro, without a header, since nobody else ever reads it."""

from __future__ import annotations

from typing import Final

from stream.clip import Coordinates
from stream.whose import IndexEntry
from stream.wire import avro
from stream.wire.fields import milliseconds, moment

INDEX_SCHEMA: Final = "index_entry"


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
