"""Voices to train on: one bank of dry speech, who said it, and changes that make many voices of one.

Folders as in the corpora: librispeech and speechocean (the speaker is the first number of the name), assistant and
wakeword (no ids: each file is taken for a voice of its own, so that a person may occur twice).
"""

import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE_HZ = 16_000
GATE_HOP = 160
HELD_OUT_SHARE = 10
CODECS = (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))

Samples = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Voice:
    """One person, or one file of an unknown person: ``takes`` are dry recordings (samples,) at 16 kHz."""

    corpus: str
    number: int
    takes: tuple[Samples, ...] = field(repr=False)
    anonymous: bool


@dataclass(frozen=True, eq=False)
class Speech:
    """Dry speech of one voice with its truth: ``active`` (samples // 160,) says where it sounds."""

    samples: Samples = field(repr=False)
    active: Flags = field(repr=False)


def active_frames(samples: Samples, *, gate_db: float = -30.0, pause_s: float = 0.2) -> Flags:
    """Where speech sounds, per 10 ms, by level; shorter pauses than ``pause_s`` count as speech."""
    count = len(samples) // GATE_HOP
    power = np.mean(samples[: count * GATE_HOP].reshape(count, GATE_HOP).astype(np.float64) ** 2, axis=1)
    if count == 0 or power.max() <= 1e-12:
        return np.zeros(count, np.bool_)
    loud = np.percentile(power[power > 1e-4 * power.max()], 95)
    active = power > loud * 10 ** (gate_db / 10)
    return _bridge(active, round(pause_s * 100), round(0.05 * 100))


def _bridge(active: Flags, pause: int, shortest: int) -> Flags:
    """Closes gaps shorter than ``pause`` frames, then drops runs shorter than ``shortest`` frames."""
    active = active.copy()
    for value, limit in ((False, pause), (True, shortest)):
        edges = np.flatnonzero(np.diff(np.concatenate(([not value], active, [not value])).astype(np.int8)))
        starts, ends = edges[::2], edges[1::2]
        for start, end in zip(starts, ends, strict=True):
            inner = start > 0 and end < len(active)
            if end - start < limit and (value or inner):
                active[start:end] = not value
    return active


def _speaker_of(corpus: str, stem: str) -> tuple[str, bool]:
    if corpus in ("librispeech", "speechocean"):
        return stem.split("-")[0], False
    return stem, True


def coded(samples: Samples, rng: np.random.Generator) -> Samples:
    """``samples`` after a lossy codec at a random quality; unchanged when the codec can't take them."""
    container, subtype = CODECS[int(rng.integers(len(CODECS)))]
    sink = io.BytesIO()
    try:
        with soundfile.SoundFile(
            sink, "w", RATE_HZ, 1, format=container, subtype=subtype, compression_level=float(rng.uniform(0.2, 0.95))
        ) as file:
            file.write(samples)
        sink.seek(0)
        decoded, rate = soundfile.read(sink, dtype="float32")
    except (soundfile.LibsndfileError, TypeError):
        return samples
    if rate != RATE_HZ:
        decoded = soxr.resample(decoded, rate, RATE_HZ)
    if len(decoded) < len(samples):
        decoded = np.pad(decoded, (0, len(samples) - len(decoded)))
    return np.asarray(decoded[: len(samples)], np.float32)


def load_voices(speech: Path, *, held_out: bool) -> list[Voice]:
    """Voices of every folder in ``speech``, without the tenth of them that is held out (by a hash), or only that."""
    takes: dict[tuple[str, str], list[Samples]] = {}
    for path in sorted([*speech.glob("*/*.flac"), *speech.glob("*/*.ogg")]):
        speaker, _ = _speaker_of(path.parent.name, path.stem)
        chosen = zlib.crc32(f"{path.parent.name}/{speaker}".encode()) % HELD_OUT_SHARE == 0
        if chosen != held_out:
            continue
        samples, rate = soundfile.read(path, dtype="float32")
        if samples.ndim > 1:
            samples = samples.mean(axis=1)
        if rate != RATE_HZ:
            samples = soxr.resample(samples, rate, RATE_HZ)
        spoken = np.flatnonzero(active_frames(samples))
        if len(spoken) < 30:
            continue
        take = samples[max(spoken[0] * GATE_HOP - 800, 0) : (spoken[-1] + 1) * GATE_HOP + 1600]
        take = (take / (np.sqrt(np.mean(take**2)) + 1e-9) * 0.05).astype(np.float32)
        take.setflags(write=False)
        takes.setdefault((path.parent.name, speaker), []).append(take)
    return [
        Voice(corpus, number, tuple(found), _speaker_of(corpus, speaker)[1])
        for number, ((corpus, speaker), found) in enumerate(sorted(takes.items()))
    ]


