"""From what the built-in model says of every 20 ms to turns, and to how sure one may be of them. Pure.

The main speaker's turns are the frames in which the model hears the main speaker alone, the surer that anybody spoke to
the device, the more readily, and anybody else is at most as likely as the operating point allows. Speech that is not
surely the main speaker's becomes a turn of ``bystander`` or ``unsure`` and so is muted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stream.clip import SAMPLE_RATE_HZ, Samples, Segment, Transcript, Turn
from stream.policy import OperatingPoint

FRAME_SAMPLES = 320
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
NOBODY, MAIN, BYSTANDER, BOTH = range(4)
MAIN_LABEL, BYSTANDER_LABEL, UNSURE_LABEL = "main", "bystander", "unsure"
SMOOTHED_FRAMES = 5  # 0.1 s: nobody speaks for less
PAUSE_FRAMES_MAX = 10  # 0.2 s: a pause this short, with nobody else in it, belongs to the turn around it
PAUSE_OTHERS_MAX = 0.5  # in such a pause, whatever a point allows beside the main speaker
ADDRESSED_WEIGHT = 0.8  # of the clip's log-odds beside a frame's; on held-out clips 0.5 to 1 give much the same
TURN_FRAMES_MIN = 6  # 0.12 s: a main turn this short is no word

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Frames:
    """What was heard in one clip: ``probabilities`` (frame, 4) of nobody, main alone, bystander alone, both;
    ``unprompted``, the same from the sound and the wake word alone, without the device's words; ``clip_log_odds`` that
    anybody spoke to the device; ``distance`` (frame,) of whoever speaks, the logarithm against 2 m; ``level_db``
    (frame,) of the sound itself."""

    probabilities: Floats = field(repr=False)
    unprompted: Floats = field(repr=False)
    clip_log_odds: float
    distance: Floats = field(repr=False)
    level_db: Floats = field(repr=False)

    @property
    def others(self) -> Floats:
        """(frame,): the probability that anybody but the main speaker is heard."""
        return np.asarray(self.probabilities[:, BYSTANDER] + self.probabilities[:, BOTH], np.float32)

    @property
    def speech(self) -> Floats:
        """(frame,): the probability that anybody is heard."""
        return np.asarray(1.0 - self.probabilities[:, NOBODY], np.float32)


def level_db(samples: Samples) -> Floats:
    """(frame,): mean power of each 20 ms in dB against full scale; silence is -100 dB."""
    count = -(-len(samples) // FRAME_SAMPLES)
    padded = np.pad(samples, (0, count * FRAME_SAMPLES - len(samples))).reshape(count, FRAME_SAMPLES)
    return np.asarray(10.0 * np.log10(np.mean(np.square(padded), axis=1) + 1e-10), np.float32)


def smoothed(probabilities: Floats) -> Floats:
    """(frame, 4): the mean of each frame and its neighbours, 0.1 s in all; at the ends, of those that there are."""
    reach = SMOOTHED_FRAMES // 2
    padded = np.pad(probabilities, ((reach, reach), (0, 0)))
    known = np.pad(np.ones(len(probabilities), np.float32), reach)
    sums = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED_FRAMES, axis=0).sum(axis=-1)
    counts = np.lib.stride_tricks.sliding_window_view(known, SMOOTHED_FRAMES).sum(axis=-1)
    return np.asarray(sums / counts[:, None], np.float32)


def tells_words(transcript: Transcript | None) -> bool:
    """Whether the device says when any word was spoken."""
    return transcript is not None and any(word.segment for word in transcript.words)


def runs(flags: Flags) -> list[tuple[int, int]]:
    """First and past-the-last frame of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def surely_main(frames: Frames, point: OperatingPoint, addressed: float, *, told_words: bool) -> Flags:
    """(frame,): the main speaker alone, beyond the thresholds; short pauses closed, specks dropped.

    A frame's probability is given that somebody spoke to the device; ``addressed``, the log-odds of that, shifts it.
    ``told_words`` says whether the device told the times of words; either kind of clip has its own limit on others.
    """
    clear = frames.others <= (
        point.bystander_probability_max_with_words if told_words else point.bystander_probability_max
    )
    alone = np.clip(frames.probabilities[:, MAIN].astype(np.float64), 1e-6, 1.0 - 1e-6)
    least = np.log(point.main_probability_min / (1.0 - point.main_probability_min)) - ADDRESSED_WEIGHT * addressed
    sure = np.asarray((np.log(alone / (1.0 - alone)) >= least) & clear, np.bool_)
    empty = clear & (frames.others <= PAUSE_OTHERS_MAX)
    for start, end in runs(~sure):
        inner = start > 0 and end < len(sure)
        if inner and end - start <= PAUSE_FRAMES_MAX and empty[start:end].all():
            sure[start:end] = True
    for start, end in runs(sure):
        if end - start < TURN_FRAMES_MIN:
            sure[start:end] = False
    return sure


def turns(frames: Frames, sure: Flags, duration: float) -> tuple[Turn, ...]:
    """All speech as turns of ``main`` (where ``sure``, (frame,) flags), ``bystander`` and ``unsure``, inside a clip of
    ``duration`` seconds."""
    loudest = frames.probabilities.argmax(axis=1)
    both = (loudest == BOTH) & ~sure
    voices = {
        MAIN_LABEL: sure | both,
        BYSTANDER_LABEL: both | ((loudest == BYSTANDER) & ~sure),
        UNSURE_LABEL: (loudest == MAIN) & ~sure,
    }
    found = [
        Turn(Segment(start * FRAME_S, min(end * FRAME_S, duration)), voice)
        for voice, flags in voices.items()
        for start, end in runs(flags)
        if start * FRAME_S < duration
    ]
    return tuple(sorted(found))
