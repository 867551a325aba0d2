"""Sends every case, each followed by a good event, through the whole worker on the embedded broker, and writes down
all that came out: topics, metrics, and (for whoever started this process) the log on stderr.

``python -m tests.withheld.run FOLDER`` with an empty folder.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from stream.inference.frames import Start
from stream.inference.pool import InferencePool, PoolLimits
from stream.intake import ClipIntake
from stream.ops import log
from stream.ops.metrics import Metrics
from stream.policy import Policy
from stream.ports import Broker, Message
from stream.wire import avro
from stream.wire.local import LocalBroker
from stream.wire.outcomes import OUTPUT_SCHEMAS, Outcomes, destinations
from stream.wire.registry_files import FileRegistry
from stream.worker import Limits, Worker
from tests.events import CAPTURED_AT_MS
from tests.offices import INDEX, real_office
from tests.withheld.cases import CANARY, CASES, EVENT_BYTES_MAX, NEWER_ID, good, newer_schema

RAW, GROUP, POLICY_VERSION = "clips.raw", "clipveil", "p-7"
TOPICS = dict(zip(OUTPUT_SCHEMAS, ("clips.anonymized", "clips.withheld", "clips.audit"), strict=True))
LIMIT_S = 500.0  # only ends a run that hangs; 40 s on a machine with nothing else to do


async def main(folder: Path) -> None:
    """One worker, one inference process at a time, one partition."""
    log.configure("DEBUG")
    registry, metrics, broker = FileRegistry(folder / "registry"), Metrics(), LocalBroker()
    await broker.create_topics({RAW: 1, **dict.fromkeys([*TOPICS.values(), INDEX], 1)})
    await registry.register(f"{RAW}-value", avro.schema_text("clip_event"))
    to = await destinations(registry, TOPICS)
    newer = await registry.register("newer-value", newer_schema())
    assert NEWER_ID == newer.id
    settings = {"policy": {"version": POLICY_VERSION}}
    start = Start("tests.withheld.parts:build", settings)
    pool = InferencePool(start, PoolLimits(processes=1, clip_s=5.0), POLICY_VERSION, metrics)
    policy = Policy(version=POLICY_VERSION)
    office = real_office(pool, registry, Outcomes(to), policy, event_bytes_max=EVENT_BYTES_MAX)
    worker = Worker(
        broker.source(RAW, GROUP), lambda p: broker.outbox(p, GROUP), lambda p: ClipIntake(office, p), metrics, Limits()
    )

    values = [value for case in CASES for value in (case.value(), good()())]
    key = CANARY.encode()
    await broker.send([Message(RAW, key, value, CAPTURED_AT_MS + n, 0) for n, value in enumerate(values)])
    await pool.start()
    try:
        await _until_committed(broker, worker, len(values))
    finally:
        await pool.stop()
    await _write_down(broker, metrics, folder)


async def _until_committed(broker: Broker, worker: Worker, records: int) -> None:
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(LIMIT_S):
        while not running.done() and (await broker.committed(RAW, GROUP)).get(0) != records:
            await asyncio.sleep(0.1)
    worker.stop()
    await running


async def _write_down(broker: Broker, metrics: Metrics, folder: Path) -> None:
    for topic in TOPICS.values():
        records: list[dict[str, Any]] = [
            {
                "offset": record.coordinates.offset,
                "key": (record.key or b"").hex(),
                "value": (record.value or b"").hex(),
                "timestamp_ms": record.timestamp_ms,
            }
            async for record in broker.read(topic)
        ]
        (folder / f"{topic}.json").write_text(json.dumps(records))
    (folder / "metrics.txt").write_bytes(metrics.render())
    committed = await broker.committed(RAW, GROUP)
    ends = await broker.end_offsets(RAW)
    (folder / "offsets.json").write_text(json.dumps({"committed": committed, "ends": ends}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
