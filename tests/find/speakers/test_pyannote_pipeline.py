"""pyannote directories: pinned before they are read, diarized as the stock pipeline does, with our four changes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pyannote.audio import Model, Pipeline
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.core import Annotation, SlidingWindow, SlidingWindowFeature
from pyannote.core import Segment as Stretch

from stream.clip import SAMPLE_RATE_HZ, Reason, Refusal, Segment, Turn, WakeWord
from stream.evaluate.scoring import by_speaker, speaker_error_seconds
from stream.find.fingerprint import ModelRefused, fingerprint, read_files
from stream.find.speakers.embeddings import EVERY, share_embeddings, without_overlap
from stream.find.speakers.pyannote_pipeline import (
    UNASSIGNED_LABEL,
    ClipDiarization,
    PyannoteFinder,
    load_pipeline,
    lost_speakers,
)
from tests.find.speakers.layout import speechlike, write_directory

torch.set_num_threads(1)  # more spin against each other
REPLAY = Path(os.environ.get("CLIPVEIL_CORPORA", "../shared/corpora")).parent / "replay"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_directory(tmp_path_factory.mktemp("pipeline") / "model")


def load_exactly(directory: Path) -> ClipDiarization:
    """With the stock pipeline's precision, and every window embedded."""
    return load_pipeline(read_files(directory), bfloat16=False, embed_every=1)


