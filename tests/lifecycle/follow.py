"""What the tests of followers and of standing share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream.clip import Reason, Record, Refusal
from stream.lifecycle.following import Follower, Pace
from stream.ports import RegistryUnavailable, Tail
from stream.wire import avro
from stream.wire.outcomes import Destination
from stream.wire.standing_records import CONSENT_SCHEMA, RECALL_SCHEMA

IDS = {CONSENT_SCHEMA: 11, RECALL_SCHEMA: 12}
SCHEMAS: dict[int | str, str] = {number: avro.schema_text(name) for name, number in IDS.items()}
QUICK = Pace(poll_s=0.2, look_s=60.0, answer_s=2.0, retry_s=0.02, retry_s_max=0.1)


def to(name: str, topic: str) -> Destination:
    return Destination(topic, IDS[name])


@dataclass
class Known:
    """A registry that knows our two schemas, where it answers."""

    answers: bool = True

    async def writer_schema(self, reference: int | str) -> str:
        if not self.answers:
            raise RegistryUnavailable("away")
        if reference not in SCHEMAS:
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        return SCHEMAS[reference]


@dataclass
class Notes:
    """following.Notices that remembers."""

    told: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def unreachable(self, topic: str, error: str) -> None:
        self.told["unreachable"] += 1
        self.errors.append(error)

    def unreadable(self, topic: str, records: int) -> None:
        self.told["unreadable"] += records

    def snapshot_unusable(self, topic: str) -> None:
        self.told["snapshot_unusable"] += 1

    def snapshot_failed(self, topic: str, error: str) -> None:
        self.told["snapshot_failed"] += 1


@dataclass
class Values:
    """A table that keeps the values in the order in which they came."""

    values: list[bytes | None] = field(default_factory=list)
    discarded: int = 0

    async def apply(self, records: Sequence[Record]) -> None:
        self.values += [record.value for record in records]

    def discard(self) -> None:
        self.values.clear()
        self.discarded += 1


def follower(
    broker: Any,
    topic: str,
    table: Values,
    notes: Notes | None = None,
    wrap: Callable[[Tail], Any] = lambda tail: tail,
    **options: Any,
) -> Follower:
    async def open_tail(start: Mapping[int, int]) -> Any:
        return wrap(await broker.tail(topic, start))

    options = {"pace": QUICK, "discard": table.discard, **options}
    return Follower(topic, open_tail, options.pop("apply", table.apply), notes or Notes(), **options)
