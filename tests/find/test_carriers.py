"""Words that the recogniser was not sure of, where a name belongs."""

from __future__ import annotations

import dataclasses

import pytest

from stream.clip import Clip, Transcript, Word
from stream.find.pii import Identifiers, make_word_finder
from tests.values import HERE, event, noise


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


def _covered(finder: Identifiers, *words: tuple[str, float | None]) -> set[int]:
    transcript = Transcript(tuple(Word(text, confidence=confidence) for text, confidence in words))
    clip = Clip(HERE, dataclasses.replace(event(), transcripts=(transcript,)), noise(1.0))
    return {word for one in finder.find(clip).findings for word in range(one.first, one.last + 1)}


def test_an_unsure_word_behind_a_carrier_is_masked(finder: Identifiers) -> None:
    """ "call the table", said of somebody whose name was misheard; the same words heard well are left."""
    assert {1, 2} == _covered(finder, ("call", 0.9), ("the", 0.3), ("table", 0.4), ("please", 0.9))
    assert set() == _covered(finder, ("call", 0.9), ("the", 0.9), ("table", 0.9), ("please", 0.9))


def test_without_confidences_nothing_changes(finder: Identifiers) -> None:
    """A recogniser that does not say how sure it is masks nothing more."""
    assert set() == _covered(finder, ("call", None), ("the", None), ("table", None))


def test_the_reach_of_a_carrier_ends(finder: Identifiers) -> None:
    """A name begins within three words of its carrier; an unsure run goes on as long as it is unsure."""
    far = [("call", 0.9), ("now", 0.9), ("please", 0.9), ("on", 0.9), ("the", 0.2)]
    assert set() == _covered(finder, *far)
    assert {1, 3} == _covered(finder, ("call", 0.9), ("the", 0.2), ("big", 0.9), ("table", 0.2), ("now", 0.9))
    assert {1, 2, 3, 4, 5} == _covered(finder, ("call", 0.9), *[(word, 0.2) for word in "on the table in here".split()])


def test_unsure_words_elsewhere_are_left(finder: Identifiers) -> None:
    """Being unsure alone is no reason."""
    assert set() == _covered(finder, ("turn", 0.2), ("on", 0.1), ("the", 0.2), ("lights", 0.3))


def test_the_threshold_is_a_setting() -> None:
    """0 turns it off."""
    words = (("call", 0.9), ("the", 0.3), ("table", 0.4))
    assert set() == _covered(make_word_finder(unsure_below=0.0), *words)
