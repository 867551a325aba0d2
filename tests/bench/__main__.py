"""``python -m tests.bench``: what a clip costs, against stock pyannote and Presidio, and where in our pipeline."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

import stream.find.speakers  # noqa: F401  # sets what pyannote reads when it is imported, before the layout imports it
from tests.bench.batches import batch_costs
from tests.bench.speakers import RECORDED, measure, summary
from tests.bench.stages import stage_costs
from tests.bench.words import WORDS, word_costs
from tests.find.speakers.layout import write_directory


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--rounds", type=int, default=3, help="rounds; each takes about a minute")
    options.add_argument("--only", choices=("speakers", "batches", "stages", "words"), help="only this part")
    options.add_argument("--json", type=Path, help="also write the figures here")
    chosen = options.parse_args()
    console = Console()
    figures: dict[str, object] = {}
    parts = {"speakers": _bench_speakers, "batches": _bench_batches, "stages": _bench_stages, "words": _bench_words}
    for name in [chosen.only] if chosen.only else parts:
        figures[name] = parts[name](chosen.rounds, console)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _bench_speakers(rounds: int, console: Console) -> object:
    with tempfile.TemporaryDirectory() as folder, console.status("networks of community-1's sizes") as status:
        directory = write_directory(Path(folder) / "model", small=False)
        rows = summary(measure(directory, rounds, lambda text: status.update(text)))
    console.print(_table(rows))
    return rows


def _bench_batches(rounds: int, console: Console) -> object:
    rows = batch_costs(rounds)
    table = Table(title=f"built-in model on {rows[0]['device']}: clips of 3 to 9 s by batch")
    for name in ("clips a batch", "clips/s", "GPU memory, MiB"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(str(row["batch"]), f"{row['clips_per_second']:.1f}", f"{row['gpu_mib']:.0f}")
    console.print(table)
    return rows


def _bench_stages(rounds: int, console: Console) -> object:
    stages = stage_costs(max(5, rounds))
    console.print(_stage_table(stages))
    return stages


def _bench_words(rounds: int, console: Console) -> object:
    with console.status("words"):
        rows = word_costs(rounds)
    table = Table(title=f"words: transcripts of {WORDS} words, one core")
    for name in ("finder", "transcripts/s", "p50 ms", "p99 ms", "times Presidio's cost"):
        table.add_column(name, justify="left" if name == "finder" else "right")
    for row in rows:
        costs = (f"{row[key]:.2f}" for key in ("p50_ms", "p99_ms", "times_presidio"))
        table.add_row(str(row["finder"]), f"{row['transcripts_per_second']:,.0f}", *costs)
    console.print(table)
    return rows


def _table(rows: list[dict[str, object]]) -> Table:
    whose = "community-1's recorded" if RECORDED.exists() else "the reference's"
    table = Table(title=f"speakers: medians, one thread a process; on 20 s {whose} turns")
    for name in (
        "clip",
        "engine",
        "CPU ms per clip",
        "clips/s",
        "times stock (CPU)",
        "clips/s, 2 processes",
        "2 over 1",
    ):
        table.add_column(name, justify="left" if name == "engine" else "right")
    for row in rows:
        table.add_row(
            f"{row['clip_seconds']} s",
            str(row["engine"]),
            f"{row['cpu_ms_per_clip']:.0f}",
            f"{row['clips_per_second']:.2f}",
            f"{row['times_stock']:.1f}",
            f"{row['clips_per_second_two_processes']:.2f}",
            f"{row['two_over_one']:.2f}",
        )
    return table


def _stage_table(rows: list[dict[str, float | str]]) -> Table:
    lengths = sorted({int(row["clip_seconds"]) for row in rows})
    table = Table(title="the whole pipeline with the built-in model: median CPU ms per clip and stage")
    for name in ("stage", *(f"{length} s" for length in lengths)):
        table.add_column(name, justify="left" if name == "stage" else "right")
    costs = {(row["stage"], row["clip_seconds"]): float(row["cpu_ms"]) for row in rows}
    for stage in dict.fromkeys(row["stage"] for row in rows):
        table.add_row(str(stage), *(f"{costs[stage, length]:.1f}" for length in lengths))
    table.add_section()
    table.add_row("all", *(f"{sum(cost for (_, of), cost in costs.items() if of == n):.1f}" for n in lengths))
    return table


if __name__ == "__main__":
    main()