class _Silent(Model):
    """Stands where the pipeline's constructor wants a network; it only says what shape its output would have."""

    def __init__(self, frames: int | None = None) -> None:
        super().__init__()
        self._frames = frames
        self.dimension = 256
        classes = ["a", "b", "c"] if frames else ["x"]
        self.specifications = Specifications(
            problem=Problem.MONO_LABEL_CLASSIFICATION if frames else Problem.REPRESENTATION,
            resolution=Resolution.FRAME if frames else Resolution.CHUNK,
            duration=10.0,
            classes=classes,
            powerset_max_classes=2 if frames else None,
        )

    def num_frames(self, num_samples: int) -> int:
        return self._frames or 1

    def receptive_field_size(self, num_frames: int = 1) -> int:
        return 991 + (num_frames - 1) * 270

    def receptive_field_center(self, frame: int = 0) -> int:
        return 495 + frame * 270

    def forward(self, waveforms: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        return torch.zeros(waveforms.shape[0], 256)


def _reference(path: Path) -> tuple[Turn, ...]:
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    return tuple(Turn(Segment(float(row[3]), float(row[3]) + float(row[4])), row[7]) for row in rows)


def _replayed(stride: int, every: int) -> tuple[ClipDiarization, tuple[Turn, ...], int]:
    """community-1's own tensors, every ``stride``-th window of a second each, through our subclass, and how many of
    the windows were embedded where every ``every``-th is at least."""
    recorded = np.load(REPLAY / "sample_community1.npz")
    pipeline = ClipDiarization(
        segmentation=_Silent(frames=589),
        embedding=_Silent(),
        plda=PLDA.from_pretrained(str(REPLAY / "plda")),
        clustering="VBxClustering",
        segmentation_step=0.1 * stride,
        embedding_exclude_overlap=True,
    )
    clustering = {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}
    pipeline.instantiate({"clustering": clustering, "segmentation": {"min_duration_off": 0.0}})
    windows = SlidingWindow(start=0.0, duration=10.0, step=float(stride))
    segmentations = SlidingWindowFeature(recorded["segmentations"][::stride].astype(np.float32), windows)
    pipeline.get_segmentations = lambda file, hook=None: segmentations
    embedded: set[int] = set()

    def embed(number: int) -> npt.NDArray[np.float32]:
        embedded.add(number)
        return np.asarray(recorded["embeddings"][::stride][number])

    shift = stride / (270 / SAMPLE_RATE_HZ)
    masks = without_overlap(segmentations.data, 2)  # the embedder needs at least 400 samples
    pipeline.get_embeddings = lambda *_, **__: share_embeddings(masks, shift, embed, every=every)
    found = pipeline({"waveform": torch.zeros(1, 480_000), "sample_rate": 16_000, "uri": "sample"})
    turns = tuple(
        Turn(Segment(segment.start, min(30.0, segment.end)), speaker)
        for segment, _, speaker in found.speaker_diarization.itertracks(yield_label=True)
    )
    return pipeline, turns, len(embedded)


@pytest.mark.skipif(not REPLAY.is_dir(), reason="the recorded tensors are not here")
@pytest.mark.parametrize(
    ("stride", "every", "error_max", "passes"), [(1, 1, 0.0522, 21), (1, EVERY, 0.0522, 10), (2, 1, 0.08, 11)]
)
def test_recorded_tensors_give_the_recorded_diarization(stride: int, every: int, error_max: float, passes: int) -> None:
    """community-1's own tensors: two voices, and the published error rate on that recording, whether all windows are
    embedded or ten of 21; more with half of the windows."""
    pipeline, turns, embedded = _replayed(stride, every)
    assert embedded == passes
    truth = tuple(
        Turn(Segment(turn.segment.start, min(30.0, turn.segment.end)), turn.speaker)
        for turn in _reference(REPLAY / "sample.rttm")
    )
    spoken = sum(segment.duration for own in by_speaker(truth).values() for segment in own)
    assert len(by_speaker(turns)) == 2
    assert speaker_error_seconds(truth, turns) / spoken < error_max
    unassigned = sum(segment.duration for segment in pipeline.unassigned)
    assert unassigned < 0.01 * spoken  # next to nothing is doubted where clustering does well


def test_half_the_precision_hears_the_same(directory: Path) -> None:
    """In bfloat16 the embeddings point where they did, and next to no frame changes its speakers."""
    exact, half = (load_pipeline(read_files(directory), bfloat16=choice) for choice in (False, True))
    file = {"waveform": torch.from_numpy(speechlike(10.6))[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"}
    segmentations = exact.get_segmentations(file)
    assert np.mean(segmentations.data != half.get_segmentations(file).data) < 0.01
    expected = exact.get_embeddings(file, segmentations, exclude_overlap=True)
    found = half.get_embeddings(file, segmentations, exclude_overlap=True)
    known = np.isfinite(expected).all(axis=2)
    assert found.dtype == np.float32
    assert np.array_equal(known, np.isfinite(found).all(axis=2))
    one, other = expected[known], found[known]
    cosines = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosines.min() > 0.999


def test_one_pass_per_window_gives_the_stock_embeddings(directory: Path) -> None:
    """Same networks, same clip: our embeddings equal those of the stock pipeline, NaN for NaN."""
    stock, ours = Pipeline.from_pretrained(str(directory)), load_exactly(directory)
    file = {"waveform": torch.from_numpy(speechlike(10.6))[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"}
    segmentations = stock.get_segmentations(file)
    assert (segmentations.data.sum(axis=1) > 0).sum() > len(segmentations.data)  # more than one voice is active
    expected = stock.get_embeddings(file, segmentations, exclude_overlap=True)
    found = ours.get_embeddings(file, segmentations, exclude_overlap=True)
    assert np.isfinite(expected).all(axis=2).sum() > len(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_windows_that_hear_the_same_share_embeddings(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As loaded, five windows of one voice, with a second in the third, take three passes; what was embedded is what
    the embedder says."""
    ours, exact = load_pipeline(read_files(directory), bfloat16=False), load_exactly(directory)
    file = {"waveform": torch.from_numpy(speechlike(14.0))[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"}
    windows = ours.get_segmentations(file).sliding_window
    frames = ours._segmentation.model.num_frames(10 * SAMPLE_RATE_HZ)
    data = np.zeros((5, frames, 3), np.float32)
    for number in range(5):  # at 4.5 to 9 s of the clip
        data[number, round((4.5 - number) / 10 * frames) : round((9 - number) / 10 * frames), 0] = 1
    data[2, -40:, 1] = 1
    asked: list[torch.Tensor] = []
    embed = ours._embedding.__call__
    monkeypatch.setattr(
        type(ours._embedding), "__call__", lambda self, waves, masks=None: (asked.append(waves), embed(waves, masks))[1]
    )
    found = ours.get_embeddings(file, SlidingWindowFeature(data, windows), exclude_overlap=True)
    assert len(asked) == 3
    expected = exact.get_embeddings(file, SlidingWindowFeature(data, windows), exclude_overlap=True)
    for number in (0, 2, 4):
        np.testing.assert_allclose(found[number, 0], expected[number, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1, 0], (expected[0, 0] + expected[4, 0]) / 2, rtol=1e-4, atol=1e-5)


def test_long_clips_are_diarized_as_by_the_stock_pipeline(directory: Path) -> None:
    """Beyond the window's length the whole result is the stock result."""
    stock, ours = Pipeline.from_pretrained(str(directory)), load_exactly(directory)
    file = {"waveform": torch.from_numpy(speechlike(10.6))[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"}
    assert list(stock(dict(file)).speaker_diarization.itertracks(yield_label=True)) == list(
        ours(dict(file)).speaker_diarization.itertracks(yield_label=True)
    )


def test_short_clips_need_no_embedder(directory: Path) -> None:
    """Up to the window's length the segmentation's own speakers are the speakers, and nothing is clustered."""
    pipeline = load_pipeline(read_files(directory))

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the embedder ran")

    pipeline.get_embeddings = fail
    file = {"waveform": torch.from_numpy(speechlike(6.0))[None], "sample_rate": SAMPLE_RATE_HZ, "uri": "clip"}
    found = pipeline(file)
    local = pipeline._segmentation.infer(file["waveform"][None])[0]
    assert len(found.speaker_diarization.labels()) == int((local.sum(axis=0) > 0).sum()) > 1


def test_turns_stay_inside_the_clip_and_the_receipt_names_the_model(directory: Path) -> None:
    """The evidence of a whole finder, clamped and receipted with the directory's fingerprint."""
    pinned = fingerprint(read_files(directory))
    samples = speechlike(4.5)
    found = PyannoteFinder(directory, pinned).find(samples, WakeWord(Segment(0.2, 0.8)), None)
    assert (found.receipt.detector, found.receipt.version, found.receipt.complete) == ("speakers", pinned, True)
    assert found.turns
    assert max(turn.segment.end for turn in found.turns) <= 4.5
    assert found.main in {turn.speaker for turn in found.turns}
    assert 0.0 <= found.confidence <= 1.0


def test_samples_that_are_no_numbers_are_refused(directory: Path) -> None:
    """The networks would give a plausible diarization of NaN."""
    finder = PyannoteFinder(directory, fingerprint(read_files(directory)))
    samples = speechlike(2.0)
    samples[100] = np.nan
    with pytest.raises(Refusal) as refused:
        finder.find(samples, None, None)
    assert refused.value.reason is Reason.AUDIO_NOT_FINITE


def test_a_voice_without_a_cluster_of_its_own_is_lost_to_nobody() -> None:
    """Two voices in a window: one with no cluster, then both with the same, then each with its own."""
    spoken = np.zeros((3, 10, 3), np.float32)
    spoken[:, :6, 0] = 1
    spoken[:, 6:9, 1] = 1
    clusters = np.array([[0, -2, -2], [0, 0, -2], [0, 1, -2]], np.int8)
    assert lost_speakers(spoken, clusters).tolist() == [[False, True, False], [False, True, False], [False] * 3]


def test_speech_that_clustering_merges_is_still_told_apart(directory: Path) -> None:
    """Everything in one cluster: where the second voice of a window speaks becomes a turn of nobody's."""
    pipeline = load_pipeline(read_files(directory))
    windows = SlidingWindow(start=0.0, duration=10.0, step=1.0)
    data = np.zeros((3, 589, 3), np.float32)
    for number in range(3):  # main from 0 s on, another voice at 6-8 s of the clip
        data[number, :, 0] = 1
        at = [round((time - number) * 58.9) for time in (6.0, 8.0)]
        data[number, at[0] : at[1]] = (0, 1, 0)
    segmentations = SlidingWindowFeature(data, windows)
    count = pipeline.speaker_count(segmentations, pipeline._segmentation.model.receptive_field, warm_up=(0.0, 0.0))
    pipeline.reconstruct(segmentations, np.array([[0, 0, -2]] * 3, np.int8), count)
    assert [(pytest.approx(6.0, abs=0.1), pytest.approx(8.0, abs=0.1))] == [
        (segment.start, segment.end) for segment in pipeline.unassigned
    ]


class _Merging:
    """A pipeline that gives everything to one voice, and knows of stretches that it should not have given to it."""

    unassigned = (Segment(1.0, 2.0), Segment(2.9, 3.4))

    def __call__(self, _file: object) -> DiarizeOutput:
        annotation = Annotation()
        annotation[Stretch(0.0, 3.0)] = "SPEAKER_00"
        return DiarizeOutput(annotation, annotation)


def test_speech_that_clustering_gave_to_nobody_is_a_turn_of_its_own() -> None:
    """Inside the clip: so that it is muted, whoever the pipeline says that it was."""
    finder = object.__new__(PyannoteFinder)
    finder._pipeline, finder._version = _Merging(), "1"  # type: ignore[assignment]
    told = finder.find(np.full(48_000, 0.1, np.float32), None, None)
    expected = [(0.0, 3.0, "SPEAKER_00"), (1.0, 2.0, UNASSIGNED_LABEL), (2.9, 3.0, UNASSIGNED_LABEL)]
    assert expected == [(turn.segment.start, turn.segment.end, turn.speaker) for turn in told.turns]


class _Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.path),))


def test_a_directory_that_is_not_the_pinned_one_is_never_unpickled(tmp_path: Path) -> None:
    """A checkpoint that runs code when it is read runs none."""
    model, sprung = write_directory(tmp_path / "model"), tmp_path / "sprung"
    pinned = fingerprint(read_files(model))
    (model / "segmentation" / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb(sprung)))
    with pytest.raises(ModelRefused):
        PyannoteFinder(model, pinned)
    assert not sprung.exists()


def test_an_added_file_changes_the_fingerprint(tmp_path: Path) -> None:
    """Nothing can be slipped in beside what was pinned; a hidden file is not read and does not count."""
    (tmp_path / "a").write_bytes(b"1")
    before = fingerprint(read_files(tmp_path))
    (tmp_path / ".hidden").write_bytes(b"2")
    assert fingerprint(read_files(tmp_path)) == before
    (tmp_path / "b").write_bytes(b"2")
    assert fingerprint(read_files(tmp_path)) != before


def test_another_pipeline_or_a_missing_part_is_refused(directory: Path) -> None:
    """A configuration may name any class of any module: only one is accepted."""
    files = read_files(directory)
    other = files["config.yaml"].replace(b"SpeakerDiarization", b"VoiceActivityDetection")
    with pytest.raises(ModelRefused):
        load_pipeline(files | {"config.yaml": other})
    with pytest.raises(ModelRefused):
        load_pipeline({path: content for path, content in files.items() if not path.startswith("plda/")})
