"""Phrases of the language's lists in a transcript: which one begins at a lexeme, which one ends before it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from stream.find.cues import letters_explained
from stream.find.spans import Scene

PHRASE_MAX = 6  # words
EXPLAINED_MAX = 3  # lexemes after a letter that explain it


@cache
def _index(phrases: frozenset[str], edge: int) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Phrases by their first (``edge`` 0) or last (-1) word, the longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        pieces = tuple(phrase.split())
        found.setdefault(pieces[edge], []).append(pieces)
    return {word: tuple(sorted(ways, key=len, reverse=True)) for word, ways in found.items()}


@cache
def _ends(phrases: frozenset[str]) -> dict[str, dict[str, tuple[tuple[str, ...], ...]]]:
    """Phrases by their last word, then by the word before it; that is empty where the last word is all."""
    found: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {}
    for phrase in phrases:
        pieces = ("", *phrase.split())
        ways = found.setdefault(pieces[-1], {})
        ways[pieces[-2]] = (*ways.get(pieces[-2], ()), pieces[1:])
    return found


def phrase_at(scene: Scene, at: int, name: str) -> int:
    """How many lexemes from ``at`` on are a phrase of the list ``name``, the longest; 0 if none."""
    text = scene.text(at)
    if not text:
        return 0
    ways = _index(scene.language.listed(name), 0).get(text.partition(" ")[0], ())
    following = scene.text(at + 1).partition(" ")[0] if " " not in text else ""
    for way in ways:
        if following and len(way) > 1 and way[1] != following:
            continue
        pieces: list[str] = []
        end = at
        while len(pieces) < len(way) and end < len(scene.lexemes):
            pieces += scene.lexemes[end].text.split()
            end += 1
        if tuple(pieces) == way:
            return end - at
    return 0


def ends_phrase(scene: Scene, at: int, name: str) -> bool:
    """Whether the word right before the lexeme ``at`` ends a phrase of the list ``name``: quickly ruled out."""
    return at > 0 and scene.text(at - 1).rpartition(" ")[2] in _index(scene.language.listed(name), -1)


def phrase_before(scene: Scene, at: int, name: str) -> bool:
    """Whether a phrase of the list ``name`` ends right before the lexeme ``at``."""
    text = scene.text(at - 1) if at else ""
    ends = _ends(scene.language.listed(name)).get(text.rpartition(" ")[2]) if text else None
    if ends is None:
        return False
    if "" in ends:
        return True  # the word alone is a phrase
    before = scene.texts[at - 2].rpartition(" ")[2] if at > 1 and " " not in text else ""
    if before and before not in ends:
        return False
    pieces = tuple(" ".join(scene.texts[max(0, at - PHRASE_MAX) : at]).split())
    return len(pieces) > 1 and any(pieces[-len(way) :] == way for way in ends.get(pieces[-2], ()))


def said_before(scene: Scene, at: int, name: str) -> bool:
    """The same for the words as they were written, in which "she's" is not "she"."""
    end = scene.lexemes[at].first if at < len(scene.lexemes) else len(scene.words)
    if not end:
        return False
    said = " ".join(scene.words[max(0, end - PHRASE_MAX) : end]).lower().replace("’", "'").replace(" '", "'")
    ways = _index(scene.language.listed(name), -1).get(said.rpartition(" ")[2], ())
    return any(said == " ".join(way) or said.endswith(" " + " ".join(way)) for way in ways)


def places_at(scene: Scene, name: str) -> Iterator[tuple[int, int]]:
    """Every phrase of the list ``name``, as lexemes, end exclusive: the quick way to look at a whole transcript."""
    if not scene.says(name):
        return
    index = _index(scene.language.listed(name), 0)
    for at, text in enumerate(scene.texts):
        if (text in index or " " in text) and (size := phrase_at(scene, at, name)):
            yield at, at + size


def places_before(scene: Scene, name: str) -> Iterator[int]:
    """Every lexeme right before which a phrase of the list ``name`` ends."""
    if not scene.says(name):
        return
    ends, texts = _ends(scene.language.listed(name)), scene.texts
    for at in [at for at, text in enumerate(texts[:-1], start=1) if text in ends or " " in text]:
        ways, before = ends.get(texts[at - 1]), texts[at - 2] if at > 1 else ""
        if ways and before and before not in ways and "" not in ways and " " not in before:
            continue
        if phrase_before(scene, at, name):
            yield at


def places_listed(scene: Scene, *names: str) -> Iterator[int]:
    """Every lexeme that is in one of the lists."""
    if not any(scene.says(name) for name in names):
        return iter(())
    listed = _union(*(scene.language.listed(name) for name in names))
    return iter([at for at, text in enumerate(scene.texts) if text in listed])


@cache
def _union(*phrases: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*phrases)


def remarked(scene: Scene, at: int) -> bool:
    """Whether the lexeme belongs to a remark on spelling: "with a k", "and an e", "n as in nancy"."""
    for begin in range(max(0, at - EXPLAINED_MAX), at + 1):
        if len(scene.text(begin)) == 1 and letters_explained(scene.lexemes, begin) >= max(1, at - begin):
            return True
    for begin in range(at - 2, at + 1):
        article = scene.listed(begin + 1, "net_articles")
        if begin >= 0 and scene.listed(begin, "net_likened") and article and len(scene.text(begin + 2)) == 1:
            return True
    return False
