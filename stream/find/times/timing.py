"""Times for words that came without: ``ports.WordTimer`` on the aligner, withheld where the times are not sure.

More than one alignment is made. They differ in how readily they take sound for something else than the text, and times
that hang on that choice are not trusted. What is left is judged by how long words last and how well their sound fits.

Where the device gave all times, the aligner is a second opinion on those of clips that hold identifiers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from stream.clip import SAMPLE_RATE_HZ, Clip, Reason, Receipt, Refusal, Samples, Segment, Transcript, WakeWord, Word
from stream.find.times.aligning import QUICK, THOROUGH, Aligner, Placed, Search
from stream.policy import language

DETECTOR = "word-times"
LANGUAGES = frozenset({"en"})  # of the acoustic model
OTHER_WEIGHT = 1e-3  # how readily sound is taken for something else than the text
FURTHER_WEIGHTS = (0.1, 1e-8)
AGREE_S = 0.1  # one of the further alignments at least puts every word's ends this near
SCORE_MIN = -6.0  # of the worst word; words that were not said mostly fit worse
ALIGNED_ERROR_S = 0.3  # of 100 accepted words of real speech 99 are said within their times and this much around them
DEVICE_AGREE_S = 0.3  # where the device gave times for some words, the aligner must put them this near
WORD_S_MAX = 1.5  # nobody draws a word out longer; each digit of a written number counts as a word
DRAWN_OUT_S = 1.0  # a longer word the aligner drew out into a pause; each digit of a written number counts as a word
SHIFT_S_MAX = 0.12  # all of a transcript's words together; honest times lie nearer to what the aligner finds
SHIFT_SPREAD_MAX = 0.06  # median distance from it: words that are shifted are shifted alike, wrong words lie anywhere
SHIFT_SHARE_MIN = 0.8  # of the words have to fit the sound, or the aligner has no opinion
SHIFT_WORDS_MIN = 2  # one word alone the aligner finds in many places
UNCONFIRMED_ERROR_S = 0.3  # of the device's times where the aligner has no opinion: they may be shifted
ALIGNED_SECONDS_MAX = 300.0  # of sound, all alignments of a clip together: 4 s of a core, 8 s at worst
WAKE_TAIL_S = 0.1  # the device's end of its wake word may be late by this much


class AlignedTimes:
    """A ``ports.WordTimer``."""

    def __init__(self) -> None:
        """Raises OSError or ModelRefused where the aligner's model is missing."""
        self._aligner = Aligner()
        self.receipt = Receipt(DETECTOR, self._aligner.version, complete=True)

    def timed(self, clip: Clip) -> Clip:
        """The same clip, with times for every word of every hypothesis.

        Raises Refusal(WORDS_WITHOUT_TIMES) for a language that can't be aligned, Refusal(WORDS_NOT_ALIGNED) where the
        times are not sure, or would take too long to be.
        """
        if all(word.segment for transcript in clip.event.transcripts for word in transcript.words):
            return clip
        if language(clip.event.locale) not in LANGUAGES:
            raise Refusal(Reason.WORDS_WITHOUT_TIMES)
        alignments = Alignments(self._aligner)
        transcripts = tuple(_timed(clip, transcript, alignments) for transcript in clip.event.transcripts)
        return replace(clip, event=replace(clip.event, transcripts=transcripts))

    def confirm(self, clip: Clip) -> Clip:
        """The same clip where the sound bears out the times of every transcript.

        Elsewhere the clip that is returned tells of each word by how much it may be off: as far as the aligner puts its
        start or end elsewhere. Silence is no agreement: where the aligner can't say, for want of words, of a model of
        the language, or because it does not find the words, they may be off by UNCONFIRMED_ERROR_S. Raises
        Refusal(WORDS_OUT_OF_BOUNDS) where the times are shifted alike, Refusal(WORDS_NOT_ALIGNED) where there is too
        much to align.
        """
        known = language(clip.event.locale) in LANGUAGES
        alignments = Alignments(self._aligner)
        transcripts = tuple(
            _judged(clip, transcript, alignments) if known else _doubted(transcript)
            for transcript in clip.event.transcripts
        )
        if transcripts == clip.event.transcripts:
            return clip
        return replace(clip, event=replace(clip.event, transcripts=transcripts))


class Alignments:
    """All that is aligned for one clip, within a budget; what was aligned once is not aligned again."""

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner
        self._left_s = ALIGNED_SECONDS_MAX
        self._made: dict[tuple[int, tuple[str, ...], float, Search], tuple[Placed, ...] | None] = {}

    def place(
        self, samples: Samples, words: Sequence[str], other_weight: float, search: Search = THOROUGH
    ) -> tuple[Placed, ...] | None:
        """As ``Aligner.place``. Raises Refusal(WORDS_NOT_ALIGNED) once the budget is spent."""
        key = (len(samples), tuple(words), other_weight, search)
        if key not in self._made:
            self._left_s -= len(samples) / SAMPLE_RATE_HZ
            if self._left_s < 0:
                raise Refusal(Reason.WORDS_NOT_ALIGNED)
            self._made[key] = self._aligner.place(samples, words, other_weight, search)
        return self._made[key]


