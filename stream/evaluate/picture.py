"""The trade-off as a picture, where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LEAK_TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50)


def draw_trade_off(curves: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> bool:
    """Leak against yield and against kept speech, one line a set of frame thresholds. False without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (across, label) in zip(
        panels,
        (("yield", "published share of clips with a main speaker"), ("main_kept", "main speech kept, of all clips")),
        strict=True,
    ):
        for name, curve in curves.items():
            points = [point for point in curve if point["bystander_leak"] is not None]
            shares = [100 * point[across] for point in points]
            panel.plot(shares, [100 * point["bystander_leak"] for point in points], marker=".", label=name)
        panel.set_xlabel(f"{label} (%)")
        panel.set_yscale("symlog", linthresh=2)
        panel.set_ylim(bottom=0)
        panel.set_yticks(LEAK_TICKS, [f"{tick:g}" for tick in LEAK_TICKS])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("bystander speech left audible (%)")
    panels[0].legend()
    figure.savefig(path, dpi=120)
    return True
