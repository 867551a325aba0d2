"""Digits and letters that were written as other words are masked where a number is said, and left alone elsewhere."""

from __future__ import annotations

import pytest

from stream.find.language import load_language
from stream.find.recognizers.expiry import find_expiries
from stream.find.recognizers.numbers import find_numbers
from stream.find.spoken import read_scene

ENGLISH = load_language("en")
# What must be masked stands in brackets.
SAID = [
    "the three numbers on the back [ate won fife]",
    "cvv [tin four]",
    "dial [triple five double won zero niner]",
    "my rewards number is [nine oh hive fore three nine hive two four]",
    "the signature strip reads [oh twenty five]",
    "the card is [4,111 1,111 1,111 1,111]",
    "they sent the code [448,192]",
    "my dni is [652 758 46p]",
    "hardware address is [00 1a 2b 3c 4d 5e]",
    "iban [gb twenty nine nwbk sixty sixteen thirteen]",
    "passport [see eight six zee dee nine two pee nine]",
    "the plate's [seven sam adam boy four one two]",
    "vin [w for er william p for peter three four one]",
    "reach me at [nigh eight five] that's not right [eight three eight one eight three two zero]",
    "employer id [two nine nine nine seven] let me flip it over [seven zero seven]",
    "ssh to [ten dot oh dot oh dot seventeen]",
    "routing number [twelve eighty five twenty one nine uh hundred and one]",
    "press [1 sixty four thirteen four] pound at the gate",
    "it's [seventy-four twelve] at the gate",
    "set a timer for [four one one one two two two two three three three three four four four four] minutes",
]
# A word that was misheard among digits: the whole of it is one run.
MISHEARD = ["my pin is four hive two one", "account number two hive six", "my passcode's seven shave one"]
EXPIRING = [
    "it expires [the seventh of thirty four]",
    "valid thru [april of twenty nine] okay",
    "valid till [the fourth of thirty]",
    "expiry month [four year twenty seven]",
    "exp [zero one over thirty]",
    "expires on the last day of [march twenty nine]",
    "[eleven thirty] is when my card expires",
]
NOT_EXPIRING = [
    "be home at eleven thirty before the milk expires",
    "the two hundred and ten dollars before it expires",
    "my pass runs out in three weeks",
    "fourteen thirty is when my session expires",
]
ORDINARY = [
    "i want to go to the store for two things",
    "see you at eight or nine",
    "they won 109 to forty eight",
    "be there at 7 twenty or 8 20",
    "schedule a meeting from 7 forty five to 8 20",
    "table for two at seven thirty",
    "five four three two one happy new year",
    "transfer 1,200 to savings",
    "gate b 9",
    "will it rain at 13:22:09",
    "the speed of light is one eighty six thousand miles per second",
]


def _marked(said: str) -> tuple[list[str], set[int]]:
    words, wanted, inside = said.split(), set(), False
    for at, word in enumerate(words):
        inside |= word.startswith("[")
        if inside:
            wanted.add(at)
        inside &= not word.endswith("]")
    return [word.strip("[]") for word in words], wanted


@pytest.mark.parametrize("said", SAID)
def test_misheard_pieces_are_masked_with_their_number(said: str) -> None:
    """Homophones, letters' names, glued letters, grouped digits and pieces behind an interruption."""
    words, wanted = _marked(said)
    covered = {at for one in find_numbers(read_scene(words, ENGLISH)) for at in range(one.first, one.last + 1)}
    assert set() == wanted - covered


@pytest.mark.parametrize("said", MISHEARD)
def test_a_misheard_word_among_digits_parts_no_number(said: str) -> None:
    """One run, not two that are too short."""
    assert [1] == [len(read_scene(said.split(), ENGLISH).runs)]


@pytest.mark.parametrize("said", EXPIRING)
def test_expiry_is_masked_in_every_way_of_saying_a_month(said: str) -> None:
    """Ordinals and month names, with what joins them to the year."""
    words, wanted = _marked(said)
    covered = {at for one in find_expiries(read_scene(words, ENGLISH)) for at in range(one.first, one.last + 1)}
    assert set() == wanted - covered


@pytest.mark.parametrize("said", NOT_EXPIRING)
def test_what_is_no_month_and_year_expires_nothing(said: str) -> None:
    """Clock times, amounts and durations near "expires" are no dates of a card."""
    assert [] == list(find_expiries(read_scene(said.split(), ENGLISH)))


@pytest.mark.parametrize("said", ORDINARY)
def test_ordinary_numbers_stay(said: str) -> None:
    """Scores, clock times, countdowns and amounts are no identifiers."""
    assert [] == list(find_numbers(read_scene(said.split(), ENGLISH)))
