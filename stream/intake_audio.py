"""Audio that lies in no record: fetched for clips that may be heard, put away for clips that are published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from stream.clip import AudioObject, Coordinates, Job, Published, Reason, Refusal
from stream.ops.log import Event, get
from stream.passage import Step, at
from stream.patience import Patience
from stream.ports import Objects, ObjectsUnavailable

T = TypeVar("T")
ATTEMPTS_MIN = 5  # at an object that can't be read while others can


@dataclass(frozen=True)
class Audio:
    """What intakes share of it. Without ``objects`` a clip's audio is in its event, or the clip is withheld."""

    objects: Objects | None = None
    object_of: Callable[[str, bytes], AudioObject | None] = lambda *_: None  # of a schema and a body; raises Refusal
    stored_s_max: float = 12 * 3600.0  # between a put and its commit; well below the age at which objects are swept


class AudioIntake:
    """Of one input partition."""

    def __init__(self, audio: Audio, patience: Patience) -> None:
        self._audio, self._patience = audio, patience
        self._fetched: dict[Coordinates, int] = {}

    @property
    def held(self) -> int:
        """Bytes that were fetched for clips that are under way."""
        return sum(self._fetched.values())

    async def with_audio(self, job: Job) -> Job:
        """The job with its audio, where the event only says where that lies. Raises Refusal.

        Waits for a store that is away, as for the registry. An object that again and again can't be read, while others
        can, is withheld: one clip must not hold up its partition for ever.
        """
        objects = self._audio.objects
        if objects is None or (told := self._audio.object_of(job.writer_schema, job.body)) is None:
            return job
        before, attempts = objects.fetched, 0

        async def ask() -> bytes:
            nonlocal attempts
            try:
                return await objects.fetch(told)
            except ObjectsUnavailable:
                attempts += objects.fetched > before  # those of an outage of all do not count
                if attempts >= ATTEMPTS_MIN:
                    raise Refusal(Reason.AUDIO_NOT_FETCHED) from None
                raise

        with at(Step.FETCH):
            content = await self._from_store(ask)
        self._fetched[job.coordinates] = len(content)
        return replace(job, audio=content)

    def let_go(self, of: Coordinates) -> None:
        """Nobody holds its audio any more."""
        self._fetched.pop(of, None)

    async def stored(self, outcome: Published) -> Published:
        """The outcome as it will be written. What it refers to is in the store before its transaction begins."""
        objects = self._audio.objects
        if objects is None:
            return outcome
        with at(Step.STORE):
            return await self._from_store(lambda: objects.publish(outcome))

    async def _from_store(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await self._patience.answered(ask, ObjectsUnavailable, lambda: get().warning(Event.OBJECTS_UNAVAILABLE))
