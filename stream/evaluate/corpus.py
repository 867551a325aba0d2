"""Corpora of clips with their truth: a folder of ``clips.jsonl`` and ``audio/``, or of recordings with RTTM turns.

A folder with RTTM files holds real conversations without a device. Each speaker of a recording is taken for the main
speaker in turn, and the device is made to have been woken at the start of that speaker's first long turn alone. Devices
record seconds, not minutes: the recordings may be cut into clips first, each half over the one before.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import soundfile

from stream.clip import InlineAudio, Segment, Transcript, Turn, WakeWord, Word
from stream.evaluate.rows import ClipRow, read_rows
from stream.segments import Segments, intersect, own_and_others, subtract

WAKE_SECONDS = 0.6
FIRST_TURN_SECONDS_MIN = 0.8
CUT_SECONDS_MIN = 2.0  # a shorter one has no room for a wake word and a sentence


@dataclass(frozen=True)
class Truth:
    """What is true of one clip; ``identifiers`` has the stretch of each true identifier, ``group`` the voices that
    the clip shares with others (its main voice, or its first bystander's)."""

    clip_id: str
    collection: str
    duration: float
    turns: tuple[Turn, ...]
    main: str | None
    identifiers: tuple[Segment, ...]
    conditions: Mapping[str, str]
    group: str

    def speech(self) -> tuple[Segments, Segments]:
        """The main speaker's, and everybody else's."""
        return own_and_others(self.turns, self.main)


@dataclass(frozen=True)
class EvaluationClip:
    """A recording or, where ``part`` is given, that stretch of it; what the device said about it, and the truth."""

    truth: Truth
    audio: Path
    wake_word: WakeWord | None
    transcript: Transcript | None = field(repr=False)
    part: Segment | None = None

    def encoded(self) -> InlineAudio:
        """The sound as a device would send it."""
        if self.part is None:
            return InlineAudio(self.audio.read_bytes(), self.audio.suffix[1:])
        rate, sound = soundfile.info(str(self.audio)).samplerate, io.BytesIO()
        first, end = (round(time * rate) for time in (self.part.start, self.part.end))
        samples, _ = soundfile.read(self.audio, start=first, stop=end, dtype="int16")
        soundfile.write(sound, samples, rate, format="FLAC", subtype="PCM_16")
        return InlineAudio(sound.getvalue(), "flac")


def load_clips(folder: Path, cut_s: float | None = None) -> list[EvaluationClip]:
    """Every clip of a corpus folder; ``cut_s`` is how long the clips of recordings with RTTM turns are, as long as the
    recordings where None. Raises BadCorpus for a line that describes none, and FileNotFoundError when the
    folder has neither clips.jsonl nor RTTM files, or lacks a recording."""
    listing = folder / "clips.jsonl"
    if listing.is_file():
        return [_clip(folder, row) for row in read_rows(listing, ClipRow, "clip_id")]
    rttms = sorted(folder.glob("*.rttm"))
    if not rttms:
        raise FileNotFoundError(f"{folder} has neither clips.jsonl nor an RTTM file")
    return [clip for rttm in rttms for clip in _conversations(folder, rttm, cut_s)]


def _clip(folder: Path, row: ClipRow) -> EvaluationClip:
    words = tuple(Word(word.text, Segment(word.start, word.end)) for word in row.words)
    voices = row.conditions.get("voices", {})
    truth = Truth(
        clip_id=row.clip_id,
        collection=row.set,
        duration=row.duration,
        turns=tuple(Turn(Segment(turn.start, turn.end), turn.speaker) for turn in row.turns),
        main=row.main,
        identifiers=tuple(Segment(row.words[span.first].start, row.words[span.last].end) for span in row.spans),
        conditions=_conditions(row.conditions, row.wake_word is not None, bool(words), row.duration),
        group=_group(voices, row.main, row.clip_id),
    )
    audio = (folder / row.audio).resolve()
    if not audio.is_file():
        raise FileNotFoundError(f"{folder} has no recording for clip {row.clip_id}")
    wake = row.wake_word
    return EvaluationClip(
        truth=truth,
        audio=audio,
        wake_word=WakeWord(Segment(wake.start, wake.end), wake.score) if wake else None,
        transcript=Transcript(words) if words else None,
    )


def _group(voices: Mapping[str, str], main: str | None, clip_id: str) -> str:
    if main is not None and main in voices:
        return voices[main]
    return min(voices.values(), default=clip_id)


def _conditions(conditions: Mapping[str, Any], woken: bool, worded: bool, duration: float) -> dict[str, str]:
    """The corpus's conditions in a few classes each, so that figures by condition have clips enough."""
    return {
        "kind": str(conditions.get("kind", "unknown")),
        "pattern": str(conditions.get("pattern", "unknown")),
        "overlap": "yes" if conditions.get("overlap") else "no",
        "wake_word": "yes" if woken else "no",
        "words": "yes" if worded else "no",
        "noise": str(conditions.get("noise") or "none"),
        "noise_db": _between(conditions.get("noise_db"), (10.0, 20.0)),
        "bystander_db": _between(conditions.get("bystander_db"), (-12.0, -6.0, 0.0)),
        "duration_s": _between(duration, (6.0, 10.0)),
    }


def _between(value: float | None, edges: tuple[float, ...]) -> str:
    if value is None:
        return "none"
    if value < edges[0]:
        return f"< {edges[0]:g}"
    least = max(edge for edge in edges if edge <= value)
    above = [edge for edge in edges if edge > value]
    return f"{least:g} to {above[0]:g}" if above else f">= {least:g}"


def _conversations(folder: Path, rttm: Path, cut_s: float | None) -> Iterator[EvaluationClip]:
    by_recording: dict[str, list[Turn]] = {}
    for line in rttm.read_text(encoding="utf-8").splitlines():
        columns = line.split()
        if columns and columns[0] == "SPEAKER":
            start, length = float(columns[3]), float(columns[4])
            by_recording.setdefault(columns[1], []).append(Turn(Segment(start, start + length), columns[7]))
    for name, turns in sorted(by_recording.items()):
        audio = next((path for path in (folder / f"{name}.flac", folder / f"{name}.wav") if path.is_file()), None)
        if audio is not None:
            whole = soundfile.info(str(audio)).duration
            for number, part in enumerate(_parts(whole, cut_s)):
                cut_name = name if cut_s is None else f"{name}-{number}"
                for clip in _each_as_main(cut_name, folder.name, audio, part.duration, _inside(turns, part)):
                    yield clip if cut_s is None else replace(clip, part=part)


def _parts(whole: float, cut_s: float | None) -> Iterator[Segment]:
    """Stretches of ``cut_s`` seconds, each half over the one before; all in one where None."""
    start = 0.0
    while cut_s is not None and start + CUT_SECONDS_MIN < whole:
        yield Segment(start, min(start + cut_s, whole))
        start += cut_s / 2
    if cut_s is None:
        yield Segment(0.0, whole)


def _inside(turns: list[Turn], part: Segment) -> tuple[Turn, ...]:
    """What is said in ``part``, in its own time."""
    heard = ((intersect([turn.segment], [part]), turn.speaker) for turn in sorted(turns))
    return tuple(
        Turn(Segment(segment.start - part.start, segment.end - part.start), speaker)
        for segments, speaker in heard
        for segment in segments
    )


def _each_as_main(
    name: str, collection: str, audio: Path, duration: float, turns: tuple[Turn, ...]
) -> Iterator[EvaluationClip]:
    for speaker in sorted({turn.speaker for turn in turns}):
        alone = subtract(*own_and_others(turns, speaker))
        woken = next((segment for segment in alone if segment.duration >= FIRST_TURN_SECONDS_MIN), None)
        if woken is None:
            continue
        truth = Truth(
            clip_id=f"{name}-{speaker}",
            collection=collection,
            duration=duration,
            turns=turns,
            main=speaker,
            identifiers=(),
            conditions=_conditions({"kind": "conversation", "pattern": "real"}, True, False, duration),
            group=speaker,
        )
        wake = WakeWord(Segment(woken.start, woken.start + WAKE_SECONDS))
        yield EvaluationClip(truth, audio, wake, None)
