"""Hostile Avro: few bytes that announce much, and schemas that never end, are refused before they cost anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream.clip import Reason, Refusal
from stream.wire import avro, bounds
from tests import events


def varint(number: int) -> bytes:
    """Zig-zag, as Avro writes int and long."""
    zigzag = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def record(*kinds: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": f"f{n}", "type": kind} for n, kind in enumerate(kinds)]}


def reason_for(schema: Any, body: bytes) -> Reason:
    with pytest.raises(Refusal) as caught:
        bounds.measure(bounds.plain(json.dumps(schema)), body)
    return caught.value.reason


def reason_for_schema(schema: Any) -> Reason:
    with pytest.raises(Refusal) as caught:
        bounds.plain(schema if isinstance(schema, str) else json.dumps(schema))
    return caught.value.reason


EMPTY = {"type": "record", "name": "Empty", "fields": []}
NOTHING = {"type": "fixed", "name": "Nothing", "size": 0}


# ------------------------------------------------------------------ bodies
@pytest.mark.parametrize("item", ["null", EMPTY, NOTHING, record("null", "null")])
@pytest.mark.parametrize("count", [2**60, 2**62, -(2**60), bounds.STEPS_MAX + 1])
def test_a_block_of_many_items_that_take_no_bytes(item: Any, count: int) -> None:
    """An array of 2**60 nulls is a dozen bytes long and takes a decoder for ever."""
    body = varint(count) + (varint(0) if count < 0 else b"") + varint(0)
    assert Reason.EVENT_UNDECODABLE is reason_for({"type": "array", "items": item}, body)


def test_many_blocks_of_such_items_add_up() -> None:
    """The bound is one for the whole body."""
    body = varint(bounds.STEPS_MAX // 10) * 20 + varint(0)
    assert Reason.EVENT_UNDECODABLE is reason_for({"type": "array", "items": "null"}, body)


def test_records_that_double_at_every_level() -> None:
    """Thirty records of two fields each describe a billion nulls in no bytes at all."""
    schema: Any = "null"
    for level in range(30):
        again = f"L{level - 1}" if level else "null"
        fields = [{"name": "a", "type": schema}, {"name": "b", "type": again}]
        schema = {"type": "record", "name": f"L{level}", "fields": fields}
    assert Reason.EVENT_UNDECODABLE is reason_for_deep(schema)


def reason_for_deep(schema: Any) -> Reason:
    """Through ``read``, where the bomb would go off."""
    with pytest.raises(Refusal) as caught:
        avro.read(json.dumps(schema), "clip_event", b"")
    return caught.value.reason


@pytest.mark.parametrize("length", [2**31, 2**62, 10**6, -1, -5])
@pytest.mark.parametrize("kind", ["string", "bytes", {"type": "map", "values": "null"}])
def test_a_length_beyond_the_body_or_below_zero(kind: Any, length: int) -> None:
    """No memory is taken for what is only announced; a negative length would make a stream read to its end."""
    prefix = varint(1) if isinstance(kind, dict) else b""
    assert Reason.EVENT_UNDECODABLE is reason_for(kind, prefix + varint(length) + b"abc")


@pytest.mark.parametrize(
    "body", [b"\x80" * 9, b"\xff" * 3_000_000 + b"\x01", b"\x80" * 10 + b"\x01", b"\xff" * 11, b"\xff" * 9 + b"\x7f"]
)
def test_a_number_without_end(body: bytes) -> None:
    """At most ten bytes, at most 64 bits; millions of bytes would take minutes to add up."""
    assert Reason.EVENT_UNDECODABLE is reason_for("long", body)


def test_an_int_beyond_32_bits() -> None:
    """An int that is none is corruption."""
    assert Reason.EVENT_UNDECODABLE is reason_for("int", varint(2**31))
    bounds.measure(bounds.plain('"int"'), varint(-(2**31)))


@pytest.mark.parametrize("index", [2, -1, 2**40])
def test_a_branch_or_symbol_that_does_not_exist(index: int) -> None:
    """A negative index would silently be counted from the end."""
    assert Reason.EVENT_UNDECODABLE is reason_for(["null", "int"], varint(index))
    assert Reason.EVENT_UNDECODABLE is reason_for({"type": "enum", "name": "E", "symbols": ["A", "B"]}, varint(index))


def test_what_is_whole_and_small_passes() -> None:
    """All kinds of value, measured to the last byte."""
    schema = record("null", "boolean", "int", "long", "float", "double", "bytes", "string", NOTHING, ["null", "long"])
    schema["fields"] += [
        {"name": "enum", "type": {"type": "enum", "name": "E", "symbols": ["A"]}},
        {"name": "array", "type": {"type": "array", "items": "E"}},
        {"name": "map", "type": {"type": "map", "values": "int"}},
    ]
    scalars = b"\x01" + varint(-7) + varint(2**40) + bytes(4) + bytes(8) + b"\x04ab" + b"\x02c" + varint(1) + varint(-9)
    containers = (
        varint(0) + varint(-2) + varint(2) + bytes(2) + varint(0) + varint(1) + b"\x02k" + varint(3) + varint(0)
    )
    bounds.measure(bounds.plain(json.dumps(schema)), scalars + containers)


def test_the_largest_ordinary_event_is_well_inside_the_bounds() -> None:
    """Five hypotheses of 400 words each: nobody is withheld for talking."""
    transcripts = [{"words": events.words("word " * 400), "confidence": 0.5, "text": ""}] * 5
    body = events.body(events.event(transcripts=transcripts))
    bounds.measure(bounds.plain(avro.schema_text("clip_event")), body)


# ------------------------------------------------------------------ schemas
def nested(depth: int) -> Any:
    schema: Any = "int"
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(record("R"), id="recursive"),
        pytest.param(record(["null", {"type": "array", "items": "R"}]), id="recursive through a union"),
        pytest.param(nested(bounds.SCHEMA_DEPTH_MAX + 1), id="deep"),
        pytest.param("[" * 100_000, id="deeper than the parser's stack"),
        pytest.param(record(*["int"] * (bounds.SCHEMA_NODES_MAX + 1)), id="wide"),
        pytest.param(json.dumps({**EMPTY, "doc": "x" * bounds.SCHEMA_CHARS_MAX}), id="long"),
        pytest.param(["int"] * (bounds.UNION_BRANCHES_MAX + 1), id="a union of too many"),
        pytest.param([], id="a union of none"),
        pytest.param(["null", ["int"]], id="a union in a union"),
        pytest.param("not json", id="not JSON"),
        pytest.param(7, id="a number"),
        pytest.param({"type": "elephant"}, id="an unknown type"),
        pytest.param({"type": "array"}, id="an array of nothing"),
        pytest.param({"type": "fixed", "name": "F", "size": -1}, id="a negative size"),
        pytest.param({"type": "fixed", "name": "F", "size": 10**12}, id="a huge size"),
        pytest.param({"type": "fixed", "name": "F", "size": True}, id="a size that is none"),
        pytest.param({"type": "enum", "name": "E", "symbols": []}, id="an enum of nothing"),
        pytest.param({"type": "record", "name": "R"}, id="a record without fields"),
        pytest.param({"type": "record", "name": "int", "fields": []}, id="a record called int"),
        pytest.param({"type": "record", "name": "a b", "fields": []}, id="a name with a space"),
        pytest.param({"type": "record", "name": "R", "namespace": 7, "fields": []}, id="a namespace that is none"),
        pytest.param({"type": "record", "name": "R", "fields": [{"name": "f"}]}, id="a field without a type"),
        pytest.param({**record("int"), "fields": [{"name": "f", "type": "int"}] * 2}, id="one field twice"),
        pytest.param([EMPTY, EMPTY], id="one name twice"),
    ],
)
def test_a_hostile_or_broken_schema_is_refused(schema: Any) -> None:
    """Recursive, gigantic, or not Avro at all."""
    assert Reason.UNKNOWN_SCHEMA is reason_for_schema(schema)


def test_a_schema_can_not_speak_to_the_decoder() -> None:
    """Properties that fastavro would take for its own marks, logical types and defaults don't get through."""
    schema = record({"type": "bytes", "logicalType": "decimal", "precision": 10**9, "scale": 1})
    schema |= {"__fastavro_parsed__": True, "__named_schemas": {}, "aliases": ["ClipEvent"], "doc": "d"}
    schema["fields"][0]["default"] = "x"
    assert record("bytes") == bounds.plain(json.dumps(schema)).root


