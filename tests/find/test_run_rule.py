"""The fail-closed rule: long runs of digits or letters are masked, whatever they are."""

from __future__ import annotations

import pytest

from stream.find.language import load_language
from stream.find.recognizers.numbers import find_numbers
from stream.find.spoken import read_scene

ENGLISH = load_language("en")


def _found(said: str) -> list[str]:
    words = said.split()
    return [" ".join(words[one.first : one.last + 1]) for one in find_numbers(read_scene(words, ENGLISH))]


@pytest.mark.parametrize(
    "run",
    [
        "four one nine two",
        "seven seven oh uh nine",
        "nine two no nine three four",
        "one won two ate",
        "three let me see four five six",
        "x ray four two bravo",
        "k q v z",
        "double seven double two",
        "twelve thirty four fifty six seventy eight",
        "8 8 1 2",
        "90210",
    ],
)
def test_a_run_without_any_context_is_masked(run: str) -> None:
    """No context word and no checksum is needed."""
    assert [run] == _found(f"and so {run} there")


def test_a_wrong_checksum_unmasks_nothing() -> None:
    """A card number with a digit misheard is a card number."""
    card = "four one one one one one one one one one one one one one one two"
    assert [card] == _found(f"my visa {card}")


def test_context_takes_the_allow_list_away() -> None:
    """A clock time after "pin" is a PIN."""
    assert [] == _found("wake me at twelve thirty four")
    assert ["twelve thirty four"] == _found("my pin is twelve thirty four")


@pytest.mark.parametrize(
    ("said", "run"), [("the c v v is six double two", "six double two"), ("pin four eight", "four eight")]
)
def test_short_secrets_are_masked_in_their_context(said: str, run: str) -> None:
    """Two or three digits are enough where a context word says what they are."""
    assert [run] == _found(said)


@pytest.mark.parametrize(
    ("said", "run"),
    [
        ("my pin is fo- four two two one", "fo- four two two one"),
        ("the number is to nine six seven", "to nine six seven"),
        ("zip code eight seven one six won", "eight seven one six won"),
    ],
)
def test_what_was_misheard_at_the_ends_is_masked(said: str, run: str) -> None:
    """Cut-offs and homophones at the ends of a number belong to it."""
    assert [run] == _found(said)
