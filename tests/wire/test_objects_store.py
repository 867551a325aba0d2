"""Object stores: a real S3 server and a folder, and everything that can go wrong with either."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from stream.clip import AudioObject, Reason, Refusal
from stream.objects import Place
from stream.ports import ObjectsUnavailable
from stream.wire import objects_store
from stream.wire.objects_audio import AudioBounds, AudioObjects
from stream.wire.objects_store import Access, Store
from tests.wire.s3 import S3, Breaking, breaking, s3_server

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SECRET = "acct-k3v8-55103"
URI = f"s3://raw/clips/{SECRET}/1.wav"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.put(f"raw/clips/{SECRET}/1.wav", CONTENT)
        server.put("raw/other/1.wav", CONTENT)
        yield server


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[Breaking]:
    async with breaking(s3.url) as found:
        yield found


def access(url: str, **changes: object) -> Access:
    given = {"endpoint": url, "access_key_id": "a", "secret_access_key": "b", "request_s": 20.0}
    return Access(**{**given, **changes})  # type: ignore[arg-type]


def source(url: str, **changes: object) -> Store:
    return Store(Place.of("s3://raw/clips/"), access(url, **changes))


def output(url: str, **changes: object) -> Store:
    return Store(Place.of("s3://published/out/"), access(url, **changes))


def objects(store: Store, bytes_max: int = len(CONTENT)) -> AudioObjects:
    return AudioObjects([store], None, AudioBounds(object_bytes_max=bytes_max))


async def refused(objects: AudioObjects, audio: AudioObject) -> Reason:
    with pytest.raises(Refusal) as caught:
        await objects.fetch(audio)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value.reason


# ------------------------------------------------------------------ fetching
@pytest.mark.parametrize("size", [None, len(CONTENT)])
async def test_what_the_event_tells_of_is_fetched(s3: S3, size: int | None) -> None:
    """Byte for byte, whether the event tells how many there are or not."""
    assert CONTENT == await objects(source(s3.url)).fetch(AudioObject(URI, SHA256, size))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://raw/other/1.wav",
        "s3://raw/clips/../other/1.wav",
        "s3://raw/clips/%2e%2e/other/1.wav",
        "s3://raw/clips/./1.wav",
        "s3://raw/clips//1.wav",
        "s3://raw/clips/",
        "s3://raw/clips",
        "s3://published/clips/1.wav",
        "s3://raw@evil.example/clips/1.wav",
        "s3://raw:80/clips/1.wav",
        "S3://raw/clips/1.wav",
        "gs://raw/clips/1.wav",
        "http://169.254.169.254/latest/meta-data/",
        "https://raw.s3.amazonaws.com/clips/1.wav",
        "file:///etc/passwd",
        "s3://raw/clips/1.wav?versionId=1",
        "s3://raw/clips/1.wav#x",
        "s3://raw/clips\\1.wav",
        "s3://raw/clips/1.wav\n",
        " s3://raw/clips/1.wav",
        "",
    ],
)
async def test_an_event_never_chooses_where_the_service_goes(proxy: Breaking, uri: str) -> None:
    """What lies outside the places of the settings, or can be read in two ways, is refused without one request."""
    assert Reason.AUDIO_ELSEWHERE is await refused(objects(source(proxy.url)), AudioObject(uri, SHA256))
    assert [] == proxy.requests


async def test_no_other_host_is_followed_to(proxy: Breaking) -> None:
    """A store that sends us on is a store that does not answer."""
    proxy.for_ever = "redirect"
    with pytest.raises(ObjectsUnavailable):
        await objects(source(proxy.url)).fetch(AudioObject(URI, SHA256))


async def test_what_is_not_there_is_missing(s3: S3) -> None:
    """A reason of its own."""
    assert Reason.AUDIO_MISSING is await refused(objects(source(s3.url)), AudioObject("s3://raw/clips/no", SHA256))


async def test_other_bytes_are_not_heard(s3: S3) -> None:
    """Same length, another hash."""
    audio = AudioObject(URI, "0" * 64, len(CONTENT))
    assert Reason.AUDIO_CHANGED is await refused(objects(source(s3.url)), audio)


async def test_another_length_is_seen_before_the_download(s3: S3) -> None:
    """By what the store says of the object."""
    assert Reason.AUDIO_CHANGED is await refused(objects(source(s3.url)), AudioObject(URI, SHA256, len(CONTENT) - 1))


async def test_what_is_said_to_be_too_large_is_not_asked_for(proxy: Breaking) -> None:
    """Not one request."""
    found = objects(source(proxy.url), 1000)
    assert Reason.AUDIO_TOO_LARGE is await refused(found, AudioObject(URI, SHA256, 1001))
    assert [] == proxy.requests


@pytest.mark.parametrize("size", [None, 1000])
async def test_what_is_too_large_is_not_downloaded(s3: S3, size: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the event says, the store's own word comes first: nothing of the body is read."""
    read: list[int] = []
    monkeypatch.setattr(objects_store, "bytearray", lambda: read.append(1) or bytearray(), raising=False)
    assert Reason.AUDIO_TOO_LARGE is await refused(objects(source(s3.url), 1000), AudioObject(URI, SHA256, size))
    assert [] == read


