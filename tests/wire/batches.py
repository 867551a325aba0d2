"""Raw batches for tests, as producers and brokers write them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from stream.wire.kafka_batches import Batches
from stream.wire.kafka_records import HEAD, Head

__all__ = ["HEAD", "Head", "Record", "batch", "fetched", "rewritten"]
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Record = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]  # key, value, headers


def batch(codec: int, of: Sequence[Record], **head: int) -> bytes:
    """By aiokafka's own builder; ``head`` overwrites fields, as a broker does."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 2**31 - 1)
    for offset, (key, value, headers) in enumerate(of):
        builder.append(offset, 1_700_000_000_000 + offset, key, value, list(headers))
    return rewritten(bytes(builder.build()), **head)


def rewritten(raw: bytes, body: bytes | None = None, **head: int) -> bytes:
    """With other fields or another body, and a checksum that is right again."""
    body = raw[HEAD.size :] if body is None else body
    fields = Head(*HEAD.unpack_from(raw))._replace(**{"length": HEAD.size + len(body) - 12, **head})
    new = HEAD.pack(*fields) + body
    return new[:17] + struct.pack(">I", calc_crc32c(new[21:])) + new[21:]


def fetched(
    raw: bytes,
    bytes_max: int | None = None,
    aborted: Sequence[tuple[int, int]] = (),
    start: int = 0,
) -> list[Any]:
    """What a consumer gets of a fetch; without us where ``bytes_max`` is None."""
    batches = fetcher_own(raw) if bytes_max is None else Batches(raw, bytes_max)
    here = TopicPartition("t", 0)
    isolation = fetcher.READ_COMMITTED
    return list(fetcher.PartitionRecords(here, batches, list(aborted), start, None, None, True, isolation))


def fetcher_own(raw: bytes) -> Any:
    from aiokafka.record.memory_records import MemoryRecords

    return MemoryRecords(raw)
