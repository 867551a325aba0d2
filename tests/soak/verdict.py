"""Whether anything grew: robust slopes with an interval, held against thresholds that are stated here.

Samples that follow one another are alike, so they are put into bins and the medians of those are taken; through them
goes a Theil-Sen line with its 95 % interval. Of a series is said that it

- is *flat* where the whole interval lies below the threshold,
- *grows* where the whole interval lies above it,
- is *undecided* otherwise: the run was too short, or too noisy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scipy import stats

from tests.soak.sampling import Sample

WARM_UP_S = 900.0  # allocators and caches fill; of a shorter run, a quarter
JUDGED_S_MIN = 900.0  # after it; what a shorter run shows is told, but decides nothing
BINS = 40
WORST = ("grows", "undecided", "flat")
IDLE_SHARE_MAX = 0.02  # of samples in which no clip waited
SHEDDING_SHARE_MAX = 0.02  # of samples in which nothing was polled for want of memory
SLOWED_MAX = 0.8  # clips a second in the last third, as a share of those in the first


@dataclass(frozen=True)
class Rule:
    """The most that a series may grow in an hour: so much, or so large a share of its median, whichever is more."""

    series: str
    unit: str
    per_hour: float
    share_per_hour: float = 0.0


RULES = (
    Rule("parent_rss", "MiB", 4.0, 0.03),
    Rule("parent_uss", "MiB", 4.0, 0.03),
    Rule("inference_rss", "MiB", 16.0, 0.05),
    Rule("inference_uss", "MiB", 16.0, 0.05),
    Rule("parent_descriptors", "", 2.0),
    Rule("inference_descriptors", "", 2.0),
    Rule("parent_threads", "", 1.0),
    Rule("inference_threads", "", 1.0),
    Rule("tasks", "", 3.0),
)


def judge(samples: Sequence[Sample]) -> dict[str, Any]:
    """Slopes and verdicts of all series, and of the whole run."""
    last = samples[-1].seconds if samples else 0.0
    warm = [sample for sample in samples if sample.seconds >= min(last / 4, WARM_UP_S)]
    series = {rule.series: _judged(rule, warm) for rule in RULES}
    verdicts = {judged["verdict"] for judged in series.values()}
    load = not_full_load(warm)
    if load:  # what does not grow while little is done says nothing
        verdicts |= {"undecided"}
    return {
        "verdict": next(verdict for verdict in WORST if verdict in verdicts),
        "not_full_load": load,
        "minutes": round(last / 60, 1),
        "samples": len(samples),
        "warm_up_s": round(warm[0].seconds, 1) if warm else None,
        "clips": samples[-1].clips if samples else 0,
        "clips_per_s": round(_rate(warm), 2),
        "lag_median": median(sample.lag for sample in warm) if warm else None,
        "inference_replaced": samples[-1].replaced if samples else 0,
        "samples_shedding": sum(sample.shedding for sample in samples),
        "inference_process_grows_mb_per_hour": grown_by_process(warm),
        "series": series,
    }


def not_full_load(samples: Sequence[Sample]) -> list[str]:
    """Why these samples are not of a service at full load; nothing where they are."""
    if len(samples) < 3:
        return ["too few samples"]
    third = len(samples) // 3
    first, last = _rate(samples[:third]), _rate(samples[-third:])
    reasons = {
        "no clip waited": sum(not sample.lag for sample in samples) / len(samples) > IDLE_SHARE_MAX,
        "it shed load": sum(sample.shedding for sample in samples) / len(samples) > SHEDDING_SHARE_MAX,
        "it slowed down": last < SLOWED_MAX * first,
    }
    return [reason for reason, holds in reasons.items() if holds]


def grown_by_process(samples: Sequence[Sample]) -> float | None:
    """MiB an hour that an inference process grows while it lives, in the median of those seen: what recycling takes
    back, and the slope over the hour can't show."""
    lives: dict[int, list[Sample]] = {}
    for sample in samples:
        lives.setdefault(sample.inference_pid, []).append(sample)
    slopes = [
        stats.theilslopes([each.inference_uss for each in life], [each.seconds for each in life])[0]
        for life in lives.values()
        if len(life) >= 10
    ]
    return round(3600.0 * median(slopes), 1) if slopes else None


def _rate(samples: Sequence[Sample]) -> float:
    if len(samples) < 2:
        return 0.0
    return (samples[-1].clips - samples[0].clips) / max(1e-9, samples[-1].seconds - samples[0].seconds)


def _judged(rule: Rule, samples: Sequence[Sample]) -> dict[str, Any]:
    times, values = binned([(sample.seconds, float(getattr(sample, rule.series))) for sample in samples])
    if len(values) < 5:
        return {"verdict": "undecided"}
    slope, _, low, high = (3600.0 * each for each in stats.theilslopes(values, times, 0.95))
    middle = median(values)
    threshold = max(rule.per_hour, rule.share_per_hour * middle)
    enough = samples[-1].seconds - samples[0].seconds >= JUDGED_S_MIN
    verdict = (
        "undecided" if not enough else "flat" if high <= threshold else "grows" if low > threshold else "undecided"
    )
    return {
        "verdict": verdict,
        "unit": rule.unit,
        "median": round(middle, 1),
        "slope_per_hour": round(slope, 2),
        "interval_95": [round(low, 2), round(high, 2)],
        "threshold_per_hour": round(threshold, 2),
    }


def binned(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """The medians of times and values in bins of equal length."""
    if not points:
        return [], []
    first, last = points[0][0], points[-1][0]
    width = max(1e-9, (last - first) / BINS)
    bins: dict[int, list[tuple[float, float]]] = {}
    for time, value in points:
        bins.setdefault(min(BINS - 1, int((time - first) / width)), []).append((time, value))
    ordered = [bins[number] for number in sorted(bins)]
    return [median(time for time, _ in each) for each in ordered], [
        median(value for _, value in each) for each in ordered
    ]
