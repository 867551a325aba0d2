"""After a run: reads all that a world left behind, and says what is wrong with it.

Topics are read twice, as read_committed for what counts and as read_uncommitted for what was ever written; logs,
metrics, temporary directories and the brokers' own files are read as bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.wire import avro
from stream.wire.kafka_connection import KafkaConnection, bounded_stop
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics
from tests.faults.events import Wish, number_of, wish
from tests.faults.judge import Judge, Seen, Verdict
from tests.faults.stems import Scanner, Stem

BLOCK = 8 * 2**20
OVERLAP = 2_048  # of two blocks of a file; no form of a canary is longer
MARKED = b"\xfe\xfd"  # between what lies apart


class Leaks:
    """Whatever is shown to it is searched for canaries; what was found is told by place and form, never in words."""

    def __init__(self, stem: Stem, verdict: Verdict) -> None:
        self._scanner, self._verdict = Scanner(stem), verdict

    def records(self, records: Sequence[Seen]) -> None:
        """All at once, and one by one where there is something."""
        if self._scanner.forms(MARKED.join(map(_bytes, records))):
            for record in records:
                if forms := self._scanner.forms(_bytes(record)):
                    where = f"{record.topic} {record.partition}/{record.offset}"
                    self._verdict.tell("leaked", f"{where}: {', '.join(forms)}")

    def files(self, paths: Iterable[Path]) -> None:
        for path in paths:
            if forms := sorted({form for block in _blocks(path) for form in self._scanner.forms(block)}):
                self._verdict.tell("leaked", f"{path.name} in {path.parent.name}: {', '.join(forms)}")

    def names(self, paths: Iterable[Path]) -> None:
        """A file's name can tell as much as what is in it."""
        for path in paths:
            if self._scanner.forms(path.name.encode()):
                self._verdict.tell("leaked", f"the name of a file in {path.parent.name}")
            if path.name.startswith("core"):
                self._verdict.tell("leaked", f"a core file in {path.parent.name}")


def _bytes(record: Seen) -> bytes:
    headers = [part for name, value in record.headers for part in (name.encode(), value)]
    return MARKED.join([record.key or b"", record.value or b"", str(record.timestamp_ms).encode(), *headers])


def _blocks(path: Path) -> Iterable[bytes]:
    with path.open("rb") as file:
        tail = b""
        while block := file.read(BLOCK):
            yield tail + block
            tail = block[-OVERLAP:]


async def records(
    connection: KafkaConnection, topics: Sequence[str], partitions: int, isolation: str
) -> AsyncIterator[list[Seen]]:
    """All of each topic up to its end as of now, one topic after the other, a few thousand records at a time."""
    consumer = AIOKafkaConsumer(**{**connection.consumer(), "isolation_level": isolation})
    await consumer.start()
    try:
        for topic in topics:
            places = [TopicPartition(topic, number) for number in range(partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            while behind := [here for here in places if await consumer.position(here) < ends[here]]:
                found = await consumer.getmany(*behind, timeout_ms=100, max_records=4_000)
                for here, batch in found.items():
                    yield [_seen(record) for record in batch if record.offset < ends[here]]
    finally:
        await bounded_stop(consumer.stop(), 4.0)


def _seen(record: Any) -> Seen:
    return Seen(
        record.topic, record.partition, record.offset, record.key, record.value, record.headers, record.timestamp
    )


class Checker:
    """Of one world: ``folder`` has its registry."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        partitions: int,
        stem: Stem,
        folder: Path,
        began_ms: int,
        expected: Callable[[int], Wish | None] = wish,
    ) -> None:
        self._connection, self._names, self._partitions = connection, topics.settings(), partitions
        self._registry = FileRegistry(folder / "registry")
        self._judge = Judge(topics.group, topics.raw, began_ms, expected)
        self._leaks = Leaks(stem, self._judge.verdict)

    async def topics(self, committed: Mapping[int, int]) -> Verdict:
        """``committed`` are the group's offsets."""
        judge, names = self._judge, self._names
        async for batch in self._read([names.raw], "read_uncommitted"):
            for record in batch:
                judge.input(record.partition, record.offset, number_of(record.key or b""))
        counted = 0
        async for batch in self._read(self._outputs, "read_committed"):
            counted += len(batch)
            self._leaks.records(batch)
            for record in batch:
                await self._judged(record)
        judge.verdict.uncommitted = await self._written() - counted
        return judge.close(committed)

    def files(self, worker_folders: Iterable[Path], broker_folders: Iterable[Path] = ()) -> None:
        """Logs, metrics and temporary directories of workers; what brokers keep of all topics but the input."""
        for folder in worker_folders:
            paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
            self._leaks.names(path for path in folder.rglob("*") if not path.is_fifo())
            self._leaks.files(paths)
        for folder in broker_folders:
            self._leaks.files(path for path in folder.glob("*/*.log") if not path.parent.name.startswith("raw-"))

    @property
    def _outputs(self) -> list[str]:
        """All topics but the input, the audit first: by it all else is judged."""
        first = (self._names.audit, self._names.anonymized)
        return [*first, *sorted(set(self._names.all) - {self._names.raw, *first})]

    def _read(self, topics: Sequence[str], isolation: str) -> AsyncIterator[list[Seen]]:
        return records(self._connection, topics, self._partitions, isolation)

    async def _written(self) -> int:
        """Also what nobody may count on, because its transaction was aborted."""
        counted = 0
        async for batch in self._read(self._outputs, "read_uncommitted"):
            counted += len(batch)
            self._leaks.records(batch)
        return counted

    async def _judged(self, record: Seen) -> None:
        judge, names = self._judge, self._names
        if record.topic not in (names.anonymized, names.index):
            judge.of_now(record)
        if record.topic == names.audit:
            judge.audit(record.partition, await self._row(record))
        elif record.topic == names.anonymized:
            judge.published(record)
        elif record.topic == names.index:
            judge.index(record)
        elif record.topic == names.withheld:
            judge.withheld(await self._row(record))
        elif record.topic == names.escalations:
            judge.escalation(await self._row(record))

    async def _row(self, record: Seen) -> Mapping[str, Any]:
        reference, body = avro.unframe(record.value or b"")
        return avro.read_as_written(await self._registry.writer_schema(reference), body)
