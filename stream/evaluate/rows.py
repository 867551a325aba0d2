"""The lines of a corpus, checked: one JSON object a line, and a clear word on the first that is not as described."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Moment = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class BadCorpus(ValueError):
    """A corpus can't be scored as it is; names file, line and field, and quotes no content."""


class Row(BaseModel):
    """One line or a part of one; further fields are let be."""

    model_config = ConfigDict(frozen=True, strict=True)


Read = TypeVar("Read", bound=Row)


class SpanRow(Row):
    """A true identifier: the words ``first..last``, inclusive."""

    first: Annotated[int, Field(ge=0)]
    last: int
    entity_type: Name
    tier: str = "direct"


class TimeRow(Row):
    """A stretch of time in seconds."""

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if not self.start < self.end:
            raise ValueError("must end after its start")
        return self


class WordRow(TimeRow):
    """A word that the device recognised."""

    text: str


class WakeRow(TimeRow):
    """The wake word, and how sure the device was of it."""

    score: float | None = None


class TurnRow(TimeRow):
    """Somebody speaks."""

    speaker: Name


class UtteranceRow(Row):
    """One line of a corpus of words."""

    id: Name
    words: tuple[str, ...]
    spans: tuple[SpanRow, ...]
    ignore: tuple[tuple[int, int], ...] = ()
    kind: str | None = None

    @model_validator(mode="after")
    def _within(self) -> Self:
        return _spans_within(self, self.spans, len(self.words))


class ClipRow(Row):
    """One line of a corpus of clips."""

    clip_id: Name
    audio: Name
    duration: Annotated[float, Field(gt=0, lt=math.inf)]
    wake_word: WakeRow | None
    words: tuple[WordRow, ...]
    turns: tuple[TurnRow, ...]
    main: str | None
    spans: tuple[SpanRow, ...]
    set: str
    conditions: dict[str, Any] = {}

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.main is not None and self.main not in {turn.speaker for turn in self.turns}:
            raise ValueError("main has no turn")
        return _spans_within(self, self.spans, len(self.words))


def _spans_within(row: Read, spans: Sequence[SpanRow], count: int) -> Read:
    if any(not span.first <= span.last < count for span in spans):
        raise ValueError("a span lies outside of the words")
    return row


def read_rows(file: Path, kind: type[Read], name: str) -> list[Read]:
    """Every line of ``file`` that is not blank as ``kind``; their field ``name`` tells them apart.

    Raises BadCorpus for the first line that is something else, for a name that comes twice, and where no line is left.
    """
    rows: dict[str, Read] = {}
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = kind.model_validate_json(line)
        except ValidationError as error:
            raise BadCorpus(f"{file} line {number}: {_first_of(error)}") from None
        named = getattr(row, name)
        if named in rows:
            raise BadCorpus(f"{file} line {number}: {name} is that of another line")
        rows[named] = row
    if not rows:
        raise BadCorpus(f"{file} has no lines")
    return list(rows.values())


def _first_of(error: ValidationError) -> str:
    """The first problem in plain words; what stands in the line is not told."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "json_invalid":
        return "is no JSON object"
    if problem["type"] == "missing":
        return f"{field} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {message[:1].lower()}{message[1:]}" if field else message
