"""The demonstration at a terminal: a line for each clip, the figures, the checks."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stream.demo.results import Result, totals
from stream.demo.summary import Summary, share

TOKEN_SHOWN = 12  # characters; the page has all of it


def report(summary: Summary) -> RenderableType:
    """Table, figures and checks. Names of clips are the demonstration's own; nothing of their content is in it."""
    return Group(_table(summary), Text(), _figures(summary), *_checks(summary))


def _table(summary: Summary) -> Table:
    table = Table(title="What became of each clip", title_justify="left", header_style="bold", pad_edge=False)
    for name in ("#", "Clip", "Token", "Outcome"):
        table.add_column(name, no_wrap=True, justify="right" if name == "#" else "left")
    for name in ("Kept, s", "Muted, s", "Others heard"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("Identifiers replaced")
    for number, result in enumerate(summary.results, 1):
        table.add_row(str(number), *_row(result))
    return table


def _row(result: Result) -> tuple[RenderableType, ...]:
    if result.output is None:
        reason = result.reason.value if result.reason else ""
        outcome = Text(f"withheld: {reason}", style="yellow")
        return result.clip.name, "–", outcome, "–", "–", "–", ""
    figures = totals([result])
    outcome = Text("published", style="red" if result.wrongly_published else "green")
    found = ", ".join(f"{name} {count}" for name, count in sorted(result.identifiers().items()))
    token = f"{result.output.clip.metadata.token[:TOKEN_SHOWN]}…"
    leaked = f"{100 * share(figures.others_audible_s, figures.others_s):.1f} %"
    return result.clip.name, token, outcome, f"{result.kept_s:.1f}", f"{result.muted_s:.1f}", leaked, found


def _figures(summary: Summary) -> Text:
    figures = totals(summary.results)
    kept = 100 * share(figures.main_audible_s, figures.main_s)
    leaked = 100 * share(figures.others_audible_s, figures.others_s)
    return Text(
        f"{summary.published} of {len(summary.results)} clips published. {summary.seconds_in:.1f} s of sound came in, "
        f"{summary.seconds_kept:.1f} s left. In published clips {kept:.1f} % of the main speakers' own "
        f"speech is audible, and {leaked:.1f} % of everybody else's."
    )


def _checks(summary: Summary) -> list[Text]:
    return [
        Text.assemble(("checked: ", "bold green") if check.passed else ("FAILED: ", "bold red"), check.text)
        for check in summary.checks
    ]
