"""Whether the hypotheses of one clip are about the same sound: what several of them heard, they heard at one time."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import combinations

from stream.clip import Segment, Transcript

APART_S_MAX = 0.3  # between the times of one word in two hypotheses

Place = tuple[str, str, bool]  # a word, its neighbour, and whether that comes behind it


def bare(word: str) -> str:
    """The word's letters and digits, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", word).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def contradict(transcripts: Iterable[Transcript]) -> bool:
    """Whether two of ``transcripts`` have the same word beside the same neighbour, or the same edge of the text, but
    nowhere at the same time: then one of them has its words where they were not said."""
    times = [_times(transcript) for transcript in dict.fromkeys(transcripts)]
    return any(
        place in other and not _meet(spoken, other[place])
        for one, other in combinations(times, 2)
        for place, spoken in one.items()
    )


def _times(transcript: Transcript) -> dict[Place, list[Segment]]:
    found: dict[Place, list[Segment]] = {}
    texts = ["", *(bare(word.text) for word in transcript.words), ""]
    for at, word in enumerate(transcript.words, start=1):
        if word.segment:
            found.setdefault((texts[at], texts[at - 1], False), []).append(word.segment)
            found.setdefault((texts[at], texts[at + 1], True), []).append(word.segment)
    return found


def _meet(one: Sequence[Segment], other: Sequence[Segment]) -> bool:
    """Whether any two begin or end together; what one hypothesis draws out, another may cut off."""
    starts, ends = sorted(time.start for time in other), sorted(time.end for time in other)
    return any(_near(starts, time.start) or _near(ends, time.end) for time in one)


def _near(ordered: Sequence[float], at: float) -> bool:
    place = bisect_left(ordered, at - APART_S_MAX)
    return place < len(ordered) and ordered[place] <= at + APART_S_MAX
