"""Refuses hostile Avro before a decoder meets it.

Avro lets a few bytes announce 2**60 items of nothing, and a schema describe itself; a decoder that believes either
hangs or eats all memory. So a writer schema is rebuilt from the parts that matter, within bounds and without
recursion, and a body is walked once along it, counting, before anything is built from it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

from stream.clip import Reason, Refusal

SCHEMA_CHARS_MAX: Final = 256 * 1024
SCHEMA_NODES_MAX: Final = 2_000
SCHEMA_DEPTH_MAX: Final = 32
UNION_BRANCHES_MAX: Final = 32
STEPS_MAX: Final = 100_000  # values in one body: ten transcripts of 400 words take 33,000

Node = str | list["Node"] | dict[str, object]  # plain Avro schema: a primitive or full name, a union, or a definition

_FIXED_WIDTH: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_VARINTS: Final = {"int": 32, "long": 64}
_LENGTH_PREFIXED: Final = frozenset({"bytes", "string"})
_PRIMITIVES: Final = frozenset(_FIXED_WIDTH) | frozenset(_VARINTS) | _LENGTH_PREFIXED
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,127}(\.[A-Za-z_]\w{0,127}){0,15}", re.ASCII)


@dataclass(frozen=True)
class PlainSchema:
    """A schema of types, names and shapes only; ``named`` holds its records, enums and fixeds by full name."""

    root: Node
    named: dict[str, dict[str, object]] = field(repr=False)


def plain(text: str, *, defaults: bool = False) -> PlainSchema:
    """Schema text rebuilt without logical types, documentation or other properties; field defaults on request.

    Raises Refusal(UNKNOWN_SCHEMA) for what is not Avro, is recursive, or exceeds the bounds of this module.
    """
    if len(text) > SCHEMA_CHARS_MAX:
        raise Refusal(Reason.UNKNOWN_SCHEMA)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(Reason.UNKNOWN_SCHEMA) from None
    builder = _Builder(defaults)
    return PlainSchema(builder.node(parsed, "", 0), builder.named)


def measure(schema: PlainSchema, body: bytes) -> None:
    """Raises Refusal(EVENT_UNDECODABLE) unless ``body`` is exactly one value of ``schema`` within bounds."""
    walk = _Walk(schema.named, body)
    walk.value(schema.root)
    if walk.at != len(body):
        raise Refusal(Reason.EVENT_UNDECODABLE)


class _Builder:
    def __init__(self, defaults: bool) -> None:
        self.named: dict[str, dict[str, object]] = {}
        self._defaults = defaults
        self._open: set[str] = set()
        self._nodes = 0

    def node(self, raw: object, namespace: str, depth: int) -> Node:
        self._nodes += 1
        self._demand(self._nodes <= SCHEMA_NODES_MAX and depth <= SCHEMA_DEPTH_MAX)
        if isinstance(raw, str):
            return raw if raw in _PRIMITIVES else self._reference(raw, namespace)
        if isinstance(raw, list):
            self._demand(0 < len(raw) <= UNION_BRANCHES_MAX and not any(isinstance(branch, list) for branch in raw))
            return [self.node(branch, namespace, depth + 1) for branch in raw]
        self._demand(isinstance(raw, dict))
        return self._definition(raw, namespace, depth)  # type: ignore[arg-type]  # demanded above

    def _definition(self, raw: dict[str, object], namespace: str, depth: int) -> Node:
        kind = raw.get("type")
        if kind == "array":
            return {"type": "array", "items": self.node(raw.get("items"), namespace, depth + 1)}
        if kind == "map":
            return {"type": "map", "values": self.node(raw.get("values"), namespace, depth + 1)}
        if kind in ("record", "enum", "fixed"):
            return self._named(str(kind), raw, namespace, depth)
        self._demand(not isinstance(kind, list))  # a union can't be the type of a definition
        return self.node(kind, namespace, depth + 1)

    def _named(self, kind: str, raw: dict[str, object], namespace: str, depth: int) -> Node:
        name = self._full_name(raw.get("name"), raw.get("namespace", namespace))
        self._demand(name not in self.named and name not in self._open)
        definition: dict[str, object] = {"type": kind, "name": name}
        if kind == "fixed":
            size = raw.get("size")
            self._demand(type(size) is int and 0 <= size <= SCHEMA_CHARS_MAX)
            definition["size"] = size
        elif kind == "enum":
            definition["symbols"] = self._symbols(raw.get("symbols"))
        else:
            self._open.add(name)
            definition["fields"] = self._fields(raw.get("fields"), name.rpartition(".")[0], depth)
            self._open.remove(name)
        self.named[name] = definition
        return definition

    def _fields(self, raw: object, namespace: str, depth: int) -> list[dict[str, object]]:
        if not isinstance(raw, list):
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        fields: list[dict[str, object]] = []
        for entry in raw:
            if not isinstance(entry, dict) or "type" not in entry:
                raise Refusal(Reason.UNKNOWN_SCHEMA)
            name = self._simple_name(entry.get("name"))
            rebuilt: dict[str, object] = {"name": name, "type": self.node(entry["type"], namespace, depth + 1)}
            if self._defaults and "default" in entry:
                rebuilt["default"] = entry["default"]
            fields.append(rebuilt)
        self._demand(len({entry["name"] for entry in fields}) == len(fields))
        return fields

    def _symbols(self, raw: object) -> list[str]:
        if not isinstance(raw, list) or not 0 < len(raw) <= SCHEMA_NODES_MAX:
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        return [self._simple_name(symbol) for symbol in raw]

    def _reference(self, raw: str, namespace: str) -> str:
        name = raw if "." in raw or not namespace else f"{namespace}.{raw}"
        name = name if name in self.named else raw
        self._demand(name in self.named)  # a name that is still open would be recursion
        return name

    def _full_name(self, name: object, namespace: object) -> str:
        if not isinstance(name, str) or not isinstance(namespace, str | None):
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        self._demand(_NAME.fullmatch(full) is not None and full not in _PRIMITIVES)
        return full

    def _simple_name(self, name: object) -> str:
        if not isinstance(name, str) or "." in name or not _NAME.fullmatch(name):
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        return name

    @staticmethod
    def _demand(condition: bool) -> None:
        if not condition:
            raise Refusal(Reason.UNKNOWN_SCHEMA)


class _Walk:
    """Steps over one body without building anything."""

    def __init__(self, named: dict[str, dict[str, object]], body: bytes) -> None:
        self.at = 0
        self._named = named
        self._body = body
        self._steps = STEPS_MAX
        self._depth = 0

    def value(self, node: Node) -> None:
        self._steps -= 1
        self._depth += 1  # by names a schema may be deeper than it is written
        if self._steps < 0 or self._depth > 2 * SCHEMA_DEPTH_MAX:
            raise Refusal(Reason.EVENT_UNDECODABLE)
        if isinstance(node, str):
            self._primitive(node)
        elif isinstance(node, list):
            self.value(node[self._index(len(node))])
        else:
            self._complex(node)
        self._depth -= 1

    def _primitive(self, name: str) -> None:
        if name in _FIXED_WIDTH:
            self._skip(_FIXED_WIDTH[name])
        elif name in _VARINTS:
            self._varint(_VARINTS[name])
        elif name in _LENGTH_PREFIXED:
            self._skip(self._varint(64))
        else:
            self._complex(self._named[name])

    def _complex(self, node: dict[str, object]) -> None:
        kind = node["type"]
        if kind == "record":
            for entry in node["fields"]:  # type: ignore[attr-defined]  # built by _Builder
                self.value(entry["type"])
        elif kind == "array":
            self._blocks(node["items"], keyed=False)  # type: ignore[arg-type]
        elif kind == "map":
            self._blocks(node["values"], keyed=True)  # type: ignore[arg-type]
        elif kind == "enum":
            self._index(len(node["symbols"]))  # type: ignore[arg-type]
        else:
            self._skip(node["size"])  # type: ignore[arg-type]

    def _blocks(self, item: Node, *, keyed: bool) -> None:
        while count := self._varint(64):
            end = None
            if count < 0:  # then the block's size in bytes follows: who reads ignores it, who skips believes it
                count = -count
                size = self._varint(64)
                end = self.at + size
            for _ in range(count):  # ends soon: every item takes a step, also one that takes no bytes
                if keyed:
                    self._skip(self._varint(64))
                self.value(item)
            if end is not None and end != self.at:
                raise Refusal(Reason.EVENT_UNDECODABLE)

    def _index(self, count: int) -> int:
        index = self._varint(64)
        if not 0 <= index < count:
            raise Refusal(Reason.EVENT_UNDECODABLE)
        return index

    def _skip(self, length: int) -> None:
        if not 0 <= length <= len(self._body) - self.at:
            raise Refusal(Reason.EVENT_UNDECODABLE)
        self.at += length

    def _varint(self, bits: int) -> int:
        """A zig-zag number that fits ``bits``."""
        number = shift = 0
        while shift < 70 and self.at < len(self._body):
            byte = self._body[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        else:
            raise Refusal(Reason.EVENT_UNDECODABLE)
        if number >> bits:
            raise Refusal(Reason.EVENT_UNDECODABLE)
        return (number >> 1) ^ -(number & 1)
