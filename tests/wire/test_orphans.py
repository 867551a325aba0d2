"""Objects that no published clip refers to are swept, and no others: on a real S3 server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.clip import Refusal
from stream.commands.objects import referred
from stream.lifecycle import orphans
from stream.objects import Place
from stream.ports import Message
from stream.wire import avro
from stream.wire.clips import Encoder
from stream.wire.local import LocalBroker
from stream.wire.objects_store import Access, Listed, Store
from stream.wire.published import by_reference
from tests.publications import SCHEMA_ID, Published, clip, token
from tests.wire.s3 import S3, s3_server

NAME = "clips.anonymized"


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture
def output(s3: S3) -> Store:
    return Store(Place.of("s3://published/"), Access(20.0, endpoint=s3.url, access_key_id="a", secret_access_key="b"))


def referring(number: int, key: str) -> Message:
    """A clip on the topic whose audio lies there."""
    body = by_reference(Encoder().encode(clip(token(number))), f"s3://published/{key}")
    return Message(NAME, token(number).encode(), avro.frame(SCHEMA_ID, body))


async def test_a_sweep_takes_what_nobody_refers_to(output: Store, s3: S3) -> None:
    """Of what is old enough: not what is published, not what is younger, and nothing at all unless it is told to.
    What a clip referred to before it was replaced, or erased, is an orphan as well."""
    broker = LocalBroker()
    await broker.create_topics({NAME: 1})
    there = {"1/kept.flac", "2/replaced.flac", "2/kept.flac", "3/erased.flac", "4/never-committed.flac"}
    for key in there:
        s3.put(f"published/{key}", b"sound")
    await broker.send([referring(1, "1/kept.flac"), referring(2, "2/replaced.flac"), referring(3, "3/erased.flac")])
    await broker.send([referring(2, "2/kept.flac"), Message(NAME, token(3).encode(), None)])

    async def look() -> frozenset[str]:
        return await referred(broker, Published(), NAME, output)

    async def swept(days_later: int, *, delete: bool) -> orphans.Swept:
        now = lambda: datetime.now(UTC) + timedelta(days=days_later)  # noqa: E731
        return await orphans.sweep(output, look, timedelta(days=1), delete=delete, now=now)

    young = await swept(0, delete=True)
    assert (5, 0) == (young.objects, young.orphans)
    found = await swept(3, delete=False)
    assert there == set(s3.keys("published"))
    assert await swept(3, delete=True) == found
    assert (3, 15) == (found.orphans, found.orphan_bytes)
    assert {"1/kept.flac", "2/kept.flac"} == set(s3.keys("published"))
    assert 0 == (await swept(3, delete=True)).orphans


@pytest.mark.parametrize("value", [avro.frame(SCHEMA_ID, b"no clip"), b""], ids=["no clip", "a batch given up"])
async def test_nothing_is_swept_where_a_record_can_not_be_read(output: Store, s3: S3, value: bytes) -> None:
    """It may refer to anything; a record of a batch that nobody can unpack comes with an empty value."""
    broker = LocalBroker()
    await broker.create_topics({NAME: 1})
    await broker.send([Message(NAME, b"k", value)])
    s3.put("published/orphan/y.flac", b"never committed")

    async def look() -> frozenset[str]:
        return await referred(broker, Published(), NAME, output)

    now = lambda: datetime.now(UTC) + timedelta(days=9)  # noqa: E731
    with pytest.raises(Refusal):
        await orphans.sweep(output, look, timedelta(days=1), delete=True, now=now)
    assert ["orphan/y.flac"] == s3.keys("published")


async def test_what_may_still_be_published_is_not_swept(output: Store) -> None:
    """No age below a day: a worker may hold a clip for half a day before its commit."""

    async def look() -> frozenset[str]:
        return frozenset()

    with pytest.raises(ValueError):
        await orphans.sweep(output, look, timedelta(hours=23), delete=True)


async def test_what_is_put_again_meanwhile_is_not_swept() -> None:
    """An object that is written anew between the list and its turn is somebody's."""
    old, deleted = datetime(2026, 1, 1, tzinfo=UTC), []

    class Output:
        async def listed(self) -> AsyncIterator[Any]:
            yield Listed("a", 1, old)
            yield Listed("b", 1, old)

        async def modified(self, key: str) -> datetime | None:
            return old if key == "a" else datetime.now(UTC)

        async def delete(self, key: str) -> None:
            deleted.append(key)

    async def look() -> frozenset[str]:
        return frozenset()

    await orphans.sweep(Output(), look, timedelta(days=1), delete=True)
    assert ["a"] == deleted
