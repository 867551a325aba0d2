"""Times for words that came without: ``ports.WordTimer`` on the aligner, withheld where the times are not sure.

More than one alignment is made. They differ in how readily they take sound for something else than the text, and times
that hang on that choice are not trusted. What is left is judged by how long words last and how well their sound fits.

Where the device gave all times, the aligner is a second opinion on those of clips that hold identifiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from stream.clip import SAMPLE_RATE_HZ, Clip, Reason, Refusal, Segment, Transcript, WakeWord, Word
from stream.find.times.aligning import Aligner, Placed
from stream.policy import language

LANGUAGES = frozenset({"en"})  # of the acoustic model
OTHER_WEIGHT = 1e-3  # how readily sound is taken for something else than the text
FURTHER_WEIGHTS = (0.1, 1e-8)
AGREE_S = 0.1  # one of the further alignments at least puts every word's ends this near
SCORE_MIN = -6.0  # of the worst word; words that were not said mostly fit worse
ALIGNED_ERROR_S = 0.25  # 95 of 100 accepted words lie nearer to the truth with both ends
DEVICE_AGREE_S = 0.3  # where the device gave times for some words, the aligner must put them this near
WORD_S_MAX = 1.5  # nobody draws a word out longer; each digit of a written number counts as a word
SHIFT_S_MAX = 0.12  # all of a transcript's words together; honest times lie nearer to what the aligner finds
SHIFT_SPREAD_MAX = 0.06  # median distance from it: words that are shifted are shifted alike, wrong words lie anywhere
SHIFT_SHARE_MIN = 0.8  # of the words have to fit the sound, or the aligner has no opinion
SHIFT_WORDS_MIN = 3
WAKE_TAIL_S = 0.1  # the device's end of its wake word may be late by this much


class AlignedTimes:
    """A ``ports.WordTimer``."""

    def __init__(self) -> None:
        """Raises OSError where the aligner's model is missing."""
        self._aligner = Aligner()

    def timed(self, clip: Clip) -> Clip:
        """The same clip, with times for every word of every hypothesis.

        Raises Refusal(WORDS_WITHOUT_TIMES) for a language that can't be aligned, Refusal(WORDS_NOT_ALIGNED) where the
        times are not sure.
        """
        if all(word.segment for transcript in clip.event.transcripts for word in transcript.words):
            return clip
        if language(clip.event.locale) not in LANGUAGES:
            raise Refusal(Reason.WORDS_WITHOUT_TIMES)
        transcripts = tuple(self._timed(clip, transcript) for transcript in clip.event.transcripts)
        return replace(clip, event=replace(clip.event, transcripts=transcripts))

    def confirm(self, clip: Clip) -> None:
        """Raise Refusal(WORDS_OUT_OF_BOUNDS) where the sound says that the times of a transcript are shifted.

        Silence is no agreement: where the aligner does not find the words, nothing is said of their times.
        """
        if language(clip.event.locale) not in LANGUAGES:
            return
        for transcript in clip.event.transcripts:
            if abs(self._shift(clip, transcript)) > SHIFT_S_MAX:
                raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)

    def _shift(self, clip: Clip, transcript: Transcript) -> float:
        """Seconds by which the device's times are late; 0 where the aligner has no opinion or made them itself."""
        words = [word.text for word in transcript.words]
        if len(words) < SHIFT_WORDS_MIN or any(word.time_error_s for word in transcript.words):
            return 0.0
        placed = self._aligner.place(clip.samples, words, OTHER_WEIGHT) or ()
        late = [
            (word.segment.start - one.segment.start + word.segment.end - one.segment.end) / 2
            for word, one in zip(transcript.words, placed, strict=bool(placed))
            if word.segment and one.score >= SCORE_MIN
        ]
        if len(late) < max(SHIFT_WORDS_MIN, SHIFT_SHARE_MIN * len(words)):
            return 0.0
        shift = median(late)
        return shift if median(abs(one - shift) for one in late) <= SHIFT_SPREAD_MAX else 0.0

    def _timed(self, clip: Clip, transcript: Transcript) -> Transcript:
        if all(word.segment for word in transcript.words):
            return transcript
        words = [word.text for word in transcript.words]
        start = _begin(clip.event.wake_word, words)
        samples = clip.samples[round(start * SAMPLE_RATE_HZ) :]
        placed = self._aligner.place(samples, words, OTHER_WEIGHT)
        if placed is None or not all(map(_plausible, words, placed)):
            raise Refusal(Reason.WORDS_NOT_ALIGNED)
        if not any(_agree(placed, self._aligner.place(samples, words, weight)) for weight in FURTHER_WEIGHTS):
            raise Refusal(Reason.WORDS_NOT_ALIGNED)
        return replace(
            transcript,
            words=tuple(
                _with_time(word, _later(one.segment, start)) for word, one in zip(transcript.words, placed, strict=True)
            ),
        )


def _begin(wake_word: WakeWord | None, words: Sequence[str]) -> float:
    """Where the transcript begins: after the wake word, unless it is its first word or nobody knows which it is."""
    if wake_word is None:
        return 0.0
    called = [_bare(word) for word in wake_word.text.split()]
    if not called or [_bare(word) for word in words[: len(called)]] == called:
        return 0.0
    return max(0.0, wake_word.segment.end - WAKE_TAIL_S)


def _bare(word: str) -> str:
    """The word without what a recogniser writes around it: "Alexa," is the wake word too."""
    return "".join(character for character in word.casefold() if character.isalnum())


def _plausible(word: str, placed: Placed) -> bool:
    digits = sum(character.isdigit() for character in word)
    return placed.score >= SCORE_MIN and placed.segment.duration <= WORD_S_MAX * max(1, digits)


def _agree(one: Sequence[Placed], other: Sequence[Placed] | None) -> bool:
    return other is not None and all(_near(a.segment, b.segment, AGREE_S) for a, b in zip(one, other, strict=True))


def _near(one: Segment, other: Segment, most: float) -> bool:
    return abs(one.start - other.start) <= most and abs(one.end - other.end) <= most


def _later(segment: Segment, by: float) -> Segment:
    return Segment(segment.start + by, segment.end + by)


def _with_time(word: Word, aligned: Segment) -> Word:
    """The device's own time where it gave one and the aligner does not contradict it; either may be the wrong one."""
    if word.segment is None:
        return replace(word, segment=aligned, time_error_s=ALIGNED_ERROR_S)
    if not _near(word.segment, aligned, DEVICE_AGREE_S):
        raise Refusal(Reason.WORDS_NOT_ALIGNED)
    apart = max(abs(word.segment.start - aligned.start), abs(word.segment.end - aligned.end))
    return replace(word, time_error_s=apart)