def reshape_formants(samples: Samples, factor: float) -> Samples:
    """The same pitch and tempo from a longer (``factor`` < 1) or shorter vocal tract, by warping the envelope."""
    size, hop = 512, 160
    count = max((len(samples) - size) // hop + 1, 1)
    padded = np.pad(samples, (0, max(size + (count + 2) * hop - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    spectrum = np.fft.rfft(frames * window, axis=1)
    log_power = np.log(np.abs(spectrum).astype(np.float32) + 1e-5)
    cepstrum = np.fft.irfft(log_power, axis=1).astype(np.float32)
    cepstrum[:, 26:-25] = 0
    envelope = np.fft.rfft(cepstrum, axis=1).real.astype(np.float32)
    bins = np.clip(np.arange(size // 2 + 1) / factor, 0, size // 2)
    low = bins.astype(np.int64)
    part = (bins - low).astype(np.float32)
    warped = envelope[:, low] * (1 - part) + envelope[:, np.minimum(low + 1, size // 2)] * part
    shaped = np.fft.irfft(spectrum * np.exp(np.clip(warped - envelope, -4, 4)), axis=1).astype(np.float32) * window
    out = np.zeros((len(shaped) - 1) * hop + size, np.float32)
    for phase in range(-(-size // hop)):  # frames that don't overlap are added in one go
        rows = shaped[phase :: -(-size // hop)]
        step = hop * -(-size // hop)
        block = np.zeros((len(rows), step), np.float32)
        block[:, :size] = rows
        flat = block.reshape(-1)
        end = min(len(out), phase * hop + len(flat))
        out[phase * hop : end] += flat[: end - phase * hop]
    return out[: len(samples)] / np.float32(np.sum(window**2) / hop)


def resample_by(samples: Samples, factor: float) -> Samples:
    """``samples`` played ``factor`` times as fast: pitch, formants and tempo all move."""
    return np.asarray(soxr.resample(samples, RATE_HZ * factor, RATE_HZ, quality="LQ"), np.float32)


@dataclass(frozen=True)
class Disguise:
    """How one voice is changed throughout one clip, so that it sounds like another person."""

    speed: float
    formants: float
    code: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Disguise":
        speed = float(np.exp(rng.uniform(np.log(0.8), np.log(1.25)))) if rng.random() < 0.75 else 1.0
        formants = float(np.exp(rng.uniform(np.log(0.84), np.log(1.19)))) if rng.random() < 0.6 else 1.0
        return cls(speed, formants, bool(rng.random() < 0.07))

    def apply(self, samples: Samples, rng: np.random.Generator) -> Samples:
        if self.speed != 1.0:
            samples = resample_by(samples, self.speed)
        if self.formants != 1.0:
            samples = reshape_formants(samples, self.formants)
        return coded(samples, rng) if self.code else samples


def speak(rng: np.random.Generator, voice: Voice, disguise: Disguise, seconds: float) -> Speech:
    """About ``seconds`` of one voice: takes in random order from a random place, at most ``seconds`` long."""
    wanted = int(seconds * RATE_HZ * disguise.speed * 1.05) + 1600
    parts: list[Samples] = []
    for index in rng.permutation(len(voice.takes)):
        take = voice.takes[index]
        left = wanted - sum(map(len, parts))
        if left <= 0:
            break
        start = int(rng.integers(max(len(take) - left, 0) + 1)) if len(take) > left else 0
        parts.append(take[start : start + left])
    samples = disguise.apply(np.concatenate(parts), rng)[: int(seconds * RATE_HZ)]
    return Speech(samples, active_frames(samples))
