"""The built-in model as a speaker finder: a pass or two over the whole clip, on one thread, and the evidence of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
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
from stream.find.speakers.frames import MAIN_LABEL, Frames, level_db, smoothed, surely_main, tells_words, turns
from stream.policy import OperatingPoint
from stream.ports import Hearing

BUILTIN = Path(__file__).parents[2] / "models" / "speakers"
SAMPLES_MIN = SAMPLE_RATE_HZ // 10


class BuiltinFinder:
    """Main speaker and bystanders by the model of ``directory`` (None: the one that ships with the package).

    ``device`` is where the model runs, in torch's terms. Raises ValueError or OSError when the model is missing or is
    not the one that its description names.
    """

    def __init__(
        self, point: OperatingPoint, directory: Path | None = None, *, sha256: str = "", device: str = "cpu"
    ) -> None:
        torch.set_num_threads(1)  # more spin against each other; processes are how this scales
        directory = directory or BUILTIN
        self._point = point
        self._version = str(json.loads((directory / net.HYPERPARAMETERS_NAME).read_text(encoding="utf-8"))["sha256"])
        if sha256 and sha256 != self._version:
            raise ValueError("the speaker model is not the one that the settings name")
        self._device = torch.device(device)
        self._model = net.load(directory).to(self._device)

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        """Turns of ``main``, ``bystander`` and ``unsure``; ``main`` is None when the main speaker is never surely
        heard. Raises Refusal for samples that can't be judged."""
        hearing = Hearing(samples, wake_word, transcript)
        return self._judged(hearing, self.listen(samples, wake_word, transcript))

    def find_many(self, hearings: Sequence[Hearing]) -> Sequence[SpeakerEvidence | Refusal]:
        """Of each clip what ``find`` would give or raise for it alone, in one pass of the model."""
        found: list[SpeakerEvidence | Refusal] = []
        for hearing, frames in zip(hearings, self._listen_to(hearings), strict=True):
            found.append(frames if isinstance(frames, Refusal) else self._judged(hearing, frames))
        return found

    def listen(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> Frames:
        """What the model says of every frame, before any threshold. Raises Refusal.

        Where there are words it listens twice, with them and without, and what it hears is the mean: words are partly
        wrong, and a device that heard a television gives words of the television.
        """
        [frames] = self._listen_to([Hearing(samples, wake_word, transcript)])
        if isinstance(frames, Refusal):
            raise frames
        return frames

    def _judged(self, hearing: Hearing, frames: Frames) -> SpeakerEvidence:
        """Thresholds, turns and confidence."""
        asked = addressed(frames, hearing.wake_word, hearing.transcript, self._point.name)
        kept = surely_main(frames, self._point, log_odds(asked), told_words=tells_words(hearing.transcript))
        sure = confidence(frames, kept, hearing.wake_word, hearing.transcript, self._point.name, asked)
        return SpeakerEvidence(
            turns=turns(frames, kept, len(hearing.samples) / SAMPLE_RATE_HZ),
            main=MAIN_LABEL if kept.any() else None,
            confidence=sure,
            receipt=Receipt("speakers", self._version, complete=True),
        )

    def _listen_to(self, hearings: Sequence[Hearing]) -> list[Frames | Refusal]:
        """As ``listen``, for several clips in one pass."""
        rows: list[list[Samples]] = [
            _rows(hearing) if _refusal(hearing.samples) is None else [] for hearing in hearings
        ]
        heard = iter(self._judge([row for of_clip in rows for row in of_clip]))
        answers: list[Frames | Refusal] = []
        for hearing, of_clip in zip(hearings, rows, strict=True):
            judged = [next(heard) for _ in of_clip]
            answers.append(_refusal(hearing.samples) or _frames(judged, hearing.samples))
        return answers

    def _judge(self, rows: Sequence[Samples]) -> Iterator[net.Judgement]:
        """The model's word on each of ``rows`` (3, samples), by itself and without a batch's dimension."""
        if not rows:
            return
        lengths = [row.shape[1] for row in rows]
        batch = np.zeros((len(rows), 3, max(lengths)), np.float32)
        batch[:, 2] = -1.0
        for clip, row in zip(batch, rows, strict=True):
            clip[:, : row.shape[1]] = row
        alike = None if min(lengths) == max(lengths) else torch.tensor(lengths, device=self._device)
        with torch.inference_mode():
            heard = self._model.judge(torch.from_numpy(batch).to(self._device), alike)
        frames, clips, distance = heard.frames.cpu(), heard.clip.cpu(), heard.distance.cpu()
        for number, length in enumerate(lengths):
            count = self._model.num_frames(length)
            yield net.Judgement(frames[number, :count], clips[number], distance[number, :count])


def _refusal(samples: Samples) -> Refusal | None:
    if len(samples) < SAMPLES_MIN:
        return Refusal(Reason.AUDIO_TOO_SHORT)
    if not np.isfinite(samples).all():  # the model would answer all the same
        return Refusal(Reason.AUDIO_NOT_FINITE)
    return None


def _rows(hearing: Hearing) -> list[Samples]:
    """Without words first, and with them where there are any."""
    rows = [channels_of(hearing.samples, hearing.wake_word, None)]
    if tells_words(hearing.transcript):
        rows.append(channels_of(hearing.samples, hearing.wake_word, hearing.transcript))
    return rows


def _frames(judged: Sequence[net.Judgement], samples: Samples) -> Frames | Refusal:
    probabilities = np.stack([one.frames.exp().numpy() for one in judged])
    clip = np.array([float(one.clip) for one in judged])
    if not (np.isfinite(probabilities).all() and np.isfinite(clip).all()):
        return Refusal(Reason.DETECTOR_FAILED)
    return Frames(
        probabilities=smoothed(probabilities.mean(axis=0)),
        unprompted=smoothed(probabilities[0]),
        clip_log_odds=float(clip.mean()),
        distance=np.stack([one.distance.numpy() for one in judged]).mean(axis=0),
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
