"""Traces are made of closed lists, and of what was measured."""

from __future__ import annotations

import time
from dataclasses import fields, replace

import pytest

from stream.clip import Coordinates, Effort, Published, Reason, Withheld
from stream.ops.log import KEYS
from stream.ops.metrics import STAGES
from stream.ops.traces import NAMES, TOLD, Span, Trace, Tracer, laid_out
from stream.passage import Passage, Step, Taken, at
from stream.ports import Partition

PARTITION = Partition("clips.raw", 3)
PLACE = Coordinates("clips.raw", 3, 7)
EFFORT = Effort(8.0, 3.5, {"decode": 0.001, "find/speakers": 0.002, "gate": 0.003}, {"PERSON": 2})
PUBLISHED = Published(PLACE, "canary-token", 123, b"canary body", "canary policy", EFFORT)


def passed(*steps: Step) -> Passage:
    passage = Passage()
    for step in steps:
        with passage.at(step):
            time.sleep(0.01)
    return passage


def traced(outcome: Published | Withheld, *steps: Step, partition: Partition = PARTITION) -> tuple[Trace, int]:
    """The trace, and how much was dropped from it."""
    taken: list[Trace] = []
    dropped: list[int] = []
    Tracer(taken.append, 1.0, dropped.append)(partition, [outcome], [passed(*(steps or tuple(Step)))])
    return taken[0], sum(dropped)


def test_a_trace_has_every_step_and_the_stages_inside_of_hearing() -> None:
    """One root, the steps below it, the stages below the hearing; the root holds them all."""
    trace, dropped = traced(PUBLISHED)
    root, *rest = trace.spans
    assert ("clip", b"", 0) == (root.name, root.parent, dropped)
    steps = {span.name: span for span in rest if span.parent == root.id}
    assert [step.value for step in Step] == list(steps)
    stages = [span for span in rest if span.parent == steps["hear"].id]
    assert list(EFFORT.stage_seconds) == [span.name for span in stages]
    assert len(rest) == len(steps) + len(stages)
    assert all(root.began <= span.began <= span.ended <= root.ended for span in rest)
    assert abs(time.time_ns() - root.ended) < 60 * 10**9, "since 1970, not since this machine was started"


def test_a_trace_says_where_it_was_and_what_became_of_it() -> None:
    """Topic, partition, outcome; nothing else, and on the root alone."""
    (root, *rest), _ = traced(PUBLISHED)[0].spans, None
    assert {"topic": "clips.raw", "partition": 3, "outcome": "published"} == root.values
    assert [{}] * len(rest) == [dict(span.values) for span in rest]


@pytest.mark.parametrize("reason", Reason)
def test_only_the_machinery_is_told_for_a_reason(reason: Reason) -> None:
    """Whose clip holds what, who said no and who was not drawn is told of no clip."""
    root = traced(Withheld(PLACE, reason, "1"))[0].spans[0]
    machinery = {Reason.TIMED_OUT, Reason.INFERENCE_DIED, Reason.DETECTOR_FAILED, Reason.INTERNAL_ERROR}
    assert ({"reason": reason.value} if reason in machinery else {}) == {
        key: value for key, value in root.values.items() if key == "reason"
    }
    assert "withheld" == root.values["outcome"]


def test_every_list_is_closed() -> None:
    """Keys are the log's, names those of steps and stages; a span has no place for anything else."""
    assert [] == sorted(TOLD - KEYS.keys())
    assert {"clip", *STAGES, *(step.value for step in Step)} == NAMES
    assert ["name", "id", "parent", "began", "ended", "values"] == [each.name for each in fields(Span)]


def test_what_is_not_listed_is_dropped_and_counted() -> None:
    """A stage that nobody knows, a topic that is none, a value of another type."""
    stages = {"decode": 0.1, "canary said this": 0.1}
    trace, dropped = traced(replace(PUBLISHED, effort=Effort(stage_seconds=stages)))
    assert ("canary" in repr(trace), 1) == (False, dropped)
    trace, dropped = traced(PUBLISHED, partition=Partition("canary said this", 3))
    assert ("canary" in repr(trace), 1) == (False, dropped)
    tracer = Tracer(lambda _: None, 1.0)
    assert {} == tracer._listed({"canary": 1, "offset": 7, "seconds": 1.5, "outcome": "canary", "topic": 7})


def test_ids_are_drawn() -> None:
    """The same clip again has other ids: nothing joins a trace to anything else."""
    one, other = traced(PUBLISHED)[0], traced(PUBLISHED)[0]
    assert (16, {8}) == (len(one.id), {len(span.id) for span in one.spans})
    assert one.id != other.id
    ids = [span.id for trace in (one, other) for span in trace.spans]
    assert len(ids) == len(set(ids))


def test_a_share_is_traced() -> None:
    """About so many of many clips; the drawing is not the clip's doing."""
    taken: list[Trace] = []
    Tracer(taken.append, 0.25)(PARTITION, [PUBLISHED] * 4000, [Passage()] * 4000)
    assert 800 < len(taken) < 1200


def test_fewer_passages_than_outcomes_stop_nobody() -> None:
    """A trace is no reason to stop a worker."""
    taken: list[Trace] = []
    Tracer(taken.append, 1.0)(PARTITION, [PUBLISHED, PUBLISHED], [Passage()])
    assert 1 == len(taken)


def test_stages_lie_inside_of_the_hearing() -> None:
    """They end when the outcome was there, in their order; clocks of two processes that disagree bend no span."""
    hear = Taken(Step.HEAR, 1_000_000_000, 2_000_000_000)
    assert [("decode", 1_500_000_000, 1_600_000_000), ("gate", 1_600_000_000, 2_000_000_000)] == list(
        laid_out({"decode": 0.1, "gate": 0.4}, hear)
    )
    assert [("decode", 1_000_000_000, 2_000_000_000), ("gate", 2_000_000_000, 2_000_000_000)] == list(
        laid_out({"decode": 5.0, "gate": -1.0}, hear)
    )


def test_a_step_is_of_the_task_that_takes_it() -> None:
    """In the context of a passage it is that one's; elsewhere it is nobody's; one that fails has taken its time."""
    one, other = Passage(), Passage()

    def take(step: Step) -> None:
        with at(step):
            pass

    def fail() -> None:
        with at(Step.HEAR):
            raise ValueError

    one.context().run(take, Step.ADMIT)
    take(Step.FETCH)
    with pytest.raises(ValueError):
        other.context().run(fail)
    assert ([Step.ADMIT], [Step.HEAR]) == ([each.step for each in one.taken], [each.step for each in other.taken])
