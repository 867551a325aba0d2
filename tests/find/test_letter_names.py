"""Names of letters are letters beside one another and beside digits, and words of grammar elsewhere."""

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
    ("said", "code"),
    [
        ("somebody in one ex aitch pea one one seven hit me", "one ex aitch pea one one seven"),
        ("how about vee jay six four gee dee zee", "vee jay six four gee dee zee"),
        ("the case they opened was you queue two nine two five", "you queue two nine two five"),
        ("it says zee double you eight five two double two oh", "zee double you eight five two double two oh"),
        ("6 see 9 ess 8 a as the login code", "6 see 9 ess 8 a"),
        ("locator see why are ess aitch eh on delta", "see why are ess aitch eh"),
        ("eye t nine nine four is the plate", "eye t nine nine four"),
        ("my code is be jay four four one", "be jay four four one"),
        ("hmm aitch en nine six dee em five wait no dee em gee", "aitch en nine six dee em five wait no dee em gee"),
        ("redeem voucher kr 074 038m", "kr 074 038m"),
        ("gift card code te 258 619f", "te 258 619f"),
        ("it is 12259296h", "12259296h"),
        ("my id number is 6 4 9 2 5761 a", "6 4 9 2 5761 a"),
        ("activation code m c ninety seven five sixty oh", "m c ninety seven five sixty oh"),
    ],
)
def test_codes_in_letter_names(said: str, code: str) -> None:
    """All of the code is found, whether or not a word announces it."""
    assert [code] == _found(said)


@pytest.mark.parametrize(
    "said",
    [
        "are you two free at five or six",
        "see you at two or three",
        "why are you two up at four",
        "can you see one or two",
        "tea for two and a pea soup for one",
        "a vee eight engine",
        "be there at seven you two",
    ],
)
def test_words_of_grammar(said: str) -> None:
    """Everyday words that sound like letters are none beside a few digits."""
    assert [] == _found(said)


def test_words_of_grammar_at_the_ends() -> None:
    """What touches only a digit stays a word: the words before and after are not masked."""
    assert ["four dee four zee nine"] == _found("see four dee four zee nine you know")
