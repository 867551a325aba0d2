"""Words without times get them where the aligner is sure, and are withheld where it is not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
import pytest
import soundfile

from stream.clip import Clip, ClipEvent, Reason, Refusal, Samples, Segment, Transcript, WakeWord, Word
from stream.find.times.timing import ALIGNED_ERROR_S, DEVICE_AGREE_S, AlignedTimes
from tests.values import HERE, event

DEMO = resources.files("stream.demo") / "own"


@dataclass(frozen=True)
class Spoken:
    """A clip of the demonstration and when its words are really said."""

    samples: Samples
    words: tuple[Word, ...]
    wake_word: WakeWord


@cache
def spoken(clip_id: str) -> Spoken:
    row = next(
        row
        for line in (DEMO / "clips.jsonl").read_text().splitlines()
        if (row := json.loads(line))["clip_id"] == clip_id
    )
    with (DEMO / row["audio"]).open("rb") as file:
        samples, _ = soundfile.read(file, dtype="float32")
    words = tuple(Word(word["text"], Segment(word["start"], word["end"])) for word in row["words"])
    return Spoken(samples, words, WakeWord(Segment(**row["wake_word"]), 0.9, "computer"))


@pytest.fixture(scope="module")
def timer() -> AlignedTimes:
    return AlignedTimes()


def without_times(words: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(replace(word, segment=None) for word in words)


def clip_of(spoken: Spoken, words: tuple[Word, ...], locale: str = "en-US") -> Clip:
    made: ClipEvent = replace(event(transcripts=(Transcript(words),), locale=locale), wake_word=spoken.wake_word)
    return Clip(HERE, made, spoken.samples)


@pytest.mark.parametrize("clip_id", ["own-card", "own-phone", "own-name", "own-timer"])
@pytest.mark.parametrize("with_wake_word", [True, False])
def test_times_are_made_near_the_truth(timer: AlignedTimes, clip_id: str, with_wake_word: bool) -> None:
    """Every word's ends lie within the error that is told of them, whether the transcript has the wake word or not."""
    clip = spoken(clip_id)
    truth = clip.words if with_wake_word else clip.words[1:]
    made = timer.timed(clip_of(clip, without_times(truth))).event.transcripts[0].words
    assert [word.text for word in truth] == [word.text for word in made]
    assert {ALIGNED_ERROR_S} == {word.time_error_s for word in made}
    for real, word in zip(truth, made, strict=True):
        assert real.segment is not None
        assert word.segment is not None
        assert real.segment.start == pytest.approx(word.segment.start, abs=ALIGNED_ERROR_S)
        assert real.segment.end == pytest.approx(word.segment.end, abs=ALIGNED_ERROR_S)


def test_a_written_number_is_found_as_it_is_said(timer: AlignedTimes) -> None:
    """The recogniser wrote sixteen digits in one word; they are muted where they are said."""
    clip = spoken("own-card")
    written = (*clip.words[:6], Word("4111111111111111"), *clip.words[22:])
    made = timer.timed(clip_of(clip, without_times(written))).event.transcripts[0].words[6]
    assert made.segment is not None
    assert (clip.words[6].segment.start, clip.words[21].segment.end) == pytest.approx(  # type: ignore[union-attr]
        (made.segment.start, made.segment.end), abs=ALIGNED_ERROR_S
    )


def test_device_times_are_left_alone(timer: AlignedTimes) -> None:
    """A transcript whose words all have times is not touched, in whatever language."""
    clip = clip_of(spoken("own-timer"), spoken("own-timer").words, "de-DE")
    assert clip is timer.timed(clip)


def test_only_missing_times_are_made(timer: AlignedTimes) -> None:
    """Words with times keep the device's; as far as the aligner puts them elsewhere, they may be wrong."""
    clip = spoken("own-name")
    some = tuple(word if number % 2 else replace(word, segment=None) for number, word in enumerate(clip.words))
    made = timer.timed(clip_of(clip, some)).event.transcripts[0].words
    assert [word.segment for word in clip.words[1::2]] == [word.segment for word in made[1::2]]
    assert all(0.0 < word.time_error_s <= DEVICE_AGREE_S for word in made[1::2])
    assert {ALIGNED_ERROR_S} == {word.time_error_s for word in made[::2]}


