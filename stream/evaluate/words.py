"""How well identifiers in words are found: ``clipveil evaluate words``.

A true span counts as masked when every word of it lies in some predicted span, and as typed when one predicted span
of the same type covers at least nine tenths of it. Only the tier ``direct`` is a must; ``quasi``, ``public`` and
``mixed`` spans cost nothing either way. Words of an ignore zone count neither way. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from stream.clip import Finding
from stream.evaluate.rows import UtteranceRow, read_rows

Search = Callable[[Sequence[str]], Sequence[Finding]]

# What the corpora take as one and the same type: truth -> also accepted.
SAME_TYPE = {
    "ADDRESS": {"LOCATION", "STREET_ADDRESS"},
    "ZIP_CODE": {"LOCATION", "UK_POSTCODE", "POSTCODE", "ADDRESS"},
    "DATE_TIME": {"DATE_OF_BIRTH"},
    "PIN": {"PASSCODE", "PASSWORD"},
    "CVV": {"PIN", "CREDIT_CARD"},
    "MEDICAL_RECORD_NUMBER": {"MRN"},
    "LICENSE_PLATE": {"UK_VEHICLE_REGISTRATION"},
    "US_BANK_NUMBER": {"BANK_ACCOUNT"},
}
NAMES_DATES_PLACES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "AGE"})
TYPED_SHARE_MIN = 0.9
WIDTH_MIN = 124  # characters of a table: one line a type


@dataclass(frozen=True)
class TrueSpan:
    """What identifies somebody, by truth: the words ``first..last``, inclusive."""

    first: int
    last: int
    entity_type: str
    tier: str

    def words(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Utterance:
    """One line of a corpus of words."""

    id: str
    words: tuple[str, ...] = field(repr=False)
    spans: tuple[TrueSpan, ...]
    ignored: frozenset[int]
    kind: str


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``, with Wilson's interval."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson (1927), 95 %."""
        if not self.n:
            return None
        z, p, n = 1.959964, self.hits / self.n, self.n
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return (max(0.0, centre - half), min(1.0, centre + half))


def read_utterances(file: Path) -> tuple[Utterance, ...]:
    """Every line of a corpus of words, as its format page describes it. Raises BadCorpus."""
    return tuple(_utterance(row) for row in read_rows(file, UtteranceRow, "id"))


def _utterance(row: UtteranceRow) -> Utterance:
    spans = tuple(TrueSpan(span.first, span.last, span.entity_type, span.tier) for span in row.spans)
    ignored = frozenset(word for first, last in row.ignore for word in range(first, last + 1))
    kind = row.kind or next((span.entity_type for span in spans), "none")
    return Utterance(row.id, row.words, spans, ignored, kind)


def is_masked(span: TrueSpan, findings: Iterable[Finding], ignored: frozenset[int]) -> bool:
    """Whether every scored word of the span lies in some finding."""
    covered = {word for finding in findings for word in range(finding.first, finding.last + 1)}
    return all(word in covered or word in ignored for word in span.words())


def is_typed(span: TrueSpan, findings: Iterable[Finding], ignored: frozenset[int]) -> bool:
    """Whether one finding of the same type covers at least nine tenths of the scored words of the span."""
    types = {span.entity_type} | SAME_TYPE.get(span.entity_type, set())
    scored = [word for word in span.words() if word not in ignored]
    return any(
        finding.entity_type in types
        and sum(finding.first <= word <= finding.last for word in scored) >= TYPED_SHARE_MIN * len(scored)
        for finding in findings
    )


class _Tally:
    """Counts over utterances."""

    def __init__(self) -> None:
        self.spans: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        self.kinds: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        self.clean = self.clean_masked = self.clean_masked_beyond = 0
        self.outside = self.outside_masked = 0

    def add(self, utterance: Utterance, findings: Sequence[Finding]) -> None:
        for span in utterance.spans:
            if span.tier == "direct":
                hit = (is_masked(span, findings, utterance.ignored), is_typed(span, findings, utterance.ignored))
                self.spans[span.entity_type].append(hit)
                self.kinds[utterance.kind].append(hit)
        inside = {word for span in utterance.spans for word in span.words()} | utterance.ignored
        masked = {word for finding in findings for word in range(finding.first, finding.last + 1)} - inside
        self.outside += len(utterance.words) - len(inside)
        self.outside_masked += len(masked)
        if not utterance.spans:
            beyond = [finding for finding in findings if finding.entity_type not in NAMES_DATES_PLACES]
            self.clean += 1
            self.clean_masked += bool(masked)
            self.clean_masked_beyond += any(
                word in masked for finding in beyond for word in range(finding.first, finding.last + 1)
            )


