"""Avro bodies and their frame: our fields only, exactly one record, and nothing of the record in an error."""

from __future__ import annotations

import io
import json
import traceback
import uuid
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.clip import Reason, Refusal
from stream.wire import avro
from tests import events

CANARY = "zebedee-canary-4711"
EVENT = avro.schema_text("clip_event")


def newer(**fields: Any) -> str:
    """The event schema of a producer who has added fields (name -> type)."""
    schema = json.loads(EVENT)
    schema["fields"] += [{"name": name, "type": kind} for name, kind in fields.items()]
    return json.dumps(schema)


def written(schema: str, record: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(schema)), record)
    return body.getvalue()


def refusal(*arguments: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        avro.read(*arguments)
    return caught.value


# ------------------------------------------------------------------ frame
@pytest.mark.parametrize("reference", [0, 1, 2**32 - 1, "7f3c5a52-6c0e-4f8e-9d64-2b1f0a9c7e11"])
def test_a_frame_comes_off_as_it_went_on(reference: int | str) -> None:
    """Ids behind magic 0, GUIDs behind magic 1."""
    assert (reference, b"body") == avro.unframe(avro.frame(reference, b"body"))


def test_the_frame_is_confluents() -> None:
    """Magic byte and big-endian id; magic byte and the GUID's 16 bytes."""
    guid = uuid.uuid4()
    assert b"\x00\x00\x00\x01\x02body" == avro.frame(258, b"body")
    assert b"\x01" + guid.bytes + b"body" == avro.frame(str(guid), b"body")


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x00\x00\x01", b"\x01" + bytes(15), b"\x02" + bytes(40), b"{}"])
def test_anything_else_is_no_frame(value: bytes) -> None:
    """Too short, or a magic byte that nobody has defined."""
    with pytest.raises(Refusal) as caught:
        avro.unframe(value)
    assert Reason.EVENT_UNDECODABLE is caught.value.reason


def test_a_huge_value_is_not_looked_at() -> None:
    """Above the bound there is no decoding at all."""
    with pytest.raises(Refusal) as caught:
        avro.unframe(avro.frame(1, bytes(avro.VALUE_BYTES_MAX)))
    assert Reason.EVENT_TOO_LARGE is caught.value.reason


# ------------------------------------------------------------------ records
def test_a_record_comes_back() -> None:
    """What is written is read, defaults included."""
    record = events.event()
    assert record == avro.read(EVENT, "clip_event", events.body(record))


def test_a_field_that_we_do_not_name_never_becomes_a_value() -> None:
    """A newer writer's field is skipped, wherever it is and whatever it holds."""
    kinds = {"nickname": "string", "voice_print": "bytes", "tags": {"type": "map", "values": "string"}}
    record = events.event() | {"nickname": CANARY, "voice_print": CANARY.encode(), "tags": {CANARY: CANARY}}
    schema = newer(**kinds)
    read = avro.read(schema, "clip_event", written(schema, record))
    assert events.event() == read
    assert CANARY not in repr(read)


def test_a_nested_field_that_we_do_not_name_never_becomes_a_value() -> None:
    """The same inside a record inside the event."""
    schema = json.loads(EVENT)
    word = next(f for f in schema["fields"] if f["name"] == "location")["type"][1]
    word["fields"].insert(0, {"name": "street", "type": "string"})
    record = events.event()
    record["location"]["street"] = CANARY
    read = avro.read(json.dumps(schema), "clip_event", written(json.dumps(schema), record))
    assert events.event() == read


def test_a_field_that_an_older_writer_lacks_has_its_default() -> None:
    """BACKWARD compatibility, in practice."""
    schema = json.loads(EVENT)
    schema["fields"] = [field for field in schema["fields"] if field["name"] not in ("wake_word", "slots", "consent")]
    read = avro.read(json.dumps(schema), "clip_event", written(json.dumps(schema), events.event()))
    assert (None, {}, None) == (read["wake_word"], read["slots"], read["consent"])


def test_a_writer_without_a_field_that_we_need_is_refused() -> None:
    """No clip id, no clip."""
    schema = json.loads(EVENT)
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "clip_id"]
    body = written(json.dumps(schema), events.event())
    assert Reason.EVENT_UNDECODABLE is refusal(json.dumps(schema), "clip_event", body).reason


@pytest.mark.parametrize("extra", [b"\x00", CANARY.encode()])
def test_bytes_behind_the_record_are_refused(extra: bytes) -> None:
    """A body is exactly one record."""
    body = events.body(events.event()) + extra
    assert Reason.EVENT_UNDECODABLE is refusal(EVENT, "clip_event", body).reason


def test_a_record_cut_off_anywhere_is_refused() -> None:
    """No prefix of a record is a record."""
    record = events.event(audio={"content": b"short", "codec": ""})
    body = events.body(record)
    for end in range(len(body)):
        assert Reason.EVENT_UNDECODABLE is refusal(EVENT, "clip_event", body[:end]).reason


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Whatever bytes are flipped: a record or a Refusal, and no other exception."""
    body = bytearray(events.body(events.event(audio={"content": b"short", "codec": ""})))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    reason = None
    try:
        avro.read(EVENT, "clip_event", bytes(body))
    except Refusal as refused:
        reason = refused.reason
    assert reason in (None, Reason.EVENT_UNDECODABLE)


@pytest.mark.parametrize("kind", ["null", {"type": "fixed", "name": "Nothing", "size": 0}])
def test_a_bomb_in_a_field_that_we_would_skip(kind: Any) -> None:
    """A dozen bytes that announce 2**60 items are refused although nobody asked for that field."""
    schema = newer(bomb={"type": "array", "items": kind})
    body = written(newer(bomb="long"), events.event() | {"bomb": 2**60}) + b"\x00"
    assert Reason.EVENT_UNDECODABLE is refusal(schema, "clip_event", body).reason


def test_no_error_quotes_the_record() -> None:
    """Neither the message nor the traceback with its causes holds what the record said."""
    body = events.body(events.event(first_name=CANARY)).replace(CANARY.encode(), b"\xff" + CANARY.encode()[1:])
    refused = refusal(EVENT, "clip_event", body)
    text = "".join(traceback.format_exception(refused))
    assert refused.__cause__ is None
    assert refused.__suppress_context__
    assert CANARY[1:] not in text


@pytest.mark.parametrize("surplus", [{"nickname": CANARY}, {"reason": 7}])
def test_a_record_of_another_shape_is_not_written(surplus: dict[str, Any]) -> None:
    """A field that the schema does not name, or a value of another type, is an error and not an omission."""
    record = {"topic": "t", "partition": 0, "offset": 0, "reason": "r", "fault": "", "policy_version": "1"}
    with pytest.raises(Refusal) as caught:
        avro.write("withheld", record | {"decided_at": 0} | surplus)
    assert Reason.INTERNAL_ERROR is caught.value.reason
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_what_is_read_as_it_was_written_is_bounded_too() -> None:
    """An audit record with something behind it is not exactly one record: its digest would not be over all of it."""
    schema = json.dumps({"type": "record", "name": "R", "fields": [{"name": "n", "type": "long"}]})
    assert {"n": 1} == avro.read_as_written(schema, b"\x02")
    with pytest.raises(Refusal) as caught:
        avro.read_as_written(schema, b"\x02\x02")
    assert Reason.EVENT_UNDECODABLE is caught.value.reason
