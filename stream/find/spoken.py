"""What was said, written down: the texts on which written-form recognisers run, with a source word per character.

``written_forms`` renders a transcript in a few ways. Runs of spoken digits and letters become "4111111111111111", everything
else stays as it was said, and every character knows the word that it came from, so that whatever a recogniser finds in
the text is given back as a run of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from stream.find.language import Language, Role
from stream.find.lexemes import Lexeme, lexemes
from stream.find.runs import Run, find_runs, written_values
from stream.find.spans import Scene, mentions

READINGS_MAX = 2
TEXT_MAX = 4_000  # characters


@dataclass(frozen=True, slots=True)
class Written:
    """A text and, for each of its characters, the first and last word that it stands for."""

    text: str = field(repr=False)
    first: tuple[int, ...] = field(repr=False)
    last: tuple[int, ...] = field(repr=False)

    def words(self, start: int, end: int) -> tuple[int, int]:
        """The words, inclusive, of the characters ``start..end`` (end exclusive)."""
        return min(self.first[start:end]), max(self.last[start:end])


def read_scene(words: Sequence[str], language: Language) -> Scene:
    """Lexemes, runs and context words of one transcript."""
    found = lexemes(words, language)
    return Scene(tuple(words), found, find_runs(found), mentions(found, language), language)


def written_forms(scene: Scene) -> tuple[Written, ...]:
    """Readings of the transcript; none where nothing is said that could be a number or an address."""
    if not any(run.digits + run.letters >= 3 for run in scene.runs) and not any(
        role in lexeme.roles for lexeme in scene.lexemes for role in (Role.MAIL, Role.HOST)
    ):
        return ()
    readings = [_render(scene, reading) for reading in range(READINGS_MAX)]
    return tuple(dict.fromkeys(readings)) if readings[0].text != readings[1].text else (readings[0],)


def _render(scene: Scene, reading: int) -> Written:
    pieces: list[tuple[str, int, int]] = []
    runs = {run.begin: run for run in scene.runs}
    at = 0
    while at < len(scene.lexemes):
        run = runs.get(at)
        if run:
            pieces.append((_run_text(run, reading), run.first, run.last))
            at = run.end
        else:
            lexeme = scene.lexemes[at]
            pieces.append((_lexeme_text(lexeme), lexeme.first, lexeme.last))
            at += 1
    return _joined(pieces)


def _run_text(run: Run, reading: int) -> str:
    values = list(islice(written_values(run), READINGS_MAX))
    value = values[min(reading, len(values) - 1)]
    if run.dots >= 3:
        return "".join(e.written for e in run.elements)
    return value.upper()


def _lexeme_text(lexeme: Lexeme) -> str:
    for role in (Role.MAIL, Role.HOST):
        if role in lexeme.roles:
            return lexeme.roles[role]
    return lexeme.text


def _joined(pieces: Sequence[tuple[str, int, int]]) -> Written:
    text: list[str] = []
    first: list[int] = []
    last: list[int] = []
    for piece, begin, end in pieces:
        room = TEXT_MAX - len(text)
        for character in f"{piece} "[:room]:
            text.append(character)
            first.append(begin)
            last.append(end)
    return Written("".join(text), tuple(first), tuple(last))
