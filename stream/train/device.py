"""What the device makes of a clip: its sound, its wake-word window, and the times of the words that it understood."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft  # type: ignore[import-untyped]

from stream.train.noises import spectral_tilt
from stream.train.voices import RATE_HZ, Flags, Samples, coded


def convolve(samples: Samples, taps: Samples, gains: NDArray[np.float32] | None = None) -> Samples:
    """``samples`` in a room, as long as before; ``gains`` is a curve over frequency, stretched to the spectrum."""
    size = next_fast_len(len(samples) + len(taps), real=True)
    spectrum = rfft(samples, size) * rfft(taps, size)
    if gains is not None:
        spectrum *= np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(gains)), gains)
    return np.asarray(irfft(spectrum, size)[: len(samples)], np.float32)


MISTAKEN_SHARE = 0.6  # of accidental activations: the device took a bystander for its owner
WAKE_INSIDE_SHARE = 0.5  # of the wake windows then: in the middle of what a television says, not where it begins
# How often the device reports a wake-word window, and words: less often where nobody spoke to it, and then both or
# neither, since they come from the same mistake.
MAIN_WAKE, TABLE_WAKE, MISTAKEN_WAKE, NOBODY_WAKE = 0.72, 0.95, 0.6, 0.35
MAIN_WORDS, MISTAKEN_WORDS, NOBODY_WORDS = 0.5, 0.35, 0.1


def as_owned(rng: np.random.Generator, active: Flags) -> Flags:
    """``active`` (talker, frames) as the device has it: where nobody spoke to it, it mostly took one who did speak, a
    television or a bystander, for its owner, and that row then comes first, as the main speaker's does. So how much
    speech is covered by a wake-word window and by words does not tell by itself that the device was addressed."""
    speaking = np.flatnonzero(active.any(axis=1))
    if active[0].any() or not len(speaking) or rng.random() > MISTAKEN_SHARE:
        return active
    owner = int(rng.choice(speaking))
    return np.asarray(active[[owner, *(row for row in range(len(active)) if row != owner)]], np.bool_)


def wake_window(rng: np.random.Generator, active: Flags, pattern: str) -> Flags:
    """Where the device says it was woken, (frames,): at the start of the speech in row 0 of ``active`` (talker,
    frames), or of a bystander's where that row is empty; in an accident that has an owner often amid it."""
    window = np.zeros(active.shape[1], np.bool_)
    talker = 0
    chance = MISTAKEN_WAKE if pattern == "accident" else MAIN_WAKE
    if not active[0].any():
        talker, chance = int(rng.integers(1, len(active))), NOBODY_WAKE
        speaking = [row for row in range(1, len(active)) if active[row].any()]
        talker = speaking[int(rng.integers(len(speaking)))] if speaking else 1
    elif pattern == "conversation":
        chance = TABLE_WAKE
    starts = np.flatnonzero(np.diff(np.concatenate(([False], active[talker])).astype(np.int8)) > 0)
    if not len(starts) or rng.random() > chance:
        return window
    pick = 0 if rng.random() < (0.8 if talker == 0 else 0.5) else int(rng.integers(len(starts)))
    jitter = int(rng.normal(0, 4)) if rng.random() < 0.5 else 0
    start = max(int(starts[pick]) + jitter, 0)
    if pattern == "accident" and talker == 0 and rng.random() < WAKE_INSIDE_SHARE:
        start = int(rng.choice(np.flatnonzero(active[talker])))
    width = 60 if rng.random() < 0.5 else int(rng.integers(30, 110))
    window[start : start + width] = True
    return window


def word_times(rng: np.random.Generator, active: Flags, pattern: str, bystander_db: float) -> Flags | None:
    """Per 10 ms, whether the device reports a word: on the speech of row 0, and the more on the others' the louder they
    are."""
    addressed = active[0].any()
    chance = MISTAKEN_WORDS if pattern == "accident" else MAIN_WORDS
    if rng.random() > (chance if addressed else NOBODY_WORDS):
        return None
    words = np.zeros(active.shape[1], np.bool_)
    taken = float(np.clip(0.52 + 0.027 * bystander_db + rng.normal(0, 0.2), 0.02, 0.95))
    if not addressed:
        taken = float(rng.uniform(0.6, 1.0))
    heard = min(0.3 + taken, 1.0)  # a turn is mostly heard or not heard as a whole
    drop = float(rng.choice([0.02, 0.05, 0.15, 0.3]))
    jitter = float(rng.choice([2, 5, 10]))
    for row in range(len(active)):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], active[row], [False])).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if row and rng.random() > heard:
                continue
            at = float(start)
            while at < end:
                length = float(rng.uniform(12, 50))
                if rng.random() > (drop if row == 0 else 1 - taken / heard):
                    begin = int(max(at + rng.normal(0, jitter), 0))
                    words[begin : int(min(begin + length, end + 15))] = True
                at += length + (float(rng.uniform(0, 12)) if rng.random() < 0.3 else 0)
    return words


def colour(rng: np.random.Generator, audio: Samples) -> Samples:
    """The device: equaliser, slow gain, clipping, band limit, codec, level."""
    if rng.random() < 0.5:
        audio = convolve(audio, np.ones(1, np.float32), spectral_tilt(rng, 257, 8.0))
    if rng.random() < 0.15:
        count = max(int(len(audio) / RATE_HZ), 2)
        curve = np.interp(np.linspace(0, count - 1, len(audio)), np.arange(count), rng.uniform(-4, 4, count))
        audio = audio * (10 ** (curve / 20)).astype(np.float32)
    if rng.random() < 0.1:  # telephone band
        gains = np.ones(257, np.float32)
        gains[: int(rng.uniform(0, 12))] = 0.02
        gains[int(rng.uniform(105, 230)) :] = 0.002
        audio = convolve(audio, np.ones(1, np.float32), gains)
    audio = audio / (np.abs(audio).max() + 1e-9) * np.float32(10 ** (rng.uniform(-26, -1) / 20))
    if rng.random() < 0.06:
        limit = np.abs(audio).max() * rng.uniform(0.3, 0.9)
        audio = np.clip(audio, -limit, limit)
    if rng.random() < 0.05:  # mu-law
        peak = np.abs(audio).max() + 1e-9
        level = np.sign(audio) * np.log1p(255 * np.abs(audio / peak)) / np.log(256)
        level = np.round(level * 128) / 128
        audio = np.sign(level) * np.expm1(np.abs(level) * np.log(256)) / 255 * peak
    audio = np.asarray(audio, np.float32)
    return coded(audio, rng) if rng.random() < 0.04 else audio
