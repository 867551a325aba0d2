"""The headline: ``clipveil run`` on a real Apache Kafka, with the real models, while processes come and go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.ports import Message
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, everything, until

ROOT = Path(__file__).parents[2]
CLIPS, PARTITIONS = 300, 6
COMMAND = [sys.executable, "-m", "stream", "run"]


class Processes:
    """``clipveil run``, several times, set up by the environment alone."""

    def __init__(self, folder: Path, connection: KafkaConnection, topics: Topics, **others: str) -> None:
        settings = {
            "KAFKA__BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "KAFKA__GROUP": topics.group,
            "KAFKA__SESSION_TIMEOUT_S": "10",
            "KAFKA__HEARTBEAT_INTERVAL_S": "1",
            **{f"TOPICS__{setting.upper()}": name for setting, name in topics.settings() if isinstance(name, str)},
            "REGISTRY__FOLDER": str(folder / "registry"),
            "TOKENS__KEY": base64.b64encode(bytes(range(32))).decode(),
            "AUDIT__SIGNING_KEY_FILE": str(folder / "signer.pem"),
            "AUDIT__HEADS_FILE": str(folder / "heads.jsonl"),
            "AUDIT__PUBLIC_KEY_FILE": str(folder / "signer-public.pem"),
            "ENGINE__PROCESSES": "1",
            "HTTP__PORT": "0",
            **others,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
        self._environment = kept | {f"CLIPVEIL_{name}": value for name, value in settings.items()}
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._killed: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with (self._folder / f"log-{len(self._running)}").open("wb") as log:
            self._running.append(subprocess.Popen(COMMAND, cwd=ROOT, env=self._environment, stdout=log, stderr=log))
        return self._running[-1]

    def audit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``clipveil audit`` with the same settings."""
        return self.command("audit", *arguments)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any other command of ``clipveil``, with the same settings."""
        command = [sys.executable, "-m", "stream", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """With no time for anything."""
        self._killed.append(process)
        process.kill()

    def all_run(self) -> bool:
        """Fails with the log where one ended that was not told to."""
        left = [process for process in self._running if process not in self._killed]
        assert all(process.poll() in (None, 0) for process in left), self.log()[-2000:]
        return True

    async def told(self, event: str, times: int) -> bool:
        """Whether the logs tell of an event so often."""
        return self.all_run() and self.log().count(f'"{event}"') >= times

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("log-*")))

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path, connection: KafkaConnection, topics: Topics) -> Iterator[Processes]:
    """None of them outlives the test."""
    started = Processes(tmp_path, connection, topics)
    yield started
    started.end()


async def clip_events(folder: Path, topic: str) -> list[Message]:
    """Real clips of the demonstration again and again, under ever new ids; every 25th event is broken."""
    registry = FileRegistry(folder / "registry")
    schema = await registry.register(f"{topic}-value", avro.schema_text("clip_event"))
    clips = [*conversation_clips(), *own_clips()]
    messages = []
    for number in range(CLIPS):
        event = replace(clips[number % len(clips)].event, event_id=f"event-{number}", clip_id=f"clip-{number}")
        body = event_body(event) if number % 25 else b"broken"
        messages.append(Message(topic, b"%d" % number, avro.frame(schema.id, body), None, number % PARTITIONS))
    return messages


def rows(schema: str, values: list[bytes]) -> list[dict[str, Any]]:
    return [dict(avro.read(avro.schema_text(schema), schema, avro.unframe(value)[1])) for value in values]


async def values(cluster: KafkaBroker, topic: str) -> list[bytes]:
    return [record.value for record in await everything(cluster, topic) if record.value is not None]


@pytest.mark.timeout(900)
async def test_three_hundred_clips_two_processes_each_exactly_once(
    cluster: KafkaBroker, topics: Topics, processes: Processes, tmp_path: Path
) -> None:
    """One process joins late, the first is terminated midway and exits 0: every input is published or withheld once,
    in order per partition, and the group's offsets are the ends of the input."""
    await topics.create_all(cluster, PARTITIONS)
    events = await clip_events(tmp_path, topics.raw)
    await cluster.send(events[:100])

    async def done(number: int) -> bool:
        committed = await cluster.committed(topics.raw, topics.group)
        return processes.all_run() and sum(committed.values()) >= number

    first = processes.start()
    await until(partial(done, 30), 240)
    late = processes.start()
    await until(partial(processes.told, "inference_started", 2), 240)
    await cluster.send(events[100:])  # so that it joins in the middle of work
    await until(partial(processes.told, "partitions_assigned", 3), 60)  # the first has some again, the other some
    await until(partial(done, 150), 240)
    first.send_signal(signal.SIGTERM)
    assert 0 == await asyncio.to_thread(first.wait, 60)
    await until(partial(done, CLIPS), 300)
    late.send_signal(signal.SIGTERM)
    assert 0 == await asyncio.to_thread(late.wait, 60)

    await check(cluster, topics)
    await asyncio.to_thread(check_audit, processes, tmp_path)
    log = processes.log()
    assert "Diane" not in log
    assert "diane" not in log


def check_audit(processes: Processes, folder: Path) -> None:
    """Somebody else signs the chains of both processes, and finds every input in them, in the cluster's own topics."""
    key = Ed25519PrivateKey.generate()
    (folder / "signer.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "signer-public.pem").write_bytes(public)
    signed = processes.audit("sign", "--once")
    assert 0 == signed.returncode, signed.stderr
    verified = processes.audit("verify", "--json")
    assert 0 == verified.returncode, verified.stdout + verified.stderr
    reported = processes.audit("report", "--json")
    days = json.loads(reported.stdout)
    assert CLIPS == sum(day["reviewed"] + sum(day["withheld"].values()) for day in days), reported.stdout


async def check(cluster: KafkaBroker, topics: Topics) -> None:
    """The outcome of every input, told by three topics that agree."""
    audit = rows("audit", await values(cluster, topics.audit))
    each = {number: list(range(CLIPS // PARTITIONS)) for number in range(PARTITIONS)}
    assert each == {number: [row["offset"] for row in audit if row["partition"] == number] for number in each}

    withheld = rows("withheld", await values(cluster, topics.withheld))
    places = [(row["partition"], row["offset"]) for row in withheld]
    assert sorted(places) == sorted((row["partition"], row["offset"]) for row in audit if row["outcome"] == "withheld")
    assert {number: sorted(found) for number, found in by_partition(places).items()} == by_partition(places)

    published = await everything(cluster, topics.anonymized)
    origin = {row["published_sha256"]: (row["partition"], row["offset"]) for row in audit if row["published_sha256"]}
    digests = [hashlib.sha256(record.value or b"").hexdigest() for record in published]
    assert Counter(digests) == Counter(origin.keys())
    assert len(published) + len(withheld) == CLIPS
    assert 0 < len(published) < CLIPS, Counter(row["reason"] for row in withheld)
    lanes: dict[tuple[int, int], list[int]] = {}
    for record, digest in zip(published, digests, strict=True):
        partition, offset = origin[digest]
        lanes.setdefault((record.coordinates.partition, partition), []).append(offset)
    assert {lane: sorted(offsets) for lane, offsets in lanes.items()} == lanes

    assert await cluster.end_offsets(topics.raw) == await cluster.committed(topics.raw, topics.group)


def by_partition(places: list[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for partition, offset in places:
        found.setdefault(partition, []).append(offset)
    return found
