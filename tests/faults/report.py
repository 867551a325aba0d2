"""The counts of a run as a table of docs/reliability.md, and what they prove: none in N is a rate below 3/N at 95 %."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEED = 6
WRONG = {
    "lost": "lost",
    "twice": "told twice",
    "out_of_order": "out of order",
    "leaked": "leaked",
    "broken": "else wrong",
}
GROUPS = {
    "workers killed (`kill -9`), at named points and at any time": ("kill ",),
    "workers crashed (SIGSEGV)": ("crash ",),
    "zombies: stopped in mid-transaction, replaced, woken": ("zombie ",),
    "… of these fenced by the broker": ("zombies fenced",),
    "workers that joined and left": ("rebalance",),
    "workers ended by SIGTERM under load, exit code 0": ("terminate",),
    "brokers killed (`kill -9`) or restarted": ("broker ", "leader "),
    "network faults: cut, stalled, dripping, refused, reset at one kind of request": ("network ",),
}


def bound(found: int, of: int) -> str:
    """What is known of the rate at 95 %."""
    if found or not of:
        return "not bounded"
    return f"below {3 / of:.1e}"


def table(results: Mapping[str, Any]) -> str:
    """Markdown."""
    faults, verdict = results["faults"], results["verdict"]
    rows = ["| done | |", "|---|---|", f"| events | {verdict['inputs']:,} |"]
    for what, kinds in GROUPS.items():
        rows.append(f"| {what} | {sum(number for kind, number in faults.items() if kind.startswith(kinds)):,} |")
    rows += [
        f"| workers that ended with an error | {faults.get('workers that ended with 1', 0):,} |",
        f"| events that the producer itself sent twice | {verdict['sent_twice']:,} |",
        f"| records written and taken back with their transactions | {verdict['uncommitted']:,} |",
        "",
        "| found | | rate, at 95 % |",
        "|---|---|---|",
        f"| published | {verdict['published']:,} | |",
        f"| withheld | {verdict['withheld']:,} | |",
    ]
    rows += [
        f"| {what} | {verdict[name]:,} | {bound(verdict[name], verdict['inputs'])} |" for name, what in WRONG.items()
    ]
    rows += [f"| complaint | {complaint} | |" for complaint in results["complaints"]]
    if not results["good"]:
        rows += ["", "**This run failed.**"]
    seconds, rate = results["seconds"], results["events_per_s"]
    return "\n".join([*rows, "", f"Seed {results['seed']}; {seconds / 60:.0f} minutes, {rate:g} events a second."])


def rewrite(page: Path, scale: str, results: Mapping[str, Any]) -> None:
    """Replaces what stands between the two marks of this scale."""
    begin, end = f"<!-- results {scale} -->", "<!-- end -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page.name} has no place for {scale}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{table(results)}\n{end}", text, count=1), encoding="utf-8")
