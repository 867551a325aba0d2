"""The rule that says which voice spoke to the device: its evidence, in order, and its doubts."""

from __future__ import annotations

import numpy as np
import pytest

from stream.clip import Segment, Transcript, Turn, WakeWord, Word
from stream.find.main_speaker import Voice, choose, hear_voices
from stream.policy import SAFE, THROUGHPUT

WAKE = WakeWord(Segment(0.2, 0.8))


def _voice(speaker: str, **known: float | None) -> Voice:
    facts: dict[str, float | None] = {"wake_share": None, "word_share": None, "level_db": -30.0, "seconds": 2.0}
    facts |= known
    return Voice(speaker, facts["wake_share"], facts["word_share"], facts["level_db"], facts["seconds"] or 0.0)


def test_nobody_speaks() -> None:
    """No voice, no main speaker."""
    assert choose(()) == (None, 0.0)


def test_the_wake_word_beats_level_and_time() -> None:
    """Who woke the device is the main speaker, though another is louder and longer; the doubt withholds it."""
    main, sure = choose(
        [_voice("a", wake_share=1.0, level_db=-40.0), _voice("b", wake_share=0.0, level_db=-25.0, seconds=9.0)]
    )
    assert main == "a"
    assert sure < SAFE.confidence_min


def test_the_words_decide_where_the_wake_word_does_not() -> None:
    """Both cover the wake word; one speaks when the device's words were spoken."""
    voices = [
        _voice("a", wake_share=0.9, word_share=0.1, level_db=-25.0),
        _voice("b", wake_share=1.0, word_share=0.9),
    ]
    assert choose(voices)[0] == "b"


def test_a_thin_margin_decides_nothing() -> None:
    """A wake word that one covers a little better says less than words that it was silent at."""
    voices = [_voice("a", wake_share=1.0, word_share=0.1), _voice("b", wake_share=0.8, word_share=0.9)]
    assert choose(voices)[0] == "b"


def test_the_wake_word_decides_before_the_words() -> None:
    """Whoever woke the device, though another talked while the device heard words."""
    voices = [_voice("a", wake_share=1.0, word_share=0.2), _voice("b", wake_share=0.0, word_share=1.0)]
    assert choose(voices)[0] == "a"


def test_level_decides_before_time() -> None:
    """Six decibels beat five more seconds."""
    assert choose([_voice("a", level_db=-24.0), _voice("b", level_db=-30.0, seconds=7.0)])[0] == "a"


def test_time_decides_last() -> None:
    """All else equal, who speaks longer."""
    assert choose([_voice("a", seconds=1.0), _voice("b", seconds=3.0)])[0] == "b"


def test_voices_of_one_level_without_a_wake_word_are_never_trusted() -> None:
    """Nothing tells them apart: below even the lax point's confidence."""
    sure = choose([_voice("a", seconds=3.0), _voice("b")])[1]
    assert sure < THROUGHPUT.confidence_min


def test_one_voice_without_wake_word_and_words_is_not_trusted() -> None:
    """It may be a bystander's accidental activation."""
    assert choose([_voice("a", seconds=5.0)])[1] < THROUGHPUT.confidence_min


def test_everything_agreeing_is_trusted() -> None:
    """Wake word, words, level and time all speak for one voice."""
    voices = [
        _voice("a", wake_share=1.0, word_share=1.0, level_db=-20.0, seconds=3.0),
        _voice("b", wake_share=0.0, word_share=0.0, level_db=-35.0, seconds=1.0),
    ]
    main, sure = choose(voices)
    assert main == "a"
    assert sure >= SAFE.confidence_min


def test_evidence_is_read_from_turns_words_and_sound() -> None:
    """Shares of the window and of the words, level where a voice is alone, and seconds, by hand."""
    turns = (Turn(Segment(0.0, 2.0), "a"), Turn(Segment(1.5, 3.0), "b"))
    words = Transcript((Word("x", Segment(0.5, 1.0)), Word("y", Segment(2.0, 2.5))))
    level = np.full(150, -60.0, np.float32)
    level[:75] = -20.0
    level[75:100] = -10.0  # both at once: nobody's level
    level[100:] = -40.0
    found = hear_voices(turns, WAKE, words, level, 0.02)
    assert [(voice.speaker, voice.wake_share, voice.word_share) for voice in found] == [
        ("a", pytest.approx(1.0), pytest.approx(0.5)),
        ("b", pytest.approx(0.0), pytest.approx(0.5)),
    ]
    assert [voice.level_db for voice in found] == [pytest.approx(-20.0), pytest.approx(-40.0)]
    assert [voice.seconds for voice in found] == [pytest.approx(2.0), pytest.approx(1.5)]


def test_a_voice_that_is_never_alone_has_no_level() -> None:
    """Its loudness can't be told from the other's."""
    turns = (Turn(Segment(0.0, 2.0), "a"), Turn(Segment(0.5, 1.0), "b"))
    assert hear_voices(turns, None, None, np.zeros(100, np.float32), 0.02)[1].level_db is None
