"""Patterns of words, as the tables of critical content have them, and where a transcript says one.

The signs of a pattern are told at the head of ``languages/en/critical.yaml``. A pattern becomes a row of steps; fillers
and repeated words are stepped over between any two of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

GAPS = {"..": 3, "...": 6}  # words that may stand between
SKIPPED_MAX = 3  # fillers in a row
_PART = re.compile(r"!?\([^()]*\)\??|\S+")
_VOWELS = "aeiou"


class Token(NamedTuple):
    """One piece of a word that was said: what it may stand for, its word's number, and whether it may be left out."""

    texts: tuple[str, ...]
    word: int
    idle: bool

    def __repr__(self) -> str:
        return f"Token(word={self.word})"  # never what was said


@dataclass(frozen=True, slots=True)
class _Atom:
    """One word of a pattern: any of ``words``, or one that begins with ``prefix``; ``end`` for the utterance's end."""

    words: frozenset[str] = frozenset()
    prefix: str = ""
    end: bool = False

    def fits(self, token: Token) -> bool:
        if self.prefix:
            return any(text.startswith(self.prefix) for text in token.texts)
        return any(text in self.words for text in token.texts)


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a pattern. ``ways`` are its alternatives by their first word; ``loose`` those without a fixed one.

    ``gap`` words may be stepped over; a ``barred`` step must not fit what comes next and takes nothing.
    """

    ways: Mapping[str, tuple[tuple[_Atom, ...], ...]] = field(default_factory=dict)
    loose: tuple[tuple[_Atom, ...], ...] = ()
    optional: bool = False
    barred: bool = False
    gap: int = 0
    start: bool = False

    @property
    def anchors(self) -> bool:
        """Whether a transcript without one of its words can't say the pattern."""
        return bool(self.ways) and not (self.loose or self.optional or self.barred)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of steps; ``anchor`` has the words of which one must be said, empty where that is not known."""

    steps: tuple[_Step, ...]
    anchor: frozenset[str]


def compiled(texts: Iterable[str], lists: Mapping[str, Sequence[str]]) -> tuple[Pattern, ...]:
    """The patterns ``texts``. ValueError where one is ill-formed or names a list that is not there."""
    rows = [tuple(_step(part, lists) for part in _PART.findall(text)) for text in texts]
    used = Counter(word for row in rows for step in row for word in step.ways)
    return tuple(Pattern(row, _anchor(row, used)) for row in rows)


def places(pattern: Pattern, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """First and last token (inclusive) of each place where ``tokens`` say the pattern; at most one a beginning."""
    opening = pattern.steps[0]
    for begin, token in enumerate(tokens):
        if opening.anchors and not any(text in opening.ways for text in token.texts):
            continue
        end = _said(pattern.steps, 0, tokens, begin)
        if end is not None and end > begin:
            yield begin, end - 1


def _said(steps: tuple[_Step, ...], number: int, tokens: Sequence[Token], at: int) -> int | None:
    """The token behind ``steps[number:]`` where they are said from ``at`` on."""
    if number == len(steps):
        return at
    step = steps[number]
    if step.start:
        return _said(steps, number + 1, tokens, at) if at == 0 else None
    if step.gap:
        ends = range(at, min(at + step.gap, len(tokens)) + 1)
        return next((end for skip in ends if (end := _said(steps, number + 1, tokens, skip)) is not None), None)
    if step.barred:
        fits = any(True for _ in _ends(step, tokens, _awake(tokens, at)))
        return None if fits else _said(steps, number + 1, tokens, at)
    # Fillers may stand between two steps, and none before the first: a place begins with what counts.
    last = _awake(tokens, at) if number else at
    for begin in range(at, last + 1):
        for end in _ends(step, tokens, begin):
            if (found := _said(steps, number + 1, tokens, end)) is not None:
                return found
    return _said(steps, number + 1, tokens, at) if step.optional else None


def _awake(tokens: Sequence[Token], at: int) -> int:
    """The first token from ``at`` on that may not be left out."""
    last = at
    while last < min(at + SKIPPED_MAX, len(tokens)) and tokens[last].idle:
        last += 1
    return last


def _ends(step: _Step, tokens: Sequence[Token], at: int) -> Iterator[int]:
    """Where the alternatives end that are said at ``at``, the longest first."""
    ways = [*step.loose]
    if at < len(tokens):
        ways += [way for text in tokens[at].texts for way in step.ways.get(text, ())]
    for way in sorted(ways, key=len, reverse=True):
        if (end := _whole(way, tokens, at)) is not None:
            yield end


def _whole(way: Sequence[_Atom], tokens: Sequence[Token], at: int) -> int | None:
    for number, atom in enumerate(way):
        if number:
            at = next((near for near in range(at, _awake(tokens, at) + 1) if _fits(atom, tokens, near)), at)
        if not _fits(atom, tokens, at):
            return None
        at += not atom.end
    return at


def _fits(atom: _Atom, tokens: Sequence[Token], at: int) -> bool:
    if atom.end:
        return all(token.idle for token in tokens[at:])
    return at < len(tokens) and atom.fits(tokens[at])


# ------------------------------------------------------------------ how patterns are read
def _anchor(row: Sequence[_Step], used: Mapping[str, int]) -> frozenset[str]:
    """The words of the step that are the rarest among all patterns."""
    anchors = [step for step in row if step.anchors]
    best = min(anchors, key=lambda step: max(used[word] for word in step.ways), default=None)
    return frozenset(best.ways) if best else frozenset()


def _step(part: str, lists: Mapping[str, Sequence[str]]) -> _Step:
    if part == "^":
        return _Step(start=True)
    if part in GAPS:
        return _Step(gap=GAPS[part])
    barred, part = part.startswith("!"), part.removeprefix("!")
    optional, part = part.endswith("?"), part.removesuffix("?")
    inner = part[1:-1].split("|") if part.startswith("(") and part.endswith(")") else [part]
    texts = [text for one in inner for text in (lists[one[1:]] if one.startswith("@") else [one])]
    ways: dict[str, list[tuple[_Atom, ...]]] = {}
    loose = []
    for text in texts:
        atoms = tuple(_atom(word) for word in pieces(text))
        if not atoms:
            raise ValueError(f"an empty alternative in {part}")
        if atoms[0].end or atoms[0].prefix:
            loose.append(atoms)
        for word in atoms[0].words:
            ways.setdefault(word, []).append(atoms)
    return _Step({word: tuple(found) for word, found in ways.items()}, tuple(loose), optional, barred)


def _atom(word: str) -> _Atom:
    if word == "$":
        return _Atom(end=True)
    if any(sign in word for sign in "()|!?@$^") or word in GAPS:
        raise ValueError(f"{word} is no word of a pattern")
    if word.endswith("*"):
        return _Atom(prefix=word[:-1])
    return _Atom(inflected(word[:-1]) if word.endswith("~") else frozenset({word}))


def pieces(text: str) -> list[str]:
    """A phrase's words, a possessive or contracted "'s" as one of its own."""
    return [piece for word in text.split() for piece in ([word[:-2], "'s"] if word.endswith("'s") else [word]) if piece]


def inflected(word: str) -> frozenset[str]:
    """The regular forms of an English verb or noun."""
    forms = {word, word + "s", word + "es", word + "ed", word + "ing"}
    if word.endswith("e"):
        forms |= {word + "d", word[:-1] + "ing"}
    if word.endswith("y"):
        forms |= {word[:-1] + "ies", word[:-1] + "ied"}
    if len(word) > 2 and word[-1] not in _VOWELS + "wxy" and word[-2] in _VOWELS and word[-3] not in _VOWELS:
        forms |= {word + word[-1] + "ed", word + word[-1] + "ing"}
    return frozenset(forms)
