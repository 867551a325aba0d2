"""The counts of a run as a table of docs/reliability.md, and what they prove: none in N is a rate below 3/N at 95 %."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.results import RESTARTS

SEED = 6
TRIALS_MIN = 3  # a rate of 1 is no bound
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
    "zombies: stopped in mid-transaction, replaced, woken, and answered by the broker": ("zombie ",),
    "… of these fenced: ProducerFenced or InvalidProducerEpoch, nothing else counts": ("zombies fenced",),
    "workers that joined and left": ("rebalance",),
    "workers ended by SIGTERM under load": ("terminate",),
    "brokers killed (`kill -9`) or restarted": RESTARTS,
    "network faults: cut, stalled, dripping, refused, reset at one kind of request": ("network ",),
    "temporary directories full": ("temporary ",),
}


def bound(found: int, of: int) -> str:
    """What is known of the rate at 95 %."""
    if found or of <= TRIALS_MIN:
        return "not bounded"
    return f"below {3 / of:.1e}"


def table(results: Mapping[str, Any]) -> str:
    """Markdown."""
    faults, verdict = results["faults"], results["verdict"]
    inputs, wrong = verdict["inputs"], sum(verdict[name] for name in WRONG)

    def times(*kinds: str) -> int:
        return sum(number for kind, number in faults.items() if kind.startswith(kinds))

    rows = ["| done | | anything wrong, for each, at 95 % |", "|---|---|---|"]
    rows.append(f"| events | {inputs:,} | {bound(wrong, inputs)} |")
    for what, kinds in GROUPS.items():
        rows.append(f"| {what} | {times(*kinds):,} | {bound(wrong, times(*kinds))} |")
    rows += [
        f"| zombies made anew: their process or the broker ended before the answer | {times('unanswered '):,} | |",
        f"| ends with 0 after SIGTERM, under load or after a while | {times('left with 0'):,} | |",
        f"| workers that ended with an error | {times('workers that ended with 1'):,} | |",
        f"| strikes that met nobody and were done again | {times('strikes in vain'):,} | |",
        f"| events that their producer sent twice; {results['sent_twice_max']:,} at most were under way as brokers went"
        f" | {verdict['sent_twice']:,} | |",
        f"| records written and taken back with their transactions | {verdict['uncommitted']:,} | |",
        "",
        "| found | | rate per event, at 95 % |",
        "|---|---|---|",
        f"| published | {verdict['published']:,} | |",
        f"| withheld | {verdict['withheld']:,} | |",
    ]
    rows += [f"| {what} | {verdict[name]:,} | {bound(verdict[name], inputs)} |" for name, what in WRONG.items()]
    rows += [f"| complaint | {_cell(complaint)} | |" for complaint in results["complaints"]]
    if not results["checked"]:
        rows += ["", "**This run did not come to its end: nothing is known of what it left behind.**"]
    elif not results["good"]:
        rows += ["", "**This run failed.**"]
    return "\n".join([*rows, "", _closing(results)])


def _closing(results: Mapping[str, Any]) -> str:
    minutes, checking = results["seconds"] / 60, results["checking_s"] / 60
    return (
        f"Seed {results['seed']}; {minutes:.0f} minutes, {results['events_per_s']:g} events a second; checked in"
        f" {checking:.0f} minutes, with {results['checker_mb']:,} MiB at most for each checking process."
    )


def _cell(said: str) -> str:
    """What must not end a cell or its row."""
    return " ".join(said.split()).replace("|", "\\|")


def rewrite(page: Path, scale: str, results: Mapping[str, Any]) -> None:
    """Replaces what stands between the two marks of this scale."""
    begin, end = f"<!-- results {scale} -->", "<!-- end -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page.name} has no place for {scale}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{table(results)}\n{end}", text, count=1), encoding="utf-8")
