"""A cheap engine, writer and meter, so that the contract suite tests brokers and the worker and nothing else.

An event is four bytes of wire format and one line of text: what the engine is to do with it, and a number.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from stream.clip import (
    Coarse,
    Consent,
    Coordinates,
    Header,
    Job,
    Label,
    Outcome,
    Precision,
    Published,
    Reason,
    Record,
    Refusal,
    Withheld,
)
from stream.config.outside import TopicSettings
from stream.intake import ClipIntake, Office
from stream.ports import Broker, Engine, Message, Partition
from stream.whose import GENESIS, Head, Resume
from stream.worker import Limits, Worker

MAGIC = b"\x00\x00\x00\x00\x07"


def event(number: int, wish: str = "publish") -> bytes:
    return MAGIC + f"{wish} {number}".encode()


def unframe(value: bytes) -> tuple[int | str, bytes]:
    if not value.startswith(MAGIC[:1]):
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return int.from_bytes(value[1:5], "big"), value[5:]


def header(writer_schema: str, body: bytes) -> Header:
    """Of an event's line: its number is its clip, and everybody agreed. An event that wishes ``no_header`` has none."""
    wish, number = body.decode().split()
    if wish == "no_header":
        raise Refusal(Reason.EVENT_UNDECODABLE)
    moment = datetime(2026, 11, 3, 14, 42, tzinfo=UTC)
    return Header(number, f"account-{number}", moment, "en-US", "speaker", Consent(human_review=True), woken=True)


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

    @property
    def index(self) -> str:
        return f"index-{self.run}"

    def settings(self) -> TopicSettings:
        """Names of all topics, those above among them."""
        names = {setting: f"{setting}-{self.run}" for setting, value in TopicSettings() if isinstance(value, str)}
        return TopicSettings(**names)

    async def create(self, broker: Broker, partitions: int = 1) -> None:
        counts = dict.fromkeys((self.raw, self.anonymized, self.withheld, self.audit, self.index), partitions)
        await broker.create_topics(counts, compacted=frozenset({self.anonymized, self.index}))

    async def create_all(self, broker: Broker, partitions: int) -> None:
        """Those of the whole service."""
        of = self.settings()
        await broker.create_topics(dict.fromkeys(of.all, partitions), of.compacted)


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

    def escalated(self, outcome: Withheld) -> Message:
        number = outcome.coordinates.partition
        return Message(self.topics.settings().escalations, b"-", f"{outcome.coordinates.offset}".encode(), None, number)

    def audit(self, outcome: Outcome, after: Head) -> tuple[Message, Head]:
        number, head = outcome.coordinates.partition, Head(after.sequence + 1, bytes(32))
        said = "published" if isinstance(outcome, Published) else outcome.reason
        line = f"{outcome.coordinates.offset} {said} {head.sequence}"
        return Message(self.topics.audit, b"-", line.encode(), None, number), head


class Everybody:
    """ports.Standing, Sampler, Labels and Index of a world in which everybody agreed and every clip is picked."""

    def __init__(self, index_topic: str) -> None:
        self.index_topic = index_topic
        self.refused: dict[str, Reason] = {}  # by account
        self.emitted_clips: list[str] = []

    async def fresh(self) -> None: ...

    def refusal(self, of: Header) -> Reason | None:
        return self.refused.get(of.account_id)

    def pick(self, of: Header, offset: int) -> Reason | None:
        return None

    def changes(self) -> Sequence[Message]:
        return ()

    def label(self, of: Header) -> Label:
        coarse = Coarse(of.captured_at.replace(minute=0), Precision.HOUR, "en", "speaker")
        return Label(f"token-{of.clip_id}", "test", "1", ((600.0, coarse),))

    def emitted(self, of: Header, label: Label, length: int) -> None:
        self.emitted_clips.append(of.clip_id)

    def entry(self, of: Header, outcome: Published) -> Message:
        return Message(self.index_topic, outcome.token.encode(), b"sealed", 0, outcome.coordinates.partition)


@dataclass
class Tally:
    """A meter that remembers."""

    outcomes: list[Outcome] = field(default_factory=list)
    fenced: int = 0
    failed: int = 0
    held_records_max: int = 0
    held_bytes_max: int = 0
    gone: int = 0

    def polled(self, partition: Partition, records: int, size_bytes: int) -> None: ...

    def committed(self, partition: Partition, outcomes: Sequence[Outcome]) -> None:
        self.outcomes.extend(outcomes)

    def commit_failed(self, fenced: bool) -> None:
        self.fenced += fenced
        self.failed += not fenced

    def holding(self, records: int, size_bytes: int, partitions: int) -> None:
        self.held_records_max = max(self.held_records_max, records)
        self.held_bytes_max = max(self.held_bytes_max, size_bytes)

    def records_gone(self, records: int) -> None:
        self.gone += records

    def lag(self, lag: Mapping[Partition, int]) -> None: ...


def office(
    topics: Topics, engine: Engine, message_bytes_max: int = 8 * 2**20, everybody: Everybody | None = None
) -> Office:
    """All that intakes share; chains start anew with every lane here."""
    everybody = everybody or Everybody(topics.index)

    async def sampler(_: Partition) -> Everybody:
        return everybody

    async def chain(_: Partition) -> Resume:
        return Resume(GENESIS, 0)

    return Office(
        engine,
        OneSchema(),
        unframe,
        header,
        LineWriter(topics),
        everybody,
        sampler,
        everybody,
        everybody,
        chain,
        "p1",
        message_bytes_max=message_bytes_max,
    )


def intakes(topics: Topics, engine: Engine, of: Office | None = None) -> Callable[[Partition], ClipIntake]:
    shared = of or office(topics, engine)
    return lambda partition: ClipIntake(shared, partition)


def worker(
    broker: Broker,
    topics: Topics,
    engine: Engine,
    limits: Limits | None = None,
    meter: Tally | None = None,
    of: Office | None = None,
) -> Worker:
    return Worker(
        broker.source(topics.raw, topics.group),
        lambda partition: broker.outbox(partition, topics.group),
        intakes(topics, engine, of),
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
