"""Targets that break every promise: a driver that passes over one of them is worth nothing."""

from __future__ import annotations

import time

from tests.fuzz.target import Target, Violation

HELD: list[bytes] = []


def _raises(data: bytes) -> str:
    if data[:1] == b"\7":
        raise Violation("planted")
    return "fine"


def _hangs(data: bytes) -> str:
    while data[:1] == b"\7":
        time.sleep(0.1)
    return "fine"


def _eats(data: bytes) -> str:
    if data[:1] == b"\7":
        HELD.append(b"\1" * (700 * 2**20))
    return "fine"


def _seeds() -> list[bytes]:
    return [b"\0", b"\7"]


PLANTED = {
    target.name: target
    for target in (
        Target("planted-raises", _raises, _seeds),
        Target("planted-hangs", _hangs, _seeds),
        Target("planted-eats", _eats, _seeds),
    )
}
