"""Times for words that came without: ``ports.WordTimer`` on the aligner, withheld where the times are not sure.

Three alignments are made, which differ in how readily they take sound for something else than the text: times that
hang on that choice are not trusted. What is left is judged by durations and by how well each word's sound fits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stream.clip import SAMPLE_RATE_HZ, Clip, Reason, Refusal, Segment, Transcript, WakeWord, Word
from stream.find.times.aligning import Aligner, Placed
from stream.policy import language

LANGUAGES = frozenset({"en"})  # of the acoustic model
OTHER_WEIGHTS = (0.1, 1e-3, 1e-8)  # how readily sound is taken for something else than the text
AGREE_S = 0.1  # two of the three alignments, the middle one among them, put every word's ends this near
ALIGNED_ERROR_S = 0.2  # 95 of 100 ends of accepted words lie nearer to the truth
DEVICE_AGREE_S = 0.3  # where the device gave times for some words, the aligner must put them this near
WORD_S_MAX = 1.5  # nobody draws a word out longer, spelled ones and numbers apart
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

    def _timed(self, clip: Clip, transcript: Transcript) -> Transcript:
        if all(word.segment for word in transcript.words):
            return transcript
        words = [word.text for word in transcript.words]
        start = _begin(clip.event.wake_word, words)
        samples = clip.samples[round(start * SAMPLE_RATE_HZ) :]
        loose, middle, tight = (self._aligner.place(samples, words, weight) for weight in OTHER_WEIGHTS)
        if middle is None or not (_agree(middle, loose) or _agree(middle, tight)):
            raise Refusal(Reason.WORDS_NOT_ALIGNED)
        placed = [_later(one.segment, start) for one in middle]
        if any(segment.duration > WORD_S_MAX for segment in placed):
            raise Refusal(Reason.WORDS_NOT_ALIGNED)
        return replace(transcript, words=tuple(map(_with_time, transcript.words, placed)))


def _begin(wake_word: WakeWord | None, words: Sequence[str]) -> float:
    """Where the transcript begins: after the wake word, unless it is its first word or nobody knows which it is."""
    if wake_word is None:
        return 0.0
    called = wake_word.text.casefold().split()
    if not called or [word.casefold() for word in words[: len(called)]] == called:
        return 0.0
    return max(0.0, wake_word.segment.end - WAKE_TAIL_S)


def _agree(one: Sequence[Placed], other: Sequence[Placed] | None) -> bool:
    return other is not None and all(_near(a.segment, b.segment, AGREE_S) for a, b in zip(one, other, strict=True))


def _near(one: Segment, other: Segment, most: float) -> bool:
    return abs(one.start - other.start) <= most and abs(one.end - other.end) <= most


def _later(segment: Segment, by: float) -> Segment:
    return Segment(segment.start + by, segment.end + by)


def _with_time(word: Word, aligned: Segment) -> Word:
    """The device's own time where it gave one and the aligner does not contradict it."""
    if word.segment is None:
        return replace(word, segment=aligned, time_error_s=ALIGNED_ERROR_S)
    if not _near(word.segment, aligned, DEVICE_AGREE_S):
        raise Refusal(Reason.WORDS_NOT_ALIGNED)
    return word
