"""The audio of clips that are published by reference: fetched while they are read, and never passed over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from stream.clip import AnonymizedClip, AudioObject, Reason, Refusal
from stream.ports import ObjectsUnavailable
from stream.wire.clips import decode_anonymized
from stream.wire.published import object_of

Fetch = Callable[[AudioObject], Awaitable[bytes]]


async def nowhere(_: AudioObject) -> bytes:
    """For readers that were told of no store."""
    raise Refusal(Reason.AUDIO_NOT_FETCHED)


@dataclass(frozen=True)
class Again:
    """A ``Fetch`` that asks again, with longer and longer pauses, while the store does not answer."""

    fetch: Fetch
    attempts: int = 6
    pause_s: float = 0.5  # doubles with every attempt

    async def __call__(self, audio: AudioObject) -> bytes:
        """Raises Refusal, and ObjectsUnavailable once it has asked ``attempts`` times."""
        for attempt in range(self.attempts - 1):
            try:
                return await self.fetch(audio)
            except ObjectsUnavailable:
                await asyncio.sleep(self.pause_s * 2**attempt * (0.5 + random.random()))  # noqa: S311 - no secret
        return await self.fetch(audio)


async def whole_clip(schema: str, body: bytes, fetch: Fetch) -> AnonymizedClip:
    """A published clip with its audio, wherever that lies. Raises Refusal and ObjectsUnavailable."""
    audio = object_of(schema, body)
    return decode_anonymized(schema, body, None if audio is None else await fetch(audio))
