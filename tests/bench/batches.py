"""The built-in model by clips per batch, on a GPU where there is one: what the owner of a GPU gains by batches.

Clips of 3 to 9 seconds, half of them with words; each round hears the same clips in batches of every size.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict

import numpy as np
import torch

from stream.clip import SAMPLE_RATE_HZ, Segment, Transcript, WakeWord, Word
from stream.find.speakers.builtin import BuiltinFinder
from stream.policy import SAFE
from stream.ports import Hearing

SIZES = (1, 4, 16, 32)
CLIPS = {"cpu": 32, "cuda": 256}
WAKE = WakeWord(Segment(0.3, 0.9))
WORDS = Transcript((Word("play", Segment(1.0, 1.3)), Word("music", Segment(1.3, 1.8))))


def batch_costs(rounds: int) -> list[dict[str, float | str]]:
    """Per batch size the median of clips/s over the rounds, and the most memory that the GPU gave (MiB)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    finder = BuiltinFinder(SAFE, device=device)
    hearings = _hearings(CLIPS[device])
    finder.find_many(hearings[: max(SIZES)])
    took, memory = defaultdict(list), dict.fromkeys(SIZES, 0.0)
    for _ in range(rounds):
        for size in SIZES:
            if device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            began = time.perf_counter()
            for first in range(0, len(hearings), size):
                finder.find_many(hearings[first : first + size])
            took[size].append(time.perf_counter() - began)
            if device == "cuda":
                memory[size] = max(memory[size], torch.cuda.max_memory_allocated() / 2**20)
    return [
        {
            "device": device,
            "batch": size,
            "clips_per_second": len(hearings) / statistics.median(took[size]),
            "gpu_mib": memory[size],
        }
        for size in SIZES
    ]


def _hearings(count: int) -> list[Hearing]:
    rng = np.random.default_rng(0)
    lengths = rng.uniform(3.0, 9.0, count)
    return [
        Hearing(
            rng.normal(0.0, 0.05, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32),
            WAKE,
            WORDS if number % 2 else None,
        )
        for number, seconds in enumerate(lengths)
    ]
