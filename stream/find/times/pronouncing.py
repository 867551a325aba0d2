"""How a written word may be said: every way, as a small graph of phones.

A transcript writes "4111" for what was said as "four one one one", "forty one eleven" or "four thousand one hundred
and eleven", "tv" for two letters, and names that no dictionary has. The aligner takes the way that fits the sound.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from stream.find.times.letters import LETTER_NAMES, is_pronounceable, sounds

DIGITS_MAX = 24  # of one word; nobody writes more together that was said as one
SPELLED_MAX = 5  # letters of a word without entry that may be an abbreviation

_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_SIGNS = {
    "@": "at", ".": "dot point", "_": "underscore", "/": "slash", "+": "plus", "&": "and", "%": "percent",
    "$": "dollars",
    "€": "euros", "£": "pounds", "#": "hash number pound", "=": "equals", "*": "star", "-": "dash hyphen minus",
    "°": "degrees",
}  # fmt: skip
_SILENT_SIGNS = frozenset(".-_/#,")  # are said or not
_PIECES = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+|[a-z]+(?:'[a-z]+)*'?|[@._/+&%$€£#=*°-]")

Edge = tuple[int, int, str]


@dataclass
class Ways:
    """Ways through a word: states 0..``last``, and edges (from, to, phones); empty phones are said by nobody."""

    last: int = 0
    edges: list[Edge] = field(default_factory=list, repr=False)

    def state(self) -> int:
        self.last += 1
        return self.last

    def chain(self, first: int, last: int, steps: Sequence[Sequence[str]]) -> None:
        """One piece after another, each said in any of the ways of its step."""
        at = first
        for number, ways in enumerate(steps):
            to = last if number == len(steps) - 1 else self.state()
            self.edges += [(at, to, phones) for phones in ways]
            at = to


class Dictionary:
    """The pronouncing dictionary of an acoustic model: its lines in order, searched by halves. A table costs 25 MB."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where there is none."""
        lines = sorted(path.read_bytes().splitlines(keepends=True))
        self._text = b"".join(lines)
        self._starts = array("I", accumulate(map(len, lines), initial=0))

    def __contains__(self, word: str) -> bool:
        return self._line(word) is not None

    def ways(self, word: str) -> list[str]:
        """Its pronunciations, the usual one first; none where it is not listed."""
        return [phones for name in _variants(word) if (phones := self._line(name))]

    def _line(self, name: str) -> str | None:
        """The phones of one entry; None where there is none."""
        key = f"{name} ".encode()
        starts, text = self._starts, self._text
        at = bisect_left(range(len(starts) - 1), key, key=lambda at: text[starts[at] : starts[at] + len(key)])
        line = text[starts[at] : starts[at + 1]] if at + 1 < len(starts) else b""
        return line[len(key) :].decode("ascii").strip() if line.startswith(key) else None


def _variants(word: str) -> Iterator[str]:
    yield word
    yield from (f"{word}({number})" for number in (2, 3, 4))


