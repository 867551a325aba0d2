"""Critical content in words: what is said of somebody's health, and in distress.

A phrase counts whoever says it and of whomever, in every hypothesis: to withhold a clip too many costs a clip, and to
publish one too many shows a stranger what nobody was to see. The tables and their figures are in docs/words.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from stream.clip import CriticalKind
from stream.find.language import Language, Role
from stream.find.patterns import Pattern, Token, compiled, pieces, places
from stream.find.spans import Scene
from stream.find.tables import fold

MEDIA_REACH = 4  # words behind "play" in which a title stands
_EDGES = ' \t.,;:!?"()[]{}<>…—–-*`~|¿¡«»“”'
_SPLIT = re.compile(r"[-/_.]+")
_SHORT_IS = ("'s", "is", "has")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The compiled tables of one language: patterns by a word that they need, and those that need none."""

    anchored: Mapping[str, tuple[tuple[CriticalKind, Pattern, bool], ...]] = field(repr=False)
    unanchored: tuple[tuple[CriticalKind, Pattern, bool], ...] = field(repr=False)
    media: frozenset[str] = field(repr=False)


def find_critical(scene: Scene) -> Iterator[tuple[CriticalKind, int, int]]:
    """Kind, first and last word (inclusive) of each phrase; places within wider ones of their kind are left out."""
    sheet = _sheet(scene.language)
    tokens = _tokens(scene)
    said = {text for token in tokens for text in token.texts}
    wanted = {id(entry): entry for text in said for entry in sheet.anchored.get(text, ())}
    found: set[tuple[CriticalKind, int, int]] = set()
    for kind, pattern, named in (*wanted.values(), *sheet.unanchored):
        for first, last in places(pattern, tokens):
            if not (named and _is_title(tokens, first, sheet.media)):
                found.add((kind, tokens[first].word, tokens[last].word))
    for kind, begin, end in sorted(found):
        if not any(k == kind and b <= begin and end <= e and (b, e) != (begin, end) for k, b, e in found):
            yield kind, begin, end


def _is_title(tokens: list[Token], at: int, media: frozenset[str]) -> bool:
    before = tokens[max(0, at - MEDIA_REACH) : at]
    return any(text in media for token in before for text in token.texts)


def _tokens(scene: Scene) -> list[Token]:
    """The words, contractions undone; fillers, repairs and what is said twice may be left out."""
    contractions = scene.language.critical.contractions
    idle = {
        word
        for lexeme in scene.lexemes
        if Role.FILLER in lexeme.roles or Role.REPAIR in lexeme.roles
        for word in range(lexeme.first, lexeme.last + 1)
    }
    tokens: list[Token] = []
    for word, raw in enumerate(scene.words):
        for text in _said_as(raw, contractions):
            texts = _SHORT_IS if text == "'s" else (text,)
            again = bool(tokens) and tokens[-1].texts == texts
            tokens.append(Token(texts, word, word in idle or again or text == "'s"))
    return tokens


def _said_as(raw: str, contractions: Mapping[str, str]) -> list[str]:
    text = fold(raw).strip(_EDGES)
    if text in contractions:
        return contractions[text].split()
    if text.isalpha():
        return [text]
    parts = [part.strip("'") if part != "'s" else part for piece in _SPLIT.split(text) for part in pieces(piece)]
    return [part for part in parts if part]


@cache
def _sheet(language: Language) -> _Sheet:
    tables = language.critical
    anchored: dict[str, list[tuple[CriticalKind, Pattern, bool]]] = {}
    unanchored = []
    for table, named in ((tables.patterns, False), (tables.names, True)):
        for kind, texts in table.items():
            for pattern in compiled(texts, tables.lists):
                entry = (kind, pattern, named)
                for word in pattern.anchor:
                    anchored.setdefault(word, []).append(entry)
                if not pattern.anchor:
                    unanchored.append(entry)
    media = frozenset(word for text in tables.media for word in text.split())
    return _Sheet({word: tuple(entries) for word, entries in anchored.items()}, tuple(unanchored), media)
