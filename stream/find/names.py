"""Names of people and places in lower-case speech: titles, carrier phrases and the gazetteer.

A carrier phrase ("text ...", "my name is ...") makes the next words a name unless they are everyday words, so that a name
that nobody has listed, or that the recogniser has misheard, is found too.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.spans import Scene, Span

NAME_WORDS_MAX = 4
_RECOGNIZER = "names"


def find_people(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """Names after titles and carrier phrases, given names anywhere, and what is spelled after a name."""
    at = 0
    while at < len(scene.lexemes):
        begin, end = _name(scene, gazetteer, at)
        if end > begin:
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "PERSON", 0.7, _RECOGNIZER)
            at = end
        else:
            at += 1
    yield from _spelled_names(scene)


def _name(scene: Scene, gazetteer: Gazetteer, at: int) -> tuple[int, int]:
    """The name that begins at the lexeme ``at``, as a range; empty if there is none."""
    if scene.listed(at, "titles") and _like_name(scene, gazetteer, at + 1):
        return at, _name_end(scene, gazetteer, at + 1)
    if gazetteer.is_given(scene.text(at)) and not _numeric(scene, at):
        return at, _name_end(scene, gazetteer, at)
    if _led(scene, at, "name_leads_strong") and _like_name(scene, gazetteer, at):
        return at, _name_end(scene, gazetteer, at)
    if _led(scene, at, "name_leads") and gazetteer.is_name(scene.text(at)) and not _numeric(scene, at):
        return at, _name_end(scene, gazetteer, at)
    return at, at


def _led(scene: Scene, at: int, leads: str) -> bool:
    """Whether a carrier phrase ends right before the lexeme ``at``."""
    listed = scene.language.listed(leads)
    pieces = " ".join(scene.text(at - step) for step in (3, 2, 1) if at >= step).split()
    return any(" ".join(pieces[-size:]) in listed for size in (1, 2, 3) if len(pieces) >= size)


def _like_name(scene: Scene, gazetteer: Gazetteer, at: int) -> bool:
    """A word that could be a name: no everyday word, number, symbol or abbreviation."""
    text = scene.text(at)
    if len(text) < 2 or not text.replace("'", "").isalpha() or _numeric(scene, at):
        return False
    return text not in gazetteer.everyday and not scene.listed(at, "acronyms")


def _numeric(scene: Scene, at: int) -> bool:
    roles = scene.lexemes[at].roles if at < len(scene.lexemes) else {}
    return any(
        role in roles
        for role in (
            Role.UNIT,
            Role.TEEN,
            Role.TENS,
            Role.SCALE,
            Role.MONTH,
            Role.ORDINAL,
            Role.FILLER,
            Role.REPAIR,
            Role.SYMBOL,
            Role.MULTIPLIER,
        )
    )


def _name_end(scene: Scene, gazetteer: Gazetteer, begin: int) -> int:
    end = begin + 1
    while end < len(scene.lexemes) and end - begin < NAME_WORDS_MAX:
        known = scene.text(end) in gazetteer.surnames or scene.text(end) in gazetteer.given
        if not (_like_name(scene, gazetteer, end) or known and scene.text(end) not in gazetteer.everyday):
            break
        end += 1
    return end


def _spelled_names(scene: Scene) -> Iterator[Span]:
    """ "quentin that is q u e n ...": the name before the letters that spell it."""
    for run in scene.runs:
        if run.letters < 3 or run.digits:
            continue
        spelled = "".join(element.written for element in run.elements if element.shape in "LN")
        for at in range(run.begin - 1, max(-1, run.begin - 7), -1):
            text = scene.text(at)
            if len(text) > 1 and text[:2] == spelled[:2]:
                yield Span(scene.lexemes[at].first, run.last, "PERSON", 0.85, _RECOGNIZER)
                break


def find_places(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """Listed places after a preposition; longer names anywhere."""
    texts = tuple(lexeme.text for lexeme in scene.lexemes)
    at = 0
    while at < len(texts):
        size = gazetteer.place_at(texts, at)
        if (
            size
            and (size > 1 or _led(scene, at, "place_leads"))
            and not (size == 1 and texts[at] in gazetteer.everyday)
        ):
            yield Span(scene.lexemes[at].first, scene.lexemes[at + size - 1].last, "LOCATION", 0.6, _RECOGNIZER)
            at += size
        else:
            at += 1
