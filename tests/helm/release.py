"""The pods of a release as processes of this machine, and clips for them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from stream.clip import ClipEvent
from stream.demo.own import own_clips
from stream.ports import Message
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker
from stream.wire.registry import RestRegistry
from tests.helm.chart import ROOT, manifests
from tests.helm.pod import Pod

PARTITIONS = 2


class Release:
    """What Helm renders of ``parts`` from files of values, each part with what its Secrets hold beside the usual."""

    def __init__(
        self,
        values: Sequence[Path],
        root: Path,
        parts: Sequence[str],
        secrets: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        given = [argument for file in values for argument in ("--values", file)]
        self._pods = {
            part: Pod(manifests(*given, part=part), root / part, (secrets or {}).get(part, {})) for part in parts
        }
        self._root = root
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, part: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "stream", *self._pods[part].arguments()]
        with (self._root / f"{part}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment(part), stdout=log, stderr=log)
        self._running.append((part, process))
        return process

    async def told(self, part: str, *arguments: str, **environment: str) -> str:
        """What another command says with the settings of a part."""
        command = [sys.executable, "-m", "stream", *arguments]
        of = self._environment(part) | {"CLIPVEIL_CONFIG": str(self._pods[part].settings_file())} | environment
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=of, capture_output=True, text=True, timeout=120, check=False
        )
        assert 0 == done.returncode, done.stderr
        return str(done.stdout)

    def _environment(self, part: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
        return kept | self._pods[part].environment()

    async def done(self, part: str) -> str:
        """What a Job says that ends as it should."""
        process = self.start(part)
        assert 0 == await asyncio.to_thread(process.wait, 120), self.log(part)[-3000:]
        return self.log(part)

    def runs(self, part: str) -> bool:
        return all(process.poll() is None for name, process in self._running if name == part)

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
        for _, process in self._running:
            process.kill()
            process.wait()


async def send_clips(cluster: KafkaBroker, topic: str, registry_url: str) -> int:
    """Clips of the demonstration, with synthetic voices; how many."""
    return await send(cluster, topic, registry_url, [event_body(event) for event in demonstrated()])


def demonstrated() -> list[ClipEvent]:
    return [clip.event for clip in own_clips()]


async def send(
    cluster: KafkaBroker, topic: str, registry_url: str, bodies: Sequence[bytes], auth: tuple[str, str] | None = None
) -> int:
    """Bodies of clip events; how many."""
    registry = RestRegistry(registry_url, auth=auth)
    schema = await registry.register(f"{topic}-value", avro.schema_text("clip_event"))
    await registry.close()
    await cluster.send(
        [
            Message(topic, b"%d" % number, avro.frame(schema.id, body), None, number % PARTITIONS)
            for number, body in enumerate(bodies)
        ]
    )
    return len(bodies)


async def answer(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def ready(port: int) -> bool:
    return (await answer(port, "/readyz")).status_code == 200
