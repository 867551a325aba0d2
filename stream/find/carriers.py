"""What a carrier phrase ("call ...", "my name is ...") tells of the words behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.find.lexemes import plain
from stream.find.spans import Scene, Span

UNSURE_BELOW = 0.6  # confidence; a recogniser that hears another word for a name is seldom sure of it
REACH = 3  # words behind a carrier phrase in which a name begins
LEAD_WORDS_MAX = 4


def find_misheard(scene: Scene, unsure: Sequence[bool]) -> Iterator[Span]:
    """Words that the recogniser was not sure of where a name belongs, whatever they look like.

    ``unsure`` has one entry a word. Of the ``REACH`` words behind a carrier phrase every unsure one is masked, and so
    are the unsure ones that follow it directly. Without confidences nothing changes.
    """
    if not any(unsure):
        return
    texts = tuple(plain(word) for word in scene.words)
    for lead in range(len(texts)):
        if not ends_lead(texts, lead, scene.language.listed("name_leads_strong")):
            continue
        for first in range(lead + 1, min(lead + 1 + REACH, len(texts))):
            last = first
            while last < len(texts) and unsure[last]:
                last += 1
            if last > first:
                yield Span(first, last - 1, "PERSON", 0.5, "misheard")
                break


def ends_lead(texts: Sequence[str], at: int, leads: frozenset[str]) -> bool:
    """Whether a phrase of ``leads`` ends with the word ``at``."""
    return any(" ".join(texts[at + 1 - size : at + 1]) in leads for size in range(1, min(LEAD_WORDS_MAX, at + 1) + 1))
