"""The run as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from tests.soak.sampling import Sample

mpl.use("Agg")
import itertools

from matplotlib import pyplot as plt

PANELS = (
    ("memory, MiB", ("parent_rss", "parent_uss", "inference_rss", "inference_uss")),
    ("descriptors", ("parent_descriptors", "inference_descriptors")),
    ("threads and tasks", ("parent_threads", "inference_threads", "tasks")),
    ("lag, records", ("lag",)),
)


def draw(samples: Sequence[Sample], report: dict[str, Any], to: Path) -> None:
    """Every series over time, with its slope and verdict in the legend, and clips per second."""
    figure, axes = plt.subplots(len(PANELS) + 1, 1, figsize=(11, 15), sharex=True, layout="constrained")
    minutes = [sample.seconds / 60 for sample in samples]
    for axis, (title, names) in zip(axes, PANELS, strict=False):
        for name in names:
            axis.plot(minutes, [getattr(sample, name) for sample in samples], label=_legend(name, report), linewidth=1)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
        axis.legend(loc="lower right", fontsize=8)
    rates = [
        (after.clips - before.clips) / (after.seconds - before.seconds) for before, after in itertools.pairwise(samples)
    ]
    axes[-1].plot(minutes[1:], rates, linewidth=1)
    axes[-1].set_ylabel("clips a second")
    axes[-1].set_ylim(bottom=0)
    axes[-1].set_xlabel("minutes")
    for axis in axes:
        axis.axvspan(0, (report["warm_up_s"] or 0.0) / 60, alpha=0.1)
    figure.suptitle(
        f"{report['verdict']}: {report['clips']} clips in {report['minutes']:g} minutes, "
        f"{report['inference_replaced']} processes replaced (shaded: warm-up, not judged)"
    )
    figure.savefig(to, dpi=100)
    plt.close(figure)


def _legend(name: str, report: dict[str, Any]) -> str:
    judged = report["series"].get(name, {})
    if "slope_per_hour" not in judged:
        return name
    return f"{name}: {judged['slope_per_hour']:+g} {judged['unit']} an hour, {judged['verdict']}"
