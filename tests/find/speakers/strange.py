"""Noises of kinds that training has none of: it has fans, hum, traffic, clicks, hiss, babble and music."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from stream.clip import SAMPLE_RATE_HZ, Samples

Floats = npt.NDArray[np.float64]


def siren(rng: np.random.Generator, count: int) -> Floats:
    """A tone that wails up and down."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    turns = np.cumsum(900 + 500 * np.sin(2 * np.pi * time_s * rng.uniform(0.2, 0.6))) / SAMPLE_RATE_HZ
    return np.asarray(np.sin(2 * np.pi * turns) + 0.4 * np.sin(4 * np.pi * turns))


def alarm(rng: np.random.Generator, count: int) -> Floats:
    """Beeps of a square wave."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    return np.sign(np.sin(2 * np.pi * rng.uniform(1800, 3200) * time_s)) * ((time_s * rng.uniform(2, 5)) % 1 < 0.5)


def helicopter(rng: np.random.Generator, count: int) -> Floats:
    """Thuds of a rotor."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    return np.asarray(rng.standard_normal(count) * np.exp(-((time_s * rng.uniform(9, 14)) % 1) * 6))


def birds(rng: np.random.Generator, count: int) -> Floats:
    """Chirps, five a second."""
    out = np.zeros(count)
    for _ in range(5 * count // SAMPLE_RATE_HZ):
        start = int(rng.integers(count))
        length = min(int(rng.uniform(0.05, 0.2) * SAMPLE_RATE_HZ), count - start)
        time_s = np.arange(length) / SAMPLE_RATE_HZ
        turns = rng.uniform(2500, 5000) * time_s + rng.uniform(-8000, 8000) * time_s**2
        out[start : start + length] += np.hanning(length) * np.sin(2 * np.pi * turns)
    return out


def modem(rng: np.random.Generator, count: int) -> Floats:
    """Tones that jump eighty times a second."""
    symbols = np.repeat(rng.integers(0, 4, count // 200 + 1), 200)[:count]
    return np.asarray(np.sin(2 * np.pi * np.cumsum(np.array([600, 1100, 1700, 2400])[symbols]) / SAMPLE_RATE_HZ))


def saw(rng: np.random.Generator, count: int) -> Floats:
    """A motor whose pitch wanders through that of voices."""
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    points = int(time_s[-1]) + 2
    turns = np.cumsum(np.interp(time_s, np.arange(points), rng.uniform(80, 400, points))) / SAMPLE_RATE_HZ
    return np.asarray(turns % 1 - 0.5 + 0.3 * rng.standard_normal(count) * (turns % 1))


NOISES: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    made.__name__: made for made in (siren, alarm, helicopter, birds, modem, saw)
}


def under(samples: Samples, kind: str, below_db: float, seed: int) -> Samples:
    """``samples`` (sample,) with a noise of one kind, as loud as ``below_db`` says, against them."""
    noise = NOISES[kind](np.random.default_rng(seed), len(samples))
    level = np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-below_db / 20)
    return np.asarray(samples + level * noise, np.float32)
