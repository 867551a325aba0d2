"""``python -m tests.soak``: the service at full load on a real Apache Kafka, and whether anything of it grows.

Writes soak.csv (a line every few seconds), soak.png, soak.json (slopes and verdicts) and service.log. The exit code is
0 where everything is flat, 1 where something grows or the service failed, 2 where the run was too short to say.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from stream.ports import Broker
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.kafka.server import KafkaServer
from tests.soak import feed
from tests.soak.picture import draw
from tests.soak.sampling import Sample, Sampler
from tests.soak.service import Running, start
from tests.soak.verdict import judge

EXIT_CODES = {"flat": 0, "grows": 1, "undecided": 2}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=60.0, help="of full load, after the start")
    options.add_argument("--out", type=Path, default=Path("out/soak"))
    options.add_argument("--every", type=float, default=5.0, help="seconds between two samples")
    options.add_argument("--stub", action="store_true", help="without inference: many more records in the same time")
    options.add_argument("--trace", action="store_true", help="with --stub: where memory grew, in growth.txt")
    chosen = options.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="clipveil-soak-") as folder:
        server = KafkaServer(Path(folder))
        try:
            server.start()
            samples, code = asyncio.run(_soak(chosen, server, Path(folder)))
        finally:
            server.stop()
    return _tell(chosen, samples, code)


async def _soak(chosen: argparse.Namespace, server: KafkaServer, folder: Path) -> tuple[list[Sample], int]:
    """The samples, and the exit code of the service."""
    broker = KafkaBroker(KafkaConnection(server.bootstrap, client_id="soak"))
    await feed.create_topics(server.bootstrap)
    running = await start(folder, chosen.out, server.bootstrap, stub=chosen.stub, trace=chosen.trace)
    feeding = asyncio.create_task(feed.feed(broker, folder / "registry", stub=chosen.stub))
    try:
        samples = await _sampled(chosen, running, broker, feeding)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        code = await running.stop()
        await broker.close()
    return samples, code


async def _sampled(
    chosen: argparse.Namespace, running: Running, broker: Broker, feeding: asyncio.Task[None]
) -> list[Sample]:
    """A sample every few seconds; ends early where the service or the feed does."""
    samples: list[Sample] = []
    sampler, ends_at = Sampler(running, broker), time.monotonic() + chosen.minutes * 60
    middle = time.monotonic() + chosen.minutes * 60 * 0.3
    with (chosen.out / "soak.csv").open("w", newline="", encoding="ascii") as file:
        rows = csv.DictWriter(file, list(Sample.__dataclass_fields__))
        rows.writeheader()
        while time.monotonic() < ends_at and running.lives:
            if feeding.done():
                feeding.result()
            sample = await sampler.sample()
            if sample is not None:
                samples.append(sample)
                rows.writerow(asdict(sample))
                file.flush()
            if chosen.trace and time.monotonic() > middle:
                running.trace()
                middle = ends_at
            await asyncio.sleep(chosen.every)
    if chosen.trace:
        running.trace()
        await asyncio.sleep(5.0)
    return samples


def _tell(chosen: argparse.Namespace, samples: list[Sample], code: int) -> int:
    report = judge(samples) | {"service_exit_code": code, "stub": chosen.stub}
    if code != 0:
        report["verdict"] = "grows"
        report["fault"] = "the service did not end with 0"
    (chosen.out / "soak.json").write_text(json.dumps(report, indent=1) + "\n", encoding="ascii")
    draw(samples, report, chosen.out / "soak.png")
    print(json.dumps(report, indent=1))
    return EXIT_CODES[report["verdict"]]


if __name__ == "__main__":
    sys.exit(main())
