"""Words without times get them where the aligner is sure, and are withheld where it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stream.clip import SAMPLE_RATE_HZ, Clip, ClipEvent, Reason, Refusal, Samples, Segment, Transcript, WakeWord, Word
from stream.find.times.aligning import Aligner, Placed
from stream.find.times.timing import (
    ALIGNED_ERROR_S,
    ALIGNED_SECONDS_MAX,
    DEVICE_AGREE_S,
    FURTHER_WEIGHTS,
    OTHER_WEIGHT,
    SHIFT_S_MAX,
    UNCONFIRMED_ERROR_S,
    AlignedTimes,
)
from stream.plan import TIME_ERROR_S_MAX
from stream.policy import Policy
from tests.values import HERE, event

LEFT_S = 0.1  # of a word's edge, which tells nothing, may stay audible: so near the aligner itself is no judge
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
    true = clip_of(clip, clip.words)
    assert true is timer.confirm(true)


def errors(clip: Clip) -> set[float]:
    return {word.time_error_s for transcript in clip.event.transcripts for word in transcript.words}


def test_words_that_the_aligner_does_not_find_may_be_off(timer: AlignedTimes) -> None:
    """Where nobody bears out the device's times, more is muted around what they hide."""
    card, email = spoken("own-card"), spoken("own-email")
    words = tuple(
        word for word in email.words if word.segment and word.segment.end < len(card.samples) / SAMPLE_RATE_HZ
    )
    assert {UNCONFIRMED_ERROR_S} == errors(timer.confirm(clip_of(card, words)))


def test_one_word_alone_and_other_languages_are_not_borne_out(timer: AlignedTimes) -> None:
    """The aligner finds one word in many places, and has no model but the English one."""
    clip = spoken("own-name")
    assert {UNCONFIRMED_ERROR_S} == errors(timer.confirm(clip_of(clip, clip.words[-1:])))
    assert {UNCONFIRMED_ERROR_S} == errors(timer.confirm(clip_of(clip, clip.words, "es-ES")))
    assert UNCONFIRMED_ERROR_S > max(SHIFT_S_MAX, Policy().word_margin_s)


def test_two_words_are_judged(timer: AlignedTimes) -> None:
    """They bear each other out, and betray a shift."""
    clip = spoken("own-name")
    both = replace(clip, samples=clip.samples[: round(clip.words[1].segment.end * SAMPLE_RATE_HZ) + 4_000])  # type: ignore[union-attr]
    assert {0.0} == errors(timer.confirm(clip_of(both, clip.words[:2])))
    with pytest.raises(Refusal) as refusal:
        timer.confirm(clip_of(both, shifted(clip.words[:2], 0.2)))
    assert refusal.value.reason is Reason.WORDS_OUT_OF_BOUNDS


def test_words_whose_times_may_be_off_anyway_may_be_off_by_as_much(timer: AlignedTimes) -> None:
    """A recogniser's times are refused only where they are further off than the error that it tells of them."""
    clip = spoken("own-name")
    late = tuple(replace(word, time_error_s=0.5) for word in shifted(clip.words, 0.3))
    assert {0.5} == errors(timer.confirm(clip_of(clip, late)))
    with pytest.raises(Refusal):
        timer.confirm(clip_of(clip, tuple(replace(word, time_error_s=0.2) for word in late)))


def moved(spoken: Spoken, how: str) -> tuple[Word, ...]:
    """The clip's words as devices with a fault would time them."""
    late = 2 * len(spoken.words) // 3
    change: dict[str, Callable[[int, Segment], Segment]] = {
        "ends early": lambda _, time: Segment(time.start, max(time.start + 0.1, time.end - 0.25)),
        "only the last of each word": lambda _, time: Segment(max(time.start, time.end - 0.15), time.end),
        "slow clock": lambda _, time: Segment(0.96 * time.start, 0.96 * time.end),
        "a part later": lambda at, time: time if at < late else Segment(time.start + 0.6, time.end + 0.6),
        "half of it later": lambda at, time: time if at < late * 3 // 4 else Segment(time.start + 0.5, time.end + 0.5),
        "a part much later": lambda at, time: time if at < late else Segment(time.start + 1.0, time.end + 1.0),
    }
    return tuple(
        replace(word, segment=change[how](number, word.segment))
        for number, word in enumerate(spoken.words)
        if word.segment
    )


