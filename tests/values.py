"""Small, valid values of every kind in ``stream.clip``, for tests that change one thing in them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    Clip,
    ClipEvent,
    Coarse,
    Consent,
    Coordinates,
    Evidence,
    Finding,
    InlineAudio,
    Job,
    Label,
    Precision,
    Receipt,
    Samples,
    Segment,
    SpeakerEvidence,
    Subject,
    Transcript,
    Turn,
    WakeWord,
    Word,
    WordEvidence,
)

HERE = Coordinates("clips.raw", 0, 7)
HOUR = Coarse(datetime(2026, 11, 3, 14, tzinfo=UTC), Precision.HOUR, "en", "speaker")
LABEL = Label("7d1b0cfa4f7e42b6a5a1c3d94e5f6071", "spring", "2026-11", ((600.0, HOUR),))
JOB = Job(HERE, "{}", b"", LABEL)
SPEAKERS_RAN = Receipt("speakers", "model-1", complete=True)
WORDS_RAN = Receipt("identifiers", "rules-1", complete=True)


def noise(duration: float, seed: int = 1) -> Samples:
    """White noise at -20 dBFS, (sample,), never exactly zero."""
    samples = np.random.default_rng(seed).normal(0, 0.1, int(duration * SAMPLE_RATE_HZ)).astype(np.float32)
    samples[samples == 0] = 0.1
    return samples.clip(-1, 1)


def words(text: str, start: float = 0.5, step: float = 0.5) -> tuple[Word, ...]:
    """One word each ``step`` seconds, each 0.4 s long where ``step`` is 0.5."""
    return tuple(
        Word(word, Segment(start + index * step, start + index * step + step * 0.8))
        for index, word in enumerate(text.split())
    )


def event(
    text: str = "play some jazz",
    *,
    transcripts: tuple[Transcript, ...] | None = None,
    consent: bool = True,
    locale: str = "en-US",
    subject: Subject | None = None,
) -> ClipEvent:
    return ClipEvent(
        event_id="event-4711-aa",
        clip_id="clip-4711-bb",
        captured_at=datetime(2026, 11, 3, 14, 42, 17, tzinfo=UTC),
        subject=subject
        or Subject(
            account_id="acct-90210-xyz",
            first_name="Diane",
            device_serial="G0911M0712345678",
            household="house-333-qq",
            ip="203.0.113.77",
            city="Trenton",
            postcode="08601",
            latitude=40.2204,
            longitude=-74.7565,
        ),
        device_model="speaker",
        locale=locale,
        consent=Consent(human_review=consent, version="3"),
        wake_word=WakeWord(Segment(0.1, 0.6), 0.9, "computer"),
        audio=InlineAudio(b"", "wav"),
        transcripts=transcripts if transcripts is not None else (Transcript(words(text), 0.9),),
    )


def clip(text: str = "play some jazz", duration: float = 4.0, **changes: object) -> Clip:
    return Clip(HERE, event(text, **changes), noise(duration))  # type: ignore[arg-type]


def evidence(
    *findings: Finding,
    turns: tuple[tuple[float, float, str], ...] = ((0.0, 4.0, "main"),),
    main: str | None = "main",
    confidence: float = 1.0,
    receipts: tuple[Receipt, Receipt] = (SPEAKERS_RAN, WORDS_RAN),
) -> Evidence:
    found = tuple(Turn(Segment(start, end), speaker) for start, end, speaker in turns)
    return Evidence(SpeakerEvidence(found, main, confidence, receipts[0]), WordEvidence(tuple(findings), receipts[1]))
