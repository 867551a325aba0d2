"""Figures of a run as JSON values and as a table, and the trade-off between leak, kept speech and yield."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.table import Table

from stream.evaluate.corpus import Truth
from stream.evaluate.scoring import Prediction, figures, intervals, tally
from stream.policy import Policy

SHOWN = (
    ("bystander_leak", "bystander leak"),
    ("bystander_leak_alone", "  alone"),
    ("bystander_leak_in_overlap", "  in overlap"),
    ("bystander_leak_of_all_clips", "  of bystanders in all clips"),
    ("main_kept_published", "main kept (published clips)"),
    ("main_kept", "main kept (all clips)"),
    ("yield", "yield"),
    ("accidental_published", "accidental published"),
    ("withheld", "withheld"),
    ("der", "diarization error"),
    ("pii_audible", "identifiers audible"),
)
CURVE_POINTS_MAX = 60


def report(truths: Sequence[Truth], predictions: Sequence[Prediction], policy: Policy) -> dict[str, Any]:
    """All figures as JSON values: in total, per set and by condition, with intervals over clips and over voices."""
    tallies = [tally(truth, prediction) for truth, prediction in zip(truths, predictions, strict=True)]

    def of(rows: Sequence[int], *, by_voice: bool = True) -> dict[str, Any]:
        chosen = [tallies[row] for row in rows]
        result: dict[str, Any] = {**figures(chosen)}
        result["intervals"] = intervals(chosen, [truths[row].clip_id for row in rows])
        if by_voice:
            result["intervals_by_voice"] = intervals(chosen, [truths[row].group for row in rows])
        return result

    conditions = {
        name: {
            value: of(rows, by_voice=False)
            for value, rows in _split([truth.conditions.get(name, "unknown") for truth in truths]).items()
        }
        for name in sorted({name for truth in truths for name in truth.conditions})
    }
    return {
        "operating_point": policy.operating_point.name,
        "policy_version": policy.version,
        "total": of(range(len(truths))),
        "sets": {name: of(rows) for name, rows in _split([truth.collection for truth in truths]).items()},
        "conditions": conditions,
        "withheld_reasons": dict(Counter(p.reason for p in predictions if not p.published).most_common()),
    }


def _split(values: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        rows.setdefault(value, []).append(row)
    return dict(sorted(rows.items()))


def table(figures_by_set: Mapping[str, Any], title: str) -> Table:
    """One column a set: each figure with its interval over voices."""
    columns = figures_by_set["sets"]
    if len(columns) > 1:
        columns = {**columns, "total": figures_by_set["total"]}
    result = Table(title=title, caption="95 % intervals, clips drawn by main voice")
    result.add_column("")
    for name in columns:
        result.add_column(name, justify="right")
    result.add_row("clips (with a main speaker)", *(f"{of['clips']} ({of['main_clips']})" for of in columns.values()))
    for figure, label in SHOWN:
        if any(of[figure] is not None for of in columns.values()):
            result.add_row(label, *(_percent(of, figure) for of in columns.values()))
    for spent in ("cpu_seconds", "wall_seconds"):
        result.add_row(f"{spent.split('_')[0]} ms per clip", *(_per_clip(of, spent) for of in columns.values()))
    return result


def _percent(of: Mapping[str, Any], figure: str) -> str:
    if of[figure] is None:
        return "-"
    low, high = of["intervals_by_voice"][figure] or (of[figure], of[figure])
    return f"{100 * of[figure]:.1f} % ({100 * low:.1f}..{100 * high:.1f})"


def _per_clip(of: Mapping[str, Any], spent: str) -> str:
    return f"{1000 * of[spent] / max(of['clips'], 1):.0f}"


def trade_off(truths: Sequence[Truth], predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Figures for every confidence that a clip may need: one point a threshold, from laxest to strictest.

    ``predictions`` come from a run that published whatever it could. A clip that was withheld there for another reason
    than its confidence stays withheld at every threshold.
    """
    levels = sorted({prediction.confidence for prediction in predictions if prediction.confidence is not None})
    if len(levels) > CURVE_POINTS_MAX:
        levels = [levels[round(n * (len(levels) - 1) / (CURVE_POINTS_MAX - 1))] for n in range(CURVE_POINTS_MAX)]
    curve = []
    for level in levels:
        stricter = [
            replace(prediction, published=prediction.published and (prediction.confidence or 0.0) >= level)
            for prediction in predictions
        ]
        point = figures([tally(truth, prediction) for truth, prediction in zip(truths, stricter, strict=True)])
        curve.append({"confidence_min": level, **{figure: point[figure] for figure, _ in SHOWN}})
    return curve
