"""ports.Objects: the audio of events that only name it, and of clips that are too large for a record."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from stream.clip import AudioObject, Published, Reason, Refusal
from stream.ports import ObjectsUnavailable, StoreMeter
from stream.wire.objects_store import Store
from stream.wire.published import by_reference, inline_audio


@dataclass(frozen=True)
class AudioBounds:
    """How much is read and kept. ``inline_bytes_max`` is of a published clip's encoded audio."""

    object_bytes_max: int = 8 * 2**20
    inline_bytes_max: int = 2**20
    at_once: int = 8


class AudioObjects:
    """``sources`` are all places that an event may name; without an ``output`` every clip is published whole."""

    def __init__(
        self, sources: Sequence[Store], output: Store | None, bounds: AudioBounds, meter: StoreMeter | None = None
    ) -> None:
        self.fetched = 0
        self._sources, self._output, self._bounds = tuple(sources), output, bounds
        self._meter = meter or _Uncounted()
        self._turn = asyncio.Semaphore(bounds.at_once)

    async def fetch(self, audio: AudioObject) -> bytes:
        """The bytes that the event tells of, and no others."""
        with self._failures("fetch"):
            return await self._fetch(audio)

    async def _fetch(self, audio: AudioObject) -> bytes:
        store, key = self._of_source(audio.uri)
        if audio.size is not None and audio.size > self._bounds.object_bytes_max:
            raise Refusal(Reason.AUDIO_TOO_LARGE)
        async with self._turn:
            began = time.monotonic()
            content = await store.get(key, self._bounds.object_bytes_max, audio.size)
            seconds = time.monotonic() - began
        self.fetched += 1
        if hashlib.sha256(content).hexdigest() != audio.sha256:
            raise Refusal(Reason.AUDIO_CHANGED)
        self._meter.stored("fetch", seconds, len(content))
        return content

    async def publish(self, outcome: Published) -> Published:
        """The outcome as it can be written: with its audio in the store where that is too large for a record."""
        if self._output is None or len(outcome.body) <= self._bounds.inline_bytes_max:
            return outcome
        content = inline_audio(outcome.body)
        if len(content) <= self._bounds.inline_bytes_max:
            return outcome
        key = f"{outcome.token}/{hashlib.sha256(content).hexdigest()}.flac"
        uri = self._output.place.uri(key)
        body = by_reference(outcome.body, uri)
        with self._failures("put"):
            async with self._turn:
                began = time.monotonic()
                await self._output.put(key, content)
        self._meter.stored("put", time.monotonic() - began, len(content))
        return replace(outcome, body=body, uris=(uri,))

    @contextmanager
    def _failures(self, request: str) -> Iterator[None]:
        try:
            yield
        except Refusal as refusal:
            self._meter.store_failed(request, refusal.reason.value)
            raise
        except ObjectsUnavailable as error:
            self._meter.store_failed(request, str(error))
            raise

    def _of_source(self, uri: str) -> tuple[Store, str]:
        for store in self._sources:
            if (key := store.place.key(uri)) is not None:
                return store, key
        raise Refusal(Reason.AUDIO_ELSEWHERE)


class _Uncounted:
    """A StoreMeter for nobody."""

    def stored(self, request: str, seconds: float, size_bytes: int) -> None: ...

    def store_failed(self, request: str, cause: str) -> None: ...


@dataclass(frozen=True)
class PublishedAudio:
    """What an annotator's side needs: the audio of clips that are published by reference."""

    store: Store
    object_bytes_max: int = 64 * 2**20

    async def fetch(self, audio: AudioObject) -> bytes:
        """Raises Refusal where it is not there (taken back), not ours, or not what the clip tells of, and
        ObjectsUnavailable."""
        return await AudioObjects([self.store], None, AudioBounds(self.object_bytes_max)).fetch(audio)
