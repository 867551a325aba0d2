"""Noise to train on: recordings, music, and sounds made from random numbers (fans, hum, traffic, clicks, babble)."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.fft import irfft, rfft  # type: ignore[import-untyped]

from stream.train.voices import RATE_HZ, Samples, Voice, resample_by

HELD_OUT_NAMES = ("jarbas-bg_noise8", "speechbrain-noise4", "synthetic-street")
SYNTHETIC = ("fan", "hum", "traffic", "clicks", "hiss", "babble")


@dataclass(frozen=True, eq=False)
class Noises:
    """Recordings of noise and of music, (samples,) each at 16 kHz and of unit power."""

    recorded: tuple[Samples, ...] = field(repr=False)
    music: tuple[Samples, ...] = field(repr=False)


def load_noises(folder: Path, *, held_out: bool) -> Noises:
    """Noise of ``folder``, without the recordings that are held out, or only those.

    Music is in both: of each piece the first three quarters are for training.
    """
    chosen = [path for path in sorted(folder.glob("*.flac")) if (path.stem in HELD_OUT_NAMES) == held_out]
    recorded = [_unit(soundfile.read(path, dtype="float32")[0]) for path in chosen]
    music = []
    for path in sorted((folder / "music").glob("*.flac")):
        samples = soundfile.read(path, dtype="float32")[0]
        cut = 3 * len(samples) // 4
        music.append(_unit(samples[cut:] if held_out else samples[:cut]))
    return Noises(tuple(recorded), tuple(music))


def _unit(samples: NDArray[np.float32]) -> Samples:
    return np.asarray(samples / (np.sqrt(np.mean(np.square(samples, dtype=np.float64))) + 1e-9), np.float32)


def spectral_tilt(rng: np.random.Generator, bins: int, spread_db: float) -> NDArray[np.float32]:
    """A smooth random gain (bins,) over frequency: linear interpolation between a few points, ``spread_db`` deep."""
    points = int(rng.integers(3, 9))
    places = np.linspace(0, 1, points) ** 2
    gains = rng.uniform(-spread_db, spread_db, points)
    curve = np.interp(np.linspace(0, 1, bins), places, gains)
    return np.asarray(10 ** (curve / 20), np.float32)


def coloured(rng: np.random.Generator, count: int, slope_db: float) -> Samples:
    """Noise (count,) whose spectrum falls by ``slope_db`` per octave, with a random tilt on top."""
    size = min(1 << (count - 1).bit_length(), 65_536)  # four seconds, then it repeats: long transforms cost too much
    spectrum = rfft(rng.standard_normal(size, dtype=np.float32))
    bins = np.arange(len(spectrum)) + size / 320
    gains = (bins / bins[-1]).astype(np.float32) ** np.float32(-slope_db / 6.02)
    shaped = irfft(spectrum * (gains * spectral_tilt(rng, len(spectrum), 9.0)), size)
    return _unit(np.resize(shaped, count))


def _slow(rng: np.random.Generator, count: int, per_s: float, depth_db: float) -> Samples:
    """A gain (count,) that wanders within ``depth_db`` about ``per_s`` times a second."""
    points = max(int(count / RATE_HZ * per_s) + 2, 2)
    curve = np.interp(np.linspace(0, points - 1, count), np.arange(points), rng.uniform(-depth_db, depth_db, points))
    return np.asarray(10 ** (curve / 20), np.float32)


def _tones(rng: np.random.Generator, count: int, base_hz: float, harmonics: int) -> Samples:
    seconds = np.arange(count) / RATE_HZ
    total = np.zeros(count)
    for order in range(1, harmonics + 1):
        if rng.random() < 0.7 and base_hz * order < 7_500:
            total += rng.uniform(0.1, 1) / order * np.sin(2 * np.pi * base_hz * order * seconds + rng.uniform(0, 6.28))
    return np.asarray(total, np.float32)


def _clicks(rng: np.random.Generator, count: int) -> Samples:
    """Knocks, keys and cutlery: short decaying bursts of coloured noise or of ringing tones at random times."""
    out = np.zeros(count, np.float32)
    for _ in range(int(rng.integers(1, 8) * count / RATE_HZ) + 1):
        length = int(rng.uniform(0.005, 0.15) * RATE_HZ)
        start = int(rng.integers(max(count - length, 1)))
        burst = coloured(rng, length, float(rng.uniform(-3, 6)))
        if rng.random() < 0.3:
            burst = burst + 3 * _tones(rng, length, float(rng.uniform(400, 3000)), 3)
        piece = burst * np.exp(-np.arange(length) / (length / rng.uniform(3, 8))) * rng.uniform(0.2, 1)
        out[start : start + length] += piece[: count - start]
    return out + np.float32(0.01) * coloured(rng, count, 3.0)


def babble(rng: np.random.Generator, voices: list[Voice], count: int) -> Samples:
    """Many people at once, none of whom can be followed: six to twelve voices, each at a random place."""
    out = np.zeros(count, np.float32)
    for _ in range(int(rng.integers(6, 13))):
        voice = voices[int(rng.integers(len(voices)))]
        take = voice.takes[int(rng.integers(len(voice.takes)))]
        shifted = np.resize(np.roll(take, int(rng.integers(len(take)))), count)
        out += shifted * np.float32(rng.uniform(0.4, 1))
    return out


def synthetic(rng: np.random.Generator, voices: list[Voice], count: int) -> Samples:
    """One made-up noise (count,) of unit power."""
    kind = SYNTHETIC[int(rng.integers(len(SYNTHETIC)))]
    if kind == "fan":
        noise = coloured(rng, count, float(rng.uniform(2, 8))) + rng.uniform(0, 0.6) * _unit(
            _tones(rng, count, float(rng.uniform(20, 300)), 12) + 1e-6
        )
    elif kind == "hum":
        noise = _tones(rng, count, float(rng.choice([50, 60, 100, 120])), 20) + rng.uniform(0.02, 0.5) * coloured(
            rng, count, 4.0
        )
    elif kind == "traffic":
        noise = coloured(rng, count, float(rng.uniform(4, 10))) * _slow(rng, count, 0.5, 8)
    elif kind == "clicks":
        noise = _clicks(rng, count)
    elif kind == "hiss":
        noise = coloured(rng, count, float(rng.uniform(-4, 4))) * _slow(
            rng, count, float(rng.uniform(0.2, 8)), float(rng.uniform(0, 6))
        )
    else:
        noise = babble(rng, voices, count)
    return _unit(noise)


def recorded(rng: np.random.Generator, sources: tuple[Samples, ...], count: int) -> Samples:
    """A piece (count,) of a recording from a random place on, played faster or slower, of unit power."""
    source = sources[int(rng.integers(len(sources)))]
    factor = float(np.exp(rng.uniform(np.log(0.7), np.log(1.4))))
    wanted = int(count * factor) + 1600
    start = int(rng.integers(len(source)))
    piece = np.take(source, np.arange(start, start + wanted), mode="wrap")
    return _unit(np.resize(resample_by(piece, factor), count))
