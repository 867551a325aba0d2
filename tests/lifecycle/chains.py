"""Chains of audit records, signed heads, and whoever tampers with them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.clip import Reason
from stream.lifecycle.chain import link
from stream.lifecycle.heads import Anchors, AuditHead, key_id, sign
from stream.lifecycle.verifying import Verification
from stream.whose import GENESIS, AuditRecord, Head

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEYS = {key_id(key.public_key()): key.public_key() for key in [KEY]}
START_MS = 1_790_000_000_000
REASONS = [reason.value for reason in Reason]

Rows = list[AuditRecord]


class Audit(NamedTuple):
    """All that an honest deployment leaves behind."""

    rows: Rows  # of all chains, as they came
    heads: list[AuditHead]


def decision(chance: random.Random, offset: int, partition: int = 0) -> AuditRecord:
    """What became of one input, not linked yet."""
    published = chance.random() < 0.5
    return {
        "topic": "clips.raw",
        "partition": partition,
        "offset": offset,
        "outcome": "published" if published else "withheld",
        "reason": None if published else chance.choice(REASONS),
        "policy_version": "4",
        "receipts": [{"detector": "speakers", "version": "b1", "complete": True}] if published else [],
        "published_sha256": chance.randbytes(32).hex() if published else None,
        "decided_at": START_MS + 1000 * offset,
        "campaign": "spring" if published else "",
        "key_epoch": "7" if published else "",
        "identifiers": {"PERSON": chance.randrange(3)} if published else {},
        "critical": [],
        "records": 0,
    }


def linked(decisions: Iterable[AuditRecord], after: Head = GENESIS) -> Rows:
    rows = []
    for record in decisions:
        row, after = link(record, after)
        rows.append(row)
    return rows


def unlinked(rows: Iterable[AuditRecord]) -> Rows:
    return [{k: v for k, v in row.items() if k not in ("sequence", "previous", "digest")} for row in rows]


def ends(row: AuditRecord) -> Head:
    return Head(row["sequence"], bytes.fromhex(row["digest"]))


def signed(rows: Sequence[AuditRecord], number: int, key: Ed25519PrivateKey = KEY) -> AuditHead:
    """The head of the chain that ``rows`` are, from its beginning."""
    last, outcomes = rows[-1], [row["outcome"] for row in rows]
    head = {
        "number": number,
        "chain": f"{last['topic']}/{last['partition']}",
        "sequence": last["sequence"],
        "digest": last["digest"],
        "published": outcomes.count("published"),
        "withheld": outcomes.count("withheld"),
        "audit_topic": "clips.audit",
        "audit_offset": last["sequence"] + 7,
        "signed_at": last["decided_at"] + 500,
    }
    return sign(head, key)


def honest(chance: random.Random, length: int, partitions: int = 1, heads: int = 4) -> Audit:
    """Chains of ``length`` records with holes between the offsets; the last head is that of the last record."""
    rows: Rows = []
    found: list[AuditHead] = []
    for partition in range(partitions):
        offsets = sorted(chance.sample(range(2 * length), length))
        chain = linked(decision(chance, offset, partition) for offset in offsets)
        marks = sorted({*chance.sample(range(1, length), min(heads, length) - 1), length}) if length > 1 else [length]
        found += [signed(chain[:mark], len(found) + n + 1) for n, mark in enumerate(marks)]
        rows += chain
    return Audit(rows, found)


def verified(rows: Iterable[AuditRecord], heads: Iterable[AuditHead], keys: Any = KEYS) -> Verification:
    anchors = Anchors(keys)
    for head in heads:
        anchors.add(head)
    verification = Verification(anchors)
    for row in rows:
        verification.add(row)
    verification.close()
    return verification


# ------------------------------------------------------------------ tamperings of one chain: rows, first touched
Tampering = Callable[[random.Random, Rows], tuple[Rows, int]]


def edit(name: str) -> Tampering:
    def tamper(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
        at = chance.randrange(len(rows))
        rows[at] = {**rows[at], name: other(chance, rows[at][name])}
        return rows, at + 1

    return tamper


def edit_with_own_digest(name: str) -> Tampering:
    """The record is linked anew where it stands; the ones behind it are left."""

    def tamper(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
        at = chance.randrange(len(rows))
        after = ends(rows[at - 1]) if at else GENESIS
        (rows[at],) = linked(unlinked([{**rows[at], name: other(chance, rows[at][name])}]), after)
        return rows, at + 1

    return tamper


def drop_field(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    at = chance.randrange(len(rows))
    name = chance.choice(sorted(rows[at]))
    rows[at] = {k: v for k, v in rows[at].items() if k != name}
    return rows, at + 1


def add_field(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    at = chance.randrange(len(rows))
    rows[at] = {**rows[at], "note": "reviewed"}
    return rows, at + 1


def delete(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    at = chance.randrange(len(rows))
    count = chance.choice([1, 1, 2, 5])
    return rows[:at] + rows[at + count :], at + 1


def swap(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    first, second = sorted(chance.sample(range(len(rows)), 2))
    rows[first], rows[second] = rows[second], rows[first]
    return rows, first + 1


def duplicate(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    at, to = chance.randrange(len(rows)), chance.randrange(len(rows))
    rows.insert(max(at, to) + 1, rows[at])
    return rows, max(at, to) + 2


def insert(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    """A forged record that links well to the one before it."""
    at = chance.randrange(1, len(rows))
    before = rows[at - 1]
    forged = linked([{**decision(chance, before["offset"] + 1)}], ends(before))
    return rows[:at] + forged + rows[at:], at + 1


def truncate(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    to = chance.randrange(len(rows))
    return rows[:to], to + 1


def rewrite_tail(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    """One record changed, and every digest behind it computed anew: only a signed head tells."""
    at = chance.randrange(len(rows))
    changed = unlinked(rows[at:])
    changed[0]["policy_version"] = "5"
    return rows[:at] + linked(changed, ends(rows[at - 1]) if at else GENESIS), at + 1


def rewrite_without(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    """One record taken out, and every digest behind it computed anew."""
    at = chance.randrange(len(rows))
    return rows[:at] + linked(unlinked(rows[at + 1 :]), ends(rows[at - 1]) if at else GENESIS), at + 1


def rewrite_all(chance: random.Random, rows: Rows) -> tuple[Rows, int]:
    return linked(decision(chance, row["offset"]) for row in rows), 1


def other(chance: random.Random, value: Any) -> Any:
    """Another value of the same kind, as somebody would choose who wants not to be seen."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 7])
    if isinstance(value, str):
        return chance.choice([value + "0", value[:-1] + ("0" if value[-1:] != "0" else "1"), None])
    if isinstance(value, dict):
        return {**value, "PERSON": value.get("PERSON", 0) + 1}
    return [*copy.deepcopy(value), "x"]
