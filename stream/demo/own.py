"""The demo's own clips: synthetic voices, invented people (see ``own/README.md``), and one event cut off on its way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from stream.clip import ClipEvent, Consent, InlineAudio, Segment, Subject, Transcript, Turn, WakeWord, Word
from stream.demo.clips import DemoClip, Span

GROUP = "synthetic voices"
ORIGIN = "synthetic voices (flite), made for this demonstration"
WORD_CONFIDENCE = 0.95
CUT_OFF_SHARE = 0.6  # of the bytes of the clip that did not arrive whole
_WITHHOLD = frozenset({"own-accident", "own-no-consent"})


def own_clips() -> list[DemoClip]:
    """All clips of the folder ``own``, and one of them again with the end of its bytes missing."""
    folder = resources.files("stream.demo").joinpath("own")
    rows = [json.loads(line) for line in folder.joinpath("clips.jsonl").read_text(encoding="utf-8").splitlines()]
    clips = [_clip(folder, row, number) for number, row in enumerate(rows)]
    return [*clips, _cut_off(next(clip for clip in clips if clip.name == "own-timer"))]


def _clip(folder: Traversable, row: dict[str, Any], number: int) -> DemoClip:
    voices = row["conditions"]["voices"]
    names = {speaker: "main speaker" if speaker == "main" else f"{voice}, behind" for speaker, voice in voices.items()}
    return DemoClip(
        name=row["clip_id"],
        title=row["title"],
        group=GROUP,
        origin=ORIGIN,
        event=_event(row, folder.joinpath(row["audio"]).read_bytes(), number),
        turns=tuple(Turn(Segment(turn["start"], turn["end"]), turn["speaker"]) for turn in row["turns"]),
        voices=tuple(names.items()),
        main=row["main"],
        duration=row["duration"],
        spans=tuple(Span(span["first"], span["last"], span["entity_type"]) for span in row["spans"]),
        withhold=row["clip_id"] in _WITHHOLD,
    )


def _event(row: dict[str, Any], audio: bytes, number: int) -> ClipEvent:
    said = row["event"]
    wake = row["wake_word"]
    words = tuple(Word(word["text"], Segment(word["start"], word["end"]), WORD_CONFIDENCE) for word in row["words"])
    return ClipEvent(
        event_id=f"evt-90a7{number:04d}-b4e1-51",
        clip_id=f"clip-3301{number:04d}-ae07",
        captured_at=datetime.fromisoformat(said["captured_at"]),
        subject=Subject(**{name: said[name] for name in Subject.__dataclass_fields__}),
        device_model=said["device_model"],
        locale=said["locale"],
        consent=Consent(said["human_review"], "2026-03", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        wake_word=WakeWord(Segment(wake["start"], wake["end"]), said["wake_score"], "computer"),
        audio=InlineAudio(audio, "flac"),
        transcripts=(Transcript(words, WORD_CONFIDENCE),),
        intent=said.get("intent", ""),
        slots=said.get("slots", {}),
        attributes=said.get("attributes", {}),
    )


def _cut_off(clip: DemoClip) -> DemoClip:
    event = replace(
        clip.event,
        event_id="evt-90a79999-b4e1-51",
        clip_id="clip-33019999-ae07",
        audio=InlineAudio(clip.flac[: int(len(clip.flac) * CUT_OFF_SHARE)], "flac"),
    )
    title = "The end of the recording was lost on its way"
    return replace(clip, name="own-cut-off", title=title, event=event, withhold=True)
