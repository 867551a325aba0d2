"""Pieces of a number around other talk, numbers that are announced as such, and what a number ends in."""

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
    ("said", "pieces"),
    [
        (
            "one two three next up forty five next up six seven eight nine",
            ["one two three", "forty five", "six seven eight nine"],
        ),
        ("my number is two one two moving on five five five", ["two one two moving on five five five"]),
        (
            "serial number v for victor k for kite got it nine three six one",
            ["v for victor k for kite got it nine three six one"],
        ),
    ],
)
def test_other_talk_within_a_number(said: str, pieces: list[str]) -> None:
    """Every piece is found where digits go on after a few words that mean nothing here."""
    assert pieces == _found(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("my account number is four hundred eleven", "four hundred eleven"),
        ("my customer number's seventy two", "seventy two"),
        ("use 290 for the cvc", "290"),
        ("you get 414 as the cvv", "414"),
        ("and then 638 that's the security number on it", "638"),
        ("the alarm is nineteen eighty four", "nineteen eighty four"),
        ("call plus eight hundred one two three four five six", "plus eight hundred one two three four five six"),
        ("call one eight hundred flowers", "one eight hundred flowers"),
        ("try one eight hundred flowers please", "one eight hundred flowers"),
        ("call one eight hundred got junk today", "one eight hundred got junk"),
    ],
)
def test_numbers_that_look_like_quantities(said: str, number: str) -> None:
    """What names an identifier takes the allow-list away, before the number or behind it."""
    assert [number] == _found(said)


@pytest.mark.parametrize(
    "said",
    [
        "the alarm is six thirty",
        "the population is about eight hundred thousand",
        "split one hundred and thirty four fifty by five",
        "a four k sixty hertz monitor",
        "two four six eight who do we appreciate",
        "do a twenty twenty twenty workout",
        "a b c d e f g",
        "page number is four hundred eleven",
        "my account number is ten minutes late",
        "forty five minutes next up twenty minutes next up ten minutes",
    ],
)
def test_quantities_stay(said: str) -> None:
    """Prices, counts, clock times and numbers with a unit are let pass."""
    assert [] == _found(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (
            "my number is area code two one two five five five oh one eight seven",
            "area code two one two five five five oh one eight seven",
        ),
        (
            "my phone is five five five area code two one two oh one eight seven",
            "five five five area code two one two oh one eight seven",
        ),
        (
            "her number is country code four four two oh seven nine four six",
            "country code four four two oh seven nine four six",
        ),
        (
            "dial area code two one two five five five oh one eight seven",
            "two one two five five five oh one eight seven",
        ),
    ],
)
def test_parts_of_a_telephone_number(said: str, number: str) -> None:
    """What the digits are called within an announced number belongs to it; elsewhere it does not."""
    assert [number] == _found(said)


def test_a_pin_that_looks_like_a_price_far_from_its_announcement() -> None:
    """Four digits that "passcode" speaks of are told behind other talk; the price of something else is none."""
    assert ["sixty three nineteen"] == _found("my passcode used to be an easy one now it's sixty three nineteen")
    assert [] == _found("i changed my passcode when we got home and paid for shoes sixty three nineteen")
