"""Numbers that other talk cuts: every piece and what lies between is found, and what merely stands near is not."""

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
    ("lead", "number", "tail"),
    [
        ("call her at", "six one seven five five five the pen ran out oh one oh nine", ""),
        ("my number is", "nine one four six two two seven three onwards eight", "please"),
        ("the alarm code is", "seven the cat jumped on me nine two two", ""),
        ("my social is", "four one two my eyes are tired six six one oh two nine", "thanks"),
        ("passport number", "eight three one there is a fold here five five oh two one seven", ""),
        ("my card number is", "five one oh five here comes the rest one oh five one oh five one oh five one oh oh", ""),
        ("zip code is", "nine four somebody is shouting one one oh", ""),
        ("medical record number", "two seven nine one it goes on six the light is bad four", "that is it"),
        ("the cvv is", "four the sticker covers it one nine", ""),
        ("routing number", "oh two one is that clear so far oh oh oh oh two one", ""),
        ("my account number is", "eight my arm is full two seven one one zero three nine", ""),
        ("the garage code is", "five two two nine the bulb just blew hive", ""),
        ("passport number is", "romeo the page is torn one three eight three two two zero four", ""),
        ("the cvv is", "o the ink ran twenty nine", "i think"),
    ],
)
def test_an_announced_number_goes_on_behind_other_talk(lead: str, number: str, tail: str) -> None:
    """A number that is short for its kind takes what follows, single digits too, and the words between."""
    assert [number] == _found(f"{lead} {number} {tail}")


def test_without_an_announcement_long_pieces_are_one_number() -> None:
    """Both pieces identify on their own; the few words between are part of the number."""
    number = "six one seven five five five it rubbed off oh one oh nine"
    assert [number] == _found(f"she goes {number} and hung up")


def test_a_part_said_again_is_found_after_a_whole_number() -> None:
    """What is taken back or repeated belongs to the number however long that was."""
    number = "four one two six six one oh two nine i said that wrong two eight"
    assert [number] == _found(f"my social is {number}")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("my zip is nine four one one oh and my dog is five", "nine four one one oh"),
        ("my social is four one two six six one oh two nine call me at five", "four one two six six one oh two nine"),
        ("the code is four four one two we are two adults", "four four one two"),
        ("the code is four four one two for that one", "four four one two"),
        ("my pin is four four one two wake me at six", "four four one two"),
        ("text five five five one two one two we need six eggs", "five five five one two one two"),
        ("my account is seven seven one two three oh and i have two kids", "seven seven one two three oh"),
    ],
)
def test_quantities_beside_a_number_stay(said: str, number: str) -> None:
    """What counts something, tells the time or follows a whole number is not part of it."""
    assert [number] == _found(said)


def test_what_is_told_behind_a_number_announces_it() -> None:
    """The same single digit goes on with a number that is named at its end, and not with one that nothing names."""
    number = "four one two six six one oh two it is faint nine"
    assert [number] == _found(f"{number} that is my social")
    assert ["four one two six six one oh two"] == _found(f"{number} said the man")


def test_everyday_context_words_within_an_aside_begin_nothing() -> None:
    """A door, a card or a phone in the aside is no announcement; a zip code is."""
    number = "four one two six six someone is at the door one oh two nine"
    assert [number] == _found(f"my social is {number}")


def test_another_announcement_begins_another_number() -> None:
    """Words that lie between two numbers are not masked where a context word tells them apart."""
    assert ["two seven oh one", "nine four one one oh"] == _found(
        "my pin is two seven oh one and the zip code is nine four one one oh"
    )


@pytest.mark.parametrize(
    "said",
    [
        "call mom at six or maybe seven and dad at nine",
        "my card has two chips and one of them is broken",
        "the door is two meters wide and my dog is four",
        "my phone is three years old and has four cameras",
        "i set the alarm for six no seven",
    ],
)
def test_single_digits_near_a_context_word_stay(said: str) -> None:
    """A few single digits that count something are no number, whatever word stands near."""
    assert [] == _found(said)
