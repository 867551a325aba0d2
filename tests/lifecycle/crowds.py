"""Looks at a set of published clips from outside: how many accounts each could be of, and which each could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stream.clip import Coarse
from stream.lifecycle.anonymity import Anonymity, own_of


@dataclass(frozen=True)
class Emitted:
    """A published clip: whose it was and what it was like, when it was published, and as what."""

    account: str
    captured_at: datetime
    language: str
    device_family: str
    length: float
    at: float  # seconds, of any clock
    published: Coarse


def could_be(clip: Emitted, rule: Anonymity, today: datetime) -> frozenset[Coarse]:
    """All that the clip may be published as."""
    steps = rule.steps(own_of(clip.captured_at, clip.language, clip.device_family), clip.length)
    return frozenset(value.coarse() for value in (*steps, rule.last(clip.length, today)))


def too_few(clips: Sequence[Emitted], rule: Anonymity, today: datetime) -> list[tuple[int, str]]:
    """The clips, by number, that fewer than k accounts share as of their publication, and in which direction:
    ``(k,1)`` where what is published could be of too few, ``(1,k)`` where too few published ones could be the clip.

    Of the clips that were published no longer before than the window. What tells nothing is no finding.
    """
    ways = [could_be(clip, rule, today) for clip in clips]
    found = []
    for number, clip in enumerate(clips):
        until_now = [other for other in range(number + 1) if clips[other].at > clip.at - rule.window_s]
        owners = {clips[other].account for other in until_now if clip.published in ways[other]}
        choices = {clips[other].account for other in until_now if clips[other].published in ways[number]}
        for accounts, direction in ((owners, "(k,1)"), (choices, "(1,k)")):
            nothing = clip.published == rule.last(clip.length, today).coarse()
            if not nothing and len(accounts) < rule.k:
                found.append((number, direction))
    return found
