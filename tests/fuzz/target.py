"""What a target is, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Violation(Exception):
    """A promise is broken."""


def promise(kept: object, what: str) -> None:
    if not kept:
        raise Violation(what)


@dataclass(frozen=True)
class Target:
    """``run`` gives the name of the outcome and raises where a promise is broken."""

    name: str
    run: Callable[[bytes], str]
    seeds: Callable[[], list[bytes]]
    length_max: int = 1_000
