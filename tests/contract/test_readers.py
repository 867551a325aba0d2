"""Readers of the anonymized topic: every clip, every tombstone, in order, at least once; the same on both brokers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from stream.clip import Reason, Segment
from stream.ports import Broker, Message, Partition, RegistryUnavailable, Schemas
from stream.reading.clips import Clips, OneSchema, ReadingFailed, Unreadable
from stream.reading.whole import WholeTopic
from stream.wire import avro
from tests.contract.conftest import HalfCommit
from tests.contract.stand_ins import Topics
from tests.publications import HOUR, Published, Store, Topic, clip, sound, token, value

LIMIT_S = 30.0  # only ends a test that hangs


@asynccontextmanager
async def whole(
    broker: Broker, topics: Topics, store: Store, start: dict[int, int] | None = None, *, schemas: Schemas | None = None
) -> AsyncIterator[Clips]:
    clips = Clips(WholeTopic(broker, topics.anonymized, start or {}, follow=False), schemas or Published(), store.drop)
    await clips.start()
    yield clips
    await clips.stop()


async def read_all(broker: Broker, topics: Topics, store: Store) -> None:
    async with asyncio.timeout(LIMIT_S), whole(broker, topics, store) as clips:
        async for one in clips:
            store.put(one)


async def take(clips: Clips, store: Store, number: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        for _ in range(number):
            store.put(await anext(clips))


async def abort(broker: Broker, topics: Topics, half_commit: HalfCommit, *numbers: int) -> None:
    """Clips of a transaction that its owner left open and its successor ended."""
    clips = [clip(token(number)) for number in numbers]
    messages = [Message(topics.anonymized, of.metadata.token.encode(), value(of), None, 0) for of in clips]
    await half_commit(Partition(topics.raw, 0), topics.group, messages)
    outbox = broker.outbox(Partition(topics.raw, 0), topics.group)
    await outbox.start()
    await outbox.stop()


async def test_a_clip_comes_as_it_was_published(broker: Broker, topics: Topics) -> None:
    """Sound sample for sample, words with placeholders, what is audible, and the metadata; however empty other
    partitions are."""
    await topics.create(broker, 2)
    await Topic(broker, topics.anonymized).publish(1)
    store = Store()
    await read_all(broker, topics, store)
    (found,) = store.kept.values()
    assert np.array_equal(sound(), found.samples)
    assert not found.samples.flags.writeable
    assert ["call", "<PERSON>", "now"] == [word.text for word in found.words]
    assert (Segment(0.0, 1.0), Segment(2.0, 3.0)) == found.kept
    of = found.metadata
    assert (token(1), "spring", "2026-11", HOUR, "en", "speaker") == (
        of.token,
        of.campaign,
        of.key_epoch,
        of.captured_hour,
        of.language,
        of.device_family,
    )


async def test_what_was_taken_back_is_told_in_its_place(broker: Broker, topics: Topics) -> None:
    """A tombstone is no clip: its token goes to who must drop it, between what lies before and behind it."""
    await topics.create(broker)
    topic = Topic(broker, topics.anonymized)
    await topic.publish(1, 2, partition=0)
    await topic.erase(1, partition=0)
    await topic.publish(3, partition=0)
    store = Store()
    await read_all(broker, topics, store)
    assert ["clip 1", "clip 2", "erased 1", "clip 3"] == store.told
    assert {token(2), token(3)} == store.kept.keys()


async def test_records_that_only_let_kafka_compact_are_not_told(broker: Broker, topics: Topics) -> None:
    """They stand for no clip, and nothing has to be dropped."""
    await topics.create(broker)
    topic = Topic(broker, topics.anonymized)
    await topic.roll()
    await topic.publish(1)
    store = Store()
    await read_all(broker, topics, store)
    assert ["clip 1"] == store.told


async def test_aborted_clips_are_never_seen(broker: Broker, topics: Topics, half_commit: HalfCommit) -> None:
    """Nor do they, or control records, keep a reader from the end."""
    await topics.create(broker)
    topic = Topic(broker, topics.anonymized)
    await topic.publish(1, partition=0)
    await abort(broker, topics, half_commit, 2, 3)
    store = Store()
    await read_all(broker, topics, store)
    assert ["clip 1"] == store.told


async def test_an_erasure_that_could_not_be_done_is_told_again(broker: Broker, topics: Topics) -> None:
    """What the store raises reaches who reads, and the tombstone stays the next record."""
    await topics.create(broker)
    await Topic(broker, topics.anonymized).erase(1)
    store, failures = Store(), ["once"]

    async def drop(erased: str) -> None:
        if failures:
            raise OSError(failures.pop())
        await store.drop(erased)

    clips = Clips(WholeTopic(broker, topics.anonymized, {}, follow=False), Published(), drop)
    await clips.start()
    with pytest.raises(OSError, match="once"):
        await anext(clips)
    with pytest.raises(StopAsyncIteration):
        await anext(clips)
    assert ["erased 1"] == store.told
    await clips.stop()


@pytest.mark.parametrize(
    ("key", "content", "reason"),
    [
        (token(9).encode(), b"canary", Reason.EVENT_UNDECODABLE),
        (token(9).encode(), avro.frame(7, b"canary"), Reason.EVENT_UNDECODABLE),
        (token(9).encode(), value(clip(token(8))), Reason.EVENT_UNDECODABLE),
    ],
    ids=["no wire format", "no clip", "another clip's key"],
)
async def test_what_is_no_clip_is_told_and_passed(
    broker: Broker, topics: Topics, key: bytes, content: bytes, reason: Reason
) -> None:
    """By place, reason and token, without content; the clips behind it come. A clip under a foreign key is none: no
    tombstone would take it back."""
    await topics.create(broker)
    topic = Topic(broker, topics.anonymized)
    await topic.send((key, content), partition=0)
    await topic.publish(1, partition=0)
    store = Store()
    async with whole(broker, topics, store) as clips:
        with pytest.raises(Unreadable) as told:
            await anext(clips)
        await take(clips, store, 1)
    assert (0, 0, reason, token(9)) == (
        told.value.at.partition,
        told.value.at.offset,
        told.value.reason,
        told.value.token,
    )
    assert "canary" not in str(told.value)
    assert ["clip 1"] == store.told


async def test_nothing_is_passed_over_while_the_registry_is_away(broker: Broker, topics: Topics) -> None:
    """The same clip is tried again."""
    await topics.create(broker)
    await Topic(broker, topics.anonymized).publish(1)

    class Away(Published):
        away = True

        async def writer_schema(self, reference: int | str) -> str:
            if self.away:
                raise RegistryUnavailable("ConnectError")
            return await super().writer_schema(reference)

    store, schemas = Store(), Away()
    async with whole(broker, topics, store, schemas=schemas) as clips:
        with pytest.raises(ReadingFailed, match="registry does not answer: ConnectError"):
            await anext(clips)
        schemas.away = False
        await take(clips, store, 1)
    assert ["clip 1"] == store.told


async def test_a_schema_file_stands_for_one_schema(broker: Broker, topics: Topics) -> None:
    """A record that another schema wrote is refused, not misread."""
    await topics.create(broker)
    await Topic(broker, topics.anonymized, schema_id=3).publish(1, partition=0)
    await Topic(broker, topics.anonymized, schema_id=4).publish(2, partition=0)
    store = Store()
    async with whole(broker, topics, store, schemas=OneSchema(avro.schema_text("anonymized_clip"))) as clips:
        await take(clips, store, 1)
        with pytest.raises(Unreadable, match="unknown_schema"):
            await anext(clips)


async def test_positions_are_where_another_reader_goes_on(broker: Broker, topics: Topics) -> None:
    """Nothing that was given comes again, and nothing that was only polled is lost."""
    await topics.create(broker, 2)
    topic = Topic(broker, topics.anonymized)
    await topic.publish(1, 2, 3, partition=0)
    await topic.publish(11, 12, partition=1)
    store = Store()
    async with whole(broker, topics, store) as clips:
        await take(clips, store, 2)
        behind = dict(await clips.positions())
        with pytest.raises(ValueError, match="only a group"):
            await clips.commit()
    async with whole(broker, topics, store, behind) as clips:
        await take(clips, store, 3)
        with pytest.raises(StopAsyncIteration):
            await anext(clips)
    assert sorted(f"clip {number}" for number in (1, 2, 3, 11, 12)) == sorted(store.told)
