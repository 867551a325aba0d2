"""Replays as records of the topic that remembers them, and withheld records as a replay needs them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from stream.clip import Coordinates, Reason, Record, Refusal
from stream.lifecycle.replaying import Candidate, Replay
from stream.ports import Message, Schemas
from stream.wire import avro
from stream.wire.audits import row_of
from stream.wire.outcomes import WITHHELD, WITHHELD_SCHEMA, Destination

REPLAY_SCHEMA: Final = "replay"


@dataclass(frozen=True)
class ReplayRecords:
    """Reads them, and the audit. Raises Refusal for what is none, RegistryUnavailable where nobody can tell."""

    schemas: Schemas

    async def withheld(self, record: Record) -> Candidate:
        reference, body = avro.unframe(record.value or b"")
        told = avro.read(await self.schemas.writer_schema(reference), WITHHELD_SCHEMA, body)
        try:
            reason = Reason(told["reason"])
        except ValueError:
            raise Refusal(Reason.EVENT_UNDECODABLE) from None
        at = Coordinates(told["topic"], told["partition"], told["offset"])
        return Candidate(at, reason, told["policy_version"], told["decided_at"])

    async def audited(self, record: Record) -> tuple[Coordinates, Reason | None]:
        """What an audit record is about, and why that was withheld; None where it was not. A chain lies in the
        partition of its input's number: what lies elsewhere is of no chain."""
        row = await row_of(record, self.schemas)
        try:
            at = Coordinates(row["topic"], row["partition"], row["offset"])
            withheld = row["outcome"] == WITHHELD and at.partition == record.coordinates.partition
            return at, Reason(row["reason"]) if withheld else None
        except (KeyError, ValueError):
            raise Refusal(Reason.EVENT_UNDECODABLE) from None

    async def replay(self, record: Record) -> Replay:
        reference, body = avro.unframe(record.value or b"")
        told = avro.read(await self.schemas.writer_schema(reference), REPLAY_SCHEMA, body)
        at = Coordinates(told["topic"], told["partition"], told["offset"])
        return Replay(at, told["copy"], told["first"], told["times"])


def replay_message(replay: Replay, of: Candidate, to: Destination) -> Message:
    """What remembers a replay. Its key has the copy: where a record was replayed again, compaction must not take the
    one before, by which the former copy is known to be of the same event."""
    now_ms, at = int(time.time() * 1000), replay.at
    told = {
        "topic": at.topic,
        "partition": at.partition,
        "offset": at.offset,
        "copy": replay.copy,
        "first": replay.first,
        "times": replay.times,
        "reason": of.reason.value,
        "policy_version": of.policy_version,
        "replayed_at": now_ms,
    }
    key = f"{at.topic}/{at.partition}/{at.offset}/{replay.copy}".encode()
    return Message(to.topic, key, avro.frame(to.schema, avro.write(REPLAY_SCHEMA, told)), now_ms)
