"""Every way of saying digits, letters and signs: what it writes, and that every word of it is masked."""

from __future__ import annotations

import pytest

from stream.find.language import load_language
from stream.find.pii import Identifiers, make_word_finder
from stream.find.recognizers.numbers import find_numbers
from stream.find.spoken import read_scene

ENGLISH = load_language("en")

SAID = {
    "four one one one": "4111",
    "forty one eleven": "4111",
    "four hundred eleven five five": "41155",
    "four thousand one hundred eleven": "4111",
    "five hundred fifty five twelve twelve": "5551212",
    "eight hundred five five five one two": "80055512",
    "oh seven one nine": "0719",
    "four o seven one": "4071",
    "zero nine two two": "0922",
    "nought six nine one": "0691",
    "double four three one": "4431",
    "triple nine one": "9991",
    "treble two seven": "2227",
    "quadruple zero one": "00001",
    "a b q nine": "abq9",
    "capital j lowercase q seven four": "jq74",
    "uppercase k two four": "k24",
    "lower case m nine x": "m9x",
    "kilo lima one nine": "kl19",
    "j as in john k as in kate four two": "jk42",
    "b for bravo t for tango two one": "bt21",
    "m like mary n like nancy five six": "mn56",
    "twenty twenty four": "2024",
    "nineteen oh five": "1905",
    "4 1 1 1": "4111",
    "4111, 1111": "41111111",
    "212 555 oh 187": "2125550187",
    "212-555-0187": "2125550187",
    "(212) 555-0187": "2125550187",
    "four uh two um three one": "4231",
    "four let me see two you know three one": "4231",
    "four two no four three": "4243",
    "five one two scratch that five one three": "512513",
    "five one two sorry i mean five one three": "512513",
    "five one two make that five one three": "512513",
    "nine nine actually no nine eight seven": "99987",
    "four one dash one one": "4111",
    "four one hyphen one one": "4111",
    "four one slash one one": "4111",
    "four one underscore one one": "4111",
    "one two three comma four five six": "123456",
    "plus four four two oh seven nine four six": "44207946",
    "one nine two dot one six eight dot zero dot one": "19216801",
    "seven seven fo- four four two": "77442",
    "four won for five": "4145",
    "x ray one zulu two": "x1z2",
}


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder(names_model=False)


@pytest.mark.parametrize(("said", "written"), SAID.items())
def test_it_is_one_run_and_writes(said: str, written: str) -> None:
    """Fillers, joiners and what was taken back do not cut a run in two."""
    assert [written] == [run.values[0] for run in read_scene(said.split(), ENGLISH).runs]


@pytest.mark.parametrize("said", SAID)
def test_every_word_of_it_is_masked_after_a_context_word(said: str) -> None:
    """A finding is a run of words, from the first that was said to the last."""
    words = f"my account number is {said}".split()
    covered = {at for one in find_numbers(read_scene(words, ENGLISH)) for at in range(one.first, one.last + 1)}
    assert set(range(4, len(words))) <= covered


@pytest.mark.parametrize("said", ["won two ate four", "four two ate", "for four two one"])
def test_misheard_digits_at_the_edges_are_masked(said: str) -> None:
    """A homophone before the first sure digit belongs to the number where one is announced."""
    words = f"my pin is {said}".split()
    covered = {at for one in find_numbers(read_scene(words, ENGLISH)) for at in range(one.first, one.last + 1)}
    assert set(range(3, len(words))) == covered


@pytest.mark.parametrize(
    ("said", "entity_type"),
    [
        ("john dot smith at gmail dot com", "EMAIL_ADDRESS"),
        ("j underscore smith at mail dash host dot org", "EMAIL_ADDRESS"),
        ("mary plus news at yahoo dot com", "EMAIL_ADDRESS"),
        ("a hyphen b at x y z dot net", "EMAIL_ADDRESS"),
        ("w w w dot shop dot co dot uk slash orders", "URL"),
        ("w w w dot shop dot com backslash orders", "URL"),
        ("shop dot com hash winter", "URL"),
    ],
)
def test_signs_hold_an_address_together(finder: Identifiers, said: str, entity_type: str) -> None:
    """At, dot, dash, hyphen, underscore, plus, slash, backslash, hash."""
    words = ["open", *said.split()]
    spans = [(one.first, one.last) for one in finder.search(words) if one.entity_type == entity_type]
    assert [(1, len(words) - 1)] == spans


@pytest.mark.parametrize(
    "said",
    ["the fourth", "in nineteen eighty four", "two thousand and twelve", "the twenty first of the list", "fifth floor"],
)
def test_ordinals_and_years_alone_are_no_identifiers(said: str) -> None:
    """What has no context word passes as an ordinal or a year."""
    assert [] == list(find_numbers(read_scene(said.split(), ENGLISH)))


def test_readings_are_bounded() -> None:
    """However much is said, a run has at most two readings."""
    said = "seventy four " * 200
    assert {2} == {len(run.values) for run in read_scene(said.split(), ENGLISH).runs}
