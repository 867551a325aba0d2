"""Set algebra on segments, checked against sets of ticks."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from stream.clip import Segment, Turn
from stream.segments import Segments, intersect, own_and_others, seconds, subtract, union, widen

SEGMENTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda t: Segment(float(t[0]), float(t[0] + t[1]))),
    max_size=8,
).map(tuple)


def ticks(segments: Segments) -> set[int]:
    return {tick for segment in segments for tick in range(int(segment.start), int(segment.end))}


@given(SEGMENTS)
def test_union_covers_the_same_and_is_disjoint(segments: Segments) -> None:
    """A union holds what its members hold, sorted, each instant once."""
    merged = union(segments)
    assert ticks(segments) == ticks(merged)
    assert all(left.end < right.start for left, right in itertools.pairwise(merged))
    assert len(ticks(merged)) == seconds(merged)


@given(SEGMENTS, SEGMENTS)
def test_intersection_and_difference_are_those_of_sets(left: Segments, right: Segments) -> None:
    """intersect and subtract agree with sets of instants, and split the left side without rest."""
    assert ticks(left) & ticks(right) == ticks(intersect(left, right))
    assert ticks(left) - ticks(right) == ticks(subtract(left, right))
    assert seconds(union(left)) == seconds(intersect(left, right)) + seconds(subtract(left, right))


@given(SEGMENTS)
def test_widening_stays_inside_the_clip(segments: Segments) -> None:
    """A margin reaches both ways and never past the clip's ends."""
    wide = widen(segments, 2.0, 45.0)
    expected = {t for tick in ticks(segments) for t in range(tick - 2, tick + 3) if 0 <= t < 45}
    assert expected == ticks(wide)


def test_a_negative_margin_drops_what_becomes_empty() -> None:
    """Taking margins off a short segment leaves nothing of it."""
    assert (Segment(1.5, 2.5),) == widen([Segment(1.0, 3.0), Segment(5.0, 5.8)], -0.5, 10.0)


def test_union_bridges_small_gaps_only() -> None:
    """``gap`` joins neighbours that are at most that far apart."""
    assert (Segment(0, 3), Segment(4, 5)) == union([Segment(0, 1), Segment(1.5, 3), Segment(4, 5)], gap=0.5)


def test_turns_are_split_into_one_voice_and_all_others() -> None:
    """Each side merged; where both speak, both have it; nobody is the speaker None."""
    turns = [Turn(Segment(0, 2), "a"), Turn(Segment(1, 3), "b"), Turn(Segment(2, 4), "a"), Turn(Segment(3, 5), "c")]
    assert ((Segment(0, 4),), (Segment(1, 5),)) == own_and_others(turns, "a")
    assert ((), (Segment(0, 5),)) == own_and_others(turns, None)
