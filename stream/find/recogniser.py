"""What is said in clips that came without a transcript: ``ports.Recogniser`` on faster-whisper and a local model.

The model's directory is pinned by its fingerprint and read once; nothing is ever fetched. A text that the model is not
sure of is no transcript: identifiers that it got wrong would stay audible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from stream.clip import SAMPLE_RATE_HZ, Reason, Receipt, Refusal, Samples, Segment, Transcript, Word
from stream.find.fingerprint import ModelRefused, read_pinned
from stream.policy import language

DETECTOR = "recogniser"
# Whisper reads times off its attention, in steps of 0.02 s but with outliers of several tenths where a pause is beside
# the word. Nobody measured a real model here, so it is more than what is measured of the aligner, and not little more.
RECOGNISED_ERROR_S = 0.5
WORD_S_MAX = 2.0  # of one word; Whisper draws one over speech that it left out, which would then pass for read
COMPRESSION_MAX = 2.4  # of a text over its compressed size; above it repeats itself, which Whisper does on noise
NEEDED = frozenset({"model.bin", "config.json", "tokenizer.json"})


@dataclass(frozen=True)
class Sureness:
    """What a recognised stretch must have: mean log probability of its tokens, and that there is speech at all."""

    log_probability_min: float = -0.7
    no_speech_max: float = 0.5


class WhisperRecogniser:
    """A ``ports.Recogniser``. Not safe for use by several threads at once."""

    def __init__(self, directory: Path, sha256: str, sureness: Sureness = Sureness()) -> None:
        """Raises ModelRefused where the package or the model is missing, or it is not the one that was named."""
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise ModelRefused("recogniser.directory needs the package faster-whisper: clipveil[recogniser]") from None
        files = read_pinned(directory, sha256)
        if missing := {name for name in NEEDED if not files.get(name)}:  # an empty tokenizer would be fetched
            raise ModelRefused(f"the recogniser's model lacks {', '.join(sorted(missing))}")
        self._model = _load(WhisperModel, files)
        version = f"faster-whisper {metadata.version('faster-whisper')}; model sha256:{sha256[:16]}"
        self.receipt = Receipt(DETECTOR, version, complete=True)
        self._sureness = sureness

    def transcribe(self, samples: Samples, locale: str) -> Transcript:
        """The words of ``samples`` (sample,) with times and confidences.

        Raises Refusal(NO_TRANSCRIPT) where nothing is recognised, Refusal(TRANSCRIPT_UNCERTAIN) where a stretch of it
        is not sure, Refusal(LANGUAGE_UNSUPPORTED) for a language that the model does not know.
        """
        if language(locale) not in self._model.supported_languages:
            raise Refusal(Reason.LANGUAGE_UNSUPPORTED)
        stretches, _ = self._model.transcribe(
            samples,
            language=language(locale),
            temperature=0.0,  # no second tries with more fantasy
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
        )
        words = tuple(self._words(stretches, len(samples) / SAMPLE_RATE_HZ))
        if not words:
            raise Refusal(Reason.NO_TRANSCRIPT)
        return Transcript(words, min(word.confidence or 0.0 for word in words))

    def _words(self, stretches: Iterable[Any], duration: float) -> Iterator[Word]:
        for stretch in stretches:
            if not self._is_sure(stretch):
                raise Refusal(Reason.TRANSCRIPT_UNCERTAIN)
            for word in stretch.words or ():
                start, end = float(word.start), min(float(word.end), duration)
                if not 0.0 <= start < end <= start + WORD_S_MAX * _words_in(word.word):
                    raise Refusal(Reason.TRANSCRIPT_UNCERTAIN)
                confidence = min(1.0, max(0.0, float(word.probability)))
                for text in word.word.split():
                    yield Word(text, Segment(start, end), confidence, RECOGNISED_ERROR_S)

    def _is_sure(self, stretch: Any) -> bool:
        """Asked so that a NaN is not sure."""
        return bool(
            stretch.avg_logprob >= self._sureness.log_probability_min
            and stretch.no_speech_prob <= self._sureness.no_speech_max
            and stretch.compression_ratio <= COMPRESSION_MAX
        )


def _words_in(text: str) -> int:
    """How many words it may have been said as: each digit of a written number may be one."""
    return max(1, len(text.split()), sum(map(str.isdigit, text)))


def _load(model: Any, files: Mapping[str, bytes]) -> Any:
    """From the bytes that were checked; a library's complaint may quote paths, so only its class is told."""
    try:
        return model(
            "pinned", device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True, files=dict(files)
        )
    except (RuntimeError, ValueError, KeyError, OSError) as fault:
        raise ModelRefused(f"the recogniser's model can't be loaded ({type(fault).__name__})") from None
