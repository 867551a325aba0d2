"""Renders the demo's own clips: ``stream/demo/own/clips.jsonl`` and ``audio/*.flac``.

Run once, by hand, on a machine with flite (Debian: ``apt-get install libflite1``)::

    python -m tests.demo.render_clips stream/demo/own

Every voice is flite's. Someone near the device and someone far away are simulated: each gets a room impulse response
made of a direct sound and an exponentially decaying noise tail (near: short, mostly direct; far: long, mostly
reverberant, low-passed), and a level. The same script, flite release and numpy release give the same samples. Word
times are the synthesiser's own, shifted by the direct sound's delay, which is none.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from tests.demo.flite import Utterance, say
from tests.demo.scripts import SCRIPTS, Line, Script

RATE_HZ = 16_000
PAUSE_S = 0.2  # longer pauses of a speaker part two turns
PEAK = 0.5
Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Room:
    """Where a voice stands, as the microphone hears it."""

    reverberation_s: float  # until the tail is 60 dB down
    direct_to_tail_db: float
    highest_hz: float


NEAR, FAR = Room(0.22, 14.0, 7_900.0), Room(0.5, -1.0, 3_600.0)


@dataclass(eq=False)
class Scene:
    """A clip while it is mixed."""

    sound: Sound
    turns: list[dict[str, Any]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)


def in_room(dry: Sound, room: Room, random: np.random.Generator) -> Sound:
    """``dry`` convolved with a synthetic room, low-passed, at the level of ``dry``."""
    length = round(room.reverberation_s * RATE_HZ)
    tail = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: round(0.003 * RATE_HZ)] = 0.0
    response = tail * math.sqrt(10 ** (-room.direct_to_tail_db / 10) / np.sum(tail**2))
    response[0] = 1.0
    size = len(dry) + length
    spectrum = np.fft.rfft(dry, size) * np.fft.rfft(response, size)
    spectrum *= 1 / np.sqrt(1 + (np.fft.rfftfreq(size, 1 / RATE_HZ) / room.highest_hz) ** 8)
    wet = np.fft.irfft(spectrum, size)
    return (wet * level(dry) / level(wet[: len(dry)])).astype(np.float32)


def level(sound: npt.NDArray[Any]) -> float:
    """Root mean square of the louder parts: pauses do not count."""
    loud = np.abs(sound) > 0.02 * np.max(np.abs(sound))
    return float(np.sqrt(np.mean(sound[loud].astype(np.float64) ** 2)))


def hum(length: int, random: np.random.Generator) -> Sound:
    """A quiet room: noise that falls with frequency."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20))
    noise = np.fft.irfft(spectrum, length)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def add(scene: Scene, line: Line, speaker: str, random: np.random.Generator) -> None:
    spoken = say(line.text, line.voice)
    wet = in_room(spoken.samples / level(spoken.samples), NEAR if line.near else FAR, random)
    wet *= 10 ** (line.level_db / 20) * 0.1
    first = round(line.start * RATE_HZ)
    end = min(len(scene.sound), first + len(wet))
    scene.sound[first:end] += wet[: end - first]
    words = whole_words(spoken, line.start)
    scene.turns += [{"speaker": speaker, "start": start, "end": stop} for start, stop in turns_of(words)]
    if line.heard:
        scene.words += words


def whole_words(spoken: Utterance, shift: float) -> list[dict[str, Any]]:
    """The synthesiser's words with the clip's times; it says "'s" as a word of its own, which is put back."""
    words: list[dict[str, Any]] = []
    for text, start, end in spoken.words:
        if text.startswith("'") and words:
            words[-1]["text"] += text
            words[-1]["end"] = round(shift + end, 3)
        else:
            words.append({"text": text, "start": round(shift + start, 3), "end": round(shift + end, 3)})
    return words


def turns_of(words: list[dict[str, Any]]) -> list[tuple[float, float]]:
    turns: list[tuple[float, float]] = []
    for word in words:
        if turns and word["start"] - turns[-1][1] < PAUSE_S:
            turns[-1] = (turns[-1][0], word["end"])
        else:
            turns.append((word["start"], word["end"]))
    return turns


def render(script: Script, folder: Path) -> dict[str, Any]:
    """Writes the audio and returns the clip's line of ``clips.jsonl``."""
    random = np.random.default_rng(script.seed)
    length = round(script.seconds * RATE_HZ)
    scene = Scene(hum(length, random) * np.float32(0.1 * 10 ** (-script.noise_db / 20)))
    for line in script.lines:
        add(scene, line, "main" if line.main else f"b-{line.voice}", random)
    sound = scene.sound * (PEAK / float(np.max(np.abs(scene.sound))))
    name = f"audio/{script.clip_id}.flac"
    soundfile.write(folder / name, np.round(sound * 32767).astype(np.int16), RATE_HZ, format="FLAC", subtype="PCM_16")
    words = sorted(scene.words, key=lambda word: (word["start"], word["end"]))
    return {
        "clip_id": script.clip_id,
        "audio": name,
        "duration": round(length / RATE_HZ, 3),
        "wake_word": wake_word(words, script),
        "words": words,
        "turns": sorted(scene.turns, key=lambda turn: (turn["start"], turn["end"])),
        "main": "main" if any(line.main for line in script.lines) else None,
        "spans": [span(words, phrase, entity_type) for phrase, entity_type in script.spans],
        "set": "demo",
        "conditions": {
            "kind": script.kind,
            "synthetic": "flite",
            "voices": {("main" if line.main else f"b-{line.voice}"): line.voice for line in script.lines},
            "bystander_db": max((line.level_db for line in script.lines if not line.main), default=None),
            "noise_db": script.noise_db,
        },
        "title": script.title,
        "event": script.event,
    }


def wake_word(words: list[dict[str, Any]], script: Script) -> dict[str, float] | None:
    """Where the device thinks that it was called: the first word that the script names."""
    heard = next(word for word in words if word["text"] == script.woken_by)
    return {"start": heard["start"], "end": heard["end"]}


def span(words: list[dict[str, Any]], phrase: str, entity_type: str) -> dict[str, Any]:
    texts, wanted = [word["text"] for word in words], phrase.split()
    first = next(at for at in range(len(texts)) if texts[at : at + len(wanted)] == wanted)
    return {"first": first, "last": first + len(wanted) - 1, "entity_type": entity_type}


def main(folder: Path) -> None:
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(render(script, folder)) for script in SCRIPTS]
    (folder / "clips.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
