"""A worker, an eraser and a signer that work, on embedded brokers, and a Prometheus that scrapes them.

All real but the speaker finder, which does as an event's wake word says (``tests.withheld.parts``).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.commands.audit_places import audited
from stream.commands.audit_sign import Signer
from stream.commands.probes import serve_probes
from stream.commands.run import Service
from stream.config import Settings
from stream.lifecycle.heads import key_id
from stream.ops.audit_metrics import AuditMetrics
from stream.ports import Message
from stream.wire import avro
from stream.wire.audits import HEAD_SCHEMA, HeadsFile
from stream.wire.local import LocalBroker
from stream.wire.outcomes import destinations
from stream.wire.registry_files import FileRegistry
from tests import events
from tests.commands.test_run import service, until
from tests.egress.shapes import SPOKEN
from tests.kafka.properties import free_ports
from tests.lifecycle.erasing_world import Kept, World
from tests.ops.prometheus import Prometheus, scraping
from tests.withheld.cases import event, wake

PARTITIONS = 2


def clips() -> dict[str, bytes]:
    """What is sent, by what becomes of it."""
    said = [{"text": "", "confidence": 0.9, "words": events.words(SPOKEN, word_s=0.2, gap_s=0.05)}]
    account = {"account_id": str(uuid.uuid4())}
    return {
        "published": events.value(event(**account)),
        "identifiers": events.value(event(transcripts=said, audio=_audio(4.0), **account)),
        "no consent": events.value(event(consent={"human_review": False, "version": "1", "changed_at": None})),
        "not decoded": b"\0\0\0\0\1no such event",
        "nobody": events.value(event(wake_word=wake("nobody"))),
        "killed": events.value(event(wake_word=wake("kill"))),
    }


def _audio(seconds: float) -> dict[str, object]:
    return {"content": events.encoded(events.sound(seconds), container="WAV"), "codec": "wav"}


@dataclass
class Watched:
    """What runs; ``send`` clips, ``ask`` for erasure, and look at ``prometheus``."""

    prometheus: Prometheus
    broker: LocalBroker
    world: World
    sent: int = 0
    asked: int = 0

    async def send(self, kind: str, number: int = 1) -> None:
        values = [clips()[kind] for _ in range(number)]
        await self.broker.send([Message("clips.raw", None, value, None, self._place()) for value in values])

    def _place(self) -> int:
        self.sent += 1
        return self.sent % PARTITIONS

    async def ask(self) -> None:
        """For the erasure of somebody, of whom a clip was published; and reports a clip."""
        self.asked += 1
        await self.world.publish(f"account-{self.asked}", f"token-{self.asked}")
        await self.world.request(f"account-{self.asked}", f"r{self.asked}")
        await self.world.report(f"token-{self.asked}")


@asynccontextmanager
async def watched(folder: Path, interval_s: int = 1) -> AsyncIterator[Watched]:
    """All of it, while the block runs."""
    async with AsyncExitStack() as stack:
        for name in ("worker", "eraser", "prometheus"):
            (folder / name).mkdir()
        broker = LocalBroker()
        settings = _settings(folder / "worker")
        await broker.create_topics(dict.fromkeys(settings.topics.all, PARTITIONS), settings.topics.compacted)
        registry = FileRegistry(folder / "worker" / "registry")
        await registry.register("clips.raw-value", avro.schema_text("clip_event"))
        worker = service(settings, Kept(broker), "tests.withheld.parts:build")
        await _running(stack, worker)
        world = await World(LocalBroker(), folder / "eraser").open()
        eraser = await stack.enter_async_context(world.serving())
        ports = {"clipveil-0": worker.port, "clipveil-eraser-0": eraser.port}
        ports["clipveil-auditor-0"] = await _signer(stack, folder / "heads", broker, registry, settings)
        scraped = {pod: port for pod, port in ports.items() if port is not None}
        assert len(ports) == len(scraped)
        prometheus = stack.enter_context(scraping(folder / "prometheus", scraped, free_ports(1)[0], interval_s))
        yield Watched(prometheus, broker, world)


def _settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "registry": {"folder": folder / "registry"},
            "engine": {"processes": 1, "clip_seconds_max": 60},
            "http": {"port": 0},
            "topics": {"create": True, "partitions": PARTITIONS},
            "worker": {"faults_in_a_row_max": 100, "bad_share_max": 1.0},
            "memory": {"bytes_max": 8 * 2**30},
        }
    )


async def _running(stack: AsyncExitStack, worker: Service) -> None:
    task = asyncio.create_task(worker.run())

    async def end() -> None:
        worker.stop()
        await task

    stack.push_async_callback(end)
    await until(lambda: worker.ready() or task.done())
    assert not task.done(), task


async def _signer(
    stack: AsyncExitStack, file: Path, broker: LocalBroker, registry: FileRegistry, settings: Settings
) -> int:
    """What ``clipveil audit sign`` runs, beside the worker; the port of its metrics."""
    metrics, key, stopping = AuditMetrics(), Ed25519PrivateKey.generate(), asyncio.Event()
    to = (await destinations(registry, {HEAD_SCHEMA: settings.topics.audit_heads}))[HEAD_SCHEMA]
    signer = Signer(broker, registry, to, HeadsFile(file), 2.0, metrics)
    port = await serve_probes(stack, settings.http, lambda: True, signer.ready, metrics)
    await signer.restore(key, {key_id(key.public_key()): key.public_key()})
    for each in audited(settings):
        await signer.open(each)
    task = asyncio.create_task(signer.run(stopping))

    async def end() -> None:
        stopping.set()
        await task
        await signer.close()

    stack.push_async_callback(end)
    return port
