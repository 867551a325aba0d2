"""What an inference process is made of, from the settings. Loads the models, and runs them once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    Clip,
    ClipEvent,
    Consent,
    Coordinates,
    InlineAudio,
    Segment,
    Subject,
    Transcript,
    WakeWord,
    Word,
)
from stream.config import Settings
from stream.config.detecting import NameSettings, RecogniserSettings
from stream.policy import Policy
from stream.ports import BatchSpeakerFinder, Hearing, Parts, Recogniser, SpeakerFinder

if TYPE_CHECKING:
    from stream.find.pii import NamesFinder

BUILTIN = "builtin"


def build_speakers(settings: Settings) -> BatchSpeakerFinder:
    """Who speaks when, as the settings say, warmed up: all that the owner of a GPU is made of."""
    finder = _speakers(settings, settings.policy.as_policy())
    finder.find_many([_noise()] * 2)
    return finder


def _speakers(settings: Settings, policy: Policy) -> BatchSpeakerFinder:
    from stream.find.speakers.making import make_speaker_finder

    told = settings.speakers
    return make_speaker_finder(told.model, told.sha256, policy, told.device)


def build_parts(settings: Settings, policy: Policy | None = None, *, speakers: SpeakerFinder | None = None) -> Parts:
    """Decoder, finders and encoder as the settings say, warmed up; ``policy`` and ``speakers`` replace theirs.

    Raises whatever the models' loading raises; nothing of it quotes a clip, since none was heard yet.
    """
    from stream.find.pii import make_word_finder
    from stream.find.times.timing import AlignedTimes
    from stream.wire.clips import Decoder, Encoder

    policy = policy or settings.policy.as_policy()
    speakers = speakers or _speakers(settings, policy)
    words = make_word_finder(
        policy.languages,
        names=_further_names(settings.names),
        unsure_below=settings.names.unsure_below,
        names_by_phrase=policy.names_by_phrase,
    )
    parts = Parts(Decoder(policy), speakers, words, Encoder(), AlignedTimes(), _recogniser(settings.recogniser))
    _warm_up(parts, min(policy.languages))
    return parts


def _further_names(settings: NameSettings) -> NamesFinder | None:
    """The names model that the settings add to the built-in one; only then is its library imported."""
    if settings.model == BUILTIN:
        return None
    from stream.find.ner import make_names_finder

    return make_names_finder(Path(settings.model), settings.sha256)


def _recogniser(settings: RecogniserSettings) -> Recogniser | None:
    """None where none is set: then clips without a transcript are withheld."""
    if settings.directory is None:
        return None
    from stream.find.recogniser import Sureness, WhisperRecogniser

    sureness = Sureness(settings.log_probability_min, settings.no_speech_max)
    return WhisperRecogniser(settings.directory, settings.sha256, sureness)


def _warm_up(parts: Parts, language: str) -> None:
    """The first clip of a process must not pay for what libraries put off; a model that can't run fails here."""
    noise = _noise()
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    event = ClipEvent(
        event_id="warm-up",
        clip_id="warm-up",
        captured_at=moment,
        subject=Subject(account_id="warm-up"),
        device_model="",
        locale=language,
        consent=Consent(human_review=True),
        wake_word=noise.wake_word,
        audio=InlineAudio(b""),
        transcripts=(noise.transcript,) if noise.transcript else (),
    )
    parts.speakers.find(noise.samples, noise.wake_word, noise.transcript)
    parts.words.find(Clip(Coordinates("warm-up", 0, 0), event, noise.samples))


def _noise() -> Hearing:
    """Three seconds of it, with a wake word and two words."""
    noise = np.random.default_rng(0).normal(0.0, 0.01, 3 * SAMPLE_RATE_HZ).astype(np.float32)
    noise.flags.writeable = False
    words = (Word("play", Segment(0.9, 1.2)), Word("music", Segment(1.2, 1.6)))
    return Hearing(noise, WakeWord(Segment(0.2, 0.7)), Transcript(words))
