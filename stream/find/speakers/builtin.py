"""The built-in model as a speaker finder: a pass or two over the whole clip, on one thread, and the evidence of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from stream.clip import (
    SAMPLE_RATE_HZ,
    Reason,
    Receipt,
    Refusal,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    WakeWord,
)
from stream.find.speakers import net
from stream.find.speakers.confidence import addressed, confidence, log_odds
from stream.find.speakers.frames import MAIN_LABEL, Frames, level_db, smoothed, surely_main, turns
from stream.policy import OperatingPoint

BUILTIN = Path(__file__).parents[2] / "models" / "speakers"
SAMPLES_MIN = SAMPLE_RATE_HZ // 10


class BuiltinFinder:
    """Main speaker and bystanders by the model of ``directory`` (None: the one that ships with the package).

    Raises ValueError or OSError when the model is missing or is not the one that its description names.
    """

    def __init__(self, point: OperatingPoint, directory: Path | None = None, *, sha256: str = "") -> None:
        torch.set_num_threads(1)  # more spin against each other; processes are how this scales
        directory = directory or BUILTIN
        self._point = point
        self._version = str(json.loads((directory / net.HYPERPARAMETERS_NAME).read_text(encoding="utf-8"))["sha256"])
        if sha256 and sha256 != self._version:
            raise ValueError("the speaker model is not the one that the settings name")
        self._model = net.load(directory)

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        """Turns of ``main``, ``bystander`` and ``unsure``; ``main`` is None when the main speaker is never surely
        heard. Raises Refusal for samples that can't be judged."""
        frames = self.listen(samples, wake_word, transcript)
        asked = addressed(frames, wake_word, transcript, self._point.name)
        kept = surely_main(frames, self._point, log_odds(asked))
        sure = confidence(frames, kept, wake_word, transcript, self._point.name, asked)
        return SpeakerEvidence(
            turns=turns(frames, kept, len(samples) / SAMPLE_RATE_HZ),
            main=MAIN_LABEL if kept.any() else None,
            confidence=sure,
            receipt=Receipt("speakers", self._version, complete=True),
        )

    def listen(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> Frames:
        """What the model says of every frame, before any threshold.

        Where there are words it listens twice, with them and without, and what it hears is the mean: words are partly
        wrong, and a device that heard a television gives words of the television.
        """
        if len(samples) < SAMPLES_MIN:
            raise Refusal(Reason.AUDIO_TOO_SHORT)
        if not np.isfinite(samples).all():  # the model would answer all the same
            raise Refusal(Reason.AUDIO_NOT_FINITE)
        hearings = [channels_of(samples, wake_word, None)]
        if transcript and any(word.segment for word in transcript.words):
            hearings.append(channels_of(samples, wake_word, transcript))
        with torch.inference_mode():
            heard = self._model.judge(torch.from_numpy(np.stack(hearings)))
        probabilities = heard.frames.exp().numpy()
        if not (np.isfinite(probabilities).all() and torch.isfinite(heard.clip).all()):
            raise Refusal(Reason.DETECTOR_FAILED)
        return Frames(
            probabilities=smoothed(probabilities.mean(axis=0)),
            unprompted=smoothed(probabilities[0]),
            clip_log_odds=float(heard.clip.mean()),
            distance=heard.distance.mean(dim=0).numpy(),
            level_db=level_db(samples),
        )


def channels_of(samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> Samples:
    """(3, sample): the sound, the wake-word window, and the words' times (all -1 without any), as ``net`` wants."""
    words = [word.segment for word in transcript.words if word.segment] if transcript else []
    channels = np.zeros((3, len(samples)), np.float32)
    channels[0] = samples
    _mark(channels[1], [wake_word.segment] if wake_word else [])
    if words:
        _mark(channels[2], words)
    else:
        channels[2] = -1.0
    return channels


def _mark(channel: Samples, segments: Iterable[Segment]) -> None:
    for segment in segments:
        channel[round(segment.start * SAMPLE_RATE_HZ) : round(segment.end * SAMPLE_RATE_HZ)] = 1.0
