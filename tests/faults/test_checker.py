"""The checker reads a real Kafka: what is planted there is told, in whichever topic it is, committed or not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.outcomes import destinations
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics
from tests.faults.checker import Checker
from tests.faults.events import captured_ms, key_of
from tests.faults.honest import BEGAN_MS, SCHEMAS, STEM, Left, honest
from tests.faults.judge import Seen, Verdict

CANARY = STEM.text("city", 7).encode()
OTHERS = ("consent", "recalls", "sampling", "replays", "erasure_audit")  # which a run leaves empty


@dataclasses.dataclass
class Written:
    """What is sent to the cluster, by the topic's setting: in order, and beside it what is taken back."""

    left: Left
    more: dict[str, list[Seen]] = dataclasses.field(default_factory=dict)
    aborted: dict[str, list[Seen]] = dataclasses.field(default_factory=dict)

    def records(self) -> dict[str, list[Seen]]:
        of = self.left.topics
        ours = {"anonymized": of["anonymized_clip"], "escalations": of["escalation"]}
        ours |= {name: of[name] for name in ("withheld", "audit", "index")}
        return ours | self.more


def seen(**changes: object) -> Seen:
    return Seen("", 0, 0, b"key", b"value", (), BEGAN_MS + 5)._replace(**changes)  # type: ignore[arg-type]


async def judged(
    written: Written, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics, folder: Path
) -> Verdict:
    """What the checker says once all of it is there."""
    await topics.create_all(cluster, 1)
    names = topics.settings().model_dump()
    plain = AIOKafkaProducer(**connection.producer())
    fenced = AIOKafkaProducer(**connection.producer(), transactional_id=topics.run)
    async with plain, fenced:
        for number in written.left.inputs:
            await plain.send_and_wait(topics.raw, b"value", key_of(STEM, number), 0)
        for name, records in written.records().items():
            for each in records:
                await plain.send(names[name], each.value, each.key, 0, each.timestamp_ms, list(each.headers))
        await plain.flush()
        if written.aborted:
            await fenced.begin_transaction()
            for name, records in written.aborted.items():
                for each in records:
                    await fenced.send(names[name], each.value, each.key, 0, each.timestamp_ms)
            await fenced.flush()
            await fenced.abort_transaction()
    return await Checker(connection, topics, 1, STEM, folder, BEGAN_MS).topics(written.left.committed)


async def honestly(topics: Topics, folder: Path) -> Written:
    """A run where nothing went wrong, by schemas of a real registry."""
    found = await destinations(FileRegistry(folder / "registry"), {name: f"{name}-{topics.run}" for name in SCHEMAS})
    return Written(honest(raw=topics.raw, schemas={name: int(to.schema) for name, to in found.items()}))


async def test_what_is_right_is_found_good(
    connection: KafkaConnection, cluster: KafkaBroker, topics: Topics, tmp_path: Path
) -> None:
    """Also where half of a transaction was taken back: that is told as a number."""
    written = await honestly(topics, tmp_path)
    written.aborted["withheld"] = [seen()]
    verdict = await judged(written, connection, cluster, topics, tmp_path)
    assert [] == verdict.problems
    assert (80, 80, 1) == (verdict.inputs, verdict.published + verdict.withheld, verdict.uncommitted)


def audit_dated(written: Written) -> None:
    records = written.left.topics["audit"]
    records[3] = records[3]._replace(timestamp_ms=captured_ms(3))


def header(written: Written) -> None:
    records = written.left.topics["withheld"]
    records[1] = records[1]._replace(headers=(("trace", CANARY),))


def elsewhere(name: str, **changes: object) -> Callable[[Written], None]:
    def spoil(written: Written) -> None:
        written.more[name] = [seen(**changes)]

    return spoil


def aborted(name: str) -> Callable[[Written], None]:
    def spoil(written: Written) -> None:
        written.aborted[name] = [seen(value=CANARY)]

    return spoil


def gone(written: Written) -> None:
    del written.left.topics["anonymized_clip"][2]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (gone, "lost"),
        (audit_dated, "leaked"),
        (header, "leaked"),
        *((elsewhere(name, value=CANARY), "leaked") for name in OTHERS),
        *((elsewhere(name, timestamp_ms=captured_ms(5)), "leaked") for name in OTHERS),
        (aborted("withheld"), "leaked"),
        (aborted("anonymized"), "leaked"),
        (aborted("sampling"), "leaked"),
    ],
)
async def test_what_is_planted_is_told(
    spoil: Callable[[Written], None],
    told: str,
    connection: KafkaConnection,
    cluster: KafkaBroker,
    topics: Topics,
    tmp_path: Path,
) -> None:
    """Lost, leaked, and dated by its recording: counted as what it is."""
    written = await honestly(topics, tmp_path)
    spoil(written)
    verdict = await judged(written, connection, cluster, topics, tmp_path)
    assert getattr(verdict, told) > 0, verdict.problems
    assert not any(STEM.word in problem for problem in verdict.problems)
