"""Audit records and signed heads as they lie on topics and in files: framed Avro there, a line of JSON each here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stream.clip import Record, Refusal
from stream.lifecycle.chain import canonical_json
from stream.lifecycle.heads import AuditHead
from stream.ports import Message, Schemas
from stream.wire import avro
from stream.wire.outcomes import Destination

HEAD_SCHEMA: Final = "audit_head"
UNREADABLE: Final = "unreadable"  # the one field of a line that stands for a record which nobody can decode


class NoHeads(Exception):
    """A file that does not hold signed heads, or can't be written. Says which line."""


async def row_of(record: Record, schemas: Schemas) -> Mapping[str, Any]:
    """An audit record or head with the fields that its writer gave it. Raises Refusal, and RegistryUnavailable."""
    reference, body = avro.unframe(record.value or b"")
    return avro.read_as_written(await schemas.writer_schema(reference), body)


def head_message(head: AuditHead, to: Destination) -> Message:
    """For the topic of heads; the chain is its key."""
    value = avro.frame(to.schema, avro.write(HEAD_SCHEMA, head))
    return Message(to.topic, str(head["chain"]).encode(), value, head["signed_at"])


# ------------------------------------------------------------------ lines
def line_of(row: Mapping[str, Any]) -> bytes:
    """Canonical JSON, digest and signature included, and a line feed. Raises ValueError for what has none."""
    return canonical_json(row) + b"\n"


async def exported(record: Record, schemas: Schemas) -> bytes:
    """The line for one record of a topic, readable or not."""
    try:
        return line_of(await row_of(record, schemas))
    except (Refusal, ValueError):
        at = record.coordinates
        return line_of({UNREADABLE: f"{at.topic}/{at.partition} offset {at.offset}"})


def rows_in(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file of lines; one that is no JSON object is a row that says where it stands. Raises OSError."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield _row(line) or {UNREADABLE: f"line {number} of {path.name}"}


def _row(line: bytes) -> Mapping[str, Any] | None:
    """None for what is no JSON object, or says one thing twice: the next reader might believe the other."""
    try:
        row = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and row else None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


# ------------------------------------------------------------------ the file that is kept outside Kafka
class HeadsFile:
    """Signed heads, a line each, only ever appended to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, vouched: Callable[[Mapping[str, Any]], bool]) -> list[AuditHead]:
        """All that was signed before; nothing where there is no file yet.

        A last line without its line feed was never acknowledged, and is taken away. Raises NoHeads for any other line
        that is no head, or is not ``vouched`` for, and OSError.
        """
        if not self._path.exists():
            return []
        with self._path.open("r+b") as file:
            text = file.read()
            whole = text.rfind(b"\n") + 1
            if whole < len(text):
                file.truncate(whole)
        heads = []
        for number, line in enumerate(text[:whole].splitlines(), 1):
            head = _row(line)
            if head is None or not vouched(head) or head.get("number") != number:
                raise NoHeads(f"line {number} of {self._path.name} is not the head that was signed there")
            heads.append(dict(head))
        return heads

    def append(self, heads: Sequence[AuditHead]) -> None:
        """Returns when they are on the disk. Raises OSError."""
        with self._path.open("ab") as file:
            file.write(b"".join(map(line_of, heads)))
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of a new file, too
        finally:
            os.close(folder)
