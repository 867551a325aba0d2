"""The service as a process of its own, on an embedded broker, fed clips that make their inference process grow."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from stream.commands.connect import topics_of
from stream.commands.run import Service
from stream.config import Settings
from stream.lifecycle.keyring import single_ring
from stream.ops import log
from stream.ops.metrics import Metrics
from stream.ports import Broker, Message
from stream.wire import avro
from stream.wire.local import LocalBroker
from stream.wire.registry_files import FileRegistry
from tests import events

CLIPS, KEPT_BYTES = 60, 12_000_000


async def main(folder: Path, high_share: float) -> None:
    """Says what became of the clips on stdout; the log goes to stderr."""
    broker = LocalBroker()
    settings = Settings.model_validate(
        {
            "registry": {"folder": folder},
            "engine": {"processes": 1},
            "memory": {"high_share": high_share, "low_share": min(high_share, 0.7)},
            "http": {"port": 0},
        }
    )
    await broker.create_topics(dict.fromkeys(topics_of(settings), 1))
    registered = await FileRegistry(folder).register("clips.raw-value", avro.schema_text("clip_event"))
    clip = avro.frame(registered.id, events.body(events.event(intent=f"keep {KEPT_BYTES}")))
    await broker.send([Message("clips.raw", None, clip)] * CLIPS)

    async def connect(_: Settings) -> Broker:
        return broker

    ring = single_ring("test", "1", b"k" * 32)
    metrics = Metrics()
    service = Service(settings, lambda: ring, metrics, connect, "tests.inference.parts:obedient")
    running = asyncio.create_task(service.run())
    while (await broker.committed("clips.raw", "clipveil")).get(0, 0) < CLIPS and not running.done():
        await asyncio.sleep(0.05)
    service.stop()
    await running
    schema = avro.schema_text("withheld")
    bodies = [avro.unframe(record.value or b"")[1] async for record in broker.read("clips.withheld")]
    reasons = Counter(avro.read(schema, "withheld", body)["reason"] for body in bodies)
    shed_s = metrics.registry.get_sample_value("clipveil_memory_shed_seconds_total")
    print(json.dumps({"reasons": reasons, "shed_s": shed_s}))


if __name__ == "__main__":
    log.configure("INFO")
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
