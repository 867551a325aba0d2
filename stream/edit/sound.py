"""The plan's keep-list, carried out on samples. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from stream.clip import SAMPLE_RATE_HZ, Clip, Samples, Segment

FADE_S = 0.005  # against clicks, taken from the inside of what is kept


def keep_only(samples: Samples, keep: Iterable[Segment]) -> Samples:
    """Zeros as long as ``samples`` (sample,), with only the kept segments copied in, faded at their ends.

    Segment bounds are rounded inward, so that no sample of a mute is ever copied.
    """
    output = np.zeros_like(samples)
    for segment in keep:
        first = math.ceil(segment.start * SAMPLE_RATE_HZ)
        end = min(math.floor(segment.end * SAMPLE_RATE_HZ), len(samples))
        if first < end:
            output[first:end] = samples[first:end] * _fades(end - first)
    output.flags.writeable = False
    return output


def lengthened(clip: Clip, seconds: float) -> Clip:
    """The clip filled up with zeros to ``seconds``; the same where it is as long already, or 0 is asked for."""
    missing = round(seconds * SAMPLE_RATE_HZ) - len(clip.samples)
    if missing <= 0:
        return clip
    samples = np.concatenate([clip.samples, np.zeros(missing, dtype=np.float32)])
    samples.flags.writeable = False
    return replace(clip, samples=samples)


def _fades(length: int) -> Samples:
    """Gain 0..1..0 with linear ramps of FADE_S, or of half the length where that is shorter."""
    ramp = min(int(FADE_S * SAMPLE_RATE_HZ), length // 2)
    gain = np.ones(length, dtype=np.float32)
    if ramp:
        slope = np.arange(1, ramp + 1, dtype=np.float32) / (ramp + 1)
        gain[:ramp], gain[-ramp:] = slope, slope[::-1]
    return gain
