"""``python -m tests.bench.following``: consent on a real Kafka: reading the topic at the start, and a fresh look."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream.commands.standing import Outside, standing_of
from stream.config.standing import ConsentSettings
from stream.ops.metrics import Metrics
from stream.whose import ConsentChange
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.standing_records import CONSENT_SCHEMA, ConsentWriter
from tests.kafka.server import KafkaServer
from tests.lifecycle.follow import Known, to

MOMENT = datetime(2026, 5, 28, tzinfo=UTC)
TOPICS = {"clips.consent": 6, "clips.recalls": 6}
WRITER = ConsentWriter(to(CONSENT_SCHEMA, "clips.consent"))


def change(number: int, minute: int = 0) -> ConsentChange:
    return ConsentChange(f"account-{number:012d}", False, MOMENT + timedelta(minutes=minute))


async def measure(broker: KafkaBroker, accounts: int, looks: int, folder: Path) -> None:
    await broker.create_topics(TOPICS, compacted=frozenset(TOPICS))
    for first in range(0, accounts, 5_000):
        await broker.send([WRITER.change(change(number)) for number in range(first, min(first + 5_000, accounts))])
    settings = ConsentSettings(snapshot_file=folder / "consent.snapshot")
    outside = Outside(broker, Known(), lambda account: account.encode()[:16], Metrics())
    for what in ("from the topic", "from the snapshot"):
        standing = standing_of(settings, "clips.consent", "clips.recalls", outside)
        began = time.perf_counter()
        await standing.start(600)
        took = time.perf_counter() - began
        print(f"start with {accounts:,} accounts {what}: {took:.2f} s ({accounts / took:,.0f} accounts/s)")
        if what == "from the topic":
            await standing.stop()
    quiet, busy = [], []
    for number in range(looks):
        began = time.perf_counter()
        await standing.fresh()
        quiet.append(1000 * (time.perf_counter() - began))
        await broker.send([WRITER.change(change(number, 1))])
        began = time.perf_counter()
        await standing.fresh()
        busy.append(1000 * (time.perf_counter() - began))
    for what, times in (("nothing is new", quiet), ("a record was just acknowledged", busy)):
        print(
            f"fresh, {what}: {statistics.median(times):.1f} ms, 95 of 100 within {sorted(times)[-looks // 20]:.1f} ms"
        )
    await standing.stop()


async def _with(server: KafkaServer, accounts: int, looks: int, folder: Path) -> None:
    broker = KafkaBroker(KafkaConnection(server.bootstrap))
    try:
        await measure(broker, accounts, looks, folder)
    finally:
        await broker.close()


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.following", description=__doc__)
    options.add_argument("--accounts", type=int, default=200_000)
    options.add_argument("--looks", type=int, default=200)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = KafkaServer(Path(folder))
        try:
            server.start()
            asyncio.run(_with(server, chosen.accounts, chosen.looks, Path(folder)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
