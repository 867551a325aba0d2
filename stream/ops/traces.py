"""Traces: one for a share of the clips, made when the clip is committed, of a closed list of names and values.

A span is built field by field. It has a name of ``NAMES``, two times, and those keys of ``TOLD`` whose values pass the
rule that the log has for them; it has no place for a message, an event or a link. What is sent and how: ``otlp.py``.

    clip                poll ... commit
      admit, fetch, hear, store, settle, commit
        hear: decode, find/times, ... gate      as the inference process measured them
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from stream.clip import Outcome, Published
from stream.ops.log import KEYS
from stream.ops.metrics import STAGES
from stream.passage import Passage, Step, Taken
from stream.ports import Partition

CLIP: Final = "clip"
NAMES: Final = frozenset({CLIP, *(step.value for step in Step), *STAGES})
# No offset, and no reason but those of the machinery: whoever may see traces must not learn from them what somebody
# decided, said, or had withheld, nor where the clip lies.
TOLD: Final = frozenset({"topic", "partition", "outcome", "reason"})
_NS = 1_000_000_000


@dataclass(frozen=True)
class Span:
    """Nanoseconds since 1970; ``parent`` is another's id, or empty. Nothing of it comes from a record."""

    name: str
    id: bytes
    parent: bytes
    began: int
    ended: int
    values: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Trace:
    """All spans of one clip, under an id that was drawn for it."""

    id: bytes
    spans: tuple[Span, ...]


class Tracer:
    """Is called by the worker with every committed batch; ``take`` must neither wait nor raise."""

    def __init__(
        self, take: Callable[[Trace], None], share: float, dropped: Callable[[int], None] = lambda _: None
    ) -> None:
        """``dropped`` is told how many names and values were not on the lists."""
        self._take, self._share, self._dropped = take, share, dropped

    def __call__(self, partition: Partition, outcomes: Sequence[Outcome], passages: Sequence[Passage]) -> None:
        now, clock = time.monotonic_ns(), time.time_ns()
        for outcome, passage in zip(outcomes, passages, strict=False):  # a trace is no reason to stop a worker
            if random.random() < self._share:  # noqa: S311 - nothing hangs on who guesses it
                self._take(self._trace(partition, outcome, passage, now, clock - now))

    def _trace(self, partition: Partition, outcome: Outcome, passage: Passage, now: int, ahead: int) -> Trace:
        root = self._span(CLIP, b"", passage.began + ahead, now + ahead, _told(partition, outcome))
        spans = [root]
        for taken in passage.taken:
            spans += self._step(taken, outcome, root.id, ahead)
        kept = tuple(span for span in spans if span.name in NAMES)
        if len(kept) < len(spans):
            self._dropped(len(spans) - len(kept))
        return Trace(secrets.token_bytes(16), kept)

    def _step(self, taken: Taken, outcome: Outcome, root: bytes, ahead: int) -> Iterator[Span]:
        step = self._span(taken.step.value, root, taken.began + ahead, taken.ended + ahead)
        yield step
        if taken.step is Step.HEAR:
            for name, began, ended in laid_out(outcome.effort.stage_seconds, taken):
                yield self._span(name, step.id, began + ahead, ended + ahead)

    def _span(
        self, name: str, parent: bytes, began: int, ended: int, values: Mapping[str, object] = MappingProxyType({})
    ) -> Span:
        return Span(name, secrets.token_bytes(8), parent, began, ended, self._listed(values))

    def _listed(self, values: Mapping[str, object]) -> Mapping[str, str | int]:
        """Those that the lists know, and no others."""
        kept: dict[str, str | int] = {
            key: value
            for key, value in values.items()
            if key in TOLD and KEYS[key](value) and isinstance(value, str | int)
        }
        if len(kept) < len(values):
            self._dropped(len(values) - len(kept))
        return kept


def laid_out(stage_seconds: Mapping[str, float], hear: Taken) -> Iterable[tuple[str, int, int]]:
    """The stages one after the other, the last ending when the outcome was here: how long each took was measured, when
    it began was not. A stage that is entered twice is one, at the place of its first time."""
    began = max(hear.began, hear.ended - sum(round(seconds * _NS) for seconds in stage_seconds.values()))
    for name, seconds in stage_seconds.items():
        ended = min(hear.ended, began + max(0, round(seconds * _NS)))
        yield name, began, ended
        began = ended


def _told(partition: Partition, outcome: Outcome) -> Mapping[str, object]:
    told: dict[str, object] = {"topic": partition.topic, "partition": partition.number}
    if isinstance(outcome, Published):
        return told | {"outcome": "published"}
    reason = outcome.reason.value
    return told | {"outcome": "withheld"} | ({"reason": reason} if KEYS["reason"](reason) else {})
