"""What the names model tells beyond names: where somebody lives, what they are called online, where they work or learn.

Rules find these by how they are built, the model by how people speak of them; both are masked. A run of words is taken
where one of its words is likely enough, and goes as far as the words are not unlikely. That one word is no number and
no letter: what is made of these alone is the number recognisers' to judge. Nor is it a word of grammar: no run begins
or ends with one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stream.find.reading import Reading
from stream.find.spans import Span
from stream.find.tagger import CLASSES

_ONLINE = frozenset({"EMAIL_ADDRESS", "URL", "USERNAME"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is masked of a class of the model: a run with a word as likely as ``seed`` and none less than ``edge``."""

    column: int
    entity_type: str
    seed: float
    edge: float


_KINDS = (
    _Kind(CLASSES.index("address"), "ADDRESS", 0.5, 0.2),
    _Kind(CLASSES.index("online"), "USERNAME", 0.5, 0.2),
    _Kind(CLASSES.index("employer"), "ORGANIZATION", 0.7, 0.3),
)


def find_learned(reading: Reading, ruled: Sequence[Span]) -> Iterator[Span]:
    """Runs of words of each kind. ``ruled``, what rules found in the same transcript, tells an e-mail or web address
    from a user name."""
    named = [span for span in ruled if span.entity_type in _ONLINE]
    for kind in _KINDS:
        for first, last, score in _runs(reading, kind):
            within = [one for one in named if one.first <= last and first <= one.last]
            told = max(within).entity_type if within and kind.entity_type in _ONLINE else kind.entity_type
            yield Span(first, last, told, score, "learned")


def _runs(reading: Reading, kind: _Kind) -> Iterator[tuple[int, int, float]]:
    """First word, last word and score of each run."""
    likely: list[float] = reading.likely[:, kind.column].tolist()
    edges = reading.scene.language.listed("learned_edges")
    bare = [text in edges for text in reading.texts]
    first = 0
    while first < len(likely):
        last = first
        while last < len(likely) and likely[last] >= kind.edge:
            last += 1
        seeds = [likely[at] for at in range(first, last) if at not in reading.barred and not bare[at]]
        if seeds and max(seeds) >= kind.seed:
            inner = [at for at in range(first, last) if not bare[at]]
            yield reading.owners[inner[0]], reading.owners[inner[-1]], max(seeds)
        first = last + 1
