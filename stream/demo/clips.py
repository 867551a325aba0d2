"""A clip of the demonstration: its event, and the truth that a real service never has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stream.clip import ClipEvent, InlineAudio, Segment, Turn, Word
from stream.segments import Segments, own_and_others


@dataclass(frozen=True)
class Span:
    """A true identifier: the words ``first..last`` (inclusive) of the first transcript."""

    first: int
    last: int
    entity_type: str


@dataclass(frozen=True)
class DemoClip:
    """``name`` is an invented file name. ``turns`` and ``spans`` are the truth; ``voices`` names each speaker of
    ``turns`` for people, ``main`` is the one who spoke to the device, or None.

    Clips of one ``group`` are counted together. ``withhold`` is set where a clip has to be withheld; every other may
    be, since a service that is not sure is right to withhold.
    """

    name: str
    title: str
    group: str
    origin: str
    event: ClipEvent = field(repr=False)
    turns: tuple[Turn, ...]
    voices: tuple[tuple[str, str], ...]
    main: str | None
    duration: float
    spans: tuple[Span, ...] = ()
    withhold: bool = False

    @property
    def flac(self) -> bytes:
        """The audio of the event, as it was sent."""
        return self.event.audio.content if isinstance(self.event.audio, InlineAudio) else b""

    @property
    def words(self) -> tuple[Word, ...]:
        return self.event.transcripts[0].words if self.event.transcripts else ()

    def speech(self) -> tuple[Segments, Segments]:
        """The main speaker's, and everybody else's."""
        return own_and_others(self.turns, self.main)

    def phrase(self, span: Span) -> str:
        return " ".join(word.text for word in self.words[span.first : span.last + 1])

    def sound(self, span: Span) -> Segment:
        """From the first word's start to the last word's end."""
        times = [word.segment for word in self.words[span.first : span.last + 1] if word.segment]
        return Segment(min(time.start for time in times), max(time.end for time in times))

    def identifiers(self) -> Iterator[str]:
        """Every value of the event, and every phrase said in it, that must be in no output."""
        subject = self.event.subject
        yield from (self.event.event_id, self.event.clip_id)
        yield from (str(value) for value in vars(subject).values() if value not in (None, ""))
        yield from self.event.slots.values()
        yield from (self.phrase(span) for span in self.spans)
