"""The figures of several finders on the same utterances, in one table."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import track
from rich.table import Table
from rich.text import Text

from stream.clip import Finding
from stream.evaluate.rivals import INSTALL, Rival, credited, make_rivals
from stream.evaluate.words import Utterance, read_utterances, score, wide_console

WARM_UP = 20  # utterances; the first ones fill caches, of ours and of others
LEFT_ALONE = {
    "false_masked_utterances": "ordinary utterances touched",
    "false_masked_beyond_names_dates_places": "... beyond names, dates, places",
    "over_masked_words": "over-masked words",
}


def evaluate_rivals(
    file: Path, json_out: Path, sample: int | None = None, rivals: Sequence[Rival] | None = None
) -> dict[str, Any]:
    """Search every utterance of ``file``, or ``sample`` of them drawn at random, with each of ``rivals``.

    The finders take turns utterance by utterance, so that whatever else the machine does hits all of them; what is
    counted is the time of the processor. Prints a table and writes the figures by finder.
    """
    utterances: Sequence[Utterance] = read_utterances(file)
    if sample is not None and sample < len(utterances):
        utterances = random.Random(1).sample(utterances, sample)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        figures = _figures(utterances, rivals if rivals is not None else make_rivals(Path(folder)))
    written = {"file": file.name, "utterances": len(utterances), "finders": figures}
    json_out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    wide_console().print(_table(file.name, figures))
    return written


def _figures(utterances: Sequence[Utterance], rivals: Sequence[Rival]) -> dict[str, dict[str, Any]]:
    found: dict[str, list[tuple[Finding, ...]]] = {rival.name: [] for rival in rivals}
    seconds = dict.fromkeys(found, 0.0)
    for utterance in track(utterances[:WARM_UP], "warming up", transient=True):
        for rival in rivals:
            _ = rival.search and rival.search(utterance.words)
    for utterance in track(utterances, "searching", transient=True):
        for rival in rivals:
            if rival.search:
                started = time.process_time()
                findings = tuple(rival.search(utterance.words))
                seconds[rival.name] += time.process_time() - started
                found[rival.name].append(credited(utterance, findings) if rival.mild else findings)
    return {
        rival.name: score(utterances, found[rival.name], seconds[rival.name])
        if rival.search
        else {"not_installed": INSTALL}
        for rival in rivals
    }


def _table(title: str, figures: dict[str, dict[str, Any]]) -> Table:
    ran = {name: row for name, row in figures.items() if "not_installed" not in row}
    some = next(iter(ran.values()))
    missing = [f"{name}: {row['not_installed']}" for name, row in figures.items() if "not_installed" in row]
    table = Table(title=f"{title}: masked recall (95 %)", caption=Text("\n".join(missing)) if missing else None)
    table.add_column("entity type")
    for name in ("n", *figures):
        table.add_column(name, justify="right")
    for entity_type, row in some["entity_types"].items():
        table.add_row(entity_type, str(row["n"]), *(_recall(one, entity_type) for one in figures.values()))
    table.add_row("all", str(some["total"]["n"]), *(_recall(one, None) for one in figures.values()))
    table.add_section()
    for key, label in LEFT_ALONE.items():
        of = some["clean_utterances"] if "utterances" in label or label.startswith("...") else ""
        table.add_row(label, str(of), *(_cell(one, key) for one in figures.values()))
    speeds = (row.get("utterances_per_second") for row in figures.values())
    table.add_row("utterances/s, one core", "", *(f"{speed:,.0f}" if speed else "-" for speed in speeds))
    return table


def _recall(row: dict[str, Any], entity_type: str | None) -> str:
    if "not_installed" in row:
        return "not installed"
    return _cell(row["entity_types"][entity_type] if entity_type else row["total"], "masked_recall")


def _cell(row: dict[str, Any], figure: str) -> str:
    if row.get(figure) is None:
        return "-"
    low, high = row[f"{figure}_interval"]
    return f"{row[figure]:.3f} ({low:.2f}-{high:.2f})" if figure == "masked_recall" else f"{row[figure]:.4f}"
