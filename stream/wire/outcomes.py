"""What is written of an outcome: the records for the anonymized, withheld and audit topics."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stream.clip import Coordinates, Outcome, Published, Record, Refusal, Withheld
from stream.lifecycle.chain import end_at, link
from stream.ports import CommitFailed, Message, Partition, RegistryUnavailable, Schemas
from stream.whose import GENESIS, Head, Resume
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA
from stream.wire.registry import Registry, SchemaRefused

WITHHELD_SCHEMA: Final = "withheld"
AUDIT_SCHEMA: Final = "audit"
ESCALATION_SCHEMA: Final = "escalation"
OUTPUT_SCHEMAS: Final = (CLIP_SCHEMA, WITHHELD_SCHEMA, AUDIT_SCHEMA)

PUBLISHED: Final = "published"
WITHHELD: Final = "withheld"
REQUEST_OUTCOMES: Final = frozenset({"erased", "recalled", "refused"})

_NOTHING: Final[Mapping[str, Any]] = {  # every field is written, so that a digest is over all of them
    "reason": None,
    "receipts": [],
    "published_sha256": None,
    "campaign": "",
    "key_epoch": "",
    "identifiers": {},
    "critical": [],
    "records": 0,
}


@dataclass(frozen=True)
class Destination:
    """A topic, and the id (or GUID) under which the registry knows the schema of its values."""

    topic: str
    schema: int | str


async def destinations(
    registry: Registry, topics: Mapping[str, str], *, register: bool = True
) -> dict[str, Destination]:
    """Schema name -> where it goes, for ``topics`` (schema name -> topic); the subject is ``<topic>-value``, as usual.

    Raises SchemaRefused where the registry does not take a schema or, without ``register``, does not have it, and
    RegistryUnavailable.
    """
    ask = registry.register if register else registry.find
    found = {}
    for name, topic in topics.items():
        subject = f"{topic}-value"
        try:
            found[name] = Destination(topic, (await ask(subject, avro.schema_text(name))).id)
        except SchemaRefused as refused:
            raise SchemaRefused(f"schema {name}, subject {subject}: {refused}") from None
    return found


@dataclass(frozen=True)
class Outcomes:
    """ports.OutcomeWriter. ``destinations`` has one for each of OUTPUT_SCHEMAS, and one for ESCALATION_SCHEMA where
    clips may be escalated; ``now`` gives seconds since 1970.

    A published record's key is its token and its timestamp the coarsened hour. All others have the input partition
    as their key, so that records of one input partition stay in order; audit records are also written to the partition
    of the same number, which holds that one chain.
    """

    destinations: Mapping[str, Destination]
    now: Callable[[], float] = time.time

    def published(self, outcome: Published) -> Message:
        to = self.destinations[CLIP_SCHEMA]
        return Message(to.topic, outcome.token.encode(), avro.frame(to.schema, outcome.body), outcome.timestamp_ms)

    def withheld(self, outcome: Withheld) -> Message:
        record = {
            **_where(outcome.coordinates),
            "reason": outcome.reason.value,
            "fault": outcome.fault,
            "policy_version": outcome.policy_version,
        }
        return self._dated(WITHHELD_SCHEMA, outcome.coordinates, record)

    def escalated(self, outcome: Withheld) -> Message:
        """For those whose procedure it is. Only this record tells the kinds of what was withheld."""
        record = {
            **_where(outcome.coordinates),
            "classes": sorted(map(str, outcome.critical)),
            "policy_version": outcome.policy_version,
        }
        return self._dated(ESCALATION_SCHEMA, outcome.coordinates, record)

    def audit(self, outcome: Outcome, after: Head) -> tuple[Message, Head]:
        """The next record of the input partition's chain, which ends at ``after``, and where the chain ends then.

        Counts only of what is published: of a clip that nobody hears it says where it lies and why, and no more.
        """
        record = {**_where(outcome.coordinates), "policy_version": outcome.policy_version}
        if isinstance(outcome, Published):
            clip = avro.read(avro.schema_text(CLIP_SCHEMA), CLIP_SCHEMA, outcome.body)
            record |= {name: clip[name] for name in ("campaign", "key_epoch", "receipts")}
            record |= {
                "outcome": PUBLISHED,
                "published_sha256": hashlib.sha256(self.published(outcome).value or b"").hexdigest(),
                "identifiers": dict(outcome.effort.identifiers),
                "critical": sorted(map(str, outcome.critical)),  # plain text: a chain takes no members of enumerations
            }
        else:
            record |= {"outcome": WITHHELD, "reason": outcome.reason.value}
        return self._linked(outcome.coordinates, record, after)

    def request_audit(
        self,
        of: Coordinates,
        outcome: str,
        after: Head,
        *,
        records: int = 0,
        reason: str | None = None,
        policy_version: str = "",
        campaign: str = "",
    ) -> tuple[Message, Head]:
        """The same for a request at ``of``: ``outcome`` is one of REQUEST_OUTCOMES, ``records`` how many published
        records were taken back. Whoever asked, and for whom, is not in it."""
        if outcome not in REQUEST_OUTCOMES:
            raise ValueError("not what becomes of a request")
        record = {**_where(of), "outcome": outcome, "reason": reason, "records": records}
        return self._linked(of, {**record, "policy_version": policy_version, "campaign": campaign}, after)

    def _linked(self, of: Coordinates, record: Mapping[str, Any], after: Head) -> tuple[Message, Head]:
        to, now_ms = self.destinations[AUDIT_SCHEMA], int(self.now() * 1000)
        linked, head = link({**_NOTHING, **record, "decided_at": now_ms}, after)
        value = avro.frame(to.schema, avro.write(AUDIT_SCHEMA, linked))
        return Message(to.topic, _partition_key(of), value, now_ms, of.partition), head

    def _dated(self, schema: str, of: Coordinates, record: Mapping[str, Any]) -> Message:
        to = self.destinations[schema]
        now_ms = int(self.now() * 1000)
        body = avro.write(schema, {**record, "decided_at": now_ms})
        return Message(to.topic, _partition_key(of), avro.frame(to.schema, body), now_ms)


async def head_of(last: Record | None, of: Partition, schemas: Schemas, committed: int | None = None) -> Head:
    """Where the chain of the input partition ``of`` ends, by the last record of its audit partition; ``committed`` is
    the group's offset there, 0 where nothing was done yet, None where it does not matter.

    Raises CommitFailed for a record that is not a link of this very chain, or whose schema nobody can tell, and where
    the group's offset is not behind exactly what was audited: a chain that can't be continued must not be begun anew.
    """
    return (await resume_at(last, of, schemas, committed)).head


async def resume_at(last: Record | None, of: Partition, schemas: Schemas, committed: int | None = None) -> Resume:
    """As ``head_of``, with the offset from which on inputs are not audited yet."""
    if last is None:
        if committed:
            raise CommitFailed("AuditGone")
        return Resume(GENESIS, 0)
    try:
        reference, body = avro.unframe(last.value or b"")
        record = avro.read_as_written(await schemas.writer_schema(reference), body)
        if committed is not None and record["offset"] + 1 != committed:  # both are of one transaction
            raise CommitFailed("OffsetNotBehindAudit")
        return Resume(end_at(record, of), record["offset"] + 1)
    except (KeyError, Refusal, RegistryUnavailable, ValueError) as error:
        raise CommitFailed(type(error).__name__) from None  # the chain can't be continued


def _partition_key(of: Coordinates) -> bytes:
    return f"{of.topic}/{of.partition}".encode()


def _where(of: Coordinates) -> dict[str, Any]:
    return {"topic": of.topic, "partition": of.partition, "offset": of.offset}
