"""Avro bodies and the schema registry's wire format; the only module that knows fastavro.

A framed value is magic 0 and a 4-byte schema id, or magic 1 and a 16-byte schema GUID, and then the body.
"""

from __future__ import annotations

import io
import struct
import uuid
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import fastavro

from stream.clip import Reason, Refusal
from stream.wire.bounds import PlainSchema, measure, plain

VALUE_BYTES_MAX: Final = 16 * 1024 * 1024  # a minute of 48 kHz stereo WAV is 11.5 MB
_ID: Final = struct.Struct(">bI")
_GUID: Final = struct.Struct(">b16s")


@cache
def schema_text(name: str) -> str:
    """One of our own schemas: clip_event, anonymized_clip, withheld or audit."""
    return resources.files("stream").joinpath("schemas", f"{name}.avsc").read_text(encoding="utf-8")


def frame(reference: int | str, body: bytes) -> bytes:
    """Body with its header: magic 0 for a schema id, magic 1 for a GUID."""
    if isinstance(reference, int):
        return _ID.pack(0, reference) + body
    return _GUID.pack(1, uuid.UUID(reference).bytes) + body


def unframe(value: bytes) -> tuple[int | str, bytes]:
    """Schema id or GUID, and the body. Raises Refusal(EVENT_TOO_LARGE, EVENT_UNDECODABLE)."""
    if len(value) > VALUE_BYTES_MAX:
        raise Refusal(Reason.EVENT_TOO_LARGE)
    if value[:1] == b"\0" and len(value) >= _ID.size:
        return int(_ID.unpack_from(value)[1]), value[_ID.size :]
    if value[:1] == b"\1" and len(value) >= _GUID.size:
        return str(uuid.UUID(bytes=_GUID.unpack_from(value)[1])), value[_GUID.size :]
    raise Refusal(Reason.EVENT_UNDECODABLE)


def read(writer_schema: str, name: str, body: bytes) -> Mapping[str, Any]:
    """One record as our schema ``name`` sees it: fields that it does not name are skipped, never built.

    Times are plain numbers: logical types are left to the caller. Raises Refusal(UNKNOWN_SCHEMA) for a schema that
    is hostile or no Avro, Refusal(EVENT_UNDECODABLE) for a body that is not exactly one record of it or does not
    resolve to ours.
    """
    bounds, writer = _writer(writer_schema)
    measure(bounds, body)
    try:
        record = fastavro.schemaless_reader(io.BytesIO(body), writer, _ours(name), handle_unicode_errors="strict")
    except Exception:  # noqa: BLE001 - fastavro raises many types, and their messages quote the record
        raise Refusal(Reason.EVENT_UNDECODABLE) from None
    if not isinstance(record, dict):
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return record


def read_as_written(writer_schema: str, body: bytes) -> Mapping[str, Any]:
    """One record with exactly the fields that its writer gave it: what a digest is over must not depend on the reader.

    Raises as ``read`` does.
    """
    bounds, writer = _writer(writer_schema)
    measure(bounds, body)
    try:
        record = fastavro.schemaless_reader(io.BytesIO(body), writer, None, handle_unicode_errors="strict")
    except Exception:  # noqa: BLE001 - as above
        raise Refusal(Reason.EVENT_UNDECODABLE) from None
    if not isinstance(record, dict):
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return record


def write(name: str, record: Mapping[str, Any]) -> bytes:
    """The body of one record of our schema ``name``; a field too many or too few is refused."""
    body = io.BytesIO()
    try:
        fastavro.schemaless_writer(body, _ours(name), record, strict=True)
    except Exception:  # noqa: BLE001 - as above
        raise Refusal(Reason.INTERNAL_ERROR) from None
    return body.getvalue()


@lru_cache(maxsize=64)
def _writer(text: str) -> tuple[PlainSchema, Any]:
    schema = plain(text)
    try:
        return schema, fastavro.parse_schema(schema.root)
    except Exception:  # noqa: BLE001 - as above
        raise Refusal(Reason.UNKNOWN_SCHEMA) from None


@lru_cache(maxsize=32)
def _ours(name: str) -> Any:
    return fastavro.parse_schema(plain(schema_text(name), defaults=True).root)
