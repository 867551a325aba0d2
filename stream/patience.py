"""Asking again for what is out of reach for now, and without which a record can be neither published nor withheld."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Patience:
    """Of one input partition. ``pause_s`` doubles with every failure, up to 32 times as long."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._waiting = 0

    @property
    def waiting(self) -> bool:
        """Whether anybody waits."""
        return self._waiting > 0

    async def answered(
        self, ask: Callable[[], Awaitable[T]], lacking: type[Exception], tell: Callable[[], object]
    ) -> T:
        """Asks again, with longer and longer pauses, for as long as ``lacking`` is raised."""
        pause_s, waits = self._pause_s, 0
        try:
            while True:
                try:
                    return await ask()
                except lacking:
                    self._waiting += 1 - waits  # once, however often it asks
                    waits = 1
                    tell()
                await asyncio.sleep(pause_s * (0.5 + random.random()))  # noqa: S311 - workers do not come back at once
                pause_s = min(2 * pause_s, 32 * self._pause_s)
        finally:
            self._waiting -= waits
