"""Audio files that lie: valid ones of every container, changed where it hurts, with checksums made right again."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np

from stream.clip import Reason, Refusal, Samples
from stream.wire import audio
from tests import events
from tests.fuzz import repairing
from tests.fuzz.source import Source, mutated
from tests.fuzz.target import Target, promise

SECONDS_MIN, SECONDS_MAX = 0.1, 60.0
RATES = (0, 1, 7_999, 8_000, 11_025, 16_000, 44_100, 48_000, 96_000, 96_001, 384_000, 2**31 - 1, 2**32 - 1)
CHANNELS = (0, 1, 2, 3, 8, 9, 32, 255, 1_024, 65_535)
BITS = (0, 1, 7, 8, 12, 16, 24, 32, 64, 65_535)
TAGS = (0, 1, 2, 3, 6, 7, 0x11, 0x55, 0xFFFE, 0xFFFF)
SAMPLES = (float("nan"), float("inf"), -float("inf"), 1e38, 5.0, 0.0, -0.0, 1e-45)
AUDIO_REASONS = frozenset(reason for reason in Reason if reason.value.startswith("audio_"))
FILES = (
    ("WAV", "PCM_16", 8_000, 1),
    ("WAV", "FLOAT", 16_000, 1),
    ("WAV", "DOUBLE", 8_000, 2),
    ("WAV", "ULAW", 8_000, 1),
    ("WAV", "PCM_24", 48_000, 2),
    ("WAVEX", "PCM_16", 16_000, 3),
    ("FLAC", "PCM_16", 16_000, 1),
    ("FLAC", "PCM_24", 8_000, 2),
    ("OGG", "VORBIS", 16_000, 1),
    ("OGG", "OPUS", 16_000, 1),
    ("OGG", "OPUS", 48_000, 2),
    ("MP3", "MPEG_LAYER_III", 16_000, 1),
)


@cache
def valid(number: int) -> bytes:
    container, subtype, rate_hz, channels = FILES[number]
    return events.encoded(events.sound(0.25, rate_hz, channels), rate_hz, container, subtype)


@cache
def _frames(number: int) -> tuple[int, ...]:
    return repairing.flac_frames(valid(number))


def run_audio(data: bytes) -> str:
    """Samples within their promises, or one of the reasons of audio."""
    source = Source(data)
    number = source.number(len(FILES))
    content = made(source, number)
    try:
        samples = audio.decode(content, SECONDS_MIN, SECONDS_MAX)
    except Refusal as refusal:
        promise(refusal.reason in AUDIO_REASONS, f"audio refused for {refusal.reason}")
        return f"{FILES[number][0]} {refusal.reason.value}"
    sane(samples, SECONDS_MAX)
    return f"{FILES[number][0]} decoded"


def run_published(data: bytes) -> str:
    """What the gate decodes is held to the same."""
    source = Source(data)
    content = made(source, 6)
    try:
        samples = audio.decode_published(content)
    except Refusal as refusal:
        promise(refusal.reason in AUDIO_REASONS, f"audio refused for {refusal.reason}")
        return refusal.reason.value
    sane(samples, audio.PUBLISHED_SECONDS_MAX)
    return "decoded"


def sane(samples: Samples, seconds_max: float) -> None:
    promise(samples.dtype == np.float32 and samples.ndim == 1, "samples of another type or shape")
    promise(not samples.flags.writeable, "samples that can be written")
    promise(len(samples) <= seconds_max * 16_000 + 16, "more samples than may be")
    promise(bool(np.isfinite(samples).all()) and bool((np.abs(samples) <= 1.0).all()), "samples that are none")


def made(source: Source, number: int) -> bytes:
    """A file that begins as a valid one."""
    content, container = valid(number), FILES[number][0]
    if container.startswith("WAV"):
        return _wav(source, content)
    if container == "FLAC":
        return _flac(source, content, _frames(number))
    if container == "OGG":
        changed = mutated(source, content)
        return changed if source.seldom(4) else repairing.ogg(changed)
    return mutated(source, content)


def _wav(source: Source, content: bytes) -> bytes:
    out = bytearray(content)
    for _ in range(source.number(4)):
        kind = source.number(8)
        if kind == 0:
            struct.pack_into("<H", out, 20, source.pick(TAGS))
        elif kind == 1:
            struct.pack_into("<H", out, 22, source.pick(CHANNELS))
        elif kind == 2:
            struct.pack_into("<I", out, 24, source.pick(RATES))
        elif kind == 3:
            struct.pack_into("<HH", out, 32, source.number(65_536), source.pick(BITS))
        elif kind == 4:
            at = out.find(b"data")
            struct.pack_into("<I", out, at + 4, source.integer() & 0xFFFFFFFF) if at > 0 else None
        elif kind == 5:
            body = source.take(40)
            out += source.pick((b"data", b"fmt ", b"LIST", b"fact", b"PEAK", b"\0\0\0\0"))
            out += struct.pack("<I", len(body) if source.seldom(2) else source.integer() & 0xFFFFFFFF) + body
        elif kind == 6:
            at = len(out) - 8 - 8 * source.number(64)
            struct.pack_into(source.pick(("<f", "<d")), out, max(0, at), source.pick(SAMPLES)) if at > 60 else None
        else:
            out[:] = mutated(source, bytes(out), 2)
        if len(out) < 64:
            break
    return bytes(out) if source.seldom(4) else repairing.riff(bytes(out))


def _flac(source: Source, content: bytes, frames: tuple[int, ...]) -> bytes:
    if source.seldom(4):
        return mutated(source, content)
    out = bytearray(content)
    for _ in range(1 + source.number(4)):  # in place, so that the checksums can be made right
        base = source.pick((4, 18, *frames))
        at = base + source.byte()
        width = source.pick((1, 1, 2, 4))
        out[at : at + width] = (source.integer() & (1 << 8 * width) - 1).to_bytes(width, "big")
    return repairing.flac(bytes(out[: len(content)].ljust(len(content), b"\0")), frames)


def seeds_of_audio() -> list[bytes]:
    rows = [b"\0" * 60, *(bytes([1, kind, value]) * 6 for kind in range(8) for value in (0, 1, 9))]
    return [bytes([number]) + row for number in range(len(FILES)) for row in rows]


def seeds_of_published() -> list[bytes]:
    return [seed[1:] for seed in seeds_of_audio()[:25]]


TARGETS = (
    Target("audio", run_audio, seeds_of_audio, length_max=200),
    Target("audio-published", run_published, seeds_of_published, length_max=200),
)
