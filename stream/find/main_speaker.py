"""Which voice of a diarization spoke to the device. A pure rule: evidence in order, and how far it agrees.

The order is: covers the wake word; speaks while the device's words are spoken; is louder on its own turns (the person
who speaks to a device stands near it); speaks longer. The first evidence with a clear margin decides. All of it weighs
on the confidence, so that a voice chosen by its wake word but drowned by a nearer one is doubted, and a voice that
nothing but its loudness speaks for is never trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stream.clip import Segment, Transcript, Turn, WakeWord
from stream.segments import Segments, intersect, seconds, subtract, union

LEVEL_SPAN_DB = 6.0  # a voice louder by this much is as clear as level can make it
MARGINS_MIN = (0.3, 0.3, 0.5, 0.0)  # from where on a margin decides: wake word, words, level, time
WEIGHTS = (3.0, 3.0, 1.5, 0.5)
DOUBT = 1.0  # log-odds against any voice before the evidence is heard


@dataclass(frozen=True)
class Voice:
    """What speaks for one voice: shares of the wake-word window and of the words' time that it covers (None where the
    device reports none), its mean level where it speaks alone in dB (None where it never does), and its seconds."""

    speaker: str
    wake_share: float | None
    word_share: float | None
    level_db: float | None
    seconds: float


def hear_voices(
    turns: Sequence[Turn],
    wake_word: WakeWord | None,
    transcript: Transcript | None,
    level_db: npt.NDArray[np.float32],
    frame_s: float,
) -> tuple[Voice, ...]:
    """The voices of ``turns``; ``level_db`` (frame,) is the level of each ``frame_s`` seconds of the clip."""
    wake = (wake_word.segment,) if wake_word else None
    words = union(word.segment for word in transcript.words if word.segment) if transcript else None
    voices = []
    for speaker in sorted({turn.speaker for turn in turns}):
        own = union(turn.segment for turn in turns if turn.speaker == speaker)
        alone = subtract(own, union(turn.segment for turn in turns if turn.speaker != speaker))
        level = _level(level_db, alone, frame_s)
        voices.append(Voice(speaker, _covered(wake, own), _covered(words, own), level, seconds(own)))
    return tuple(voices)


def _covered(window: Segments | None, own: Segments) -> float | None:
    return seconds(intersect(window, own)) / seconds(window) if window else None


def _level(level_db: npt.NDArray[np.float32], alone: Sequence[Segment], frame_s: float) -> float | None:
    centres = (np.arange(len(level_db)) + 0.5) * frame_s
    inside = np.zeros(len(level_db), dtype=bool)
    for segment in alone:
        inside |= (centres >= segment.start) & (centres < segment.end)
    return float(10 * np.log10(np.mean(10 ** (level_db[inside] / 10)))) if inside.any() else None


def choose(voices: Sequence[Voice]) -> tuple[str | None, float]:
    """The main speaker's label and a confidence in 0..1; (None, 0.0) where nobody speaks."""
    if not voices:
        return None, 0.0
    chosen = max(voices, key=lambda voice: _wins(voice, voices))
    margins = _margins(chosen, _rivals(chosen, voices))
    log_odds = sum(weight * margin for weight, margin in zip(WEIGHTS, margins, strict=True)) - DOUBT
    return chosen.speaker, 1.0 / (1.0 + math.exp(-log_odds))


def _wins(voice: Voice, voices: Sequence[Voice]) -> tuple[float, ...]:
    """Margins in the order of the evidence, those too thin to decide set to zero: compares as a tuple. Time decides
    last, thin or not."""
    margins = _margins(voice, _rivals(voice, voices))
    return tuple(m if abs(m) >= least else 0.0 for m, least in zip(margins, MARGINS_MIN, strict=True))


def _rivals(voice: Voice, voices: Sequence[Voice]) -> list[Voice]:
    return [other for other in voices if other.speaker != voice.speaker]


def _margins(voice: Voice, rivals: Sequence[Voice]) -> tuple[float, float, float, float]:
    """By how much (-1..1) each evidence prefers ``voice`` to the rival that it prefers most; 0 where it is silent."""
    louder = max((rival.level_db for rival in rivals if rival.level_db is not None), default=None)
    level = 0.0 if louder is None or voice.level_db is None else (voice.level_db - louder) / LEVEL_SPAN_DB
    longest = max((rival.seconds for rival in rivals), default=None)
    return (
        _share_margin(voice.wake_share, [rival.wake_share for rival in rivals]),
        _share_margin(voice.word_share, [rival.word_share for rival in rivals]),
        min(1.0, max(-1.0, level)),
        0.0 if longest is None else (voice.seconds - longest) / (voice.seconds + longest),
    )


def _share_margin(own: float | None, others: Sequence[float | None]) -> float:
    return 0.0 if own is None else own - max((other for other in others if other is not None), default=0.0)
