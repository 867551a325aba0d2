"""Records about outcomes: coordinates, reasons, versions; never content, and no time but the coarsened hour."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from stream.clip import AnonymizedClip, Coordinates, Metadata, Published, Reason, Receipt, Withheld
from stream.wire import avro
from stream.wire.clips import Encoder
from stream.wire.outcomes import OUTPUT_SCHEMAS, Destination, Outcomes, destinations
from stream.wire.registry import SchemaRefused
from stream.wire.registry_files import FileRegistry

WHERE = Coordinates("clips.raw", 3, 41)
HOUR = datetime(2026, 5, 28, 20, tzinfo=UTC)
NOW_S = 1_790_000_000.5
TOPICS = {"anonymized_clip": "clips.anonymized", "withheld": "clips.withheld", "audit": "clips.audit"}
WRITER = Outcomes({name: Destination(topic, n + 1) for n, (name, topic) in enumerate(TOPICS.items())}, lambda: NOW_S)

CLIP = AnonymizedClip(
    metadata=Metadata("token-1", "spring", "7", HOUR, "en", "speaker"),
    samples=np.zeros(8_000, np.float32),
    words=(),
    mutes=(),
    receipts=(Receipt("speakers", "builtin-1", True), Receipt("identifiers", "2.2", True)),
    policy_version="4",
)
PUBLISHED = Published(WHERE, "token-1", int(HOUR.timestamp() * 1000), Encoder().encode(CLIP), "4")
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


def test_the_audit_of_a_published_clip() -> None:
    """Receipts with model versions, and the hash of exactly the value that was published."""
    message = WRITER.audit(PUBLISHED)
    reference, record = opened("audit", message.value)
    value = WRITER.published(PUBLISHED).value or b""
    assert ("clips.audit", b"clips.raw/3", 3) == (message.topic, message.key, reference)
    assert ("published", None, "4") == (record["outcome"], record["reason"], record["policy_version"])
    assert hashlib.sha256(value).hexdigest() == record["published_sha256"]
    assert [
        {"detector": "speakers", "version": "builtin-1", "complete": True},
        {"detector": "identifiers", "version": "2.2", "complete": True},
    ] == record["receipts"]


def test_the_audit_of_a_withheld_clip() -> None:
    """Coordinates and reason; there is nothing to hash."""
    _, record = opened("audit", WRITER.audit(WITHHELD).value)
    assert ("withheld", "internal_error", None, []) == (
        record["outcome"],
        record["reason"],
        record["published_sha256"],
        record["receipts"],
    )
    assert ("clips.raw", 3, 41) == (record["topic"], record["partition"], record["offset"])


def test_the_token_is_not_in_the_audit() -> None:
    """Who may read the audit learns which record was published, not under which name."""
    assert b"token-1" not in (WRITER.audit(PUBLISHED).value or b"")


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
