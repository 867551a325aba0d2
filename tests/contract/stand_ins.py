"""A cheap engine, writer and meter, so that the contract suite tests brokers and the worker and nothing else.

An event is four bytes of wire format and one line of text: what the engine is to do with it, and a number.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from stream.clip import Coordinates, Job, Outcome, Published, Reason, Record, Refusal, Withheld
from stream.intake import Intake
from stream.ports import Broker, Message, Partition
from stream.worker import Limits, Worker

MAGIC = b"\x00\x00\x00\x00\x07"


def event(number: int, wish: str = "publish") -> bytes:
    return MAGIC + f"{wish} {number}".encode()


def unframe(value: bytes) -> tuple[int | str, bytes]:
    if not value.startswith(MAGIC[:1]):
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return int.from_bytes(value[1:5], "big"), value[5:]


class OneSchema:
    """Knows schema 7 and no other."""

    async def writer_schema(self, reference: int | str) -> str:
        if reference != 7:
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        return '"bytes"'


@dataclass
class WishEngine:
    """Does what the event wishes. ``before`` is awaited first; events that wish ``hold`` wait for ``release``."""

    before: Callable[[Job], Awaitable[None]] | None = None
    release: asyncio.Event = field(default_factory=asyncio.Event)
    seen: Counter[Coordinates] = field(default_factory=Counter)

    async def run(self, job: Job) -> Outcome:
        self.seen[job.coordinates] += 1
        wish, number = job.body.decode().split()
        if self.before is not None:
            await self.before(job)
        if wish == "hold":
            await self.release.wait()
        if wish == "die":
            return Withheld(job.coordinates, Reason.INFERENCE_DIED, "p1")
        if wish == "refuse":
            return Withheld(job.coordinates, Reason.NO_MAIN_SPEAKER, "p1")
        if wish == "raise":
            raise ValueError(job.body.decode())
        if wish == "stray":
            return Published(Coordinates("another", 0, 0), "token", 0, job.body, "p1")
        body = bytes(int(number)) if wish == "swell" else job.body
        return Published(job.coordinates, f"token-{number}", 3_600_000, body, "p1")


@dataclass(frozen=True)
class Topics:
    """Topics of one test; ``run`` keeps it apart from other tests on the same cluster."""

    run: str = field(default_factory=lambda: uuid4().hex[:8])

    @property
    def group(self) -> str:
        return f"group-{self.run}"

    @property
    def raw(self) -> str:
        return f"raw-{self.run}"

    @property
    def anonymized(self) -> str:
        return f"anonymized-{self.run}"

    @property
    def withheld(self) -> str:
        return f"withheld-{self.run}"

    @property
    def audit(self) -> str:
        return f"audit-{self.run}"

    async def create(self, broker: Broker, partitions: int = 1) -> None:
        counts = dict.fromkeys((self.raw, self.anonymized, self.withheld, self.audit), partitions)
        await broker.create_topics(counts, compacted=frozenset({self.anonymized}))


@dataclass(frozen=True)
class LineWriter:
    """Outcomes as lines of text, each topic partitioned like the input, so that tests can look at the order."""

    topics: Topics

    def published(self, outcome: Published) -> Message:
        number = outcome.coordinates.partition
        return Message(self.topics.anonymized, outcome.token.encode(), outcome.body, outcome.timestamp_ms, number)

    def withheld(self, outcome: Withheld) -> Message:
        number = outcome.coordinates.partition
        return Message(self.topics.withheld, b"-", f"{outcome.coordinates.offset} {outcome.reason}".encode(), 0, number)

    def audit(self, outcome: Outcome) -> Message:
        number = outcome.coordinates.partition
        said = "published" if isinstance(outcome, Published) else outcome.reason
        return Message(self.topics.audit, b"-", f"{outcome.coordinates.offset} {said}".encode(), None, number)


@dataclass
class Tally:
    """A meter that remembers."""

    outcomes: list[Outcome] = field(default_factory=list)
    fenced: int = 0
    failed: int = 0
    held_records_max: int = 0
    held_bytes_max: int = 0

    def polled(self, partition: Partition, records: int, size_bytes: int) -> None: ...

    def committed(self, partition: Partition, outcomes: Sequence[Outcome]) -> None:
        self.outcomes.extend(outcomes)

    def commit_failed(self, fenced: bool) -> None:
        self.fenced += fenced
        self.failed += not fenced

    def holding(self, records: int, size_bytes: int, partitions: int) -> None:
        self.held_records_max = max(self.held_records_max, records)
        self.held_bytes_max = max(self.held_bytes_max, size_bytes)

    def lag(self, lag: Mapping[Partition, int]) -> None: ...


def intake(topics: Topics, engine: WishEngine, message_bytes_max: int = 8 * 2**20) -> Intake:
    return Intake(engine, OneSchema(), unframe, LineWriter(topics), "p1", message_bytes_max=message_bytes_max)


def worker(
    broker: Broker, topics: Topics, engine: WishEngine, limits: Limits | None = None, meter: Tally | None = None
) -> Worker:
    return Worker(
        broker.source(topics.raw, topics.group),
        lambda partition: broker.outbox(partition, topics.group),
        intake(topics, engine),
        meter or Tally(),
        limits or Limits(fenced_s=0.5),
    )


def offsets(records: Sequence[Record]) -> dict[int, list[int]]:
    """Partition -> the input offsets that its lines tell of, in their order."""
    found: dict[int, list[int]] = {}
    for record in records:
        found.setdefault(record.coordinates.partition, []).append(int((record.value or b"").split()[0]))
    return found


async def everything(broker: Broker, topic: str) -> list[Record]:
    return [record async for record in broker.read(topic)]


async def send(broker: Broker, topic: str, values: Sequence[bytes | None], partition: int = 0) -> None:
    await broker.send([Message(topic, b"key", value, None, partition) for value in values])


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 30.0) -> None:
    """Waits for what has to come true; the limit only ends a test that hangs."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)


async def eventually(expected: object, look: Callable[[], Awaitable[object]], timeout_s: float = 10.0) -> None:
    """A transaction that is final may take a moment to show."""
    deadline = time.monotonic() + timeout_s
    while (actual := await look()) != expected and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert expected == actual


async def until_committed(broker: Broker, topics: Topics, timeout_s: float = 60.0) -> None:
    """Until the group's offsets are the ends of the input."""

    async def caught_up() -> bool:
        ends = {number: end for number, end in (await broker.end_offsets(topics.raw)).items() if end}
        return ends == dict(await broker.committed(topics.raw, topics.group))

    await until(caught_up, timeout_s)
