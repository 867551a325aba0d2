"""Ordinary numbers that stand side by side are let pass, and numbers that look like them are not."""

from __future__ import annotations

import pytest

from stream.find.language import load_language
from stream.find.recognizers.numbers import find_numbers
from stream.find.spans import merged
from stream.find.spoken import read_scene

ENGLISH = load_language("en")


def _found(said: str) -> list[str]:
    words = said.split()
    return [" ".join(words[one.first : one.last + 1]) for one in merged(find_numbers(read_scene(words, ENGLISH)))]


@pytest.mark.parametrize(
    "said",
    [
        "wake me at five no wait five forty",
        "move it from one to two thirty",
        "set it for three twenty no three forty five",
        "channel four oh one no four oh two",
        "the final score was 112 104",
        "lock the door at eleven",
        "my alarm is at seven not eight",
        "seats ten c and ten d",
        "gate forty one or gate forty two",
        "it's three for two this week",
        "mic check one two one two",
        "the bingo caller says b nine and n forty",
        "lotto numbers are three nine twelve",
        "pick a number from one to one hundred",
        "between 9 thirty and 10 fifteen",
    ],
)
def test_ordinary_numbers_side_by_side_stay(said: str) -> None:
    """A repair or a word between two harmless numbers makes no identifier of them."""
    assert [] == _found(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("my pin is five no wait five forty one", "five no wait five forty one"),
        ("read it from nine four seven to three one one", "nine four seven to three one one"),
        ("change my pin to eleven twelve", "eleven twelve"),
        ("enter seven not eight two four", "seven not eight two four"),
        ("i won the lottery my card is four one one one two two two two", "four one one one two two two two"),
    ],
)
def test_identifiers_that_look_like_them_are_found(said: str, number: str) -> None:
    """What is announced, or said digit by digit, is masked all the same."""
    assert [number] == _found(said)


@pytest.mark.parametrize(
    "said",
    [
        "launch in five four three two one",
        "ten nine eight seven six five four three two one blast off",
        "two four six eight who do we appreciate",
        "one two three four five six seven eight",
        "count down from nine eight seven six five four",
    ],
)
def test_counting_stays(said: str) -> None:
    """Numbers that count up or down to where counting ends are let pass."""
    assert [] == _found(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (
            "my tax number is nine eight seven six five four three two one",
            "nine eight seven six five four three two one",
        ),
        ("my tax i d is nine eight seven six five four three two one", "nine eight seven six five four three two one"),
        ("the number is nine eight dash seven six five", "nine eight dash seven six five"),
        ("the number is nine eight seven six five", "nine eight seven six five"),
        ("the code is five four three two one", "five four three two one"),
        ("then nine eight seven six five four", "nine eight seven six five four"),
    ],
)
def test_a_number_that_seems_to_count_is_found(said: str, number: str) -> None:
    """What is announced, grouped by a sign, or counts from and to nowhere is no countdown."""
    assert [number] == _found(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("my bingo id is 4821", "4821"),
        ("my bingo player id is b k forty one", "b k forty one"),
        ("lotto login 48213377", "48213377"),
    ],
)
def test_a_game_hides_nothing_that_is_announced(said: str, number: str) -> None:
    """The word "bingo" makes no draw of an id, nor of a number of many digits in one."""
    assert [number] == _found(said)


def test_numbers_of_a_draw_stay() -> None:
    """Each of two digits at most, and announced as numbers of a game."""
    assert [] == _found("lotto numbers four eleven nineteen twenty three thirty one")