def score(utterances: Sequence[Utterance], findings: Sequence[Sequence[Finding]], seconds: float) -> dict[str, Any]:
    """The figures of ``findings``, one sequence per utterance, that took ``seconds`` to make."""
    tally = _Tally()
    for utterance, found in zip(utterances, findings, strict=True):
        tally.add(utterance, found)
    every = [hit for hits in tally.spans.values() for hit in hits]
    clean = tally.clean
    return {
        "utterances": len(utterances),
        "words": sum(len(utterance.words) for utterance in utterances),
        "total": _recalls(every),
        "entity_types": {name: _recalls(hits) for name, hits in sorted(tally.spans.items())},
        "kinds": {name: _recalls(hits) for name, hits in sorted(tally.kinds.items())},
        "clean_utterances": clean,
        **_figure("false_masked_utterances", Share(tally.clean_masked, clean)),
        **_figure("false_masked_beyond_names_dates_places", Share(tally.clean_masked_beyond, clean)),
        **_figure("over_masked_words", Share(tally.outside_masked, tally.outside)),
        "seconds": seconds,
        "utterances_per_second": len(utterances) / seconds if seconds else None,
    }


def _recalls(hits: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    masked, typed = sum(hit[0] for hit in hits), sum(hit[1] for hit in hits)
    figures = {**_figure("masked_recall", Share(masked, len(hits))), **_figure("typed_recall", Share(typed, len(hits)))}
    return {"n": len(hits), **figures}


def _figure(name: str, share: Share) -> dict[str, Any]:
    return {name: share.value, f"{name}_interval": share.interval}


def evaluate_words(
    file: Path, json_out: Path, predictions: Path | None, search: Search | None = None
) -> dict[str, Any]:
    """Search every utterance of ``file``, print a table, write the figures and the predicted spans.

    ``search`` maps words to findings; by default it is the built-in finder with all that it has.
    """
    utterances = read_utterances(file)
    chosen = search or built_in()
    started = time.perf_counter()
    findings = [tuple(chosen(one.words)) for one in track(utterances, "searching", transient=True)]
    figures = {"file": file.name, **score(utterances, findings, time.perf_counter() - started)}
    json_out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if predictions:
        _write_predictions(predictions, utterances, findings)
    wide_console().print(_table(figures))
    return figures


def built_in() -> Search:
    """The search of the built-in finder, with all that it has."""
    from stream.find.pii import make_word_finder  # loads Presidio, which scoring alone does not need

    return make_word_finder().search


def wide_console() -> Console:
    """Wide enough for a table of several finders or changes, wherever it is printed to."""
    return Console(width=max(WIDTH_MIN, Console().width))


def _write_predictions(file: Path, utterances: Sequence[Utterance], findings: Sequence[Sequence[Finding]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as lines:
        for utterance, found in zip(utterances, findings, strict=True):
            spans = [{"first": one.first, "last": one.last, "entity_type": one.entity_type} for one in found]
            lines.write(json.dumps({"id": utterance.id, "spans": spans}) + "\n")


def _table(figures: dict[str, Any]) -> Table:
    table = Table(title=f"{figures['file']}: {figures['utterances']} utterances")
    for column in ("entity type", "n", "masked recall", "95 %", "typed recall", "95 %"):
        table.add_column(column, justify="left" if column == "entity type" else "right")
    for name, row in [*figures["entity_types"].items(), ("all", figures["total"])]:
        recalls = [_cells(row, figure) for figure in ("masked_recall", "typed_recall")]
        table.add_row(name, str(row["n"]), *recalls[0], *recalls[1])
    table.add_section()
    for figure in ("false_masked_utterances", "false_masked_beyond_names_dates_places", "over_masked_words"):
        table.add_row(figure, "", *_cells(figures, figure), "", "")
    table.add_row("utterances_per_second", "", f"{figures['utterances_per_second'] or 0:.0f}", "", "", "")
    return table


def _cells(row: dict[str, Any], figure: str) -> tuple[str, str]:
    if row[figure] is None:
        return ("-", "")
    low, high = row[f"{figure}_interval"]
    return (f"{row[figure]:.4f}", f"{low:.3f}-{high:.3f}")
