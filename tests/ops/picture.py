"""docs/dashboard.png: the dashboard's panels as Prometheus answers them, drawn by their titles, units and legends.

    python -m tests.ops.picture --minutes 15 --out docs/dashboard.png

Everything runs for real meanwhile, at a load that changes; a process dies now and then. It is no picture of Grafana's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tests.ops.prometheus import Prometheus
from tests.ops.test_dashboard import DASHBOARD, as_asked
from tests.ops.watched import Watched, watched

SCRAPE_S, STEP_S, SHOWN_S = 5, 5, 480
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#37872d", "#fade2a", "#8ab8ff", "#ffa6b0")
GRID = 24  # columns of Grafana's layout


# ------------------------------------------------------------------ what is drawn
async def recorded(minutes: float) -> dict[str, Any]:
    """The series of every query, after so many minutes of work."""
    with tempfile.TemporaryDirectory() as folder:
        async with watched(Path(folder), SCRAPE_S) as scene:
            began = time.monotonic()
            second = 0
            while time.monotonic() - began < minutes * 60:
                await _one_second(scene, second)
                second += 1
                await asyncio.sleep(max(0.0, began + second - time.monotonic()))
            return await asyncio.to_thread(_courses, scene.prometheus)


async def _one_second(scene: Watched, second: int) -> None:
    """A clip or two, and one without consent; a busy quarter of each five minutes, and what is rarer."""
    busy = second % 300 > 225
    await scene.send("no consent")
    await scene.send("published", 3 if busy else second % 2)
    for kind, every in (("identifiers", 4), ("nobody", 7), ("not decoded", 20), ("killed", 170)):
        if second % every == every - 1:
            await scene.send(kind)
    if second % 45 == 40:
        await scene.ask()


def _courses(prometheus: Prometheus) -> dict[str, Any]:
    now = time.time()
    return {"end": now} | {
        as_asked(target["expr"]): prometheus.course(as_asked(target["expr"]), now - SHOWN_S, now, STEP_S)
        for panel in _panels()
        for target in panel["targets"]
    }


def _panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


# ------------------------------------------------------------------ how it is drawn
def drawn(courses: dict[str, Any], out: Path) -> None:
    """The panels where the dashboard has them."""
    panels = _panels()
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    pyplot.rcParams.update({"font.size": 7, "text.color": "#d8d9da", "axes.labelcolor": "#d8d9da"})
    figure = pyplot.figure(figsize=(12, rows * 0.25), facecolor="#111217")
    for panel in panels:
        place = panel["gridPos"]
        left, top = place["x"] / GRID, 1 - place["y"] / rows
        width, height = place["w"] / GRID, place["h"] / rows
        axes = figure.add_axes((left + 0.045, top - height * 0.74, width - 0.06, height * 0.6))
        _draw(axes, panel, courses)
    figure.savefig(out, dpi=100, facecolor=figure.get_facecolor())


def _draw(axes: Axes, panel: dict[str, Any], courses: dict[str, Any]) -> None:
    axes.set_facecolor("#181b1f")
    axes.set_title(panel["title"], loc="left", fontsize=9, color="white", pad=4)
    lines = 0
    for target in panel["targets"]:
        for series in courses[as_asked(target["expr"])]:
            xs, ys = _points(series["values"], courses["end"])
            name = _named(target["legendFormat"], series["metric"])
            axes.plot(xs, ys, color=COLOURS[lines % len(COLOURS)], lw=1.1, label=name)
            lines += 1
    defaults = panel["fieldConfig"]["defaults"]
    axes.set_ylim(bottom=defaults.get("min"), top=1.0 if axes.dataLim.ymax <= 0 else None)
    for step in defaults.get("thresholds", {}).get("steps", [])[1:]:
        axes.axhline(step["value"], color="#f2495c", lw=0.8, ls="--")
    if defaults.get("unit") == "bytes":
        axes.set_yticks([2**30 * each for each in range(0, 9, 2)])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _with_unit(value, defaults.get("unit", "short"))))
    axes.set_xlim(-SHOWN_S / 60, 0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} min"))
    axes.tick_params(colors="#9fa7b3", length=0)
    axes.grid(color="#2c3235", lw=0.6)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4 if lines > 5 else max(1, lines), fontsize=6,
        frameon=False, labelcolor="#d8d9da", handlelength=1.2, columnspacing=1.0,
    )  # fmt: skip


def _points(values: list[list[Any]], end: float) -> tuple[list[float], list[float]]:
    """Minutes and values; a line ends where nothing was scraped."""
    xs: list[float] = []
    ys: list[float] = []
    for at, value in values:
        minutes = (float(at) - end) / 60
        if xs and minutes - xs[-1] > 1.5 * STEP_S / 60:
            xs.append(minutes)
            ys.append(float("nan"))
        xs.append(minutes)
        ys.append(float(value))
    return xs, ys


def _named(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda of: labels.get(of[1], ""), legend)


def _with_unit(value: float, unit: str) -> str:
    """As Grafana writes it."""
    if unit == "bytes":
        power = next((power for power in (3, 2, 1) if value >= 1024**power), 0)
        return f"{value / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB')[power]}"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if 0 < value < 1 else f"{value:.3g} s"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    return f"{value:.3g}{ {'ops': ' ops/s', 'cps': ' c/s'}.get(unit, '') }"


def main() -> None:
    asking = argparse.ArgumentParser(prog="python -m tests.ops.picture")
    asking.add_argument("--minutes", type=float, default=15.0)
    asking.add_argument("--out", type=Path, default=Path("docs/dashboard.png"))
    asking.add_argument("--answers", type=Path, help="where Prometheus' answers are kept; drawn again where they are")
    given = asking.parse_args()
    if given.answers and given.answers.exists():
        courses = json.loads(given.answers.read_text())
    else:
        courses = asyncio.run(recorded(given.minutes))
    if given.answers:
        given.answers.write_text(json.dumps(courses))
    drawn(courses, given.out)


if __name__ == "__main__":
    main()
