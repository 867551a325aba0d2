"""How sure the built-in model's evidence is, from everything that speaks for it or against it. Pure."""

from __future__ import annotations

import math

import numpy as np

from stream.clip import Transcript, WakeWord
from stream.find.speakers.frames import MAIN, Frames, surely_main
from stream.policy import OperatingPoint


def confidence(
    frames: Frames, point: OperatingPoint, wake_word: WakeWord | None, transcript: Transcript | None
) -> float:
    """0..1: that the main speaker spoke to the device, times that nobody else is inside the main speaker's turns."""
    sure = surely_main(frames, point)
    if not sure.any():
        return 0.0
    addressed = 1.0 / (1.0 + math.exp(-frames.clip_log_odds))
    alone = float(np.mean(frames.probabilities[sure, MAIN]))
    return addressed * alone
