"""Identifiers and ordinary requests, a sentence each, in many ways of speaking."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.find.pii import Identifiers, make_word_finder

PHRASINGS = Path(__file__).parent / "phrasings"


def _lines(name: str) -> list[str]:
    lines = (PHRASINGS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


@pytest.mark.parametrize("line", _lines("identifiers.txt"))
def test_every_word_of_an_identifier_is_found(finder: Identifiers, line: str) -> None:
    """All words in brackets lie in findings."""
    marked = line.split("|")[1].split()
    words = [word.strip("[]") for word in marked]
    first = next(at for at, word in enumerate(marked) if word.startswith("["))
    last = next(at for at, word in enumerate(marked) if word.endswith("]"))
    covered = {word for one in finder.search(words) for word in range(one.first, one.last + 1)}
    assert [] == [words[at] for at in range(first, last + 1) if at not in covered]


def test_types_are_named_as_people_mean_them(finder: Identifiers) -> None:
    """At least nineteen of twenty identifiers get their own type."""
    named = 0
    lines = _lines("identifiers.txt")
    for line in lines:
        entity_type, sentence = (part.strip() for part in line.split("|"))
        words = [word.strip("[]") for word in sentence.split()]
        named += any(one.entity_type == entity_type for one in finder.search(words))
    assert named >= 0.95 * len(lines)


@pytest.mark.parametrize("line", _lines("ordinary.txt"))
def test_ordinary_requests_are_left_alone(finder: Identifiers, line: str) -> None:
    """Times, amounts, channels, scores and the like are no identifiers."""
    words = line.split()
    found = [one for one in finder.search(words) if one.entity_type not in ("PERSON", "LOCATION")]
    assert [] == [" ".join(words[one.first : one.last + 1]) for one in found]
