"""What a carrier phrase ("call ...", "my name is ...", "i work for ...") tells of the words behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from stream.find.gazetteer import Gazetteer
from stream.find.spans import Scene, Span

UNSURE_BELOW = 0.6  # confidence; a recogniser that hears another word for a name is seldom sure of it
REACH = 3  # words behind a carrier phrase in which a name begins
LEAD_WORDS_MAX = 4
EMPLOYER_WORDS_MAX = 4
HEALTH_WORDS_MAX = 2
RARE_MAX = 0.3  # of the lexicon's scale of frequency: "i work at night" names nobody


def find_misheard(scene: Scene, unsure: Sequence[bool]) -> Iterator[Span]:
    """Words that the recogniser was not sure of where a name belongs, whatever they look like.

    ``unsure`` has one entry a word. Of the ``REACH`` words behind a carrier phrase every unsure one is masked, and so
    are the unsure ones that follow it directly. Without confidences nothing changes.
    """
    if not any(unsure):
        return
    texts, leads = scene.plains, scene.language.listed("name_leads_strong")
    for lead in range(len(texts)):
        if not ends_lead(texts, lead, leads):
            continue
        for first in range(lead + 1, min(lead + 1 + REACH, len(texts))):
            last = first
            while last < len(texts) and unsure[last]:
                last += 1
            if last > first:
                yield Span(first, last - 1, "PERSON", 0.5, "misheard")


def find_employers(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """Who somebody works for: the words behind "i work at ..." up to a word of grammar, unless all are common."""
    texts, breaks = scene.plains, scene.language.listed("address_breaks")
    leads = scene.language.listed("employer_leads")
    endings = last_words(leads)
    for lead in [at for at, text in enumerate(texts) if text in endings or " " in text]:
        if not ends_lead(texts, lead, leads):
            continue
        last = lead
        while last + 1 < min(len(texts), lead + 1 + EMPLOYER_WORDS_MAX) and texts[last + 1] not in breaks:
            last += 1
        if any(gazetteer.lexicon.get(text, 0.0) < RARE_MAX for text in texts[lead + 1 : last + 1]):
            yield Span(lead + 1, last, "ORGANIZATION", 0.6, "carrier")


def find_health(scene: Scene, others: Iterable[Span]) -> Iterator[Span]:
    """Illnesses and the like, where one of the ``others`` is a person: then they are somebody's."""
    if not any(span.entity_type == "PERSON" for span in others):
        return
    texts = scene.plains
    listed = scene.language.listed("health")
    for first in range(len(texts)):
        for size in range(HEALTH_WORDS_MAX, 0, -1):
            if first + size <= len(texts) and " ".join(texts[first : first + size]) in listed:
                yield Span(first, first + size - 1, "HEALTH", 0.8, "carrier")
                break


def ends_lead(texts: Sequence[str], at: int, leads: frozenset[str]) -> bool:
    """Whether a phrase of ``leads`` ends with the word ``at``."""
    if texts[at].rpartition(" ")[2] not in last_words(leads):
        return False
    return any(" ".join(texts[at + 1 - size : at + 1]) in leads for size in range(1, min(LEAD_WORDS_MAX, at + 1) + 1))


@cache
def last_words(phrases: frozenset[str]) -> frozenset[str]:
    """The last word of each phrase: what a phrase must end with, quickly looked up."""
    return frozenset(phrase.rpartition(" ")[2] for phrase in phrases)
