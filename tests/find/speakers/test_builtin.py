"""The built-in model as a finder: evidence, receipt, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stream.clip import SAMPLE_RATE_HZ, Reason, Refusal, Segment, SpeakerEvidence, Transcript, WakeWord, Word
from stream.find.fingerprint import ModelRefused
from stream.find.speakers import making, net
from stream.find.speakers.builtin import BuiltinFinder, channels_of
from stream.policy import SAFE, Policy
from stream.ports import Hearing
from stream.train.export import export

WAKE = WakeWord(Segment(0.2, 0.8))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of random weights, as the training writes one."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("speakers")
    export(net.PyanNetHousehold(mels=40, channels=(4, 4), heads=2, lstm={"hidden_size": 8, "num_layers": 2}), folder)
    return folder


def _noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.1, 0.1, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def test_the_receipt_names_the_weights(directory: Path) -> None:
    """By their sha256, and says that all was heard."""
    found = BuiltinFinder(SAFE, directory).find(_noise(2.0), WAKE, None)
    described = json.loads((directory / net.HYPERPARAMETERS_NAME).read_text())
    assert (found.receipt.detector, found.receipt.version) == ("speakers", described["sha256"])
    assert found.receipt.complete


@pytest.mark.parametrize("seconds", [0.5, 1.0, 4.987, 12.3])
def test_every_length_is_heard_to_its_end(directory: Path, seconds: float) -> None:
    """One frame for every 20 ms begun, each a distribution; turns inside the clip."""
    finder, samples = BuiltinFinder(SAFE, directory), _noise(seconds)
    frames = finder.listen(samples, None, None)
    assert frames.probabilities.shape == (-(-len(samples) // 320), 4)
    assert frames.level_db.shape == (len(frames.probabilities),)
    assert frames.probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-3)
    assert all(turn.segment.end <= len(samples) / SAMPLE_RATE_HZ for turn in finder.find(samples, None, None).turns)


def test_the_same_clip_gives_the_same_evidence(directory: Path) -> None:
    """Also in another process of the finder: nothing is remembered of the clip before."""
    first, second = BuiltinFinder(SAFE, directory), BuiltinFinder(SAFE, directory)
    second.find(_noise(5.0), WAKE, None)
    assert second.find(_noise(3.0), WAKE, None) == first.find(_noise(3.0), WAKE, None)


def test_words_are_heard_with_doubt(directory: Path) -> None:
    """With words the frames are the mean of a hearing with them and one without; without words the two are one."""
    finder, samples = BuiltinFinder(SAFE, directory), _noise(3.0)
    words = Transcript((Word("x", Segment(0.5, 1.5)),))
    plain, worded = finder.listen(samples, WAKE, None), finder.listen(samples, WAKE, words)
    assert plain.probabilities == pytest.approx(plain.unprompted)
    assert worded.unprompted == pytest.approx(plain.probabilities, abs=1e-5)
    assert np.abs(worded.probabilities - worded.unprompted).max() > 1e-4


def test_each_kind_of_clip_is_judged_by_its_own_threshold(directory: Path) -> None:
    """One that lets all through without words and nothing with them, alone and in a batch; words without times are
    none."""
    point = replace(
        SAFE, main_probability_min=1e-300, bystander_probability_max=2.0, bystander_probability_max_with_words=-1.0
    )
    finder, samples = BuiltinFinder(point, directory), _noise(3.0)
    told = (None, Transcript((Word("x"),)), Transcript((Word("x", Segment(0.5, 1.5)),)))
    expected = ["main", "main", None]
    assert [finder.find(samples, WAKE, one).main for one in told] == expected
    many = finder.find_many([Hearing(samples, WAKE, one) for one in told])
    assert [found.main for found in many if isinstance(found, SpeakerEvidence)] == expected


def test_nobody_surely_main_is_nobody(directory: Path) -> None:
    """Where no frame passes the thresholds there is no main speaker, and no confidence."""
    never = replace(SAFE, main_probability_min=1.1)
    found = BuiltinFinder(never, directory).find(_noise(3.0), WAKE, None)
    assert (found.main, found.confidence) == (None, 0.0)


def test_wake_window_and_words_reach_the_model() -> None:
    """Ones inside, zeros outside; -1 throughout where the device reports no words."""
    words = Transcript((Word("x", Segment(0.1, 0.2)), Word("y", Segment(0.25, 0.5))))
    channels = channels_of(_noise(0.5), WakeWord(Segment(0.0, 0.1)), words)
    assert channels.shape == (3, 8000)
    assert (channels[1].sum(), channels[1][:1600].sum()) == (1600, 1600)
    assert (channels[2].sum(), channels[2][3200:4000].sum()) == (5600, 0)
    assert (channels_of(_noise(0.5), None, None)[2] == -1).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(directory: Path, bad: float) -> None:
    """The model would answer all the same."""
    samples = _noise(1.0)
    samples[5] = bad
    with pytest.raises(Refusal) as refused:
        BuiltinFinder(SAFE, directory).find(samples, None, None)
    assert refused.value.reason is Reason.AUDIO_NOT_FINITE


def test_next_to_nothing_is_refused(directory: Path) -> None:
    """The model needs a tenth of a second."""
    with pytest.raises(Refusal) as refused:
        BuiltinFinder(SAFE, directory).find(_noise(0.05), None, None)
    assert refused.value.reason is Reason.AUDIO_TOO_SHORT


def test_weights_that_give_no_probabilities_are_a_failed_detector(directory: Path) -> None:
    """A model gone wrong must not look like a clip without speech."""
    finder = BuiltinFinder(SAFE, directory)
    with torch.no_grad():
        finder._model.classifier.bias.fill_(float("nan"))
    with pytest.raises(Refusal) as refused:
        finder.find(_noise(1.0), None, None)
    assert refused.value.reason is Reason.DETECTOR_FAILED


def test_other_weights_than_described_are_refused(directory: Path, tmp_path: Path) -> None:
    """One byte changed, and the model is not loaded."""
    weights = bytearray((directory / net.WEIGHTS_NAME).read_bytes())
    weights[-1] ^= 1
    (tmp_path / net.WEIGHTS_NAME).write_bytes(weights)
    (tmp_path / net.HYPERPARAMETERS_NAME).write_bytes((directory / net.HYPERPARAMETERS_NAME).read_bytes())
    with pytest.raises(ValueError):
        BuiltinFinder(SAFE, tmp_path)
    with pytest.raises(ValueError):
        BuiltinFinder(SAFE, directory, sha256="0" * 64)


def test_a_model_directory_of_the_settings_must_be_pinned(tmp_path: Path) -> None:
    """Neither a missing directory nor another fingerprint is accepted."""
    with pytest.raises(ModelRefused):
        making.make_speaker_finder(str(tmp_path / "missing"), "0" * 64, Policy())
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(ModelRefused):
        making.make_speaker_finder(str(tmp_path), "0" * 64, Policy())


def test_telemetry_and_hub_are_off_before_pyannote_is_imported() -> None:
    """Whatever the environment says: importing any of the finders settles it."""
    names = "PYANNOTE_METRICS_ENABLED", "HF_HUB_OFFLINE", "ORT_DISABLE_TELEMETRY"
    code = f"import os, stream.find.speakers.builtin; print(*(os.environ[name] for name in {names}))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin", "PYANNOTE_METRICS_ENABLED": "1", "HF_HUB_OFFLINE": "0", "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["0", "1", "1"]


def test_a_batch_gives_each_clip_what_it_would_get_alone(directory: Path) -> None:
    """Evidence or refusal, in order."""
    finder = BuiltinFinder(SAFE, directory)
    words = Transcript((Word("play", Segment(0.4, 0.7)),))
    broken = np.full(SAMPLE_RATE_HZ, np.nan, np.float32)
    hearings = [Hearing(_noise(2.0), WAKE, words), Hearing(broken, None, None), Hearing(_noise(3.1), None, None)]
    first, refused, last = finder.find_many(hearings)
    assert isinstance(refused, Refusal)
    assert Reason.AUDIO_NOT_FINITE == refused.reason
    for together, hearing in ((first, hearings[0]), (last, hearings[2])):
        alone = finder.find(hearing.samples, hearing.wake_word, hearing.transcript)
        assert isinstance(together, SpeakerEvidence)
        assert (alone.turns, alone.main, alone.receipt) == (together.turns, together.main, together.receipt)
        assert together.confidence == pytest.approx(alone.confidence, abs=1e-4)


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the setting, instead of a slow start on the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"speakers\.device is cuda"):
        making.make_speaker_finder("builtin", "", Policy(), "cuda")