def test_shifted_times_of_some_words_hide_what_they_miss(timer: AlignedTimes) -> None:
    """The device's times, all a quarter of a second late and one of them missing: each covers when its word is said."""
    clip = spoken("own-name")
    late = tuple(
        replace(word, segment=Segment(word.segment.start + 0.2, word.segment.end + 0.2))
        for word in clip.words
        if word.segment
    )
    made = timer.timed(clip_of(clip, (*late[:-1], *without_times(late[-1:])))).event.transcripts[0].words
    for real, word in zip(clip.words, made, strict=True):
        assert real.segment is not None
        assert word.segment is not None
        assert word.segment.start - word.time_error_s <= real.segment.start + 0.1


@pytest.mark.parametrize("written", ["Computer,", "computer", "COMPUTER!"])
def test_a_wake_word_in_the_transcript_is_known_however_it_is_written(timer: AlignedTimes, written: str) -> None:
    """Signs around it don't send it into what follows the wake word."""
    clip = spoken("own-name")
    words = (Word(written), *without_times(clip.words[1:]))
    made = timer.timed(clip_of(clip, words)).event.transcripts[0].words
    assert made[0].segment is not None
    assert clip.words[0].segment is not None
    assert clip.words[0].segment.start == pytest.approx(made[0].segment.start, abs=ALIGNED_ERROR_S)


def refused(timer: AlignedTimes, clip: Clip) -> Reason:
    with pytest.raises(Refusal) as refusal:
        timer.timed(clip)
    return refusal.value.reason


def test_times_that_the_sound_contradicts_are_refused(timer: AlignedTimes) -> None:
    """The device's times for some words are a second off: none of them can be trusted."""
    clip = spoken("own-name")
    first, second, *rest = clip.words
    assert second.segment is not None
    late = replace(second, segment=Segment(second.segment.start + 1.0, second.segment.end + 1.0))
    assert Reason.WORDS_NOT_ALIGNED is refused(timer, clip_of(clip, (without_times((first,))[0], late, *rest)))


def test_a_text_that_was_not_said_is_refused(timer: AlignedTimes) -> None:
    """Another clip's words, and a word in a script that nobody here can pronounce."""
    clip = spoken("own-card")
    assert Reason.WORDS_NOT_ALIGNED is refused(timer, clip_of(clip, without_times(spoken("own-email").words)))
    assert Reason.WORDS_NOT_ALIGNED is refused(timer, clip_of(clip, (*without_times(clip.words), Word("мария"))))


def test_noise_is_refused(timer: AlignedTimes) -> None:
    """There is no speech in which the words could lie."""
    clip = spoken("own-timer")
    rustle = np.random.default_rng(0).normal(0, 0.05, len(clip.samples)).astype(np.float32)
    assert Reason.WORDS_NOT_ALIGNED is refused(timer, replace(clip_of(clip, without_times(clip.words)), samples=rustle))


def test_other_languages_are_not_aligned(timer: AlignedTimes) -> None:
    """The acoustic model is English."""
    clip = spoken("own-timer")
    assert Reason.WORDS_WITHOUT_TIMES is refused(timer, clip_of(clip, without_times(clip.words), "de-DE"))


def shifted(words: tuple[Word, ...], by: float) -> tuple[Word, ...]:
    return tuple(
        replace(word, segment=Segment(word.segment.start + by, word.segment.end + by)) for word in words if word.segment
    )


@pytest.mark.parametrize("by", [-0.3, -0.2, 0.2, 0.5, 1.0])
def test_shifted_device_times_are_refused(timer: AlignedTimes, by: float) -> None:
    """Muting by them would leave a part of every identifier audible."""
    clip = spoken("own-name")
    with pytest.raises(Refusal) as refusal:
        timer.confirm(clip_of(clip, shifted(clip.words, by)))
    assert refusal.value.reason is Reason.WORDS_OUT_OF_BOUNDS


@pytest.mark.parametrize("clip_id", ["own-card", "own-email", "own-name", "own-timer", "own-phone", "own-ssn"])
def test_true_device_times_are_confirmed(timer: AlignedTimes, clip_id: str) -> None:
    """No false alarm on the demonstration's own clips."""
    clip = spoken(clip_id)
    timer.confirm(clip_of(clip, clip.words))


def test_the_aligner_has_no_opinion_on_words_that_it_does_not_find(timer: AlignedTimes) -> None:
    """A wrong transcript says nothing of its times: other rules judge that clip."""
    card, email = spoken("own-card"), spoken("own-email")
    timer.confirm(clip_of(card, shifted(email.words, 0.0)))
