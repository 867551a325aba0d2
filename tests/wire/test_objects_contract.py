"""What a store promises, the same in every place: a folder, S3, Azurite where it is installed, and memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from stream.clip import AudioObject, Reason, Refusal
from stream.objects import Place
from stream.wire import objects_store
from stream.wire.objects_audio import AudioBounds, AudioObjects, PublishedAudio
from stream.wire.objects_store import Access, Listed, Store
from tests.wire.azurite import Emulated, azurite
from tests.wire.s3 import s3_server

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module", params=["folder", "memory", "s3", "azure"])
def where(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """One place after the other, each with what its client would find in the environment."""
    folder: Path = tmp_path_factory.mktemp("objects")
    if request.param in ("folder", "memory"):
        yield Emulated(f"file://{folder}/", Access())
    elif request.param == "s3":
        with s3_server() as s3:
            keys = Access(20.0, endpoint=s3.url, access_key_id="a", secret_access_key="b")
            yield Emulated("s3://published/out/", keys)
    else:
        with azurite() as found:
            yield found


@pytest.fixture
def store(where: Emulated, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Through the settings' own way; memory is in the folder's place."""
    for name, value in where.environment.items():
        monkeypatch.setenv(name, value)
    if request.node.callspec.params["where"] == "memory":
        monkeypatch.setattr(objects_store, "_opened", lambda *_: MemoryStore())
    return Store(Place.of(where.prefix), where.access)


async def refused(store: Store, key: str, bytes_max: int, size: int | None = None) -> Reason:
    with pytest.raises(Refusal) as caught:
        await store.get(key, bytes_max, size)
    assert key not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value.reason


async def keys(store: Store) -> list[Listed]:
    return [found async for found in store.listed()]


async def test_what_is_put_is_there(store: Store) -> None:
    """Byte for byte, with its length or without."""
    await store.put("there/a.flac", CONTENT)
    assert CONTENT == await store.get("there/a.flac", len(CONTENT))
    assert CONTENT == await store.get("there/a.flac", len(CONTENT), len(CONTENT))


async def test_a_put_creates_and_never_changes(store: Store) -> None:
    """What is there under a key of its own bytes stays as it is, and putting it again is no trouble."""
    await store.put("once/a.flac", CONTENT)
    await store.put("once/a.flac", CONTENT[::-1])  # as long: by its key it would be the same one
    assert CONTENT == await store.get("once/a.flac", len(CONTENT))


async def test_what_is_half_is_made_whole(store: Store) -> None:
    """An object that is not as long as its key says."""
    await store.put("half/a.flac", CONTENT[:100])
    await store.put("half/a.flac", CONTENT)
    assert CONTENT == await store.get("half/a.flac", len(CONTENT))


async def test_what_is_old_is_renewed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written anew where a sweep might take it."""
    await store.put("old/a.flac", CONTENT)
    monkeypatch.setattr(objects_store, "RENEWED", timedelta(days=-1))
    await store.put("old/a.flac", CONTENT[::-1])
    assert CONTENT[::-1] == await store.get("old/a.flac", len(CONTENT))


async def test_what_is_not_there_is_missing(store: Store) -> None:
    """A reason of its own, told from a store that is away."""
    assert Reason.AUDIO_MISSING is await refused(store, "nothing.flac", 1)
    assert await store.modified("nothing.flac") is None


async def test_size_comes_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large, or of another length than told, is not downloaded."""
    await store.put("large/a.flac", CONTENT)
    read: list[int] = []
    monkeypatch.setattr(objects_store, "bytearray", lambda: read.append(1) or bytearray(), raising=False)
    assert Reason.AUDIO_TOO_LARGE is await refused(store, "large/a.flac", len(CONTENT) - 1)
    assert Reason.AUDIO_CHANGED is await refused(store, "large/a.flac", len(CONTENT), len(CONTENT) + 1)
    assert [] == read


async def test_other_bytes_are_not_heard(store: Store) -> None:
    """By the hash, on the way in and for readers."""
    await store.put("hash/a.flac", CONTENT)
    uri = store.place.uri("hash/a.flac")
    readers = (AudioObjects([store], None, AudioBounds()).fetch, PublishedAudio(store).fetch)
    for fetch in readers:
        assert CONTENT == await fetch(AudioObject(uri, SHA256, len(CONTENT)))
        with pytest.raises(Refusal) as caught:
            await fetch(AudioObject(uri, "0" * 64, len(CONTENT)))
        assert Reason.AUDIO_CHANGED is caught.value.reason


async def test_what_is_deleted_is_gone_and_may_be_gone_already(store: Store) -> None:
    """Twice is as good as once."""
    await store.put("gone/a.flac", CONTENT)
    for _ in range(2):
        await store.delete("gone/a.flac")
    assert await store.modified("gone/a.flac") is None


async def test_a_list_has_everything_below_the_place(store: Store) -> None:
    """By the keys that the other ways know, with length and time."""
    before = datetime.now(UTC) - timedelta(minutes=1)
    for key in ("list/a.flac", "list/deeper/b.flac"):
        await store.put(key, CONTENT[:100])
    found = [each for each in await keys(store) if each.key.startswith("list/")]
    assert ["list/a.flac", "list/deeper/b.flac"] == sorted(each.key for each in found)
    assert {100} == {each.size for each in found}
    assert all(before < each.modified < datetime.now(UTC) + timedelta(minutes=1) for each in found)
    for each in found:
        assert each.modified == await store.modified(each.key)
