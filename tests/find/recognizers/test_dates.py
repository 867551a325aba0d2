"""Dates and ages around hesitation, repairs and remarks."""

from __future__ import annotations

import pytest

from stream.find.language import load_language
from stream.find.recognizers.dates import find_ages, find_birth_dates, find_dates
from stream.find.spans import merged
from stream.find.spoken import read_scene

ENGLISH = load_language("en")


def _found(said: str) -> list[str]:
    words = said.split()
    scene = read_scene(words, ENGLISH)
    spans = merged((*find_dates(scene), *find_birth_dates(scene), *find_ages(scene)))
    return [" ".join(words[one.first : one.last + 1]) for one in spans]


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("it was july um july twenty first", "july um july twenty first"),
        ("born on the uh twelfth of uh april", "the uh twelfth of uh april"),
        ("march fourteenth pi day nineteen eighty one", "march fourteenth pi day nineteen eighty one"),
        (
            "my birthday's oh six oops flip that oh six nineteen seventy four",
            "oh six oops flip that oh six nineteen seventy four",
        ),
    ],
)
def test_a_date_that_talk_cuts(said: str, date: str) -> None:
    """All parts of one date are found, with what is said between them."""
    assert [date] == _found(said)


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("remind me march fourteenth to watch nineteen eighty four", "march fourteenth"),
        ("book march fourteenth for twenty people", "march fourteenth"),
        ("play um july twenty first", "july twenty first"),
    ],
)
def test_what_follows_a_date_is_not_its_year(said: str, date: str) -> None:
    """A film, a count or a verb around a date does not belong to it."""
    assert [date] == _found(said)


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("she's ninety no ninety one", "ninety no ninety one"),
        ("my aunt is ninety well ninety four", "ninety well ninety four"),
        ("the old fella's ninety two", "ninety two"),
    ],
)
def test_an_age_that_is_taken_back(said: str, age: str) -> None:
    """An age over 89 is found with its repair."""
    assert [age] == _found(said)


@pytest.mark.parametrize(
    "said", ["she's sixty no sixty one", "it's ninety no ninety one degrees", "set the heat to ninety no ninety one"]
)
def test_other_numbers_taken_back_are_no_age(said: str) -> None:
    """Ages under 90, temperatures and settings stay."""
    assert [] == _found(said)
