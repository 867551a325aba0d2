"""Clips of voices that training never heard, in simulated rooms, for tests of the model that ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stream.clip import SAMPLE_RATE_HZ, Samples, Segment, SpeakerEvidence, Turn, WakeWord
from stream.evaluate.corpus import Truth
from stream.policy import OperatingPoint
from stream.segments import Segments, intersect, own_and_others, seconds, subtract
from stream.train.device import convolve
from stream.train.rooms import Response, Room, simulate_room
from stream.train.voices import GATE_HOP, Voice, active_frames, load_voices

WAKE_S = 0.7
FAR_M = 2.2


@dataclass(frozen=True)
class Part:
    """``talker`` (0 is the main speaker) speaks from ``start`` for ``seconds``, as loud as ``level_db`` says, ``near``
    the device or at least FAR_M away."""

    talker: int
    start: float
    seconds: float
    level_db: float = 0.0
    near: bool = False


@dataclass(frozen=True, eq=False)
class Heard:
    """One clip: its sound (sample,), where the device was woken, and the truth."""

    samples: Samples = field(repr=False)
    wake_word: WakeWord | None
    truth: Truth


def kept(evidence: SpeakerEvidence) -> Segments:
    """What stays audible if the clip is published."""
    own, others = own_and_others(evidence.turns, evidence.main)
    return subtract(own, others)


def is_published(evidence: SpeakerEvidence, point: OperatingPoint) -> bool:
    """As ``plan.decide`` has it, of a clip without identifiers."""
    own, others = own_and_others(evidence.turns, evidence.main)
    return (
        evidence.main is not None
        and evidence.confidence >= point.confidence_min
        and seconds(intersect(own, others)) <= point.overlap_share_max * seconds(own)
        and seconds(kept(evidence)) >= point.kept_seconds_min
    )


def unheard_voices(corpora: Path) -> list[Voice]:
    """Those with at least six seconds of speech, which no training ever reads."""
    voices = load_voices(corpora / "speech-dev", held_out=False)
    return [voice for voice in voices if sum(map(len, voice.takes)) >= 6 * SAMPLE_RATE_HZ]


def a_room(rng: np.random.Generator) -> Room:
    """A new one, in which somebody can stand near the device and somebody at least FAR_M away."""
    while True:
        room = simulate_room(rng)
        if room.near and any(response.distance_m >= FAR_M for response in room.far):
            return room


def clip(
    rng: np.random.Generator, voices: Sequence[Voice], parts: Sequence[Part], seconds: float, *, woken: bool = True
) -> Heard:
    """``parts`` in a new room, each talker with a voice of their own and, near or far, a place of their own; all are
    near at one place. The device is woken at the first word of whoever speaks first."""
    room, count = a_room(rng), round(seconds * SAMPLE_RATE_HZ)
    cast = [voices[index] for index in rng.permutation(len(voices))]
    far = [response for response in room.far if response.distance_m >= FAR_M]
    samples = np.float32(10**-2.5) * rng.standard_normal(count).astype(np.float32)
    turns: list[Turn] = []
    for talker in sorted({part.talker for part in parts}):
        own = [part for part in parts if part.talker == talker]
        nearest = min(room.near, key=lambda near: near.distance_m)
        place = nearest if own[0].near else far[talker % len(far)]
        sound, spoken = _said(rng, cast[talker], place, own, count)
        samples += sound
        turns += [Turn(segment, "main" if talker == 0 else f"b{talker}") for segment in spoken]
    turns.sort()
    main = "main" if any(turn.speaker == "main" for turn in turns) else None
    first = turns[0].segment.start
    wake = WakeWord(Segment(first, first + WAKE_S)) if woken else None
    truth = Truth("scene", "scenes", seconds, tuple(turns), main, (), {}, "scene")
    return Heard(samples / np.abs(samples).max() / 2, wake, truth)


def _said(
    rng: np.random.Generator, voice: Voice, place: Response, parts: Sequence[Part], count: int
) -> tuple[Samples, list[Segment]]:
    """The sound (count,) of one talker at the device, a part's speech at unit power, and where it is."""
    take = np.concatenate(voice.takes)
    sound, spoken, at = np.zeros(count, np.float32), [], 0
    for part in parts:
        length, start = round(part.seconds * SAMPLE_RATE_HZ), round(part.start * SAMPLE_RATE_HZ)
        at = _first_speech(take, at % max(len(take) - length, 1))
        dry = np.zeros(count, np.float32)
        piece = take[at : at + length][: count - start]
        dry[start : start + len(piece)] = piece
        wet = convolve(dry, place.taps)
        sound += wet * np.float32(10 ** (part.level_db / 20) / (np.sqrt(np.mean(wet[start : start + len(piece)] ** 2))))
        spoken.append(Segment(part.start, part.start + len(piece) / SAMPLE_RATE_HZ))
        at += length
    return sound, spoken


def _first_speech(take: Samples, at: int) -> int:
    """The first sample from ``at`` on at which somebody speaks; the very first speech where none follows."""
    active = np.flatnonzero(active_frames(take)) * GATE_HOP
    later = active[active >= at]
    return int(later[0]) if len(later) else int(active[0])
