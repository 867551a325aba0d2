"""Records about outcomes: coordinates, reasons, versions; never content, and no time but the coarsened hour."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import fastavro
import numpy as np
import pytest

from stream.clip import (
    AnonymizedClip,
    Coordinates,
    CriticalKind,
    Effort,
    Metadata,
    Published,
    Reason,
    Receipt,
    Record,
    Withheld,
)
from stream.ports import CommitFailed, Partition
from stream.whose import GENESIS, Head
from stream.wire import avro
from stream.wire.clips import Encoder
from stream.wire.outcomes import ESCALATION_SCHEMA, OUTPUT_SCHEMAS, Destination, Outcomes, destinations, head_of
from stream.wire.registry import SchemaRefused
from stream.wire.registry_files import FileRegistry

WHERE = Coordinates("clips.raw", 3, 41)
CHAIN = Partition("clips.raw", 3)
HOUR = datetime(2026, 5, 28, 20, tzinfo=UTC)
NOW_S = 1_790_000_000.5
TOPICS = {"anonymized_clip": "clips.anonymized", "withheld": "clips.withheld", "audit": "clips.audit"}
ALL_TOPICS = {**TOPICS, ESCALATION_SCHEMA: "clips.escalations"}
WRITER = Outcomes({name: Destination(topic, n) for n, (name, topic) in enumerate(ALL_TOPICS.items(), 1)}, lambda: NOW_S)

CLIP = AnonymizedClip(
    metadata=Metadata("token-1", "spring", "7", HOUR, "en", "speaker"),
    samples=np.zeros(8_000, np.float32),
    words=(),
    mutes=(),
    receipts=(Receipt("speakers", "builtin-1", True), Receipt("identifiers", "2.2", True)),
    policy_version="4",
)
PUBLISHED = Published(
    WHERE,
    "token-1",
    int(HOUR.timestamp() * 1000),
    Encoder().encode(CLIP),
    "4",
    Effort(5.0, 2.5, {"words": 0.1}, {"PERSON": 2}),
    critical=(CriticalKind.HEALTH, CriticalKind.FINANCIAL),
)
WITHHELD = Withheld(WHERE, Reason.INTERNAL_ERROR, "4", "KeyError")


def opened(name: str, value: bytes | None) -> tuple[int | str, dict[str, object]]:
    reference, body = avro.unframe(value or b"")
    return reference, dict(avro.read(avro.schema_text(name), name, body))


def test_a_published_record_tells_the_hour_and_the_token() -> None:
    """Key, timestamp, value; nothing else."""
    message = WRITER.published(PUBLISHED)
    assert ("clips.anonymized", b"token-1", None) == (message.topic, message.key, message.partition)
    assert int(HOUR.timestamp() * 1000) == message.timestamp_ms
    assert (1, PUBLISHED.body) == avro.unframe(message.value or b"")


def test_a_withheld_record_tells_where_and_why() -> None:
    """Coordinates, reason, class of the fault, policy version, and when it was decided."""
    message = WRITER.withheld(WITHHELD)
    assert ("clips.withheld", b"clips.raw/3", int(NOW_S * 1000)) == (message.topic, message.key, message.timestamp_ms)
    reference, record = opened("withheld", message.value)
    assert 2 == reference
    assert {
        "topic": "clips.raw",
        "partition": 3,
        "offset": 41,
        "reason": "internal_error",
        "fault": "KeyError",
        "policy_version": "4",
        "decided_at": int(NOW_S * 1000),
    } == record


ESCALATED = Withheld(WHERE, Reason.CRITICAL, "4", critical=("health", "distress"), escalated=True)


def test_an_escalation_tells_where_and_which_kinds() -> None:
    """Coordinates, kinds, policy version, and when it was decided: on a topic of its own, and nothing else."""
    message = WRITER.escalated(ESCALATED)
    assert ("clips.escalations", b"clips.raw/3", int(NOW_S * 1000)) == (
        message.topic,
        message.key,
        message.timestamp_ms,
    )
    reference, record = opened("escalation", message.value)
    assert 4 == reference
    assert {
        "topic": "clips.raw",
        "partition": 3,
        "offset": 41,
        "classes": ["distress", "health"],
        "policy_version": "4",
        "decided_at": int(NOW_S * 1000),
    } == record


def test_the_kinds_of_what_is_withheld_are_told_nowhere_else() -> None:
    """The withheld topic and the audit are read by more people: they say critical and no more."""
    for message in (WRITER.withheld(ESCALATED), WRITER.audit(ESCALATED, GENESIS)[0]):
        value = message.value or b""
        assert b"critical" in value
        assert not any(kind.value.encode() in value for kind in CriticalKind)


def test_the_audit_of_a_published_clip() -> None:
    """Receipts with model versions, and the hash of exactly the value that was published."""
    message, _ = WRITER.audit(PUBLISHED, GENESIS)
    reference, record = opened("audit", message.value)
    value = WRITER.published(PUBLISHED).value or b""
    assert ("clips.audit", b"clips.raw/3", 3, 3) == (message.topic, message.key, message.partition, reference)
    assert ("published", None, "4") == (record["outcome"], record["reason"], record["policy_version"])
    assert hashlib.sha256(value).hexdigest() == record["published_sha256"]
    assert [
        {"detector": "speakers", "version": "builtin-1", "complete": True},
        {"detector": "identifiers", "version": "2.2", "complete": True},
    ] == record["receipts"]
    assert ("spring", "7", {"PERSON": 2}) == (record["campaign"], record["key_epoch"], record["identifiers"])
    assert ["financial", "health"] == record["critical"]


def test_the_audit_of_a_withheld_clip() -> None:
    """Coordinates and reason, and nothing of what was found in it, not even how much."""
    outcome = replace(WITHHELD, effort=PUBLISHED.effort, critical=("health",))
    _, record = opened("audit", WRITER.audit(outcome, GENESIS)[0].value)
    assert {
        "topic": "clips.raw",
        "partition": 3,
        "offset": 41,
        "outcome": "withheld",
        "reason": "internal_error",
        "policy_version": "4",
        "receipts": [],
        "published_sha256": None,
        "decided_at": int(NOW_S * 1000),
        "campaign": "",
        "key_epoch": "",
        "identifiers": {},
        "critical": [],
        "records": 0,
        "sequence": 1,
        "previous": "00" * 32,
        "digest": record["digest"],
    } == record


def test_the_audit_of_a_request() -> None:
    """What became of it and how many records it took back; not whose they were."""
    message, head = WRITER.request_audit(WHERE, "erased", Head(4, b"\1" * 32), records=17, campaign="spring")
    _, record = opened("audit", message.value)
    assert ("erased", 17, "spring", 5) == (record["outcome"], record["records"], record["campaign"], record["sequence"])
    assert (5, head.digest.hex()) == (head.sequence, record["digest"])


def test_a_request_is_not_audited_as_a_clip() -> None:
    """Whoever counts published and withheld clips must not count requests."""
    with pytest.raises(ValueError):
        WRITER.request_audit(WHERE, "published", GENESIS)


def test_the_token_is_not_in_the_audit() -> None:
    """Who may read the audit learns which record was published, not under which name."""
    assert b"token-1" not in (WRITER.audit(PUBLISHED, GENESIS)[0].value or b"")


# ------------------------------------------------------------------ the chain, and where it goes on
async def schemas(folder: Path) -> tuple[FileRegistry, Outcomes]:
    registry = FileRegistry(folder)
    return registry, Outcomes(await destinations(registry, TOPICS), lambda: NOW_S)


async def test_the_chain_goes_on_from_its_last_record(tmp_path: Path) -> None:
    """What is read back of the last record is the head that its writer had; without one it is the beginning."""
    registry, writer = await schemas(tmp_path)
    head = await head_of(None, CHAIN, registry)
    assert GENESIS == head
    for outcome in (PUBLISHED, WITHHELD, PUBLISHED):
        message, head = writer.audit(outcome, head)
        assert head == await head_of(Record(WHERE, message.value), CHAIN, registry)
    assert 3 == head.sequence


async def test_a_chain_is_never_continued_from_what_is_not_its_own(tmp_path: Path) -> None:
    """Of another partition or topic, changed, torn, a tombstone, or of an unknown schema: the partition stays shut."""
    registry, writer = await schemas(tmp_path)
    value = writer.audit(WITHHELD, GENESIS)[0].value or b""
    other = [Partition("clips.raw", 2), Partition("clips.other", 3)]
    cases = [(value, of) for of in other]
    changed = [value.replace(b"internal_error", b"internal_errer"), value[:-1], None, b"\0\0\0\0\x63" + value[5:]]
    cases += [(wrong, CHAIN) for wrong in changed]
    for wrong, of in cases:
        with pytest.raises(CommitFailed):
            await head_of(Record(WHERE, wrong), of, registry)


async def test_a_chain_and_the_groups_offset_belong_together(tmp_path: Path) -> None:
    """Where records were done and none is audited, or one is audited that was not done, nothing goes on."""
    registry, writer = await schemas(tmp_path)
    last = Record(WHERE, writer.audit(WITHHELD, GENESIS)[0].value)
    done = WITHHELD.coordinates.offset + 1
    assert 1 == (await head_of(last, CHAIN, registry, done)).sequence
    assert GENESIS == await head_of(None, CHAIN, registry, 0)
    for record, committed in [(None, 1), (last, done - 1), (last, 0), (last, done + 1)]:
        with pytest.raises(CommitFailed):
            await head_of(record, CHAIN, registry, committed)


async def test_a_record_from_before_there_were_chains_begins_none(tmp_path: Path) -> None:
    """Its schema has no place in a chain: a chain would begin in the middle of a topic, as one does that was cut."""
    registry = FileRegistry(tmp_path)
    old = (Path(__file__).parents[1] / "schemas/1/audit.avsc").read_text(encoding="utf-8")
    reference = (await registry.register("clips.audit-value", old)).id
    record = {"topic": "clips.raw", "partition": 3, "offset": 41, "outcome": "withheld", "reason": "no_consent"}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, json.loads(old), {**record, "policy_version": "1", "decided_at": 0})
    with pytest.raises(CommitFailed):
        await head_of(Record(WHERE, avro.frame(reference, body.getvalue())), CHAIN, registry)


async def test_our_schemas_are_registered_under_their_topics(tmp_path: Path) -> None:
    """Subject <topic>-value, and the same ids the next time."""
    registry = FileRegistry(tmp_path)
    first = await destinations(registry, TOPICS)
    assert set(OUTPUT_SCHEMAS) == set(first)
    assert first == await destinations(registry, TOPICS, register=False)
    for name, to in first.items():
        assert (TOPICS[name], avro.schema_text(name)) == (to.topic, await registry.writer_schema(to.schema))
    assert {"s-clips.anonymized-value", "s-clips.withheld-value", "s-clips.audit-value"} == {
        path.name for path in (tmp_path / "subjects").iterdir()
    }


async def test_schemas_that_must_be_there_and_are_not(tmp_path: Path) -> None:
    """Without the right to register, a missing schema stops the start."""
    with pytest.raises(SchemaRefused):
        await destinations(FileRegistry(tmp_path), TOPICS, register=False)
