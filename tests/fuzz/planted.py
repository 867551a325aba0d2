"""Targets that break every promise: a driver that passes over one of them is worth nothing."""

from __future__ import annotations

import time

from tests.fuzz.target import Target, Violation

EATEN = 160 * 2**20
HELD: list[bytes] = []


def _raises(data: bytes) -> str:
    if data[:1] == b"\7":
        raise Violation("planted")
    return "fine"


def _hangs(data: bytes) -> str:
    while data[:1] == b"\7":
        time.sleep(0.1)
    return "fine"


def _burns(data: bytes) -> str:
    while data[:1] == b"\7":
        pass
    return "fine"


def _slow(data: bytes) -> str:
    """Ends, but late, and leaves no time to be caught at it from outside."""
    until = time.process_time() + 1.0
    while data[:1] == b"\7" and time.process_time() < until:
        pass
    return "fine"


def _waits(data: bytes) -> str:
    """No fault: it does as an input does on a machine that has no time for it."""
    if data[:1] == b"\7":
        time.sleep(2.0)
    return "fine"


def _eats(data: bytes) -> str:
    if data[:1] == b"\7":
        HELD.append(b"\1" * EATEN)
    return "fine"


def _dies(data: bytes) -> str:
    if data[:1] == b"\7":
        raise SystemExit(5)
    return "fine"


def _seeds() -> list[bytes]:
    return [b"\0", b"\7"]


PLANTED = {
    f"planted-{run.__name__[1:]}": Target(f"planted-{run.__name__[1:]}", run, _seeds)
    for run in (_raises, _hangs, _burns, _slow, _waits, _eats, _dies)
}
