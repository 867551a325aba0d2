"""The words that plan and gate know."""

from __future__ import annotations

from dataclasses import fields

import pytest

from stream.clip import Vocabulary
from stream.find.language import load_language, supported_languages
from stream.policy import Policy
from stream.vocabulary import load_vocabularies, read_vocabulary

LISTS = {field.name: [field.name.replace("_", "")] for field in fields(Vocabulary)}


def _yaml(**changes: object) -> str:
    return "\n".join(f"{name}: {words}" for name, words in {**LISTS, **changes}.items())


def test_every_language_that_can_be_searched_has_a_vocabulary() -> None:
    """What the finder reads, the gate reads too."""
    assert supported_languages() <= load_vocabularies().keys()


@pytest.mark.parametrize("code", sorted(supported_languages()))
def test_the_gate_knows_the_numbers_that_the_finder_knows(code: str) -> None:
    """Two lists made apart, and neither forgot a number below a hundred."""
    known, tables = load_vocabularies()[code], load_language(code)
    numbers = known.digits | known.rounds | known.teens
    roles = {
        first
        for first, ways in tables.phrases.items()
        if any(not rest and {"unit", "teen", "tens", "hundreds"} & set(found) for rest, found in ways)
    }
    assert set() == {word for word in roles - numbers if word not in ("aught", "fourty", "un")}


def test_a_language_without_vocabulary_is_no_policy() -> None:
    """A wrong setting is told at start-up."""
    with pytest.raises(ValueError, match="no vocabulary for language xx"):
        Policy(languages=frozenset({"en", "xx"}))


def test_a_vocabulary_is_read() -> None:
    """Each list becomes a set of words."""
    assert frozenset({"digits"}) == read_vocabulary(_yaml()).digits


@pytest.mark.parametrize(
    "text", ["", "digits: [one]", _yaml(more=["x"]), _yaml(teens="ten"), _yaml(teens="[Ten]"), _yaml(teens="[diá]")]
)
def test_a_list_that_is_missing_unknown_or_odd_is_refused(text: str) -> None:
    """An empty list by mistake would let numbers through."""
    with pytest.raises(ValueError, match=r"a vocabulary has the lists|is a list of"):
        read_vocabulary(text)
