"""Identifiers that are written, or followed by a word, like a quantity; and quantities, which stay."""

from __future__ import annotations

import pytest

from stream.find.pii import Identifiers, make_word_finder


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder(frozenset({"en", "es"}), names_by_phrase=frozenset({"es"}))


def _masked(finder: Identifiers, said: str, language: str = "en") -> list[tuple[str, str]]:
    words = said.split()
    return [
        (one.entity_type, " ".join(words[one.first : one.last + 1])) for one in finder.search(words, language=language)
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("my pin is 12:34", ("PIN", "12:34")),
        ("the door code is 6:30", ("PIN", "6:30")),
        ("my pin is $12.34", ("PIN", "$12.34")),
        ("my pin is 12.34", ("PIN", "12.34")),
        ("my pin is 12% 34%", ("PIN", "12% 34%")),
        ("my cvv is 9:19", ("CVV", "9:19")),
        ("last four of my social 11:20", ("US_SSN", "11:20")),
        ("bank account 12:34 okay 56:78", ("US_BANK_NUMBER", "12:34 okay 56:78")),
        ("my plate is 4k 9k", ("LICENSE_PLATE", "4k 9k")),
        ("my pin is 1st 2nd 3rd 4th", ("PIN", "1st 2nd 3rd 4th")),
        ("12:34 is my pin okay play jazz", ("PIN", "12:34")),
        ("call 4:15 5:55 12:12", ("PHONE_NUMBER", "4:15 5:55 12:12")),
        ("my phone is $415 $555 $1212", ("PHONE_NUMBER", "$415 $555 $1212")),
    ],
)
def test_what_is_announced_is_no_time_price_or_place(finder: Identifiers, said: str, expected: tuple[str, str]) -> None:
    """A recogniser writes four digits as it likes."""
    assert [expected] == _masked(finder, said)


def test_the_same_in_spanish(finder: Identifiers) -> None:
    """The announcing words come from the language's tables."""
    assert [("PIN", "12:34")] == _masked(finder, "mi pin es 12:34", "es")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("gate code is 4916 pound", [("PIN", "4916")]),
        ("enter 4916 pound to open the gate", [("PIN", "4916")]),
        ("my cvv is nine one nine am i right", [("CVV", "nine one nine")]),
        ("my pin is 4916 am i right", [("PIN", "4916")]),
        ("my pin is 4916 a day", [("PIN", "4916")]),
        ("security code nine one nine dollars", [("CVV", "nine one nine")]),
        ("pin is eleven thirty pm", [("PIN", "eleven thirty")]),
        ("my phone is 415 minutes 555 minutes 1212 minutes", [("PHONE_NUMBER", one) for one in ("415", "555", "1212")]),
        ("my social is 078 degrees 05 degrees 1120 degrees", [("US_SSN", one) for one in ("078", "05", "1120")]),
    ],
)
def test_a_unit_behind_what_is_announced_makes_it_no_quantity(
    finder: Identifiers, said: str, expected: list[tuple[str, str]]
) -> None:
    """Units, the pound key, "am i right", and a number with a unit behind each piece."""
    assert expected == _masked(finder, said)


@pytest.mark.parametrize(
    "said",
    [
        "set my alarm for 6:30",
        "the alarm is 6:30",
        "20% is my phone battery",
        "call me between 4:15 and 5:55",
        "the phone is 12.99",
        "meet me at the gate at 6:30",
        "unlock the door at 6:30",
        "open the garage door at 7:15",
        "transfer $12.34 to savings",
        "my savings account is $1,200.50 now",
        "my card was charged $12.34",
        "my phone is at 50%",
        "charge my phone to 80%",
        "the combination is 4k",
        "my passport expires in 12.5 years",
        "it's my 1st 2nd and 3rd song",
        "bet 4916 pound on red",
        "the safe is 200 pounds",
        "set it for nine am i need to work",
        "pay 1200 dollars on my credit card",
    ],
)
def test_times_prices_and_quantities_stay(finder: Identifiers, said: str) -> None:
    """Near context words too, where these do not announce them."""
    assert [] == _masked(finder, said)


@pytest.mark.parametrize(
    "said",
    [
        "bingo four one five lotto five five five bingo one two bingo one two please",
        "bingo four one five bingo five five five bingo one two one two please",
    ],
)
def test_a_game_hides_no_number_that_it_cuts(finder: Identifiers, said: str) -> None:
    """What is drawn or called out has few digits in all of the transcript."""
    assert _masked(finder, said)
