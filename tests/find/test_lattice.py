"""What is said, written down."""

from __future__ import annotations

import pytest

from stream.find.language import load_language
from stream.find.spoken import read_scene, written_forms

ENGLISH = load_language("en")


def _values(said: str) -> list[tuple[str, ...]]:
    return [run.values for run in read_scene(said.split(), ENGLISH).runs]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("four one one one", "4111"),
        ("oh seven double five nought", "07550"),
        ("triple six one", "6661"),
        ("seventy four eleven", "7411"),
        ("two thousand five hundred seventy three", "2573"),
        ("one hundred and ninety two", "192"),
        ("one eight hundred five five five", "1800555"),
        ("nineteen eighty four", "1984"),
        ("forty one eleven", "4111"),
        ("4 1 1 1", "4111"),
        ("4111, 1111,", "41111111"),
        ("212 555 oh 187", "2125550187"),
        ("four uh two um three", "423"),
        ("four won for five", "4145"),
        ("capital b three capital c", "b3c"),
        ("bravo two tango", "b2t"),
        ("j as in juliet k like kilo", "jk"),
        ("s m i t h", "smith"),
        ("double l o y d", "lloyd"),
        ("a hundred and four", "104"),
        ("kilo lima one nine", "kl19"),
    ],
)
def test_spoken_forms_are_written_as_meant(said: str, written: str) -> None:
    """The first reading is the likeliest one."""
    assert [written] == [values[0] for values in _values(said)]


def test_tens_have_two_readings() -> None:
    """ "seventy four" is 74 or 70 and 4."""
    assert [("74", "704")] == _values("seventy four")


def test_ordinary_words_bound_a_run() -> None:
    """Two numbers with other words between them are two runs."""
    assert [("12",), ("3",)] == _values("one two apples and three pears")


def test_a_repair_keeps_the_run_together() -> None:
    """What was taken back and what replaces it are one run."""
    runs = read_scene("my number is four two no four three five".split(), ENGLISH).runs
    assert [(3, 8, True)] == [(run.first, run.last, run.repaired) for run in runs]


def test_a_new_announcement_begins_a_new_run() -> None:
    """A context word between two numbers separates them."""
    assert 2 == len(_values("routing one two three four account five six seven eight"))


@pytest.mark.parametrize("said", ["a b c", "the t v", "my s s n", "six a m", "ten p m"])
def test_abbreviations_are_no_letters(said: str) -> None:
    """Well-known abbreviations are words; only the number beside them is a run."""
    assert all(value.isdigit() for values in _values(said) for value in values)


def test_every_written_character_knows_its_words() -> None:
    """A stretch of the written text is a run of words, whatever its length."""
    words = "call five five five oh one eight seven now".split()
    (written,) = written_forms(read_scene(words, ENGLISH))
    start = written.text.index("5550187")
    assert (1, 7) == written.words(start, start + 7)
    assert len(written.text) <= len(written.first) == len(written.last)


def test_no_text_is_made_where_nothing_is_said() -> None:
    """Presidio has nothing to do for most utterances."""
    assert () == written_forms(read_scene("turn on the lights at seven".split(), ENGLISH))
