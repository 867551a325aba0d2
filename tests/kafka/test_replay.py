"""``clipveil replay`` as a process on a real Kafka: killed without warning, and byte by byte."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from stream.clip import Coordinates, Reason, Withheld
from stream.whose import GENESIS
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.outcomes import AUDIT_SCHEMA, WITHHELD_SCHEMA, Outcomes, destinations
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, everything, until
from tests.kafka.server import KafkaServer

ROOT = Path(__file__).parents[2]
RECORDS = 400
NAMES = ("raw", "withheld", "audit", "replays")


class Place:
    """A cluster with records that were withheld in passing, and the command that replays them."""

    def __init__(self, kafka: KafkaServer, broker: KafkaBroker, topics: Topics, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.topics = topics.settings()
        bare = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
        self._environment = bare | {
            "CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CLIPVEIL_KAFKA__GROUP": topics.group,
            "CLIPVEIL_REGISTRY__FOLDER": str(folder),
            **{f"CLIPVEIL_TOPICS__{name.upper()}": getattr(self.topics, name) for name in NAMES},
        }

    async def create(self) -> None:
        await self.broker.create_topics({getattr(self.topics, name): 2 for name in NAMES})

    async def withhold(self, offsets: dict[int, range]) -> None:
        sinks = {WITHHELD_SCHEMA: self.topics.withheld, AUDIT_SCHEMA: self.topics.audit}
        writer = Outcomes(await destinations(FileRegistry(self.folder), sinks))
        places = [Coordinates(self.topics.raw, partition, at) for partition, each in offsets.items() for at in each]
        outcomes, heads = [Withheld(at, Reason.INFERENCE_DIED, "p1") for at in places], dict.fromkeys(offsets, GENESIS)
        await self.broker.send([writer.withheld(outcome) for outcome in outcomes])
        for outcome in outcomes:
            number = outcome.coordinates.partition
            message, heads[number] = writer.audit(outcome, heads[number])
            await self.broker.send([message])

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "stream", "replay", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=pipe, stderr=pipe, text=True)

    async def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        out, err = await asyncio.to_thread(process.communicate, timeout=120)
        return process.returncode, out + err


@pytest.fixture
async def place(kafka: KafkaServer, cluster: KafkaBroker, topics: Topics, tmp_path: Path) -> Place:
    made = Place(kafka, cluster, topics, tmp_path)
    await made.create()
    return made


async def test_a_killed_replay_appends_nothing_twice(place: Place, connection: KafkaConnection) -> None:
    """kill -9 three times as soon as copies are being written, then a run to its end: each record has one copy."""
    producer = AIOKafkaProducer(**connection.producer())
    await producer.start()
    for number in range(RECORDS):
        await producer.send(place.topics.raw, b"clip %d" % number, b"k%d" % number, number % 2, 1_790_000_000_000)
    await producer.stop()
    await place.withhold({0: range(RECORDS // 2), 1: range(RECORDS // 2)})
    tail = await place.broker.tail(place.topics.raw, {})
    for _ in range(3):
        before = sum((await tail.written()).values())
        process = place.start()

        async def writes(before: int = before, process: subprocess.Popen[str] = process) -> bool:
            return sum((await tail.written()).values()) > before or process.poll() is not None

        await until(writes, 120)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.communicate)
    await tail.stop()
    code, said = await place.run()
    assert 0 == code, said
    values = Counter(record.value for record in await everything(place.broker, place.topics.raw))
    assert Counter({b"clip %d" % number: 2 for number in range(RECORDS)}) == values
    assert RECORDS == len(await everything(place.broker, place.topics.replays))


async def test_copies_are_the_same_to_the_byte_and_what_is_gone_is_told(
    place: Place, connection: KafkaConnection
) -> None:
    """Key, value, time and headers, one of which may name the schema; a record that retention took: exit 1, and the
    others are replayed. Asked again, the answer is the same and nothing is written."""
    producer = AIOKafkaProducer(**connection.producer())
    await producer.start()
    headers = [("__value_schema_id", b"\x01" + bytes(range(16))), ("trace", b"\x00\xff")]
    for _ in range(3):
        sent = producer.send(place.topics.raw, b"bare", b"key", 0, 1_790_000_000_000, headers)
        await (await sent)
    await producer.stop()
    await place.withhold({0: range(3)})
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    here = TopicPartition(place.topics.raw, 0)
    await admin.delete_records({here: RecordsToDelete(before_offset=1)})
    await admin.close()
    for _ in range(2):
        code, said = await place.run()
        assert (1, True) == (code, "1 records are not on the raw topic any more" in said), said
        consumer = AIOKafkaConsumer(**connection.consumer())
        await consumer.start()
        consumer.assign([here])
        found = []
        while await consumer.position(here) < (await consumer.end_offsets([here]))[here]:
            found += (await consumer.getmany(here, timeout_ms=200)).get(here, [])
        await consumer.stop()
        assert [1, 2, 3, 4] == [record.offset for record in found]
        wanted = (b"key", b"bare", 1_790_000_000_000, tuple(headers))
        assert {wanted} == {(each.key, each.value, each.timestamp, each.headers) for each in found}


async def test_wrong_wishes_end_with_two_and_write_nothing(place: Place) -> None:
    """No reason, a reason that is for good, a place that is none; said in a line."""
    for arguments, expected in (
        (["--reason", "boredom"], "there is no boredom"),
        (["--reason", "no_consent"], "withheld for good: no_consent"),
        (["--at", "seven"], "needs PARTITION:OFFSET"),
        (["--again"], "by its coordinates alone"),
    ):
        code, said = await place.run(*arguments)
        assert (2, True) == (code, expected in said), said
    assert [] == await everything(place.broker, place.topics.replays)
