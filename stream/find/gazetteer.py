"""The lists of given names, surnames, places and everyday words beside the names model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

PLACE_WORDS_MAX = 4


@dataclass(frozen=True, eq=False)
class Gazetteer:
    """Lower case, without accents. ``places`` maps a first word to its continuations, longest first."""

    given: frozenset[str] = field(repr=False)
    surnames: frozenset[str] = field(repr=False)
    everyday: frozenset[str] = field(repr=False)
    places: Mapping[str, tuple[tuple[str, ...], ...]] = field(repr=False)
    lexicon: Mapping[str, float] = field(
        repr=False
    )  # English words -> 1 for the most frequent, towards 0 for the rarest

    def is_name(self, word: str) -> bool:
        """A given name or surname that is no everyday word."""
        return (word in self.given or word in self.surnames) and word not in self.everyday

    def place_at(self, words: tuple[str, ...], at: int) -> int:
        """How many words from ``at`` on are a place; 0 if none."""
        for rest in self.places.get(words[at], ()):
            if words[at + 1 : at + 1 + len(rest)] == rest:
                return 1 + len(rest)
        return 0


@cache
def load_gazetteer() -> Gazetteer:
    """The built-in lists; FileNotFoundError where the package is incomplete."""
    places: dict[str, list[tuple[str, ...]]] = {}
    for name in _entries("places"):
        first, *rest = name.split()
        if len(rest) < PLACE_WORDS_MAX:
            places.setdefault(first, []).append(tuple(rest))
    lexicon = _entries("lexicon")
    return Gazetteer(
        given=frozenset(_entries("given")),
        surnames=frozenset(_entries("surnames")),
        everyday=frozenset(_entries("everyday")),
        places={first: tuple(sorted(ways, key=len, reverse=True)) for first, ways in places.items()},
        lexicon={word: 1.0 - math.log(rank) / math.log(len(lexicon)) for rank, word in enumerate(lexicon, start=1)},
    )


def _entries(name: str) -> list[str]:
    return resources.files("stream.models").joinpath("names", f"{name}.txt").read_text(encoding="utf-8").splitlines()
