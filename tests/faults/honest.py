"""What a run leaves behind where nothing went wrong, by the real writers: tests of the judge spoil one thing in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stream.clip import Coarse, Coordinates, Job, Label, Outcome, Precision, Reason, Withheld
from stream.ports import Message
from stream.whose import GENESIS
from stream.wire import avro
from stream.wire.outcomes import ESCALATION_SCHEMA, OUTPUT_SCHEMAS, Destination, Outcomes
from tests.faults.events import Wish, wish
from tests.faults.judge import Judge, Seen, Verdict
from tests.faults.service import published
from tests.faults.stems import Stem

STEM = Stem.of(3)
GROUP, RAW = "group", "raw"
BEGAN_MS = int(time.time() * 1000) - 1000
SCHEMAS = {name: schema for schema, name in enumerate((*OUTPUT_SCHEMAS, ESCALATION_SCHEMA))}
HOUR = Coarse(datetime(2026, 5, 28, 20, tzinfo=UTC), Precision.HOUR, "en", "other")


@dataclass
class Left:
    """Records by topic, in order, of events 0, 1, 2, ... in one partition."""

    inputs: list[int]
    topics: dict[str, list[Seen]] = field(default_factory=lambda: {name: [] for name in (*SCHEMAS, "index")})
    committed: dict[int, int] = field(default_factory=dict)

    def judged(self) -> Verdict:
        judge = Judge(GROUP, RAW, BEGAN_MS)
        for offset, number in enumerate(self.inputs):
            judge.input(0, offset, number)
        for name in ("audit", "withheld", "escalation"):
            for record in self.topics[name]:
                judge.of_now(record)
        for record in self.topics["audit"]:
            judge.audit(0, row("audit", record))
        for record in self.topics["anonymized_clip"]:
            judge.published(record)
        for record in self.topics["index"]:
            judge.index(record)
        for record in self.topics["withheld"]:
            judge.withheld(row("withheld", record))
        for record in self.topics["escalation"]:
            judge.escalation(row("escalation", record))
        return judge.close(self.committed)


def row(schema: str, record: Seen) -> Mapping[str, Any]:
    return avro.read_as_written(avro.schema_text(schema), avro.unframe(record.value or b"")[1])


def honest(events: int = 80, raw: str = RAW, schemas: Mapping[str, int] = SCHEMAS) -> Left:
    """Two events of every wish at least."""
    left, head = Left(list(range(events)), committed={0: events}), GENESIS
    writer = Outcomes({name: Destination(name, schema) for name, schema in schemas.items()})
    for number in left.inputs:
        outcome = _outcome(raw, number)
        if isinstance(outcome, Withheld):
            _add(left, writer.withheld(outcome))
            if outcome.escalated:
                _add(left, writer.escalated(outcome))
        else:
            _add(left, writer.published(outcome))
            _add(left, Message("index", outcome.token.encode(), b"sealed", outcome.timestamp_ms))
        message, head = writer.audit(outcome, head)
        _add(left, message)
    return left


def _outcome(raw: str, number: int) -> Outcome:
    at, what = Coordinates(raw, 0, number), wish(number)
    if what is Wish.PUBLISH:
        label = Label(f"token-{number}", "campaign", "1", ((600.0, HOUR),))
        return published(Job(at, "{}", b"", label))
    return Withheld(at, Reason(what.value), "1", escalated=what is Wish.ESCALATE)


def _add(left: Left, message: Message) -> None:
    records = left.topics[message.topic]
    time_ms = BEGAN_MS + 5 if message.timestamp_ms is None else message.timestamp_ms
    records.append(Seen(message.topic, 0, len(records), message.key, message.value, (), time_ms))
