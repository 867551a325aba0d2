"""Valid clip events with synthetic audio, for every test: start from one and change what the test is about."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from stream.clip import SAMPLE_RATE_HZ
from stream.wire import avro

SCHEMA_ID = 1
CAPTURED_AT_MS = 1_780_000_000_000  # 2026-05-28 20:26:40 UTC


def sound(seconds: float = 3.0, rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1, seed: int = 0) -> npt.NDArray[Any]:
    """(frame,) or (frame, channel) float32: a buzz of harmonics that comes and goes four times a second, a little
    like a voice, and faint noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch = 120 + 60 * rng.random()
    buzz = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 12))
    mono = 0.2 * buzz * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)) + 0.001 * rng.standard_normal(len(time))
    mono = np.clip(mono, -0.9, 0.9).astype(np.float32)
    return mono if channels == 1 else np.stack([mono] * channels, axis=1)


def encoded(
    samples: npt.NDArray[Any], rate_hz: int = SAMPLE_RATE_HZ, container: str = "WAV", subtype: str | None = None
) -> bytes:
    """Audio file bytes."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()


def words(text: str, start: float = 0.8, word_s: float = 0.25, gap_s: float = 0.05) -> list[dict[str, Any]]:
    """Words one after another, as a recogniser gives them."""
    step = word_s + gap_s
    return [
        {"text": word, "start": start + n * step, "end": start + n * step + word_s, "confidence": 0.9}
        for n, word in enumerate(text.split())
    ]


def event(**changes: Any) -> dict[str, Any]:
    """A clip event that can be published, as an Avro record of clip_event; ``changes`` replace top-level fields."""
    record = {
        "event_id": "event-7f31c2",
        "clip_id": "clip-9b2d4e",
        "captured_at": CAPTURED_AT_MS,
        "account_id": "account-55103",
        "first_name": "Marguerite",
        "device_serial": "SN-G0911X-8841",
        "device_model": "speaker",
        "household": "household-3107",
        "ip": "203.0.113.77",
        "location": {"latitude": 52.3702, "longitude": 4.8952, "city": "Zwolle", "postcode": "8011AB"},
        "locale": "en-US",
        "consent": {"human_review": True, "version": "2026-01", "changed_at": CAPTURED_AT_MS - 86_400_000},
        "wake_word": {"text": "computer", "start": 0.2, "end": 0.7, "score": 0.93},
        "audio": {"content": encoded(sound()), "codec": "wav"},
        "transcripts": [
            {"text": "", "confidence": 0.9, "words": words("set the kitchen lights to green")},
        ],
        "intent": "set_lights",
        "slots": {"room": "kitchen"},
        "attributes": {"firmware": "8.1.0"},
    }
    return {**copy.deepcopy(record), **changes}


def body(record: dict[str, Any]) -> bytes:
    """The Avro body."""
    return avro.write("clip_event", record)


def value(record: dict[str, Any], reference: int | str = SCHEMA_ID) -> bytes:
    """What lies on the topic: wire-format header and body."""
    return avro.frame(reference, body(record))
