"""The built-in speaker model: shapes, frame counts, what its inputs mean, and how its weights are read."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from pyannote.audio.utils.powerset import Powerset
from safetensors.torch import load_file

from stream.find.speakers.net import (
    BOTH,
    BYSTANDER,
    HYPERPARAMETERS_NAME,
    MAIN,
    NOBODY,
    WEIGHTS_NAME,
    PyanNetHousehold,
    load,
    load_builtin,
    specifications,
)
from stream.train.export import export

TINY = {"mels": 16, "channels": (4, 4), "heads": 2, "lstm": {"hidden_size": 8}, "linear": {"hidden_size": 8}}


@pytest.fixture(scope="module")
def tiny() -> PyanNetHousehold:
    """A small net with random weights."""
    torch.manual_seed(3)
    return PyanNetHousehold(**TINY).eval()


def waveforms(samples: int, *, words: float = -1.0) -> torch.Tensor:
    """(1, 3, samples): noise, no wake window, word times absent or empty."""
    generator = torch.Generator().manual_seed(samples)
    audio = 0.05 * torch.randn(samples, generator=generator)
    return torch.stack((audio, torch.zeros(samples), torch.full((samples,), words)))[None]


@pytest.mark.parametrize("samples", [1_600, 8_000, 8_001, 8_319, 8_320, 8_321, 80_000, 480_123])
def test_frames_match_count(tiny: PyanNetHousehold, samples: int) -> None:
    """Odd lengths give exactly num_frames frames of four probabilities that sum to one."""
    with torch.inference_mode():
        scores, clip, distance = tiny.judge(waveforms(samples))
    assert (1, tiny.num_frames(samples), 4) == scores.shape
    assert (1,) == clip.shape
    assert (1, tiny.num_frames(samples)) == distance.shape
    assert torch.allclose(torch.ones(scores.shape[:2]), scores.exp().sum(-1), atol=1e-5)


def test_clips_of_a_batch_are_judged_as_alone(tiny: PyanNetHousehold) -> None:
    """Of all lengths, with and without wake word and words: company and what fills the batch up change nothing."""
    clips = [waveforms(samples)[0] for samples in (80_037, 48_000, 112_639, 32_161, 1_600)]
    clips[0][1, 1_000:9_000] = 1
    clips[3][2] = 0
    clips[3][2, 5_000:20_000] = 1
    lengths = torch.tensor([clip.shape[1] for clip in clips])
    batch = torch.zeros(len(clips), 3, int(lengths.max()))
    batch[:, 2] = -1
    for row, clip in zip(batch, clips, strict=True):
        row[:, : clip.shape[1]] = clip
    with torch.inference_mode():
        together = tiny.judge(batch, lengths)
        for number, clip in enumerate(clips):
            alone, count = tiny.judge(clip[None]), tiny.num_frames(clip.shape[1])
            assert torch.allclose(alone.frames[0].exp(), together.frames[number, :count].exp(), atol=1e-5)
            assert torch.allclose(alone.distance[0], together.distance[number, :count], atol=1e-5)
            assert torch.allclose(alone.clip[0], together.clip[number], atol=1e-5)


def test_classes_are_pyannotes_powerset(tiny: PyanNetHousehold) -> None:
    """The class numbers are those of pyannote's powerset over main and bystander."""
    solved = specifications()
    sets = Powerset(len(solved.classes), solved.powerset_max_classes).powerset_classes
    assert [set(), {0}, {1}, {0, 1}] == sets
    assert [0, 1, 2, 3] == [NOBODY, MAIN, BYSTANDER, BOTH]
    assert ["main", "bystander"] == tiny.specifications.classes


def test_step_is_twenty_milliseconds(tiny: PyanNetHousehold) -> None:
    """pyannote reads the step and the first frame's place from the receptive field."""
    field = tiny.receptive_field
    assert pytest.approx((0.02, 0.02, 0.0), abs=1e-4) == (field.step, field.duration, field.start)


def test_level_does_not_count(tiny: PyanNetHousehold) -> None:
    """A quieter device hears the same."""
    clip = waveforms(16_000)
    quiet = clip.clone()
    quiet[:, 0] *= 0.01
    with torch.inference_mode():
        assert torch.allclose(tiny(clip), tiny(quiet), atol=1e-3)


def test_absent_words_are_not_empty_words(tiny: PyanNetHousehold) -> None:
    """No word times and no words are two different things to the net."""
    with torch.inference_mode():
        assert not torch.allclose(tiny(waveforms(16_000, words=-1.0)), tiny(waveforms(16_000, words=0.0)), atol=1e-4)


def test_silence_is_finite(tiny: PyanNetHousehold) -> None:
    """Digital silence gives finite scores."""
    clip = waveforms(16_000)
    clip[:, 0] = 0.0
    with torch.inference_mode():
        scores, odds, distance = tiny.judge(clip)
    assert torch.isfinite(scores).all()
    assert torch.isfinite(odds).all()
    assert torch.isfinite(distance).all()


def test_export_and_load_are_bit_equal(tiny: PyanNetHousehold, tmp_path: Path) -> None:
    """Two loads and a second export give the same output to the bit, and the net itself to the precision of float16."""
    export(tiny, tmp_path / "first")
    first = load(tmp_path / "first")
    export(first, tmp_path / "second")
    second = load(tmp_path / "second")
    with torch.inference_mode():
        assert torch.equal(first(waveforms(20_000)), second(waveforms(20_000)))
        assert torch.allclose(tiny(waveforms(20_000)), first(waveforms(20_000)), atol=5e-3)
    assert (tmp_path / "first" / WEIGHTS_NAME).read_bytes() == (tmp_path / "second" / WEIGHTS_NAME).read_bytes()


def test_changed_weights_are_refused(tiny: PyanNetHousehold, tmp_path: Path) -> None:
    """One flipped bit in the weights and the model is not loaded."""
    export(tiny, tmp_path)
    weights = bytearray((tmp_path / WEIGHTS_NAME).read_bytes())
    weights[-1] ^= 1
    (tmp_path / WEIGHTS_NAME).write_bytes(weights)
    with pytest.raises(ValueError, match="not those that its description names"):
        load(tmp_path)


def test_pickles_are_never_opened(tiny: PyanNetHousehold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading works with unpickling forbidden, and a pickle under the weights' name is refused."""

    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("unpickled")

    export(tiny, tmp_path)
    monkeypatch.setattr(pickle, "load", forbidden)
    monkeypatch.setattr(pickle, "loads", forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    load(tmp_path)
    (tmp_path / WEIGHTS_NAME).write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(ValueError, match="not those that its description names"):
        load(tmp_path)


def test_builtin_ships() -> None:
    """The shipped model loads, is under 10 MB, and its files are safetensors and JSON alone."""
    model = load_builtin()
    folder = Path(__file__).parents[3] / "stream" / "models" / "speakers"
    assert 10_000_000 > (folder / WEIGHTS_NAME).stat().st_size
    assert {WEIGHTS_NAME, HYPERPARAMETERS_NAME, "MODEL_CARD.md"} <= {path.name for path in folder.iterdir()}
    assert not [path.name for path in folder.iterdir() if path.suffix in {".pt", ".ckpt", ".bin", ".pkl"}]
    assert set(model.state_dict()) == set(load_file(folder / WEIGHTS_NAME))
    assert json.loads((folder / HYPERPARAMETERS_NAME).read_text())["architecture"] == model.architecture
