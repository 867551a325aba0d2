"""Clips without a transcript are recognised by a pinned local model, or withheld where it is not sure."""

from __future__ import annotations

import math
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stream.clip import Reason, Refusal
from stream.find.fingerprint import ModelRefused, fingerprint, read_files
from stream.find.recogniser import RECOGNISED_ERROR_S, WhisperRecogniser
from tests.events import sound
from tests.find.whisper import make_whisper


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def sha256(directory: Path) -> str:
    return fingerprint(read_files(directory))


def test_the_real_code_hears_a_clip_without_any_network(
    directory: Path, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a random model says is nothing or nonsense: withheld at the default sureness, and no name is looked up."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    recogniser = WhisperRecogniser(directory, sha256)
    with pytest.raises(Refusal) as refusal:
        recogniser.transcribe(sound(3.0), "en-US")
    assert refusal.value.reason in {Reason.NO_TRANSCRIPT, Reason.TRANSCRIPT_UNCERTAIN}


def test_another_language_is_refused(directory: Path, sha256: str) -> None:
    """A model that does not know a language does not guess."""
    with pytest.raises(Refusal) as refusal:
        WhisperRecogniser(directory, sha256).transcribe(sound(3.0), "xx-XX")
    assert refusal.value.reason is Reason.LANGUAGE_UNSUPPORTED


def test_only_the_pinned_model_is_loaded(directory: Path, sha256: str, tmp_path: Path) -> None:
    """Another fingerprint, no directory, and a model without its tokenizer, which would be fetched, stop the start."""
    with pytest.raises(ModelRefused):
        WhisperRecogniser(directory, "0" * 64)
    with pytest.raises(ModelRefused):
        WhisperRecogniser(tmp_path / "missing", sha256)
    for name, content in read_files(directory).items():
        (tmp_path / name).write_bytes(b"" if name == "tokenizer.json" else content)
    with pytest.raises(ModelRefused, match=r"lacks tokenizer\.json"):
        WhisperRecogniser(tmp_path, fingerprint(read_files(tmp_path)))


def test_a_missing_package_is_named(directory: Path, sha256: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ModelRefused, match=r"clipveil\[recogniser\]"):
        WhisperRecogniser(directory, sha256)


# ------------------------------------------------------------------ what is made of what a model says
@dataclass
class Said:
    """A word as faster-whisper gives it."""

    word: str
    start: float
    end: float
    probability: float = 0.9


@dataclass
class Stretch:
    words: list[Said]
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.01
    compression_ratio: float = 1.2


@dataclass
class Scripted:
    """In place of the loaded model: a random one can't be made to say something on purpose."""

    stretches: list[Stretch]
    supported_languages: tuple[str, ...] = ("en",)

    def transcribe(self, samples: Any, **_: Any) -> tuple[list[Stretch], None]:
        return self.stretches, None


def recogniser(directory: Path, sha256: str, *stretches: Stretch) -> WhisperRecogniser:
    made = WhisperRecogniser(directory, sha256)
    made._model = Scripted(list(stretches))
    return made


def test_words_get_times_errors_and_confidences(directory: Path, sha256: str) -> None:
    """Each word on its own, inside the clip, with the times' own error."""
    stretch = Stretch([Said(" call", 0.2, 0.5), Said(" mister smith", 0.5, 3.4, 0.5)])
    transcript = recogniser(directory, sha256, stretch).transcribe(sound(3.0), "en-US")
    assert ["call", "mister", "smith"] == [word.text for word in transcript.words]
    assert [(0.2, 0.5), (0.5, 3.0), (0.5, 3.0)] == [
        (w.segment.start, w.segment.end) for w in transcript.words if w.segment
    ]
    assert {RECOGNISED_ERROR_S} == {word.time_error_s for word in transcript.words}
    assert 0.5 == transcript.confidence


def test_the_receipt_names_package_and_model(directory: Path, sha256: str) -> None:
    """Which model heard a clip, by its fingerprint."""
    receipt = recogniser(directory, sha256).receipt
    assert re.fullmatch(rf"faster-whisper [\d.]+; model sha256:{sha256[:16]}", receipt.version)
    assert ("recogniser", True) == (receipt.detector, receipt.complete)


GOOD = Said("call", 0.2, 0.5)


@pytest.mark.parametrize(
    ("stretches", "reason"),
    [
        ([], Reason.NO_TRANSCRIPT),
        ([Stretch([])], Reason.NO_TRANSCRIPT),
        ([Stretch([GOOD], avg_logprob=-0.9)], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([GOOD], avg_logprob=math.nan)], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([GOOD], no_speech_prob=0.7)], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([GOOD], compression_ratio=3.0)], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([GOOD]), Stretch([GOOD], avg_logprob=-0.9)], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([Said("call", 0.5, 0.5)])], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([Said("call", 3.2, 3.4)])], Reason.TRANSCRIPT_UNCERTAIN),
        ([Stretch([Said("call", 0.2, 2.4)])], Reason.TRANSCRIPT_UNCERTAIN),  # drawn over what it left out
    ],
)
def test_what_is_not_sure_is_no_transcript(
    directory: Path, sha256: str, stretches: list[Stretch], reason: Reason
) -> None:
    """Nothing heard, low probability, probably no speech, repetition, or times that can't be: withheld."""
    with pytest.raises(Refusal) as refusal:
        recogniser(directory, sha256, *stretches).transcribe(sound(3.0), "en-US")
    assert refusal.value.reason is reason
