"""Writer schemas that nearly are ours, and bodies of them, with what was written known.

A schema begins as ours and is changed as producers change theirs, and as an attacker would. The body is written by an
encoder of our own, so that it may hold what no library writes: numbers longer than they need be, blocks with sizes.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from stream.wire import avro, bounds
from tests import events
from tests.fuzz.source import Source

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
CONSENTS = ("yes", "no", "Consent", "clipveil.Consent", "Other")
VALUES_MAX = 400  # in one body


@dataclass(frozen=True)
class Written:
    """``known`` says what was written, by path of field names; None where the body was broken afterwards."""

    schema: str
    body: bytes
    known: dict[tuple[str, ...], object] | None


def written(source: Source, name: str) -> Written:
    """A record of a writer whose schema is like ours of that name."""
    schema = json.dumps(evolved(source, name))
    try:
        plain = bounds.plain(schema)
    except Exception:  # what refuses it is what is tested: the body does not matter then
        return Written(schema, source.take(64), None)
    pen = Pen(source, plain.named)
    pen.write(plain.root, ())
    return Written(schema, bytes(pen.out), None if pen.strange else pen.known)


# ------------------------------------------------------------------ schemas
def evolved(source: Source, name: str) -> Any:
    schema = json.loads(_ours(name))
    for _ in range(source.number(6)):
        records = [one for one in _records(schema) if one["fields"]]
        if not records:
            return schema
        _change(source, source.pick(records))
    if source.seldom(8):
        other = _random_type(source, 2)
        return [other, schema] if source.seldom(2) else [schema, other]
    return schema


@cache
def _ours(name: str) -> str:
    """Without what is said to people, which would only be copied."""
    schema = json.loads(avro.schema_text(name))
    for record in _records(schema):
        record.pop("doc", None)
        for one in record["fields"]:
            one.pop("doc", None), one.pop("deid", None)
    return json.dumps(schema)


def _records(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for one in node:
            yield from _records(one)
    elif isinstance(node, dict):
        if node.get("type") == "record":
            yield node
            for one in node["fields"]:
                yield from _records(one["type"])
        else:
            for key in ("type", "items", "values"):
                yield from _records(node.get(key))


def _change(source: Source, record: dict[str, Any]) -> None:  # noqa: C901 - a table of changes, one a branch
    fields = record["fields"]
    one, other = source.pick(fields), source.pick(fields)
    kind = source.number(13)
    if kind == 0:
        fields.reverse()
    elif kind == 1:
        fields.insert(
            source.number(len(fields) + 1), {"name": f"more{source.number(4)}", "type": _random_type(source, 3)}
        )
    elif kind == 2:
        fields.remove(one)
    elif kind == 3:
        one["type"] = _random_type(source, 2)
    elif kind == 4:
        one["type"] = source.pick(PRIMITIVES)
    elif kind == 5:
        branches = one["type"] if isinstance(one["type"], list) else [one["type"]]
        extra = _random_type(source, 2)
        extra = extra if isinstance(extra, list) else [extra]
        one["type"] = extra + branches if source.seldom(2) else branches + extra
    elif kind == 6:  # a second record of the same shape under another name, in the same union
        branches = one["type"] if isinstance(one["type"], list) else [one["type"]]
        twins = [copy.deepcopy(branch) for branch in branches if isinstance(branch, dict) and "name" in branch]
        for twin in twins:
            twin["name"] = source.pick(CONSENTS)
        one["type"] = twins + branches if source.seldom(2) else branches + twins
    elif kind == 7:
        record["name"] = source.pick(("ClipEvent", "Renamed", "WakeWord", "Consent", "Location"))
    elif kind == 8:
        record["namespace"] = source.pick(("clipveil", "", "other.space", "a"))
    elif kind == 9:
        one["name"], other["name"] = other["name"], one["name"]
    elif kind == 10:
        one["name"] = one["name"].title() if source.seldom(2) else source.pick(("id", "account", "x"))
    elif kind == 11:
        one["aliases"] = [other["name"]]
        one["default"] = source.pick((None, "", 0, True, [], {}))
    else:
        one["type"], other["type"] = other["type"], one["type"]


def _random_type(source: Source, depth: int) -> Any:
    kind = source.number(14) if depth else source.number(8)
    if kind < 8:
        return PRIMITIVES[kind]
    name = f"N{source.byte()}"
    if kind == 8:
        return {"type": "enum", "name": name, "symbols": list(CONSENTS[: 1 + source.number(3)])}
    if kind == 9:
        return {"type": "fixed", "name": name, "size": source.number(9)}
    if kind == 10:
        return {"type": "array", "items": _random_type(source, depth - 1)}
    if kind == 11:
        return {"type": "map", "values": _random_type(source, depth - 1)}
    if kind == 12:
        names = ("human_review", "account_id", "x", "score")
        count = source.number(4)
        return {
            "type": "record",
            "name": name,
            "fields": [{"name": one, "type": _random_type(source, depth - 1)} for one in names[:count]],
        }
    branches: list[Any] = []
    for _ in range(1 + source.number(3)):
        one = _random_type(source, depth - 1)
        branches += [] if isinstance(one, list) else [one]
    return branches or ["null"]


# ------------------------------------------------------------------ bodies
def varint(number: int) -> bytes:
    zigzag = (number << 1 if number >= 0 else (-number << 1) - 1) & (1 << 64) - 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


@dataclass
class Pen:
    """Writes one value along a schema."""

    source: Source
    named: dict[str, dict[str, object]]
    out: bytearray = field(default_factory=bytearray)
    known: dict[tuple[str, ...], object] = field(default_factory=dict)
    strange: bool = False  # something was written that no honest writer writes
    left: int = VALUES_MAX

    def write(self, node: Any, path: tuple[str, ...]) -> None:
        self.left -= 1
        if self.left < 0:
            self.strange = True
            return
        if isinstance(node, list):
            preferred = next((at for at, branch in enumerate(node) if branch != "null"), 0)
            index = self.source.number(len(node)) if self.source.seldom(4) else preferred
            self._number(index)
            self.write(node[index], path)
        elif isinstance(node, str):
            self.write(self.named[node], path) if node in self.named else self._primitive(node, path)
        else:
            self._complex(node, path)

    def _complex(self, node: dict[str, Any], path: tuple[str, ...]) -> None:
        kind = node["type"]
        if kind == "record":
            for one in node["fields"]:
                self.write(one["type"], (*path, one["name"]))
        elif kind == "enum":
            self._number(self.source.number(len(node["symbols"])))
        elif kind == "fixed":
            self.out += bytes([self.source.byte()]) * node["size"]
        else:
            self._block(node["items" if kind == "array" else "values"], kind == "map", path)

    def _block(self, item: Any, keyed: bool, path: tuple[str, ...]) -> None:
        for _ in range(self.source.number(3)):
            count = 1 + self.source.number(3)
            inner = Pen(self.source, self.named, left=self.left // 2, strange=self.strange)
            for _ in range(count):
                if keyed:
                    inner._bytes(self.source.text(8).encode())
                inner.write(item, (*path, "[]"))
            self.strange |= inner.strange
            sized = self.source.seldom(3)
            lie = self.source.integer() if self.source.seldom(24) else 0
            self.out += varint(-count) + varint(len(inner.out) + lie) if sized else varint(count)
            self.strange |= bool(sized and lie)
            self.out += inner.out
            self.left -= VALUES_MAX // 8
        self.out += b"\0"

    def _primitive(self, kind: str, path: tuple[str, ...]) -> None:
        name = path[-1] if path else ""
        if kind == "boolean":
            value = self.source.byte()
            self.out.append(value if self.source.seldom(16) else value & 1)
            self.known[path] = self.out[-1]
        elif kind in ("int", "long"):
            known = events.CAPTURED_AT_MS + self.source.byte() if kind == "long" else self.source.byte()
            value = self.source.integer() if self.source.seldom(12) else known
            self.known[path] = value
            self._number(value)
        elif kind in ("float", "double"):
            value = self.source.pick((0.0, 0.5, 0.9, 1.0, 1.5, -1.0, 1e30, float("nan"), float("inf")))
            value = {"start": 0.2, "end": 0.7}.get(name, value) if not self.source.seldom(8) else value
            self.out += struct.pack("<f" if kind == "float" else "<d", value)
        elif kind != "null":
            said = self.source.text(12) if self.source.seldom(8) else f"{name[:8]}-{self.source.number(4)}"
            said = "0" * 64 if name == "sha256" else said
            self.known[path] = said
            self._bytes(self.source.take(20) if self.source.seldom(24) else said.encode(), same=said)

    def _bytes(self, value: bytes, same: str | None = None) -> None:
        self.strange |= same is not None and value != same.encode()
        self._number(len(value))
        self.out += value

    def _number(self, value: int) -> None:
        encoded = varint(value)
        if self.source.seldom(40) and len(encoded) < 9:  # longer than it need be: the same number
            encoded = encoded[:-1] + bytes([encoded[-1] | 0x80, 0])
        self.out += encoded
