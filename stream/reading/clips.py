"""Reading anonymized clips, for whoever labels them. ``stream.reader`` opens it; the exports read with it too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from stream.clip import AnonymizedClip, Coordinates, Reason, Record, Refusal
from stream.lifecycle.rolling import ROLL_KEY
from stream.ports import BrokerUnavailable, CommitFailed, ObjectsUnavailable, RegistryUnavailable, Schemas, SourceLost
from stream.reading.referred import Fetch, nowhere, whole_clip
from stream.wire import avro

Erased = Callable[[str], Awaitable[None]]
T = TypeVar("T")


class Unreadable(Exception):
    """A record of the topic that is no clip which can be given. Says where it lies and why, never what is in it.

    ``token`` is the record's key where that is text: what was kept under it is not what the topic has now. The next
    step of the iterator goes on behind the record.
    """

    def __init__(self, at: Coordinates, reason: Reason, token: str | None) -> None:
        super().__init__(f"partition {at.partition} offset {at.offset} of {at.topic}: {reason.value}")
        self.at, self.reason, self.token = at, reason, token


class ReadingFailed(Exception):
    """Brokers, registry or object store do not answer, or refuse. Nothing was passed over: the next step tries the
    same again, and where that goes on failing, open it anew."""


class NotCommitted(Exception):
    """The group's offsets stayed where they were: clips since the last commit will come again, here or elsewhere."""


class Records(Protocol):
    """Where the records come from: a whole topic, or a group's share of it."""

    async def start(self) -> None: ...

    async def head(self) -> Record | None:
        """The next record, which stays the next one until it was passed; None at the end."""

    def passed(self, record: Record) -> bool:
        """Takes the head away; False where it is not ours any more, and somebody else will get it."""

    async def positions(self) -> Mapping[int, int]: ...

    async def commit(self) -> None: ...

    async def stop(self) -> None: ...


class Clips:
    """The clips of the topic, one after another: an async iterator. Make it with ``stream.reader.open_clips``."""

    def __init__(self, records: Records, schemas: Schemas, erased: Erased, fetch: Fetch = nowhere) -> None:
        self._records, self._schemas, self._erased, self._fetch = records, schemas, erased, fetch

    async def start(self) -> None:
        """Raises ReadingFailed."""
        await _asked(self._records.start())

    def __aiter__(self) -> Clips:
        return self

    async def __anext__(self) -> AnonymizedClip:
        """The next clip. Raises Unreadable and ReadingFailed; another call goes on after either."""
        while (record := await _asked(self._records.head())) is not None:
            clip = await self._clip(record)
            if self._records.passed(record) and clip is not None:
                return clip
        raise StopAsyncIteration

    async def commit(self) -> None:
        """With a group: everything that was given so far is done, and needs not come again. Call it when your own
        store has it. Raises NotCommitted, and ValueError without a group."""
        try:
            await self._records.commit()
        except CommitFailed as error:
            raise NotCommitted(str(error)) from None

    async def positions(self) -> Mapping[int, int]:
        """Without a group: by partition the offset to ``start`` from another time."""
        return await _asked(self._records.positions())

    async def stop(self) -> None:
        await self._records.stop()

    async def _clip(self, record: Record) -> AnonymizedClip | None:
        """None for a tombstone, once its token was told to ``erased``."""
        if record.value is None and record.unread is None:
            if record.key is not None and record.key != ROLL_KEY:
                await self._erased(record.key.decode(errors="replace"))
            return None
        try:
            return await clip_of(record, self._schemas, self._fetch)
        except RegistryUnavailable as error:
            raise ReadingFailed(f"the schema registry does not answer: {error}") from None
        except ObjectsUnavailable as error:
            raise ReadingFailed(f"the object store does not answer: {error}") from None
        except Refusal as refusal:
            self._records.passed(record)
            raise Unreadable(record.coordinates, refusal.reason, _text(record.key)) from None


async def clip_of(record: Record, schemas: Schemas, fetch: Fetch) -> AnonymizedClip:
    """The clip of a record of the anonymized topic. Raises Refusal, RegistryUnavailable and ObjectsUnavailable.

    A clip under a key that is not its token is refused: no tombstone would ever take it back.
    """
    if record.unread is not None:
        raise Refusal(record.unread)
    reference, body = avro.unframe(record.value or b"")
    clip = await whole_clip(await schemas.writer_schema(reference), body, fetch)
    if record.key != clip.metadata.token.encode():
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return clip


class OneSchema:
    """ports.Schemas in place of a registry: the one schema, given as text, that wrote every record.

    It stands for the first reference that a record has; another one means that the schema has changed, and is refused.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._reference: int | str | None = None

    async def writer_schema(self, reference: int | str) -> str:
        if self._reference is None:
            self._reference = reference
        if reference != self._reference:
            raise Refusal(Reason.UNKNOWN_SCHEMA)
        return self._text


def _text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (BrokerUnavailable, CommitFailed, SourceLost) as error:
        raise ReadingFailed(f"Kafka does not answer: {error}") from None
