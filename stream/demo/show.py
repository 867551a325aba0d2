"""Runs the service on an embedded broker: sends the clips, waits for every outcome, reads the output topics back."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.clip import Coordinates, Outcome, Reason, Record, Withheld
from stream.config import Settings
from stream.demo.clips import DemoClip
from stream.demo.results import Output, Result
from stream.demo.summary import Setup
from stream.inference.pool import InferencePool, make_pool
from stream.intake import ClipIntake, Office
from stream.lifecycle.keyring import KeyRing, single_ring
from stream.ops.metrics import Metrics
from stream.ports import Broker, Engine, Message, Partition
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA, EVENT_SCHEMA, decode_anonymized
from stream.wire.events import event_body
from stream.wire.local import LocalBroker
from stream.wire.outcomes import AUDIT_SCHEMA, WITHHELD_SCHEMA, destinations
from stream.wire.registry_files import FileRegistry
from stream.worker import Worker

CAMPAIGN = "demo"
PARTITIONS = 3
PROCESSES_MAX = 4  # a few clips are not worth more; each takes most of a gigabyte
OUTCOMES_SECONDS_MAX = 300.0


MakeOffice = Callable[
    [Settings, Callable[[], KeyRing], Engine, Broker, FileRegistry, Metrics], AbstractAsyncContextManager[Office]
]


class ShowFailed(Exception):
    """The service stopped, or lost or repeated a clip. The message is ours and carries no content."""


@dataclass(frozen=True, eq=False)
class Shown:
    """All that came of the clips: results in the order sent, and every record of every output topic."""

    results: tuple[Result, ...]
    records: tuple[Record, ...]
    setup: Setup


class Tally:
    """ports.Meter: tells of every committed outcome, and when there are ``wanted`` of them."""

    def __init__(self, wanted: int, tell: Callable[[Outcome], None]) -> None:
        self.complete = asyncio.Event()
        self._wanted, self._tell, self._seen = wanted, tell, 0

    def committed(self, partition: Partition, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002
        for outcome in outcomes:
            self._tell(outcome)
        self._seen += len(outcomes)
        if self._seen >= self._wanted:
            self.complete.set()

    def polled(self, partition: Partition, records: int, size_bytes: int) -> None:
        """Not shown."""

    def commit_failed(self, fenced: bool) -> None:
        """Not shown: the worker does it again."""

    def holding(self, records: int, size_bytes: int, partitions: int) -> None:
        """Not shown."""

    def records_gone(self, records: int) -> None:
        """Not shown: nothing is deleted there."""

    def lag(self, lag: Mapping[Partition, int]) -> None:
        """Not shown."""


async def show(
    clips: Sequence[DemoClip],
    settings: Settings,
    make_office: MakeOffice,
    ready: Callable[[], None],
    tell: Callable[[Outcome], None],
) -> Shown:
    """De-identifies ``clips``, with models and policy as the settings say; ``make_office`` puts the rest together.

    ``ready`` is called when the models are loaded, ``tell`` for every outcome. Raises ShowFailed, or StartFailed where
    the models can't be loaded. Whatever ends it, cancellation included, leaves no process behind.
    """
    began = time.monotonic()
    broker = LocalBroker()
    processes = min(settings.engine.processes, PROCESSES_MAX)
    engine = settings.engine.model_copy(update={"processes": processes})
    with tempfile.TemporaryDirectory(prefix="clipveil-registry-") as folder:
        registry = FileRegistry(Path(folder))
        try:
            await _send(clips, broker, registry, settings)
            ring = single_ring(CAMPAIGN, "1", secrets.token_bytes(32))  # nobody keeps it: tokens that lead nowhere
            async with (
                _pool(settings.model_copy(update={"engine": engine})) as pool,
                make_office(settings, lambda: ring, pool, broker, registry, Metrics()) as office,
            ):
                ready()
                await _work(broker, settings, office, pool, Tally(len(clips), tell))
            records = {name: await _records(broker, topic) for name, topic in _outputs(settings).items()}
        finally:
            await registry.close()
    results = tuple(_results(clips, settings.topics.raw, records))
    setup = _setup(settings, results, processes, time.monotonic() - began)
    await broker.close()
    return Shown(results, tuple(record for every in records.values() for record in every), setup)


# ------------------------------------------------------------------ before and while it runs
def _outputs(settings: Settings) -> dict[str, str]:
    topics = settings.topics
    return {CLIP_SCHEMA: topics.anonymized, WITHHELD_SCHEMA: topics.withheld, AUDIT_SCHEMA: topics.audit}


async def _send(clips: Sequence[DemoClip], broker: LocalBroker, registry: FileRegistry, settings: Settings) -> None:
    """Topics, the events' schema, and all clip events."""
    topics = settings.topics
    await broker.create_topics(dict.fromkeys(topics.all, PARTITIONS), topics.compacted)
    event_schema = (await destinations(registry, {EVENT_SCHEMA: topics.raw}))[EVENT_SCHEMA].schema
    await broker.send(
        [
            Message(
                topics.raw,
                clip.event.subject.account_id.encode(),
                avro.frame(event_schema, event_body(clip.event)),
                partition=_place(topics.raw, number).partition,
            )
            for number, clip in enumerate(clips)
        ]
    )


