"""Sees to it that what was erased can leave the disk: Kafka never compacts the segment that it writes to.

It closes that segment when a record comes that is younger than the segment's first by ``max.compaction.lag.ms``. Where
no record comes, the segment stays open for ever, and with it what its tombstones erase. So one comes now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from stream.lifecycle.removing import patiently
from stream.ports import Message

ROLL_KEY: Final = b"roll"  # no token: those are hexadecimal. A tombstone, so that readers skip it


async def keep_rolling(
    topics: Sequence[str],
    ends: Callable[[str], Awaitable[Mapping[int, int]]],
    send: Callable[[Sequence[Message]], Awaitable[None]],
    every_s: float,
) -> None:
    """Until cancelled: a tombstone of nothing to every partition of ``topics``, of which ``ends`` gives the ends."""
    while True:
        await patiently(lambda: _roll(topics, ends, send))
        await asyncio.sleep(every_s)


async def _roll(
    topics: Sequence[str],
    ends: Callable[[str], Awaitable[Mapping[int, int]]],
    send: Callable[[Sequence[Message]], Awaitable[None]],
) -> None:
    for topic in topics:
        await send([Message(topic, ROLL_KEY, None, None, number) for number in await ends(topic)])
