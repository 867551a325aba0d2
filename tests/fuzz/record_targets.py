"""Requests, consent, recalls, receipts and sealed entries, of writers like ours: read, or refused, and never a yes."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from stream.clip import Coordinates, Reason, Record, Refusal
from stream.wire import audits, avro, index_records
from stream.wire.request_records import Requests, receipt_of
from stream.wire.standing_records import LATEST, StandingRecords
from tests.fuzz.evolving import Written, written
from tests.fuzz.source import Source, mutated
from tests.fuzz.target import Target, promise

KEYS = (b"account-1", b"", b"\xff\xfe", b" ", b"x" * 300, b"0" * 32 + b"@1780000000000", b"0" * 32 + b"@1", None)
KINDS = ("erasure_request", "report", "consent", "recall", "erasure_receipt", "index_entry", "audit_head")
REASONS = frozenset({Reason.UNKNOWN_SCHEMA, Reason.EVENT_UNDECODABLE, Reason.NO_VALUE})


@dataclass(frozen=True)
class One:
    """ports.Schemas with one schema, for whoever asks."""

    schema: str

    async def writer_schema(self, reference: int | str) -> str:
        return self.schema


def run_records(data: bytes) -> str:
    source = Source(data)
    kind = source.pick(KINDS)
    made = written(source, kind)
    body = mutated(source, made.body, 2) if source.seldom(3) else made.body
    value = None if source.seldom(40) else avro.frame(1, body)
    value = mutated(source, value, 1) if value and source.seldom(24) else value
    record = Record(Coordinates("t", 0, 1), value, source.pick(KEYS))
    try:
        _read(kind, record, made, honest=body == made.body and value == avro.frame(1, body))
    except Refusal as refusal:
        promise(refusal.reason in REASONS, f"a record refused for {refusal.reason}")
        return f"{kind} {refusal.reason.value}"
    return f"{kind} read"


def _read(kind: str, record: Record, made: Written, honest: bool) -> None:
    schemas = One(made.schema)
    if kind == "erasure_request":
        request = _now(Requests(schemas).erasure(record))
        known = made.known if honest else None
        promise(known is None or request.account_id == known.get(("account_id",)), "another account is erased")
    elif kind == "report":
        _now(Requests(schemas).report(record))
    elif kind == "erasure_receipt":
        _now(receipt_of(record, schemas))
    elif kind == "audit_head":
        _now(audits.exported(record, schemas))
    elif kind == "index_entry":
        index_records.decode_entry((record.value or b"")[5:])
    else:
        _standing(kind, record, made, honest)


def _standing(kind: str, record: Record, made: Written, honest: bool) -> None:
    """Nothing passes in silence: each record is a change, or is told to be unreadable."""
    unreadable: list[int] = []
    tables = StandingRecords(One(made.schema), unreadable.append)
    if kind == "recall":
        changes = _now(tables.recalls([record]))
        promise(len(changes) == 1, "a recall that passes in silence")
        return
    consents = _now(tables.consent([record]))
    promise(len(consents) + sum(unreadable) >= 1, "a word about consent that passes in silence")
    for _, change in consents:
        if change is not None and change.human_review:
            said = (made.known or {}).get(("human_review",), 1)
            promise(not honest or made.known is None or said, "consent that was not written")
            promise(not unreadable and change.changed_at <= LATEST, "a yes that could not be read")


def _now(asked: Coroutine[Any, Any, Any]) -> Any:
    """The result of what waits for nothing."""
    try:
        asked.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def seeds() -> list[bytes]:
    return [bytes([kind]) + bytes([change, at]) * 3 + b"\2" * 90 for kind in range(len(KINDS)) for change in range(3)
            for at in (0, 3)]  # fmt: skip


TARGETS = (Target("records", run_records, seeds, length_max=300),)