class Pronouncer:
    """Ways to say English words."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary

    def ways(self, word: str) -> Ways | None:
        """Every way to say ``word``; None where nobody can tell, such as for another script."""
        pieces = _pieces(word)
        if not pieces:
            return None
        ways = Ways()
        at = 0
        for number, piece in enumerate(pieces):
            to = ways.state()
            if not self._piece(ways, at, to, piece, alone=len(pieces) == 1):
                return None
            if piece in _SILENT_SIGNS or (piece in _SIGNS and number in (0, len(pieces) - 1)):
                ways.edges.append((at, to, ""))
            at = to
        return _ending_last(ways, at)

    def _piece(self, ways: Ways, first: int, last: int, piece: str, *, alone: bool) -> bool:
        if piece in _SIGNS:
            ways.edges += [(first, last, phones) for name in _SIGNS[piece].split() for phones in self._of(name)]
            return True
        if piece.isdigit():
            if len(piece) > DIGITS_MAX:
                return False
            self._number(ways, first, last, piece)
            return True
        if piece[0].isdigit():
            ways.chain(first, last, [self._of(word) for word in _ordinal(piece[:-2])])
            return True
        said = self._of(piece)
        ways.edges += [(first, last, phones) for phones in said]
        if piece.isalpha() and (len(piece) == 1 or _may_be_spelled(piece, piece in self._dictionary)):
            ways.chain(first, last, [[LETTER_NAMES[letter]] for letter in piece])
        return bool(said) or alone or piece.isalpha()

    def _of(self, word: str) -> list[str]:
        """By the dictionary; by its stem; by rules."""
        if listed := self._dictionary.ways(word):
            return listed
        stem = word.removesuffix("'").removesuffix("'s")
        if stem != word and (listed := self._dictionary.ways(stem)):
            return [f"{phones} Z" for phones in listed]
        ruled = sounds(word) if is_pronounceable(word) else ""
        return [ruled] if ruled else []

    def _number(self, ways: Ways, first: int, last: int, digits: str) -> None:
        """Singly, in pairs and hundreds, in any mixture; and as one number where it is short."""
        states = [first, *(ways.state() for _ in digits[1:]), last]
        for at, digit in enumerate(digits):
            names = [_UNITS[int(digit)], *(["oh"] if digit == "0" else [])]
            ways.edges += [(states[at], states[at + 1], phones) for name in names for phones in self._of(name)]
            for size, words in _groups(digits[at:]):
                ways.chain(states[at], states[at + size], [self._of(word) for word in words])


def _pieces(word: str) -> list[str]:
    """Runs of letters, runs of digits and signs; nothing where a letter is left that is none of a-z."""
    decomposed = unicodedata.normalize("NFKD", word).casefold().replace("’", "'").replace("ʼ", "'")
    text = "".join(character for character in decomposed if not unicodedata.combining(character))
    text = re.sub(r"(?<=\d),(?=\d)", "", text)
    pieces = _PIECES.findall(text)
    spoken = sum(len(piece) for piece in pieces if piece not in _SIGNS)
    if spoken < sum(character.isalnum() for character in text):
        return []
    while pieces and pieces[-1] in (".", "-", "/", "_") and len(pieces) > 1:
        pieces.pop()
    return pieces


def _groups(digits: str) -> Iterator[tuple[int, list[str]]]:
    """(digits taken, words) for groups of two and more at the beginning of ``digits``."""
    if digits[0] == "0":
        return
    if len(digits) >= 2:
        yield 2, _below_hundred(int(digits[:2]))
        if digits[0] == digits[1]:
            yield 2, ["double", _UNITS[int(digits[0])]]
    if len(digits) >= 3:
        yield from ((3, words) for words in _hundreds(digits[:3]))
        if digits[0] == digits[1] == digits[2]:
            yield 3, ["triple", _UNITS[int(digits[0])]]
    if len(digits) >= 4:
        yield from ((4, words) for words in _four(digits[:4]))


def _below_hundred(number: int) -> list[str]:
    if number < 10:
        return [_UNITS[number]]
    if number < 20:
        return [_TEENS[number - 10]]
    return [_TENS[number // 10], *([_UNITS[number % 10]] if number % 10 else [])]


def _hundreds(digits: str) -> Iterator[list[str]]:
    head, rest = [_UNITS[int(digits[0])], "hundred"], int(digits[1:])
    if not rest:
        yield head
        return
    yield [*head, *_below_hundred(rest)]
    yield [*head, "and", *_below_hundred(rest)]


def _four(digits: str) -> Iterator[list[str]]:
    head, rest = [_UNITS[int(digits[0])], "thousand"], digits[1:]
    if rest == "000":
        yield head
    elif rest[0] == "0":
        yield [*head, *_below_hundred(int(rest))]
        yield [*head, "and", *_below_hundred(int(rest))]
    else:
        yield from ([*head, *words] for words in _hundreds(rest))
    if digits[2:] == "00" and digits[1] != "0":
        yield [*_below_hundred(int(digits[:2])), "hundred"]


def _ordinal(digits: str) -> list[str]:
    number = int(digits)
    words = _below_hundred(number) if number < 100 else [_UNITS[number // 100 % 10], "hundred", *_tail(number % 100)]
    last = words[-1]
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return [*words[:-1], _ORDINALS.get(last, regular)]


def _tail(number: int) -> list[str]:
    return _below_hundred(number) if number else []


def _may_be_spelled(word: str, listed: bool) -> bool:
    return (not listed and len(word) <= SPELLED_MAX) or not is_pronounceable(word)


def _ending_last(ways: Ways, end: int) -> Ways:
    """The same with ``end`` as the highest state."""
    if end == ways.last:
        return ways
    swap = {end: ways.last, ways.last: end}
    return Ways(ways.last, [(swap.get(a, a), swap.get(b, b), phones) for a, b, phones in ways.edges])


def spoken_phones(edges: Iterable[Edge]) -> frozenset[str]:
    """All phones that the edges use."""
    return frozenset(phone for _, _, phones in edges for phone in phones.split())