@pytest.mark.parametrize("fault", ["503", "403", "cut"])
async def test_what_may_pass_is_no_reason(proxy: Breaking, fault: str) -> None:
    """The store does not answer as it should: nothing is known of the clip, and the next attempt succeeds."""
    proxy.faults = [fault]
    found = objects(source(proxy.url))
    with pytest.raises(ObjectsUnavailable) as caught:
        await found.fetch(AudioObject(URI, SHA256))
    assert SECRET not in repr(caught.value)
    assert CONTENT == await found.fetch(AudioObject(URI, SHA256))


async def test_a_store_that_stalls_is_given_up(proxy: Breaking) -> None:
    """Half a body, and then nothing: the whole request has a limit, not each byte."""
    proxy.faults = ["stall"]
    with pytest.raises(ObjectsUnavailable):
        await objects(source(proxy.url, request_s=1.0)).fetch(AudioObject(URI, SHA256))


async def test_nobody_there() -> None:
    """No store listens at all."""
    with pytest.raises(ObjectsUnavailable):
        await objects(source("http://127.0.0.1:1")).fetch(AudioObject(URI, SHA256))


async def test_an_event_sees_no_more_than_its_own_place(s3: S3) -> None:
    """Of several sources the right one is asked."""
    both = AudioObjects([output(s3.url), source(s3.url)], None, AudioBounds())
    assert CONTENT == await both.fetch(AudioObject(URI, SHA256))


# ------------------------------------------------------------------ putting
async def test_a_put_creates_and_comes_again(proxy: Breaking, s3: S3) -> None:
    """Create-only; an object that is there is the same one, and is not written twice."""
    store = output(proxy.url)
    await store.put("t/a.flac", CONTENT)
    await store.put("t/a.flac", CONTENT)
    assert CONTENT == s3.get("published/out/t/a.flac")
    assert ["PUT", "PUT", "HEAD"] == [request.split()[0] for request in proxy.requests]


async def test_an_object_of_another_length_is_written_again(s3: S3) -> None:
    """What a key that is made of the bytes must hold."""
    s3.put("published/out/t/b.flac", b"half")
    await output(s3.url).put("t/b.flac", CONTENT)
    assert CONTENT == s3.get("published/out/t/b.flac")


async def test_an_old_object_is_renewed(proxy: Breaking, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no sweep takes it between the put and the commit."""
    store = output(proxy.url)
    await store.put("t/c.flac", CONTENT)
    monkeypatch.setattr(objects_store, "RENEWED", timedelta(seconds=-10))
    await store.put("t/c.flac", CONTENT)
    assert ["PUT", "PUT", "HEAD", "PUT"] == [request.split()[0] for request in proxy.requests]


async def test_objects_are_encrypted_as_the_settings_say(s3: S3) -> None:
    """Server-side, with the key that is named."""
    await output(s3.url, encryption="aws:kms", kms_key_id="key-7").put("t/d.flac", CONTENT)
    told = s3.head("published/out/t/d.flac")
    assert ("aws:kms", "key-7") == (told["ServerSideEncryption"], told["SSEKMSKeyId"])


async def test_what_is_deleted_is_gone_and_may_be_gone_already(s3: S3) -> None:
    """Twice is as good as once."""
    store = output(s3.url)
    await store.put("t/e.flac", CONTENT)
    for _ in range(2):
        await store.delete("t/e.flac")
    assert "out/t/e.flac" not in s3.keys("published")
    assert await store.modified("t/e.flac") is None


async def test_a_store_that_is_away_is_told_of_everything(proxy: Breaking) -> None:
    """Nothing is taken for done."""
    proxy.for_ever, store = "503", output(proxy.url)
    for attempt in (store.put("k", b"x"), store.delete("k"), store.modified("k"), anext(store.listed())):
        with pytest.raises(ObjectsUnavailable):
            await attempt


# ------------------------------------------------------------------ a folder
async def test_a_folder_is_a_store(tmp_path: Path) -> None:
    """The same ways, on files."""
    store = Store(Place.of(f"file://{tmp_path}/"), Access())
    await store.put("t/a.flac", CONTENT)
    await store.put("t/a.flac", CONTENT)
    assert CONTENT == await store.get("t/a.flac", len(CONTENT))
    assert ["t/a.flac"] == [found.key async for found in store.listed()]
    for _ in range(2):
        await store.delete("t/a.flac")
    assert [] == [found.key async for found in store.listed()]


async def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    """Neither for reading nor for writing nor for deleting."""
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    store = Store(Place.of(f"file://{tmp_path}/in/"), Access())
    for attempt in (store.get("link", 100), store.put("up/x", b""), store.delete("up/secret"), store.modified("link")):
        with pytest.raises(Refusal) as caught:
            await attempt
        assert Reason.AUDIO_ELSEWHERE is caught.value.reason
    assert {"in", "secret"} == {path.name for path in tmp_path.iterdir()}
