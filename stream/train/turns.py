"""Who speaks when: the plan of one clip, before anything is heard."""

from dataclasses import dataclass

import numpy as np

PATTERNS = ("after", "before", "both", "overlap", "tv", "nobody", "conversation", "accident")
PEOPLE = (0.5, 0.3, 0.2)  # how often there are one, two, three bystanders
TELEVISION_VOICES = (0.25, 0.3, 0.45)
PATTERN_SHARES = (0.08, 0.07, 0.08, 0.15, 0.12, 0.05, 0.20, 0.25)


@dataclass(frozen=True)
class Turn:
    """``talker`` (0 is the main speaker) speaks from ``start`` for ``seconds``."""

    talker: int
    start: float
    seconds: float


def _pieces(rng: np.random.Generator, talker: int, at: float, until: float, longest: float) -> list[Turn]:
    """One to three turns of a talker with pauses between, from ``at`` on, ended by ``until``."""
    turns = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))):
        seconds = float(rng.uniform(0.3, 0.8) if rng.random() < 0.2 else rng.uniform(0.7, longest))
        seconds = min(seconds, until - at)
        if seconds < 0.25:
            break
        turns.append(Turn(talker, at, seconds))
        at += seconds + float(rng.uniform(0.2, 1.4))
    return turns


def _end(turns: list[Turn], default: float) -> float:
    return max((turn.start + turn.seconds for turn in turns), default=default)


def _turn_taking(rng: np.random.Generator, talkers: list[int], at: float, seconds: float) -> list[Turn]:
    """``talkers`` one after the other, now and then into each other, from ``at`` until ``seconds`` or an early end."""
    turns: list[Turn] = []
    last = -1
    ends_early = float(rng.choice([0.0, 0.12, 0.35]))
    while at < seconds - 0.3:
        last = int(rng.choice([talker for talker in talkers if talker != last] or talkers))
        turns += _pieces(rng, last, at, seconds, float(rng.uniform(0.8, 4.0)))
        at = max(_end(turns, at) + float(rng.uniform(-0.25, 0.9)), at + 0.2)
        if rng.random() < ends_early:
            break
    return turns


def plan_turns(rng: np.random.Generator, pattern: str, seconds: float, *, television: bool = False) -> list[Turn]:
    """Who speaks when in a clip of ``seconds``; talker 0 is the main speaker, absent in an accidental activation. Of a
    ``television`` more voices are heard than of people."""
    first = float(rng.uniform(0.0, 1.2))
    shares = TELEVISION_VOICES if television else PEOPLE
    bystanders = list(range(1, int(rng.choice([1, 2, 3], p=shares)) + 1))
    if pattern in ("accident", "conversation"):
        return _turn_taking(rng, bystanders if pattern == "accident" else [0, *bystanders], first, seconds)
    turns: list[Turn] = []
    loose = pattern in ("tv", "overlap")
    if pattern in ("before", "both") or (loose and rng.random() < 0.35):
        turns += _turn_taking(rng, bystanders, first, seconds * float(rng.uniform(0.2, 0.6)))
        first = _end(turns, first) + float(rng.uniform(0.05, 0.8))
    at = min(first, seconds - 1.0)
    main = _pieces(rng, 0, at, seconds, float(rng.uniform(1.0, 4.5)))
    end = _end(main, at + 0.1)
    turns += main
    if pattern == "tv" and rng.random() < 0.5:  # it goes on all the time, whoever speaks
        return turns + _turn_taking(rng, bystanders, at if rng.random() < 0.5 else 0.0, seconds)
    for _ in range(
        int(rng.choice([1, 2])) if pattern == "overlap" else int(pattern != "nobody" and rng.random() < 0.1)
    ):
        turns += _pieces(rng, int(rng.choice(bystanders)), float(rng.uniform(at, end)), seconds, 3.0)
    if len(main) > 1 and pattern != "nobody" and rng.random() < 0.4:  # someone speaks in the main speaker's pause
        gap = main[0].start + main[0].seconds
        turns.append(Turn(1, gap, max(min(main[1].start - gap, 2.0), 0.25)))
    if pattern in ("after", "both") or (loose and rng.random() < 0.5):
        turns += _turn_taking(rng, bystanders, max(_end(turns, at) + float(rng.uniform(-0.2, 1.0)), 0.0), seconds)
    return turns
