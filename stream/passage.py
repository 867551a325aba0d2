"""When one clip came to which step in this process, from the poll to its committed transaction: for traces.

The stages of the pipeline, which run in an inference process, are measured there and come back with the outcome.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What happens to a clip outside of the pipeline."""

    ADMIT = "admit"  # its turn comes; header, consent, sampling, label
    FETCH = "fetch"  # of audio that lies elsewhere
    HEAR = "hear"  # an inference process is free, and hears it
    STORE = "store"  # of audio that will lie elsewhere
    SETTLE = "settle"  # its turn comes once more, and consent is looked at once more
    COMMIT = "commit"  # of the transaction that it shares with others


@dataclass(frozen=True)
class Taken:
    """One step, in nanoseconds of ``time.monotonic_ns``, which no change of the clock can turn round."""

    step: Step
    began: int
    ended: int


class Passage:
    """The steps that one record has taken so far."""

    def __init__(self) -> None:
        self.began = time.monotonic_ns()
        self.taken: list[Taken] = []

    def context(self) -> Context:
        """For the task that works on the record: ``at`` in there is of this passage."""
        context = copy_context()
        context.run(_OF_THIS_TASK.set, self)
        return context

    @contextlib.contextmanager
    def at(self, step: Step) -> Iterator[None]:
        """However it ends, that it was tried took its time."""
        began = time.monotonic_ns()
        try:
            yield
        finally:
            self.taken.append(Taken(step, began, time.monotonic_ns()))


_OF_THIS_TASK: ContextVar[Passage] = ContextVar("passage")


def at(step: Step) -> contextlib.AbstractContextManager[None]:
    """The step is taken by the record of this task, where the task is one's."""
    passage = _OF_THIS_TASK.get(None)
    return contextlib.nullcontext() if passage is None else passage.at(step)
