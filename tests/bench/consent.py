"""``python -m tests.bench.consent``: what a table of so many accounts takes: memory, loading, look-ups, snapshots."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from stream.lifecycle import snapshots
from stream.lifecycle.consent import ConsentTable
from stream.whose import ConsentChange

MIB = 2**20
MOMENT = datetime(2026, 5, 28, tzinfo=UTC)


def changes(first: int, number: int) -> Iterator[tuple[str, ConsentChange]]:
    for index in range(first, first + number):
        account = f"account-{index:012d}"
        yield account, ConsentChange(account, index % 3 > 0, MOMENT + timedelta(milliseconds=index))


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.consent", description=__doc__)
    options.add_argument("--accounts", type=int, default=1_000_000)
    options.add_argument("--batch", type=int, default=20_000, help="changes that are applied at once")
    chosen = options.parse_args()
    process = psutil.Process()
    before, peak, spent, longest = process.memory_info().rss, 0, 0.0, 0.0
    table = ConsentTable()
    for first in range(0, chosen.accounts, chosen.batch):
        batch = list(changes(first, min(chosen.batch, chosen.accounts - first)))
        began = time.perf_counter()
        table.apply(batch)
        took = time.perf_counter() - began
        spent, longest = spent + took, max(longest, took)
        peak = max(peak, process.memory_info().rss)
    growth = (peak - before) / MIB
    print(f"{len(table):,} accounts: {growth:.0f} MiB at most ({(peak - before) / len(table):.1f} bytes an account)")
    print(f"loaded at {len(table) / spent:,.0f} changes/s; the longest batch took {1000 * longest:.0f} ms")
    began = time.perf_counter()
    for index in range(10_000):
        table.newest(f"account-{index:012d}")
    print(f"a look-up: {(time.perf_counter() - began) * 100:.1f} us")
    began = time.perf_counter()
    for index in range(300):
        table.apply(changes(chosen.accounts + index, 1))
    print(f"a single change: {(time.perf_counter() - began) / 300 * 1e6:.0f} us")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "consent.snapshot"
        began = time.perf_counter()
        snapshots.write(path, snapshots.Snapshot("clips.consent", {0: 1}, table.key, table.buckets(), time.time()))
        print(f"snapshot: {path.stat().st_size / MIB:.0f} MiB, written in {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        snapshots.read(path, "clips.consent")
        print(f"read in {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
