"""``clipveil erase`` as a process on a real Kafka, with a key ring and a signing key in files."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stream.commands.failure import CommandFailed
from stream.lifecycle.keyring import single_ring
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.local import LocalBroker
from tests.lifecycle.erasing_world import World, copies
from tests.lifecycle.stand_ins import Ring

ROOT = Path(__file__).parents[2]
SECRET = bytes(range(32))


class Commands:
    """The command line, set up by the environment alone."""

    def __init__(self, world: World, connection: KafkaConnection) -> None:
        key = world.folder / "signing.pem"
        key.write_bytes(world.signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        names = {f"TOPICS__{name.upper()}": value for name, value in world.topics if isinstance(value, str)}
        values = {
            **names,
            "KAFKA__BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "KAFKA__GROUP": world.settings.kafka.group,
            "REGISTRY__FOLDER": str(world.folder / "registry"),
            "TOKENS__KEY": base64.b64encode(SECRET).decode(),
            "ERASING__SIGNING_KEY_FILE": str(key),
            "ERASING__SETTLE_SECONDS": str(world.settle_s),
            "HTTP__PORT": "0",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
        self.environment = kept | {f"CLIPVEIL_{name}": value for name, value in values.items()}
        self.log = world.folder / "log"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "stream", "erase"]
            self.running = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        return self.running

    async def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "stream", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout.strip()


@pytest.fixture
async def world(cluster: KafkaBroker, tmp_path: Path) -> World:
    keys = Ring(single_ring("default", "1", SECRET))
    return await World(cluster, tmp_path, settle_s=1.0, keys=keys).open(partitions=2)


@pytest.fixture
def commands(world: World, connection: KafkaConnection) -> Iterator[Commands]:
    started = Commands(world, connection)
    yield started
    if started.running is not None:
        started.running.kill()
        started.running.wait()


async def test_the_process_answers_requests_and_ends_when_told(world: World, commands: Commands) -> None:
    """Requests that the command line writes are answered; SIGTERM ends it with 0; its log names nobody."""
    await world.publish("account-canary", "a1", "a2")
    await world.publish("another", "b1")
    process = commands.start()
    request_id = await commands.run("erase", "request", "account-canary")
    await commands.run("report", "b1")
    await world.answered(2)
    process.send_signal(signal.SIGTERM)
    assert 0 == await asyncio.to_thread(process.wait, 30), commands.log.read_text()
    [receipt] = await world.receipts()
    assert (request_id, ["a1", "a2"]) == (receipt.request_id, copies(receipt))
    assert receipt.is_by(world.signer.key.public_key())
    assert set() == await world.readable()
    said = commands.log.read_text()
    assert '"started"' in said
    assert "canary" not in said


async def test_a_report_is_answered_within_seconds(world: World, cluster: KafkaBroker) -> None:
    """From the acknowledged report to the tombstone that a reader gets, on a real Kafka."""
    took_ms = []
    for number in range(20):
        await world.publish(f"account-{number}", f"t{number}", after=timedelta(hours=number))
    async with world.serving():
        tombstones = cluster.read(world.topics.anonymized, from_end=True, follow=True)
        waiting = asyncio.ensure_future(anext(tombstones))
        await asyncio.sleep(1.0)
        for number in range(20):
            await world.report(f"t{number}")
            started = time.perf_counter()
            while (await waiting).key != f"t{number}".encode():
                waiting = asyncio.ensure_future(anext(tombstones))
            took_ms.append(1000 * (time.perf_counter() - started))
            waiting = asyncio.ensure_future(anext(tombstones))
        waiting.cancel()
        await world.answered(20)
    print(f"report to tombstone: median {statistics.median(took_ms):.0f} ms, most {max(took_ms):.0f} ms")
    assert max(took_ms) < 5_000


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"ERASING__SIGNING_KEY_FILE": "/nowhere/key.pem"},
            "erasing.signing_key_file: the file that it names",
        ),
        ({"TOKENS__KEY": "canary"}, "tokens.key: is not base64"),
    ],
)
async def test_what_is_missing_is_told_at_once(commands: Commands, changes: dict[str, str], told: str) -> None:
    """One line, exit code 2, before anything is connected to; no value is quoted."""
    environment = commands.environment | {f"CLIPVEIL_{name}": value for name, value in changes.items()}
    command = [sys.executable, "-m", "stream", "erase"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (2, True) == (done.returncode, told in done.stderr), done.stderr
    assert "canary" not in done.stderr


async def test_an_audit_with_too_few_partitions_is_told(tmp_path: Path) -> None:
    """A chain has its partition's number: where there is none, the service does not start."""
    broker = LocalBroker()
    world = World(broker, tmp_path)
    await broker.create_topics({world.topics.erasure: 3, world.topics.erasure_audit: 2})
    with pytest.raises(CommandFailed, match="needs at least as many partitions"):
        await world.service().run()
