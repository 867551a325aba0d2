"""Tiny synthetic corpora: buzzing voices of different pitch, noise, and rooms, in the folders of the real ones."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 16_000


def buzz(seed: int, seconds: float = 2.5) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A pulse train with a pitch and a resonance of its own, in syllables with a pause of half a second."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    pitch, formant = rng.uniform(90, 260), rng.uniform(400, 2_500)
    sound = sum(
        np.exp(-(((pitch * k - formant) / 600) ** 2)) * np.sin(2 * np.pi * pitch * k * time_s) for k in range(1, 25)
    )
    sound = np.asarray(sound) * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * time_s))
    sound[int(1.0 * RATE_HZ) : int(1.5 * RATE_HZ)] = 0.0
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="session")
def tiny_corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """speech/, noise/ and rir/ with sixty voices and four noises, so that both sides of the split have some."""
    folder = tmp_path_factory.mktemp("corpora")
    for name in ("speech/librispeech", "speech/wakeword", "noise/music", "rir"):
        (folder / name).mkdir(parents=True)
    for speaker in range(60):
        corpus = "librispeech" if speaker % 2 else "wakeword"
        soundfile.write(folder / "speech" / corpus / f"{speaker}-1-0001.flac", buzz(speaker), RATE_HZ)
    rng = np.random.default_rng(5)
    for name in ("hiss", "wind", "synthetic-street", "music/tune"):
        soundfile.write(folder / "noise" / f"{name}.flac", 0.05 * rng.standard_normal(3 * RATE_HZ), RATE_HZ)
    taps = rng.standard_normal(1_600) * np.exp(-np.arange(1_600) / 200)
    taps[20] = 4
    soundfile.write(folder / "rir" / "hall.flac", taps / 8, RATE_HZ)
    return folder
