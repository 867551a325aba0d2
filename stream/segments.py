"""Set algebra on sorted lists of segments, and of whose they are; pure, in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stream.clip import Segment, Turn

Segments = tuple[Segment, ...]


def union(segments: Iterable[Segment], gap: float = 0.0) -> Segments:
    """Sorted and merged; neighbours up to ``gap`` seconds apart become one."""
    merged: list[Segment] = []
    for segment in sorted(segments):
        if merged and segment.start <= merged[-1].end + gap:
            last = merged[-1]
            merged[-1] = Segment(last.start, max(last.end, segment.end))
        else:
            merged.append(segment)
    return tuple(merged)


def intersect(left: Iterable[Segment], right: Iterable[Segment]) -> Segments:
    """What lies in both."""
    ours, theirs, common = union(left), union(right), []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        start, end = max(ours[i].start, theirs[j].start), min(ours[i].end, theirs[j].end)
        if start < end:
            common.append(Segment(start, end))
        if ours[i].end < theirs[j].end:
            i += 1
        else:
            j += 1
    return tuple(common)


def subtract(left: Iterable[Segment], right: Iterable[Segment]) -> Segments:
    """What lies in ``left`` and not in ``right``."""
    holes, rest = union(right), []
    for segment in union(left):
        at = segment.start
        for hole in holes:
            if hole.end <= at or hole.start >= segment.end:
                continue
            if at < hole.start:
                rest.append(Segment(at, hole.start))
            at = hole.end
        if at < segment.end:
            rest.append(Segment(at, segment.end))
    return tuple(rest)


def widen(segments: Iterable[Segment], margin: float, duration: float) -> Segments:
    """Each segment ``margin`` longer at both ends (shorter, and dropped when empty, if negative), inside the clip."""
    wide = []
    for segment in segments:
        start, end = max(0.0, segment.start - margin), min(duration, segment.end + margin)
        if start < end:
            wide.append(Segment(start, end))
    return union(wide)


def seconds(segments: Sequence[Segment]) -> float:
    """Total length of disjoint segments."""
    return sum(segment.duration for segment in segments)


def own_and_others(turns: Sequence[Turn], speaker: str | None) -> tuple[Segments, Segments]:
    """When ``speaker`` speaks, and when anybody else does; None speaks never."""
    own = union(turn.segment for turn in turns if turn.speaker == speaker)
    return own, union(turn.segment for turn in turns if turn.speaker != speaker)
