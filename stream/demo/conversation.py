"""Clips cut from the telephone conversation that the pyannote package ships, each with another wake-word window.

Audio, words and turns are read from the installed package; nothing of it is copied here. Its transcript has the time
of each line, ``conversation.json`` beside this file the time of each word: force-aligned inside its line by
pocketsphinx, or spread over the line in proportion to the letters where the aligner gave up.

The transcript of a clip is what a device would have understood: the words of the one who spoke to it, and the first
words of the other one wherever that one falls in.
"""

from __future__ import annotations

import importlib.util
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import soundfile

from stream.clip import (
    SAMPLE_RATE_HZ,
    ClipEvent,
    Consent,
    InlineAudio,
    Samples,
    Segment,
    Subject,
    Transcript,
    Turn,
    WakeWord,
    Word,
)
from stream.demo.clips import DemoClip, Span

ORIGIN = "telephone conversation shipped with pyannote.audio"
VOICES = (("Diane", "Diane"), ("Sheila", "Sheila"))
LABELS = {"speaker90": "Diane", "speaker91": "Sheila"}  # of sample.rttm -> of sample.stm
GROUPS = {"Diane": "first caller", "Sheila": "second caller"}
NAMES = frozenset({"diane", "sheila"})
OVERHEARD_S = 0.3  # a device's recogniser takes up what another voice says so soon after the main speaker
WORD_INSIDE_MIN = 0.8  # a word that is cut at the clip's edge is left out when less of it is inside

SUBJECTS = {
    "Diane": Subject(
        account_id="acct-731190",
        first_name="Diane",
        device_serial="SN-KD4410077",
        household="house-90417",
        ip="203.0.113.24",
        city="Hoboken",
        postcode="07030",
        latitude=40.7440,
        longitude=-74.0324,
    ),
    "Sheila": Subject(
        account_id="acct-731218",
        first_name="Sheila",
        device_serial="SN-KD4418256",
        household="house-90533",
        ip="203.0.113.87",
        city="Amarillo",
        postcode="79101",
        latitude=35.2072,
        longitude=-101.8338,
    ),
}


@dataclass(frozen=True)
class Cut:
    """``start`` to ``end`` of the recording; the device of ``main`` was woken from ``woken`` to ``ready``."""

    name: str
    title: str
    main: str
    start: float
    end: float
    woken: float
    ready: float


CUTS = (
    Cut("diane-1", "Diane speaks to the device, Sheila answers", "Diane", 11.04, 17.95, 11.04, 11.90),
    Cut("sheila-1", "The same seconds, but Sheila spoke to the device", "Sheila", 11.04, 17.95, 14.72, 15.30),
    Cut("diane-2", "Diane from Chicago, Sheila disagrees", "Diane", 17.95, 24.05, 18.65, 19.19),
    Cut("sheila-2", "The same seconds, but Sheila spoke to the device", "Sheila", 17.95, 24.05, 21.86, 22.76),
    Cut("diane-3", "A word of each, then Diane speaks to the device", "Diane", 6.52, 10.12, 8.36, 8.97),
    Cut("sheila-3", "Sheila names a place, Diane the same", "Sheila", 16.17, 19.67, 16.37, 16.89),
    Cut("sheila-4", "Sheila at length, Diane talks over the end", "Sheila", 21.70, 30.00, 21.86, 22.76),
    Cut("diane-4", "Four turns, Diane spoke to the device", "Diane", 12.35, 24.05, 12.46, 13.30),
    Cut("sheila-5", "Four turns, Sheila spoke to the device", "Sheila", 12.35, 24.05, 14.72, 15.30),
)


@dataclass(frozen=True, eq=False)
class Recording:
    """The whole conversation; ``spoken`` has (speaker, word) in order of time."""

    samples: Samples = field(repr=False)
    turns: tuple[Turn, ...]
    spoken: tuple[tuple[str, Word], ...] = field(repr=False)


def conversation_clips() -> list[DemoClip]:
    """All cuts. Raises FileNotFoundError where the installed pyannote package lacks its sample."""
    recording = _recording(_sample_folder())
    return [_clip(recording, cut, number) for number, cut in enumerate(CUTS)]