def uncovered(words: tuple[Word, ...], made: tuple[Word, ...]) -> list[int]:
    """Those of ``words`` that are said outside of what is muted for them, by number."""
    left = []
    for number, (real, word) in enumerate(zip(words, made, strict=True)):
        assert real.segment is not None
        assert word.segment is not None
        margin = max(word.time_error_s, Policy().word_margin_s) + LEFT_S
        if word.segment.start - margin > real.segment.start or real.segment.end > word.segment.end + margin:
            left.append(number)
    return left


@pytest.mark.parametrize("clip_id", ["own-card", "own-phone", "own-name"])
@pytest.mark.parametrize(
    "how", ["ends early", "only the last of each word", "slow clock", "a part later", "half of it later"]
)
def test_every_word_is_said_within_the_error_of_its_times(timer: AlignedTimes, clip_id: str, how: str) -> None:
    """Where starts, ends or a part of the words are off, each word tells by how much, or all are refused."""
    clip = spoken(clip_id)
    given = moved(clip, how)
    with suppress(Refusal):
        made = timer.confirm(clip_of(clip, given)).event.transcripts[0].words
        assert len(made) == len(clip.words)
        assert [] == uncovered(clip.words, made)


@pytest.mark.parametrize("clip_id", ["own-card", "own-phone", "own-name"])
def test_a_part_of_the_words_a_second_late_is_told(timer: AlignedTimes, clip_id: str) -> None:
    """As off as that, no identifier among them is published."""
    clip = spoken(clip_id)
    late = timer.confirm(clip_of(clip, moved(clip, "a part much later"))).event.transcripts[0].words
    assert all(word.time_error_s > TIME_ERROR_S_MAX for word in late[-len(late) // 4 : -1] if len(word.text) > 3)


# ------------------------------------------------------------------ how much is aligned at all
def hypotheses(spoken: Spoken, count: int, *, timed: bool) -> Clip:
    """A clip of a minute with ``count`` different hypotheses."""
    samples = np.resize(spoken.samples, 60 * SAMPLE_RATE_HZ)
    words = spoken.words if timed else without_times(spoken.words)
    said = tuple(Transcript((*words, replace(words[-1], text=spoken.words[number].text))) for number in range(count))
    return Clip(HERE, replace(event(transcripts=said), wake_word=None), samples)


@pytest.mark.parametrize("timed", [True, False])
def test_many_hypotheses_of_a_long_clip_are_refused_not_slow(timer: AlignedTimes, timed: bool) -> None:
    """Once as much sound was aligned as a clip may cost, it is withheld, though every alignment would be fine."""
    aligned: list[float] = []

    class Fine:
        def place(self, samples: Samples, words: list[str], *_: object) -> tuple[Placed, ...]:
            aligned.append(len(samples) / SAMPLE_RATE_HZ)
            known = spoken("own-card").words
            times = [word.segment for word in (*known, known[-1]) if word.segment]
            return tuple(Placed(time, 0.0) for time in times)

    quick = AlignedTimes()
    quick._aligner = Fine()  # type: ignore[assignment]
    judge = quick.confirm if timed else quick.timed
    many = hypotheses(spoken("own-card"), 16, timed=timed)
    with pytest.raises(Refusal) as refusal:
        judge(many)
    assert refusal.value.reason is Reason.WORDS_NOT_ALIGNED
    assert sum(aligned) <= ALIGNED_SECONDS_MAX
    judge(hypotheses(spoken("own-card"), 2, timed=timed))


def test_equal_hypotheses_are_aligned_once(timer: AlignedTimes, monkeypatch: pytest.MonkeyPatch) -> None:
    """N-best lists repeat themselves."""
    calls: list[int] = []
    place = timer._aligner.place
    monkeypatch.setattr(timer._aligner, "place", lambda *given: (calls.append(1), place(*given))[1])
    clip = spoken("own-timer")
    same = replace(clip_of(clip, clip.words).event, transcripts=(Transcript(clip.words),) * 16)
    timer.confirm(Clip(HERE, same, clip.samples))
    assert [1] == calls


def test_more_ways_to_say_a_text_than_can_be_tried_are_none() -> None:
    """Written numbers can be said in hundreds of ways each; four hundred of them would take half a minute."""
    aligner = Aligner()
    assert aligner.place(spoken("own-timer").samples, ["4111111111111111"] * 6, 1e-3) is None
    assert 2 == len(aligner._ways(["4111111111111111"] * 2))


def test_the_receipt_names_package_and_model(timer: AlignedTimes) -> None:
    """Which aligner it was, by version and fingerprint."""
    assert re.fullmatch(r"pocketsphinx [\d.]+; en-us sha256:[0-9a-f]{16}", timer.receipt.version)
    assert ("word-times", True) == (timer.receipt.detector, timer.receipt.complete)


def test_words_of_real_speech_are_said_within_their_error(timer: AlignedTimes, corpora: Path) -> None:
    """Spoken digits with known times: what is muted for each covers all of it, in a clip that needs the margin."""
    rows = [json.loads(line) for line in (corpora / "digits-dev" / "clips.jsonl").read_text().splitlines()]
    row = next(row for row in rows if row["clip_id"] == "dd-0026")
    samples, _ = soundfile.read(corpora / "digits-dev" / row["audio"], dtype="float32")
    said = tuple(Word(word["text"]) for word in row["words"])
    asked = Clip(HERE, replace(event(transcripts=(Transcript(said),)), wake_word=None), samples)
    made = timer.timed(asked).event.transcripts[0].words
    for truth, word in zip(row["words"], made, strict=True):
        assert word.segment is not None
        assert word.segment.start - word.time_error_s <= truth["start"]
        assert truth["end"] <= word.segment.end + word.time_error_s


def placed_at(*starts: float, score: float = -1.0, seconds: float = 0.3) -> tuple[Placed, ...]:
    return tuple(Placed(Segment(start, start + seconds), score) for start in starts)


HERE_TWICE = placed_at(0.5, 1.0)


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (placed_at(0.5, 1.0, score=-9.0), placed_at(0.5, 1.0, score=-9.0)),
        (placed_at(0.5, 2.5, seconds=1.8), placed_at(0.5, 2.5, seconds=1.8)),
        (HERE_TWICE, placed_at(0.5, 1.3)),
        (HERE_TWICE, None),
    ],
)
def test_times_need_sound_that_fits_and_two_alignments_that_agree(
    timer: AlignedTimes,
    monkeypatch: pytest.MonkeyPatch,
    first: tuple[Placed, ...],
    others: tuple[Placed, ...] | None,
) -> None:
    """That all agree on a word that does not fit or never ends is not enough, nor that it fits at one of two places."""
    clip = spoken("own-timer")
    words = without_times(clip.words[1:3])
    answers = {OTHER_WEIGHT: HERE_TWICE}
    monkeypatch.setattr(timer._aligner, "place", lambda samples, words, weight, search: answers.get(weight, HERE_TWICE))
    assert timer.timed(clip_of(clip, words)).event.transcripts[0].words[0].segment is not None
    answers = {OTHER_WEIGHT: first, **dict.fromkeys(FURTHER_WEIGHTS, others)}
    assert Reason.WORDS_NOT_ALIGNED is refused(timer, clip_of(clip, words))
