"""What was said, written down: the texts on which written-form recognisers run, with a source word per character.

``written_forms`` renders a transcript in a few ways. Runs of spoken digits and letters become "4111111111111111",
everything else stays as it was said, and every character knows the word that it came from, so that whatever a
recogniser finds in the text is given back as a run of words.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from stream.find.disguised import undisguised
from stream.find.hearing import Announcement, announces_letters, heard
from stream.find.language import Language, Role
from stream.find.lattice import find_runs
from stream.find.lexemes import Lexeme, lexemes
from stream.find.runs import Run
from stream.find.spans import Scene, mentions

READINGS_MAX = 2
RUN_MIN = 5  # characters; no written identifier that a pattern knows is shorter
CONTEXT_BEFORE, CONTEXT_AFTER = 6, 3  # lexemes around a run
TEXT_MAX = 4_000  # characters
_WRITTEN = frozenset({Role.MAIL, Role.HOST})


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
    written = lexemes(words, language)
    speaking = mentions(written, language)
    said = undisguised(written, speaking, language)
    announcing = (
        Announcement(one.begin, one.end, announces_letters(one.context.entity_type))
        for one in speaking
        if not one.context.letters_only
    )
    found = heard(said, announcing, language)
    return Scene(tuple(words), found, find_runs(found, language), speaking, language)


def written_forms(scene: Scene) -> tuple[Written, ...]:
    """Readings of what is said near runs and addresses; none where nothing could be a number or an address.

    Only the neighbourhood of what may be an identifier is rendered: patterns look no further for their context words,
    and the time that they need grows with the text.
    """
    wanted = [run for run in scene.runs if run.digits + run.letters >= RUN_MIN]
    written = (at for at in scene.telling if not _WRITTEN.isdisjoint(scene.lexemes[at].roles))
    centres = [*((run.begin, run.end) for run in wanted), *((at, at + 1) for at in written)]
    if not centres:
        return ()
    near = {at for begin, end in centres for at in range(begin - CONTEXT_BEFORE, end + CONTEXT_AFTER)}
    several = any(len(run.values) > 1 for run in wanted)
    return tuple(_render(scene, near, reading) for reading in range(READINGS_MAX if several else 1))


def _render(scene: Scene, near: Container[int], reading: int) -> Written:
    pieces: list[tuple[str, int, int]] = []
    runs = {run.begin: run for run in scene.runs}
    at = 0
    while at < len(scene.lexemes):
        lexeme, run = scene.lexemes[at], runs.get(at)
        if at in near and run:
            pieces.append((_run_text(run, reading), run.first, run.last))
        elif at in near:
            pieces.append((_lexeme_text(lexeme), lexeme.first, lexeme.last))
        at = run.end if run else at + 1
    return _joined(pieces)


def _run_text(run: Run, reading: int) -> str:
    values = run.values[:READINGS_MAX]
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
        size = len(piece) + 1
        text.append(piece)
        first += [begin] * size
        last += [end] * size
    return Written(" ".join(text)[:TEXT_MAX], tuple(first), tuple(last))