def _sample_folder() -> Path:
    spec = importlib.util.find_spec("pyannote.audio")  # finds it without importing it, which takes seconds
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pyannote.audio is not installed")
    return Path(spec.origin).parent / "sample"


def _recording(folder: Path) -> Recording:
    samples, rate = soundfile.read(folder / "sample.wav", dtype="float32")
    if rate != SAMPLE_RATE_HZ or samples.ndim != 1:
        raise FileNotFoundError("the conversation is not the one that the word times belong to")
    samples.flags.writeable = False
    turns = []
    for row in (folder / "sample.rttm").read_text(encoding="utf-8").splitlines():
        columns = row.split()
        start = float(columns[3])
        turns.append(Turn(Segment(start, start + float(columns[4])), LABELS[columns[7]]))
    return Recording(samples, tuple(turns), _spoken(folder / "sample.stm"))


def _spoken(transcript: Path) -> tuple[tuple[str, Word], ...]:
    lines = transcript.read_text(encoding="utf-8").splitlines()
    timed = json.loads(resources.files("stream.demo").joinpath("conversation.json").read_text(encoding="utf-8"))
    spoken = []
    for line, times in zip(lines, timed, strict=True):
        _, _, speaker, _, _, text = line.split(maxsplit=5)
        for word, (start, end) in zip(text.split(), times["words"], strict=True):
            spoken.append((speaker, Word(word.strip("?.,!").lower(), Segment(start, end))))
    return tuple(sorted(spoken, key=lambda pair: pair[1].segment or Segment(0.0, 1.0)))


def _clip(recording: Recording, cut: Cut, number: int) -> DemoClip:
    duration = round(cut.end - cut.start, 3)
    first, last = round(cut.start * SAMPLE_RATE_HZ), round(cut.end * SAMPLE_RATE_HZ)
    encoded = io.BytesIO()
    soundfile.write(encoded, recording.samples[first:last], SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    words = tuple(_words(recording, cut))
    event = ClipEvent(
        event_id=f"evt-5b1e{number:04d}-7c2f-48",
        clip_id=f"clip-2207{number:04d}-9d1f",
        captured_at=datetime(2026, 11, 9, 18, 4 + number, 31, tzinfo=UTC),
        subject=SUBJECTS[cut.main],
        device_model="phone",
        locale="en-US",
        consent=Consent(human_review=True, version="2026-03", changed_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        wake_word=WakeWord(Segment(cut.woken - cut.start, cut.ready - cut.start), 0.9),
        audio=InlineAudio(encoded.getvalue(), "flac"),
        transcripts=(Transcript(words, 0.9),),
        intent="Chat",
        attributes={"carrier": "line-4"},
    )
    spans = tuple(Span(at, at, "PERSON") for at, word in enumerate(words) if word.text in NAMES)
    turns = _turns(recording, cut)
    return DemoClip(cut.name, cut.title, GROUPS[cut.main], ORIGIN, event, turns, VOICES, cut.main, duration, spans)


def _words(recording: Recording, cut: Cut) -> list[Word]:
    words = []
    heard_until = 0.0
    for speaker, word in recording.spoken:
        if word.segment is None:
            continue
        if speaker == cut.main:
            heard_until = word.segment.end
        elif word.segment.start - heard_until > OVERHEARD_S:
            continue
        start, end = max(word.segment.start, cut.start), min(word.segment.end, cut.end)
        if end - start >= WORD_INSIDE_MIN * word.segment.duration:
            words.append(Word(word.text, Segment(round(start - cut.start, 3), round(end - cut.start, 3)), 0.9))
    return words


def _turns(recording: Recording, cut: Cut) -> tuple[Turn, ...]:
    turns = []
    for turn in recording.turns:
        start, end = max(turn.segment.start, cut.start), min(turn.segment.end, cut.end)
        if start < end:
            turns.append(Turn(Segment(start - cut.start, end - cut.start), turn.speaker))
    return tuple(turns)