def _place(topic: str, number: int) -> Coordinates:
    """Where clip ``number`` lies: the clips go round the partitions of a new topic."""
    return Coordinates(topic, number % PARTITIONS, number // PARTITIONS)


@contextlib.asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[InferencePool]:
    pool = make_pool(settings)
    try:
        await pool.start()
        yield pool
    finally:
        await pool.stop()


async def _work(broker: LocalBroker, settings: Settings, office: Office, pool: InferencePool, tally: Tally) -> None:
    """The worker itself, until it has committed every outcome."""
    raw, group = settings.topics.raw, settings.kafka.group
    worker = Worker(
        broker.source(raw, group),
        lambda partition: broker.outbox(partition, group),
        lambda partition: ClipIntake(office, partition),
        tally,
    )
    working = asyncio.create_task(worker.run())
    watched: list[asyncio.Task[Any]] = [asyncio.create_task(tally.complete.wait()), asyncio.create_task(pool.failed())]
    try:
        async with asyncio.timeout(OUTCOMES_SECONDS_MAX):
            await asyncio.wait({working, *watched}, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise ShowFailed(f"not every clip had an outcome after {OUTCOMES_SECONDS_MAX:g} s") from None
    finally:
        for task in watched:
            task.cancel()
        worker.stop()
        with contextlib.suppress(Exception):
            await working
    if not tally.complete.is_set():
        raise ShowFailed("the service stopped before every clip had an outcome")
    ends, committed = await broker.end_offsets(raw), await broker.committed(raw, group)
    if {number: offset for number, offset in ends.items() if offset} != dict(committed):
        raise ShowFailed("the committed offsets are not the ends of the partitions")


# ------------------------------------------------------------------ what came of it
async def _records(broker: LocalBroker, topic: str) -> list[Record]:
    return [record async for record in broker.read(topic)]


def _results(clips: Sequence[DemoClip], raw: str, records: Mapping[str, Sequence[Record]]) -> Iterable[Result]:
    """Joins clips and outcomes by the audit trail: coordinates, and the fingerprint of the published record."""
    audits = _by_place(_read(AUDIT_SCHEMA, record) for record in records[AUDIT_SCHEMA])
    withheld = _by_place(_read(WITHHELD_SCHEMA, record) for record in records[WITHHELD_SCHEMA])
    published = {hashlib.sha256(record.value or b"").hexdigest(): record for record in records[CLIP_SCHEMA]}
    if not len(audits) == len(clips) == len(withheld) + len(published):
        raise ShowFailed("there are not as many outcomes as clips")
    for number, clip in enumerate(clips):
        place = _place(raw, number)
        audit = audits.get(place, {})
        if place in withheld:
            yield Result(clip, withheld=_withheld(withheld[place]))
        elif audit.get("published_sha256") in published:
            yield Result(clip, _output(published[str(audit["published_sha256"])]))
        else:
            raise ShowFailed("a clip has no outcome, or more than one")


def _by_place(rows: Iterable[Mapping[str, Any]]) -> dict[Coordinates, Mapping[str, Any]]:
    placed: dict[Coordinates, Mapping[str, Any]] = {}
    for row in rows:
        place = Coordinates(row["topic"], row["partition"], row["offset"])
        if place in placed:
            raise ShowFailed("a clip has more than one outcome")
        placed[place] = row
    return placed


def _read(schema: str, record: Record) -> Mapping[str, Any]:
    _, body = avro.unframe(record.value or b"")
    return avro.read(avro.schema_text(schema), schema, body)


def _withheld(row: Mapping[str, Any]) -> Withheld:
    place = Coordinates(row["topic"], row["partition"], row["offset"])
    return Withheld(place, Reason(row["reason"]), row["policy_version"], row["fault"])


def _output(record: Record) -> Output:
    _, body = avro.unframe(record.value or b"")
    flac = _read(CLIP_SCHEMA, record)["audio"]["content"]
    return Output(decode_anonymized(avro.schema_text(CLIP_SCHEMA), body), flac)


def _setup(settings: Settings, results: Iterable[Result], processes: int, seconds: float) -> Setup:
    receipts = {receipt for result in results if result.output for receipt in result.output.clip.receipts}
    return Setup(
        broker=f"embedded broker, {PARTITIONS} partitions",
        policy_version=settings.policy.version,
        operating_point=settings.policy.operating_point,
        detectors=tuple(sorted((receipt.detector, receipt.version) for receipt in receipts)),
        processes=processes,
        seconds=seconds,
    )
