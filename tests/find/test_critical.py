"""Phrases with critical content: what is found, what is left alone, and how patterns are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.clip import Clip, Critical, CriticalKind, Transcript
from stream.find.critical import find_critical
from stream.find.language import load_language
from stream.find.patterns import Token, compiled, inflected, places
from stream.find.pii import Identifiers, make_word_finder
from stream.find.spoken import read_scene
from tests.find.critical import BOTH, HALVES, HELD_OUT, false_alarms, kinds, lines, recall, sentences
from tests.values import clip, words

HELD = slice(HELD_OUT, None, HALVES)


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


# ------------------------------------------------------------------ how much is found: figures are in docs/words.md
@pytest.mark.parametrize(
    ("name", "of", "language", "share"),
    [
        ("critical", HELD, "en", 0.95),
        ("critical_spanish", HELD, "es", 0.9),
        ("critical_other", BOTH, "en", 0.65),  # by another author
    ],
)
def test_most_is_found(name: str, of: slice, language: str, share: float) -> None:
    """Of each kind, in sentences that the tables were not made at."""
    measured = list(recall(name, of, language))
    assert {CriticalKind.HEALTH, CriticalKind.DISTRESS} == {kind for kind, _, _ in measured}
    assert [] == [(kind, found, number) for kind, found, number in measured if found < share * number]


def test_the_sentences_are_spread_evenly() -> None:
    """So many are held out as were at hand."""
    for said in sentences("critical", BOTH).values():
        assert len(said) >= 100


def test_little_is_found_where_nothing_is() -> None:
    """In sentences made to be near it, at most one in twenty."""
    ordinary = [line.split() for line in lines("critical_ordinary")[HELD]]
    assert len(false_alarms(ordinary)) <= 0.05 * len(ordinary)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("play cancer by my chemical romance", set()),  # a title
        ("i have cancer", {CriticalKind.HEALTH}),
        ("I've been, uh, diagnosed with... CANCER!", {CriticalKind.HEALTH}),
        ("kill the lights", set()),
        ("i'm going to kill you", {CriticalKind.DISTRESS}),
        ("he hit me last night", {CriticalKind.DISTRESS}),
        ("", set()),
    ],
)
def test_what_is_and_is_not_critical(said: str, expected: set[CriticalKind]) -> None:
    """Titles and ways of speaking are left alone; case, signs and fillers make no difference."""
    assert expected == kinds(said.split())


def test_a_phrase_is_a_run_of_words() -> None:
    """First and last word, of the whole phrase and no part of it."""
    said = "turn it off i am going to kill you now".split()
    places_found = [(kind, said[first], said[last]) for kind, first, last in find_critical(_scene(said))]
    assert [(CriticalKind.DISTRESS, "you")] == [(kind, last) for kind, _, last in places_found]


def _scene(said: list[str]) -> object:
    return read_scene(said, load_language("en"))


# ------------------------------------------------------------------ as the finder tells it
def test_every_hypothesis_is_searched(finder: Identifiers) -> None:
    """Whichever transcript says it, and also where one is said twice."""
    said = ("play jazz", "i have cancer", "i have cancer")
    found = finder.find(clip(transcripts=tuple(Transcript(words(text)) for text in said))).critical
    assert {1, 2} == {phrase.transcript for phrase in found}
    assert {CriticalKind.HEALTH} == {phrase.kind for phrase in found}
    assert {replace(phrase, transcript=0) for phrase in found} == {
        Critical(CriticalKind.HEALTH, 0, phrase.first, phrase.last) for phrase in found
    }


def test_a_clip_with_nothing_has_nothing(finder: Identifiers) -> None:
    """An ordinary request is not marked."""
    made: Clip = clip("set the lights to green")
    assert () == finder.find(made).critical


# ------------------------------------------------------------------ patterns
def _said(pattern: str, text: str, **lists: list[str]) -> bool:
    tokens = [Token((word,), number, word == "um") for number, word in enumerate(text.split())]
    return any(True for _ in places(compiled([pattern], lists)[0], tokens))


@pytest.mark.parametrize(
    ("pattern", "says", "says_not"),
    [
        ("call (me|my mom)", "please call um my mom", "call my dad"),
        ("hit~ me", "he hitting me", "he hits him"),
        ("suic* note", "a suicidal note", "a suit note"),
        ("very? sick", "sick", "very"),
        ("he .. died", "he was one who died", "he was one of those who died"),
        ("he ... died", "he was one of those who died", "he was one of those over there who just died"),
        ("^ help $", "help um", "help me"),
        ("take pills !(of|from) $?", "take pills", "take pills of"),
        ("my @body", "my arm", "my car"),
    ],
)
def test_the_signs_of_a_pattern(pattern: str, says: str, says_not: str) -> None:
    """Each does what the head of the table tells."""
    assert _said(pattern, says, body=["arm", "leg"])
    assert not _said(pattern, says_not, body=["arm", "leg"])


@pytest.mark.parametrize("pattern", ["(a||b)", "a@b", "x(y", "a) b", "()"])
def test_an_ill_formed_pattern_is_refused(pattern: str) -> None:
    """At the start and not by never being said."""
    with pytest.raises(ValueError):
        compiled([pattern], {})
    with pytest.raises(KeyError):
        compiled(["my @nowhere"], {})


def test_inflected_forms() -> None:
    """Regular ones: with an e, with a y, with a doubled letter."""
    assert {"chokes", "choked", "choking"} <= inflected("choke")
    assert {"carries", "carried", "carrying"} <= inflected("carry")
    assert {"stabs", "stabbed", "stabbing"} <= inflected("stab")


def test_tokens_print_nothing_of_what_was_said() -> None:
    """A token in a traceback says which word it is of."""
    assert "canary" not in repr(Token(("canary",), 3, idle=False))
