"""Who-speaks-when on one core and on two: ours against the stock pyannote pipeline, interleaved in one run.

Networks of community-1's sizes with random weights, in pyannote's directory layout, go through the stock pipeline and
through ours; the built-in model runs beside them. Random weights hear the same all the time, and how often ours needs
the embedder depends on who speaks when; so on clips of several windows both pipelines run their segmentation and then
go on with real turns: those that community-1 heard in this recording where its recorded tensors are at hand, or else
the recording's reference. Every process has one thread. Each round measures every engine on every length once, alone
and then in two processes at once, so that whatever else the machine does hits all of them.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import statistics
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

import stream.find.speakers  # noqa: F401  # sets what pyannote reads when it is imported
from stream.clip import SAMPLE_RATE_HZ, Samples, Segment, WakeWord
from stream.policy import Policy

ENGINES = ("stock pyannote", "clipveil, same networks", "clipveil, built-in")
SECONDS = (5, 10, 20)
RECORDED = (
    Path(os.environ.get("CLIPVEIL_CORPORA", "../shared/corpora")).parent / "replay" / "sample_community1.npz"
)  # of community-1
WAKE = WakeWord(Segment(0.5, 1.1))


@dataclass(frozen=True)
class Cost:
    """Of one clip: seconds on the clock and of the processor."""

    wall_s: float
    cpu_s: float


Costs = dict[tuple[str, int, int], list[Cost]]  # engine, clip seconds, processes at once


def measure(directory: Path, rounds: int, progress: Callable[[str], None]) -> Costs:
    """Costs by engine, length and number of processes, after one clip of each engine to warm up."""
    costs: Costs = defaultdict(list)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, context, _build, (directory,)) as one,
        ProcessPoolExecutor(1, context, _build, (directory,)) as other,
    ):
        for engine in ENGINES:
            progress(f"warming up: {engine}")
            for warm in [pool.submit(_run, engine, SECONDS[0]) for pool in (one, other)]:
                warm.result()
        for number, seconds, engine in itertools.product(range(rounds), SECONDS, ENGINES):
            progress(f"round {number + 1} of {rounds}: {seconds} s, {engine}")
            costs[engine, seconds, 1].append(one.submit(_run, engine, seconds).result())
            pair = [pool.submit(_run, engine, seconds) for pool in (one, other)]
            costs[engine, seconds, 2].extend(future.result() for future in pair)
    return dict(costs)


def summary(costs: Costs) -> list[dict[str, Any]]:
    """Medians per engine and length, and their ratios to the stock pipeline."""
    rows = []
    for seconds in SECONDS:
        stock = _median(costs[ENGINES[0], seconds, 1], "cpu_s")
        for engine in ENGINES:
            alone, pair = costs[engine, seconds, 1], costs[engine, seconds, 2]
            one, two = 1 / _median(alone, "wall_s"), 2 / _median(pair, "wall_s")
            rows.append(
                {
                    "clip_seconds": seconds,
                    "engine": engine,
                    "cpu_ms_per_clip": 1000 * _median(alone, "cpu_s"),
                    "clips_per_second": one,
                    "times_stock": stock / _median(alone, "cpu_s"),
                    "clips_per_second_two_processes": two,
                    "two_over_one": two / one,
                }
            )
    return rows


def _median(costs: list[Cost], of: str) -> float:
    return statistics.median(getattr(cost, of) for cost in costs)


# ------------------------------------------------------------------ inside a measured process
_engines: dict[str, Callable[[Samples], object]] = {}


def _build(directory: Path) -> None:
    warnings.simplefilter("ignore")  # random weights make degenerate statistics
    import torch
    from pyannote.audio import Pipeline

    from stream.find.fingerprint import fingerprint, read_files
    from stream.find.speakers.builtin import BuiltinFinder  # sets what pyannote reads on import
    from stream.find.speakers.pyannote_pipeline import PyannoteFinder

    ours, built_in = (
        PyannoteFinder(directory, fingerprint(read_files(directory))),
        BuiltinFinder(Policy().operating_point),
    )
    stock = Pipeline.from_pretrained(str(directory))
    real = recorded_turns()
    for pipeline in (stock, ours._pipeline):
        pipeline.get_segmentations = _with_turns(pipeline.get_segmentations, real)

    def run_stock(samples: Samples) -> object:
        return stock({"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"})

    finders = (
        run_stock,
        lambda samples: ours.find(samples, WAKE, None),
        lambda samples: built_in.find(samples, WAKE, None),
    )
    _engines.update(zip(ENGINES, finders, strict=True))


def _run(engine: str, seconds: int) -> Cost:
    samples = clip(seconds)
    wall, cpu = time.perf_counter(), time.process_time()
    _engines[engine](samples)
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def _with_turns(hear: Callable[..., Any], real: npt.NDArray[np.float32]) -> Callable[..., Any]:
    def heard(file: Any, hook: Any = None) -> Any:
        windows = hear(file, hook=hook)
        if len(windows.data) > 1:
            windows.data[:] = real[: len(windows.data)]
        return windows

    return heard


def recorded_turns() -> npt.NDArray[np.float32]:
    """(window, frame, speaker), 0 or 1, a window of 10 s a second: who speaks in pyannote's sample."""
    if RECORDED.exists():
        return np.asarray(np.load(RECORDED)["segmentations"], np.float32)
    import pyannote.audio
    from pyannote.database.util import load_rttm

    path = Path(pyannote.audio.__file__).parent / "sample" / "sample.rttm"
    turns = next(iter(load_rttm(path).values()))
    active = np.zeros((21, 589, 3), np.float32)
    for segment, _, speaker in turns.itertracks(yield_label=True):
        for number, window in enumerate(active):
            first, last = (min(max(round((time - number) * 58.9), 0), 589) for time in (segment.start, segment.end))
            window[first:last, turns.labels().index(speaker)] = 1.0
    return active


def clip(seconds: int) -> Samples:
    """The beginning of the telephone conversation that comes with pyannote, (sample,)."""
    import pyannote.audio

    samples, _ = soundfile.read(Path(pyannote.audio.__file__).parent / "sample" / "sample.wav", dtype="float32")
    return np.ascontiguousarray(samples[: seconds * SAMPLE_RATE_HZ])
