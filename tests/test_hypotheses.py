"""Hypotheses of one clip: what several heard, they heard at one time."""

from __future__ import annotations

import pytest

from stream import plan
from stream.clip import Reason, Refusal, Segment, Transcript, Word
from stream.hypotheses import contradict
from stream.policy import Policy
from tests.values import clip


def said(text: str) -> Transcript:
    """From "play:1.0-1.2 now:2.0", words with their times, 0.2 s long where none is given."""
    words = []
    for one in text.split():
        word, _, times = one.partition(":")
        start, _, end = times.partition("-")
        words.append(Word(word, Segment(float(start), float(end or float(start) + 0.2))))
    return Transcript(tuple(words))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("play:0.8 the:1.0 ants:1.2 now:2.0 please:3.0", "call:3.5 kowalski:4.0-4.6 now:5.0 please:5.4"),
        ("play:0.8 Jazz:1.2", "the:2.2 jazz!:2.6"),
        ("play:0.8 ants:1.2", "play:2.2 diane:2.6"),
        ("one:1.0 two:1.4 six:1.8 ten:2.2", "oh:1.0 two:1.8 six:2.2 hen:2.6"),
    ],
)
def test_words_that_two_hypotheses_hear_at_different_times_are_refused(one: str, other: str) -> None:
    """By the times of one of them the identifiers of the other would stay audible."""
    assert contradict((said(one), said(other)))
    assert contradict((said(other), said("play:0.8 rain:1.1 again:5.5"), said(one)))
    with pytest.raises(Refusal) as refusal:
        plan.check(clip(transcripts=(said(one), said(other)), duration=6.0), Policy())
    assert refusal.value.reason is Reason.WORDS_OUT_OF_BOUNDS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("play:0.8 the:1.0 ants:1.2 now:2.0", "play:0.8 diane:1.0-1.5 now:2.1"),
        ("four:1.0 one:1.4 one:1.8 five:2.2", "four:1.0 one:1.4-2.0 five:2.2"),
        ("play:0.8 a:1.2 song:1.4 from:1.8 the:2.2 hit:2.4", "play:0.8 the:1.2 song:1.4 from:1.8 a:2.2 hit:2.4"),
        ("play:0.8 jazz:1.2-1.5", "play:0.8-1.2 jazz:1.2-2.4"),
        ("play:0.8 jazz:1.2", "play:0.8 jazz:1.2 please:1.8"),
        ("play:0.8 rain:1.2", "stop:2.8 it:3.2"),
    ],
)
def test_hypotheses_that_differ_in_what_was_said_are_fine(one: str, other: str) -> None:
    """Lists of hypotheses differ in words, and a little in where one ends."""
    assert not contradict((said(one), said(other), said(one)))