# ------------------------------------------------------------------ times that the device gave
def _judged(clip: Clip, transcript: Transcript, alignments: Alignments) -> Transcript:
    """The transcript with each word's error as far as the sound tells of it; the same where it bears out all times."""
    words = transcript.words
    if not words or any(word.time_error_s == ALIGNED_ERROR_S for word in words):  # or made by the aligner itself
        return transcript
    late = _late(clip, words, alignments) if len(words) >= SHIFT_WORDS_MIN else ()
    sure = [one.middle for one in late if one.sure]
    if len(sure) < max(SHIFT_WORDS_MIN, SHIFT_SHARE_MIN * len(words)):
        return _doubted(transcript)
    shift = median(sure)
    alike = median(abs(one - shift) for one in sure) <= SHIFT_SPREAD_MAX
    if alike and abs(shift) > max(SHIFT_S_MAX, *(word.time_error_s for word in words)):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    errors = _errors(late) if alike else _errors_in_doubt(late)
    found = tuple(
        word if error <= word.time_error_s else replace(word, time_error_s=error)
        for word, error in zip(words, errors, strict=True)
    )
    return transcript if found == words else replace(transcript, words=found)


@dataclass(frozen=True)
class _Late:
    """By how many seconds the device's start and end of one word are later than the aligner's; ``sure`` where the
    sound fits the word."""

    start: float
    end: float
    sure: bool
    drawn_out: bool  # into a pause: the aligner does not know where it ends

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def apart(self) -> float:
        return max(abs(self.start), abs(self.end))

    @property
    def agrees(self) -> bool:
        """Whether both put the word at one place, which no chance brings about."""
        return self.apart <= SHIFT_S_MAX

    @property
    def judged(self) -> bool:
        return self.agrees or (self.sure and not self.drawn_out)


def _late(clip: Clip, words: Sequence[Word], alignments: Alignments) -> tuple[_Late, ...]:
    """For each word; empty where they are not all found."""
    placed = alignments.place(clip.samples, [word.text for word in words], OTHER_WEIGHT, QUICK) or ()
    return tuple(
        _Late(
            word.segment.start - one.segment.start,
            word.segment.end - one.segment.end,
            one.score >= SCORE_MIN,
            one.segment.duration > DRAWN_OUT_S * max(1, sum(map(str.isdigit, word.text))),
        )
        for word, one in zip(words, placed, strict=bool(placed))
        if word.segment
    )


def _errors(late: Sequence[_Late]) -> list[float]:
    """Those of words that lie as the aligner puts them, but for some; a word it can't judge may be as far off as those
    next to it that it can."""
    settled = sum(one.agrees for one in late) >= SHIFT_SHARE_MIN * len(late)
    errors = [0.0 if one.agrees else one.apart for one in late]
    judged = [at for at, one in enumerate(late) if one.judged]
    for at in sorted(set(range(len(late))) - set(judged)):
        # The end of a word that is drawn out into a pause is as right as those of all others.
        right = settled and late[at].drawn_out and abs(late[at].start) <= SHIFT_S_MAX
        after = bisect_left(judged, at)
        beside = max((errors[one] for one in judged[max(0, after - 1) : after + 1]), default=0.0)
        errors[at] = beside if right else max(UNCONFIRMED_ERROR_S, beside)
    return errors


def _errors_in_doubt(late: Sequence[_Late]) -> list[float]:
    """Where words lie anywhere, the aligner may be the one who errs: unless two neighbours are off alike."""
    alike = [
        any(abs(other.start - one.start) <= SHIFT_S_MAX and abs(other.end - one.end) <= SHIFT_S_MAX for other in beside)
        for one, beside in ((one, [*late[max(0, at - 1) : at], *late[at + 1 : at + 2]]) for at, one in enumerate(late))
    ]
    told = [error if both else 0.0 for both, error in zip(alike, _errors(late), strict=True)]
    return [max(UNCONFIRMED_ERROR_S, *told[max(0, at - 1) : at + 2]) for at in range(len(told))]


def _doubted(transcript: Transcript) -> Transcript:
    words = (replace(word, time_error_s=max(word.time_error_s, UNCONFIRMED_ERROR_S)) for word in transcript.words)
    return replace(transcript, words=tuple(words))


# ------------------------------------------------------------------ times that the device did not give
def _timed(clip: Clip, transcript: Transcript, alignments: Alignments) -> Transcript:
    if all(word.segment for word in transcript.words):
        return transcript
    words = [word.text for word in transcript.words]
    start = _begin(clip.event.wake_word, words)
    samples = clip.samples[round(start * SAMPLE_RATE_HZ) :]
    placed = alignments.place(samples, words, OTHER_WEIGHT)
    if placed is None or not all(map(_plausible, words, placed)):
        raise Refusal(Reason.WORDS_NOT_ALIGNED)
    if not any(_agree(placed, alignments.place(samples, words, weight)) for weight in FURTHER_WEIGHTS):
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
