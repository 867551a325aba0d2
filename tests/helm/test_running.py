"""What Helm renders is what runs: every part's command line, settings and secrets, on a real Kafka, with real clips."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml

from stream.demo.own import own_clips
from stream.ports import Message
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry import RestRegistry
from tests.contract.stand_ins import Topics, everything, until
from tests.helm.chart import ROOT, manifests
from tests.helm.pod import Pod
from tests.registry_server import serving

PARTS = ("topics", "worker", "eraser", "auditor")
PARTITIONS = 2


class Cluster:
    """The pods of a release as processes of this machine."""

    def __init__(self, values: Path, root: Path) -> None:
        self._pods = {part: Pod(manifests("--values", values, part=part), root / part) for part in PARTS}
        self._root = root
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, part: str) -> subprocess.Popen[bytes]:
        pod = self._pods[part]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
        command = [sys.executable, "-m", "stream", *pod.arguments()]
        with (self._root / f"{part}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=kept | pod.environment(), stdout=log, stderr=log)
        self._running.append(process)
        return process

    def log(self, part: str) -> str:
        return (self._root / f"{part}.log").read_text(encoding="utf-8", errors="replace")

    def heads(self) -> list[str]:
        """What the auditor has signed, in its volume."""
        file = self._root / "auditor" / "var/lib/clipveil/heads.jsonl"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    async def ended(self, part: str, process: subprocess.Popen[bytes]) -> None:
        """As Kubernetes ends a pod."""
        process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.to_thread(process.wait, 120), self.log(part)[-3000:]

    def kill(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        return int(here.getsockname()[1])


@pytest.fixture(name="registry_url")
def _registry_url(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "registry") as server:
        yield server.url


@pytest.fixture(name="ports")
def _ports() -> dict[str, int]:
    return {part: free_port() for part in ("worker", "eraser", "auditor")}


@pytest.fixture(name="release")
def _release(
    tmp_path: Path, connection: KafkaConnection, topics: Topics, registry_url: str, ports: dict[str, int]
) -> Iterator[Cluster]:
    """All parts, with a key ring, on this machine's Kafka and registry; none outlives the test."""
    names = {setting: name for setting, name in topics.settings() if isinstance(name, str)}
    values = {
        "config": {
            "kafka": {
                "bootstrap_servers": connection.bootstrap_servers,
                "security_protocol": "PLAINTEXT",
                "group": topics.group,
                "session_timeout_s": 10,
                "heartbeat_interval_s": 1,
            },
            "topics": names | {"partitions": PARTITIONS},
            "registry": {"url": registry_url},
            "engine": {"processes": 1},
            "audit": {"sign_interval_s": 1},
            "http": {"host": "127.0.0.1", "port": ports["worker"]},
        },
        "eraser": {"enabled": True, "config": {"http": {"port": ports["eraser"]}}},
        "auditor": {"enabled": True, "config": {"http": {"port": ports["auditor"]}}},
        "topicsJob": {"enabled": True},
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    release = Cluster(file, tmp_path)
    yield release
    release.kill()


@pytest.mark.timeout(600)
async def test_the_release_processes_clips(
    release: Cluster, cluster: KafkaBroker, topics: Topics, registry_url: str, ports: dict[str, int]
) -> None:
    """The Job makes the topics, workers publish and withhold by the ring, the eraser is ready, heads are signed; on
    SIGTERM each ends with 0."""
    job = release.start("topics")
    assert 0 == await asyncio.to_thread(job.wait, 120), release.log("topics")
    started = {part: release.start(part) for part in ("worker", "eraser", "auditor")}
    sent = await send_clips(cluster, topics.settings().raw, registry_url)

    async def heard() -> bool:
        for part, process in started.items():
            assert process.poll() is None, release.log(part)[-3000:]
        return len(await everything(cluster, topics.settings().audit)) == sent

    await until(heard, 300)
    published = [record for record in await everything(cluster, topics.settings().anonymized) if record.value]
    schema = avro.schema_text("anonymized_clip")
    campaigns = {
        avro.read(schema, "anonymized_clip", avro.unframe(each.value or b"")[1])["campaign"] for each in published
    }
    assert {"spring"} == campaigns, "the ring's"
    for part, port in ports.items():
        await until(partial(ready, port), 60)
        assert "clipveil_" in (await answer(port, "/metrics")).text, part

    async def signed() -> bool:
        return any(json.loads(line)["published"] > 0 for line in release.heads())

    await until(signed, 60)
    for part, process in started.items():
        await release.ended(part, process)


async def send_clips(cluster: KafkaBroker, topic: str, registry_url: str) -> int:
    """Clips of the demonstration, with synthetic voices; how many."""
    registry = RestRegistry(registry_url)
    schema = await registry.register(f"{topic}-value", avro.schema_text("clip_event"))
    await registry.close()
    clips = own_clips()
    await cluster.send(
        [
            Message(topic, b"%d" % number, avro.frame(schema.id, event_body(clip.event)), None, number % PARTITIONS)
            for number, clip in enumerate(clips)
        ]
    )
    return len(clips)


async def answer(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def ready(port: int) -> bool:
    return (await answer(port, "/readyz")).status_code == 200
