"""The counts of a run as a table of docs/fuzzing.md, and what they prove: none in N is a rate below 3/N at 95 %."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- results -->", "<!-- end -->"


def bound(found: int, of: int) -> str:
    """What is known of the rate at 95 %."""
    return "not bounded" if found or not of else f"below {3 / of:.1e}"


def table(whole: Mapping[str, Any]) -> str:
    """Markdown."""
    rows = [
        "| target | by coverage | by Hypothesis | outcomes | slowest, s | grew, MB | broken promises | rate, at 95 % |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|")
    for name, engines in whole["targets"].items():
        results = list(engines.values())
        inputs = sum(result["inputs"] for result in results)
        broken = sum(sum(result["violations"].values()) for result in results)
        outcomes = len({outcome for result in results for outcome in result["outcomes"]})
        by = [f"{engines.get(engine, {}).get('inputs', 0):,}" for engine in ("coverage", "hypothesis")]
        most = [f"{max(result[what] for result in results):g}" for what in ("slowest_s", "growth_mb")]
        rows.append("| " + " | ".join((name, *by, str(outcomes), *most, f"{broken:,}", bound(broken, inputs))) + " |")
    inputs, broken = whole["inputs"], whole["violations"]
    rows.append(
        f"| all | {_by(whole, 'coverage')} | {_by(whole, 'hypothesis')} | | | | {broken:,} | {bound(broken, inputs)} |"
    )
    hours = sum(result["seconds"] for engines in whole["targets"].values() for result in engines.values()) / 3600
    rows += [
        "",
        f"{inputs:,} inputs of {whole['asked']:,} that were asked for; seed {whole['seed']}; {hours:.1f} hours.",
    ]
    if broken or inputs < whole["asked"]:
        rows += ["", "**This run failed.**"]
    return "\n".join(rows)


def _by(whole: Mapping[str, Any], engine: str) -> str:
    return f"{sum(engines.get(engine, {}).get('inputs', 0) for engines in whole['targets'].values()):,}"


def rewrite(page: Path, whole: Mapping[str, Any]) -> None:
    """Replaces what stands between the two marks."""
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page.name} has no place for results")
    page.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table(whole)}\n{END}", text, count=1), encoding="utf-8")
