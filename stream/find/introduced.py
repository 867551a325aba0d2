"""Names and places by what is said around them, for a language that no built-in names model reads.

"me llamo ...", "llama a ...": after a carrier phrase stands a name unless a word of grammar does; after a weaker one
("con ...") only what is in the lists of names. What nobody introduces is not found.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.spans import Scene, Span

NAME_MAX = 4  # lexemes of a name
LEAD_MAX = 4  # words of a carrier phrase
_RECOGNIZER = "introduced"


def find_introduced(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """People after carrier phrases and titles, and listed places after prepositions."""
    texts = tuple(lexeme.text for lexeme in scene.lexemes)
    done = 0
    for at in range(1, len(texts)):
        if at < done:
            continue
        if _can_be_name(scene, at) and (
            _led(scene, at, "name_leads_strong")
            or (gazetteer.is_name(texts[at]) and _led(scene, at, "name_leads_weak"))
        ):
            done = _name_end(scene, at + 1)
            yield Span(scene.lexemes[at].first, scene.lexemes[done - 1].last, "PERSON", 0.7, _RECOGNIZER)
            continue
        size = gazetteer.place_at(texts, at)
        stopped = size == 1 and scene.listed(at, "name_stops")
        if size and not stopped and _led(scene, at, "place_leads"):
            yield Span(scene.lexemes[at].first, scene.lexemes[at + size - 1].last, "LOCATION", 0.6, _RECOGNIZER)


def _led(scene: Scene, at: int, leads: str) -> bool:
    """Whether a phrase of the list ``leads`` ends right before the lexeme ``at``."""
    listed = scene.language.listed(leads)
    said = " ".join(scene.text(before) for before in range(max(0, at - LEAD_MAX), at)).split()
    return any(" ".join(said[-size:]) in listed for size in range(1, min(LEAD_MAX, len(said)) + 1))


def _can_be_name(scene: Scene, at: int) -> bool:
    lexeme = scene.lexemes[at]
    plain = lexeme.text.replace("-", "").replace("'", "")
    if len(plain) < 2 or not plain.isalpha() or scene.listed(at, "name_stops"):
        return False
    if any(role in lexeme.roles for role in (Role.FILLER, Role.REPAIR, Role.MONTH, Role.ORDINAL, Role.SYMBOL)):
        return False
    return not any(run.begin <= at < run.end for run in scene.runs)


def _name_end(scene: Scene, end: int) -> int:
    """The lexeme after the last word of a name: surnames, and what joins them ("de la", "y") if one more follows."""
    begin = end - 1
    while end < len(scene.lexemes) and end - begin < NAME_MAX and _open(scene, end - 1):
        if _can_be_name(scene, end):
            end += 1
            continue
        joined = end
        while joined < len(scene.lexemes) and joined - end < 2 and scene.listed(joined, "name_joints"):
            joined += 1
        if joined == end or joined >= len(scene.lexemes) or not _can_be_name(scene, joined):
            break
        end = joined + 1
    return end


def _open(scene: Scene, at: int) -> bool:
    """Whether no punctuation ends the name here."""
    return not scene.words[scene.lexemes[at].last].endswith((",", ".", "?", "!", ";", ":"))
