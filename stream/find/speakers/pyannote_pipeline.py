"""A pyannote diarization pipeline from a local directory as a speaker finder, with four changes to the stock pipeline.

Clips no longer than the segmentation's window are diarized by the segmentation's own speakers: stock clustering needs
two seconds of clean speech per voice and merges shorter bystanders into the main speaker. Longer clips take one pass of
the embedder per window instead of one per window and speaker, and none for windows that hear what their neighbours
hear. Sound goes in as validated waveforms in memory. The networks run in bfloat16 where the processor has instructions
for it, and see the windows of a clip at once.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from pyannote.audio import Inference, Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.core import SlidingWindowFeature

from stream.clip import (
    SAMPLE_RATE_HZ,
    Reason,
    Receipt,
    Refusal,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    Turn,
    WakeWord,
)
from stream.find.fingerprint import ModelRefused, read_pinned
from stream.find.main_speaker import choose, hear_voices
from stream.find.speakers.embeddings import EVERY, share_embeddings, without_overlap
from stream.find.speakers.frames import FRAME_S, level_db, runs
from stream.find.speakers.precision import has_bfloat16, run_in_bfloat16
from stream.ports import Hearing

STOCK_NAME = "pyannote.audio.pipelines.SpeakerDiarization"
SETTINGS = frozenset({"clustering", "segmentation_step", "embedding_exclude_overlap"})
TURN_S_MIN = 0.02
UNASSIGNED_LABEL = "unassigned"
UNASSIGNED_SHARE_MIN = 0.5  # of the windows over a moment
WINDOWS_AT_ONCE = 16  # of the segmentation; the embedder gains nothing by it


class ClipDiarization(SpeakerDiarization):  # type: ignore[misc]  # pyannote is untyped
    """The stock pipeline with the changes that the module names; same parameters, and for long clips the same output
    where it embeds every window (``embed_every`` 1, as it does by itself).

    ``unassigned`` says where the last clip held a voice that clustering gave to nobody, or to a speaker who already
    spoke in the same window: stock reconstruction hands such speech to whoever is left, often the main speaker.
    """

    unassigned: tuple[Segment, ...] = ()
    embed_every = 1

    def apply(self, file: Mapping[str, Any], **parameters: Any) -> DiarizeOutput:
        """The diarization of ``file``, a mapping with ``waveform`` (1, sample), ``sample_rate`` and ``uri``."""
        model = self._segmentation.model
        self.unassigned = ()
        samples = file["waveform"].shape[1]
        if samples > self._segmentation.duration * SAMPLE_RATE_HZ or not model.specifications.powerset:
            return super().apply(file, **parameters)
        local = SlidingWindowFeature(self._segmentation.infer(file["waveform"][None])[0], model.receptive_field)
        turns = self._annotation(local, file["uri"])
        alone = SlidingWindowFeature(local.data * (local.data.sum(axis=1, keepdims=True) < 2), local.sliding_window)
        return DiarizeOutput(turns, self._annotation(alone, file["uri"]))

    def _annotation(self, activity: SlidingWindowFeature, uri: str) -> Any:
        annotation = self.to_annotation(activity, min_duration_off=self.segmentation.min_duration_off)
        annotation.uri = uri
        return annotation.rename_labels(mapping=dict(zip(annotation.labels(), self.classes(), strict=False)))

    def reconstruct(
        self, segmentations: SlidingWindowFeature, hard_clusters: npt.NDArray[np.int8], count: SlidingWindowFeature
    ) -> SlidingWindowFeature:
        """As the stock pipeline; notes ``unassigned`` on the way. ``hard_clusters`` (window, speaker)."""
        lost = lost_speakers(segmentations.data, hard_clusters)
        heard = np.nansum(segmentations.data * lost[:, None, :], axis=2, keepdims=True)
        share = Inference.aggregate(SlidingWindowFeature(heard, segmentations.sliding_window), count.sliding_window)
        frame = share.sliding_window
        starts = (frame[0].middle - frame.step / 2) + frame.step * np.arange(len(share.data) + 1)
        self.unassigned = tuple(
            Segment(max(0.0, float(starts[first])), float(starts[end]))
            for first, end in runs(np.nan_to_num(share.data[:, 0]) >= UNASSIGNED_SHARE_MIN)
        )
        return super().reconstruct(segmentations, hard_clusters, count)

    def get_embeddings(
        self,
        file: Mapping[str, Any],
        binary_segmentations: SlidingWindowFeature,
        exclude_overlap: bool = False,
        hook: Callable[..., None] | None = None,
    ) -> npt.NDArray[np.float32]:
        """(window, speaker, dimension): as the stock pipeline's, from one pass of the embedder per window, or, where
        ``embed_every`` is more than 1, from fewer (``share_embeddings``)."""
        windows = binary_segmentations.sliding_window
        masks = np.nan_to_num(binary_segmentations.data).astype(np.float32)
        if exclude_overlap:
            window = windows.duration * SAMPLE_RATE_HZ
            masks = without_overlap(masks, math.ceil(masks.shape[1] * self._embedding.min_num_samples / window))
        count = itertools.count(1)

        def embed(number: int) -> npt.NDArray[np.float32]:
            waveform, _ = self._audio.crop(file, windows[number], mode="pad")
            found = self._embedding(waveform[None], masks=torch.from_numpy(masks[number].T)[None])[0]
            if hook is not None:
                hook("embeddings", None, total=len(masks), completed=next(count))
            return np.asarray(found, np.float32)

        shift = windows.step / self._segmentation.model.receptive_field.step
        return share_embeddings(masks, shift, embed, every=self.embed_every)


def lost_speakers(segmentations: npt.NDArray[np.float32], hard_clusters: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """(window, speaker): who speaks in a window (window, frame, speaker) and has no cluster (window, speaker) of their
    own there: none at all, or that of another who speaks more in the same window."""
    spoken = np.nan_to_num(segmentations).sum(axis=1)
    lost = (spoken > 0) & (hard_clusters < 0)
    windows, speakers = hard_clusters.shape
    for window in range(windows):
        for one in range(speakers):
            same = [other for other in range(speakers) if hard_clusters[window, other] == hard_clusters[window, one]]
            first = max(same, key=lambda other: (spoken[window, other], -other))
            lost[window, one] |= spoken[window, one] > 0 and one != first
    return np.asarray(lost)


def load_pipeline(
    files: Mapping[str, bytes], *, bfloat16: bool | None = None, embed_every: int = EVERY
) -> ClipDiarization:
    """The pipeline of a directory's files, already checked: what is unpickled are the bytes whose hash was compared.

    ``bfloat16`` is the networks' precision, by default that of ``has_bfloat16``; of the windows of a long clip at least
    every ``embed_every``-th is embedded. In float32, with every window embedded, the output for long clips is that of
    the stock pipeline. Raises ModelRefused when the configuration is not that of a speaker diarization, or names what
    is not there.
    """
    try:
        config = yaml.safe_load(files["config.yaml"])
        parameters = dict(config["pipeline"]["params"])
        folders = {
            part: str(parameters[part]).removeprefix("$model/") for part in ("segmentation", "embedding", "plda")
        }
        if config["pipeline"]["name"] != STOCK_NAME:
            raise ModelRefused(f"the model's pipeline is not {STOCK_NAME}")
        pipeline = ClipDiarization(
            segmentation=_model(files[f"{folders['segmentation']}/pytorch_model.bin"]),
            embedding=_model(files[f"{folders['embedding']}/pytorch_model.bin"]),
            plda=PLDA(*(io.BytesIO(files[f"{folders['plda']}/{name}.npz"]) for name in ("xvec_transform", "plda"))),
            segmentation_batch_size=WINDOWS_AT_ONCE,
            **{name: value for name, value in parameters.items() if name in SETTINGS},
        )
    except (KeyError, TypeError, yaml.YAMLError):
        raise ModelRefused("the model's directory lacks a part that a speaker diarization needs") from None
    pipeline.embed_every = embed_every
    pipeline.instantiate(config.get("params") or pipeline.default_parameters())
    if has_bfloat16() if bfloat16 is None else bfloat16:
        run_in_bfloat16(pipeline._segmentation.model)
        run_in_bfloat16(pipeline._embedding.model_)
    return pipeline


def _model(checkpoint: bytes) -> Model:
    model = Model.from_pretrained(io.BytesIO(checkpoint), strict=False)
    model.eval()
    return model


class PyannoteFinder:
    """Turns of a diarization pipeline in ``directory``, whose fingerprint must be ``sha256``, and the voice among them
    that spoke to the device. ``device`` is where it runs, in torch's terms; clustering stays on the CPU. Raises
    ModelRefused before anything is unpickled when the directory is another one."""

    def __init__(self, directory: Path, sha256: str, *, device: str = "cpu") -> None:
        torch.set_num_threads(1)  # more spin against each other; processes are how this scales
        self._pipeline = load_pipeline(read_pinned(directory, sha256), bfloat16=None if device == "cpu" else False)
        self._pipeline.to(torch.device(device))
        self._version = sha256

    def find_many(self, hearings: Sequence[Hearing]) -> Sequence[SpeakerEvidence | Refusal]:
        """Of each clip what ``find`` would give or raise for it alone; the windows of each are its batch."""
        found: list[SpeakerEvidence | Refusal] = []
        for hearing in hearings:
            try:
                found.append(self.find(hearing.samples, hearing.wake_word, hearing.transcript))
            except Refusal as refusal:
                found.append(refusal)
        return found

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        """All turns, clamped to the clip. Raises Refusal for samples that can't be judged."""
        if not np.isfinite(samples).all():  # the networks would answer all the same
            raise Refusal(Reason.AUDIO_NOT_FINITE)
        waveform = torch.from_numpy(np.array(samples, np.float32))[None]
        found = self._pipeline({"waveform": waveform, "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"})
        duration = len(samples) / SAMPLE_RATE_HZ
        turns = turns_of(found, duration)
        main, sure = choose(hear_voices(turns, wake_word, transcript, level_db(samples), FRAME_S))
        spans = ((segment.start, segment.end) for segment in self._pipeline.unassigned)
        lost = (Turn(segment, UNASSIGNED_LABEL) for segment in clamped(spans, duration))
        return SpeakerEvidence(
            tuple(sorted([*turns, *lost])), main, sure, Receipt("speakers", self._version, complete=True)
        )


def turns_of(found: DiarizeOutput, duration: float) -> tuple[Turn, ...]:
    """The diarization as turns inside a clip of ``duration`` seconds; pyannote's may end after it."""
    by_speaker: dict[str, list[tuple[float, float]]] = {}
    for segment, _, speaker in found.speaker_diarization.itertracks(yield_label=True):
        by_speaker.setdefault(str(speaker), []).append((segment.start, segment.end))
    return tuple(
        sorted(Turn(part, speaker) for speaker, spans in by_speaker.items() for part in clamped(spans, duration))
    )


def clamped(spans: Iterable[tuple[float, float]], duration: float) -> Iterator[Segment]:
    """The parts of ``spans`` inside the clip; slivers under 20 ms are no speech."""
    for start, end in spans:
        start, end = max(0.0, start), min(duration, end)
        if end - start >= TURN_S_MIN:
            yield Segment(start, end)