def test_names_resolve_as_avro_says() -> None:
    """In the enclosing namespace, by full name, and by definition before use."""
    inner = {"type": "record", "name": "Inner", "fields": []}
    schema = {"type": "record", "name": "Outer", "namespace": "a.b", "fields": [{"name": "x", "type": inner}]}
    schema["fields"] += [{"name": "y", "type": "Inner"}, {"name": "z", "type": "a.b.Inner"}]  # type: ignore[operator]
    plain = bounds.plain(json.dumps(schema))
    assert {"a.b.Outer", "a.b.Inner"} == set(plain.named)
    assert ["a.b.Inner", "a.b.Inner"] == [field["type"] for field in plain.root["fields"][1:]]  # type: ignore[call-overload,index]


@pytest.mark.parametrize("size", [0, 1, 3, 10**6, -1])
def test_a_block_that_lies_about_its_size(size: int) -> None:
    """Who reads a block ignores its size in bytes, who skips it believes it: two readers of one body would disagree."""
    schema = record({"type": "array", "items": "int"}, "int")
    honest = varint(-1) + varint(2) + varint(999) + varint(0) + varint(7)
    bounds.measure(bounds.plain(json.dumps(schema)), honest)
    lying = varint(-1) + varint(size) + varint(999) + varint(0) + varint(7)
    assert Reason.EVENT_UNDECODABLE is reason_for(schema, lying)


def test_a_schema_that_is_deep_by_names_alone() -> None:
    """Each record names the one before: as text it is flat, and walking a body of it must not use up the stack."""
    chain: list[Any] = [{"type": "record", "name": "R0", "fields": []}]
    for number in range(1, 400):
        fields = [{"name": "f", "type": f"R{number - 1}"}]
        chain.append(["null", {"type": "record", "name": f"R{number}", "fields": fields}])
    body = b"\0" * 398 + b"\2"
    assert Reason.EVENT_UNDECODABLE is reason_for(record(*chain), body)
