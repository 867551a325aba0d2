"""Names of people in many shapes, and ordinary requests that look like them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.find.language import load_language
from stream.find.pii import Identifiers, make_word_finder
from stream.find.reading import name_pieces

NAMED = [
    "add [beatrice] [fontaine] to the emergency contacts",
    "put [tom] [hughes] on speed dial",
    "tell [gonzalez'll] the keys are under the mat",
    "i think [keisha'd] like the blue one",
    "[dmitri've] not answered yet",
    "call [<b>Maria</b>] now",
    "send a note to [maria/john] about friday",
    "[hi-diane] can you hear me",
    "ring [O'Brien] at the garage",
    "text [jean-luc] that dinner is ready",
    "[maria:] please pick up milk",
    "mail the form to [j] [r] [tolkien]",
    "make an appointment with [doctor] [k]",
    "call [joe] [b]",
    "text [t] [j] i am outside",
    "call [missus] [patel] about the lesson",
    "wish [grandma] [sue] a happy birthday",
    "where is [sarah's] phone",
    "text [will] that i am at the gate",
    "message [hope] happy new year",
    "call [april] back please",
    "my name is [faith]",
    "she goes by [jules]",
    "everybody calls him [tank]",
    "thanks [jordan]",
    "goodnight [noor]",
    "dial [tshering] [dorji]",
    "send a letter to [José]",
]
NEVER_LISTED = [
    "call [tovrick] please",
    "call [hadrian]",
    "call [galahad]",
    "the reservation is under [belavoix]",
    "it is for my grandson [quillan]",
    "my daughter is called [plum]",
    "this is [lieutenant] [park] speaking",
    "tell anna and [zorvino] to come down",
    "it is signed [mohammed] [al] [qorashi]",
]
ORDINARY = [
    "call landscapers",
    "my son unplugged it",
    "text messages are off",
    "call me a cab and take me to the cottage",
    "remind housemates about the rent",
    "will it rain this afternoon",
    "may i have the news",
    "mark this as done",
    "i hope it stops snowing",
    "set a reminder for april",
    "did i miss anything",
    "my name is on the list",
    "call me a cab to the airport",
    "this is too loud",
    "i am so tired of this weather",
    "thanks a lot",
    "my son has asthma",
    "i work at night",
    "i work for a bank",
]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


def _covered(finder: Identifiers, words: list[str]) -> set[int]:
    return {word for one in finder.search(words) for word in range(one.first, one.last + 1)}


@pytest.mark.parametrize("sentence", NAMED + NEVER_LISTED)
def test_every_word_of_a_name_is_found(finder: Identifiers, sentence: str) -> None:
    """Beside markup and endings, glued, hyphenated, as initials, behind titles, and as everyday words."""
    marked = sentence.split()
    named = {at for at, word in enumerate(marked) if word.startswith("[")}
    assert set() == named - _covered(finder, [word.strip("[]") for word in marked])


@pytest.mark.parametrize("sentence", ORDINARY)
def test_words_that_only_look_like_names_are_left(finder: Identifiers, sentence: str) -> None:
    """The same words in places where no name stands."""
    assert set() == _covered(finder, sentence.split())


@pytest.mark.parametrize(
    "dressed",
    [
        "{}'ll",
        "{}'s",
        "{}’s",
        "<i>{}</i>",
        "({})",
        "{}:",
        "{}/tom",
        "hey-{}",
        "*{}*",
        "{},",
        "j.{}",
        "a.j.{}",
        "{}.j",
        "dr.{}",
    ],
)
@pytest.mark.parametrize("name", ["diane", "MARIA", "zbigniew"])
def test_what_surrounds_a_name_hides_nothing(finder: Identifiers, name: str, dressed: str) -> None:
    """Endings, markup, punctuation and glued neighbours around a name that is found without them."""
    assert {1} <= _covered(finder, ["call", dressed.format(name), "please"])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_every_word_has_pieces(word: str) -> None:
    """Whatever a word holds, it stays in its place: at least one piece, and none with a border inside."""
    pieces = name_pieces(word, load_language("en"))
    assert pieces
    assert not any(set(piece) & set("-/ _") for piece in pieces)


def test_health_is_somebodys_only_beside_a_person(finder: Identifiers) -> None:
    """An illness is masked where a person is named, and left where nobody is."""
    words = "my wife's oncologist doctor patel called".split()
    assert ("HEALTH", 2, 2) in {(one.entity_type, one.first, one.last) for one in finder.search(words)}
    assert set() == _covered(finder, "what helps against asthma".split())


def test_an_employer_is_found_behind_its_carrier(finder: Identifiers) -> None:
    """ "i work at ..." names an organisation, unless it names none."""
    found = finder.search("i work for initech industries in the evening".split())
    assert [("ORGANIZATION", 3, 4)] == [(one.entity_type, one.first, one.last) for one in found]
