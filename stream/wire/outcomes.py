"""What is written of an outcome: the records for the anonymized, withheld and audit topics."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stream.clip import Coordinates, Outcome, Published, Withheld
from stream.ports import Message
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA
from stream.wire.registry import Registry, SchemaRefused

WITHHELD_SCHEMA: Final = "withheld"
AUDIT_SCHEMA: Final = "audit"
OUTPUT_SCHEMAS: Final = (CLIP_SCHEMA, WITHHELD_SCHEMA, AUDIT_SCHEMA)


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
    """ports.OutcomeWriter. ``destinations`` has one for each of OUTPUT_SCHEMAS; ``now`` gives seconds since 1970.

    A published record's key is its token and its timestamp the coarsened hour. The other two have the input partition
    as their key, so that records of one input partition stay in order.
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

    def audit(self, outcome: Outcome) -> Message:
        record = {**_where(outcome.coordinates), "policy_version": outcome.policy_version}
        if isinstance(outcome, Published):
            value = self.published(outcome).value or b""
            clip = avro.read(avro.schema_text(CLIP_SCHEMA), CLIP_SCHEMA, outcome.body)
            record |= {"outcome": "published", "reason": None, "receipts": clip["receipts"]}
            record["published_sha256"] = hashlib.sha256(value).hexdigest()
        else:
            record |= {"outcome": "withheld", "reason": outcome.reason.value, "receipts": [], "published_sha256": None}
        return self._dated(AUDIT_SCHEMA, outcome.coordinates, record)

    def _dated(self, schema: str, of: Coordinates, record: Mapping[str, Any]) -> Message:
        to = self.destinations[schema]
        now_ms = int(self.now() * 1000)
        body = avro.write(schema, {**record, "decided_at": now_ms})
        return Message(to.topic, f"{of.topic}/{of.partition}".encode(), avro.frame(to.schema, body), now_ms)


def _where(of: Coordinates) -> dict[str, Any]:
    return {"topic": of.topic, "partition": of.partition, "offset": of.offset}
