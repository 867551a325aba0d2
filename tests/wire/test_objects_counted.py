"""Requests to object stores are counted by what became of them, and no label holds where an object lies."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator

import pytest

from stream.clip import AudioObject, Published, Refusal
from stream.objects import Place
from stream.ops.metrics import Metrics
from stream.ops.store_metrics import CAUSES, REQUESTS
from stream.ports import ObjectsUnavailable
from stream.wire.clips import Encoder
from stream.wire.objects_audio import AudioBounds, AudioObjects
from stream.wire.objects_store import Access, Store
from tests.publications import clip, token
from tests.values import HERE
from tests.wire.s3 import S3, Breaking, breaking, s3_server

CANARY = "acct-k3v8-55103"
CONTENT = bytes(range(256)) * 512
SHA256 = hashlib.sha256(CONTENT).hexdigest()
URI = f"s3://raw/clips/{CANARY}.wav"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.put(URI.removeprefix("s3://"), CONTENT)
        yield server


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[Breaking]:
    async with breaking(s3.url) as found:
        yield found


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    """Whatever a test does, nothing that says whose clip it is shows up."""
    found = Metrics()
    yield found
    assert CANARY.encode() not in found.render()


def objects(proxy: Breaking, metrics: Metrics, request_s: float = 20.0) -> AudioObjects:
    access = Access(request_s, endpoint=proxy.url, access_key_id="a", secret_access_key="b")
    places = [Store(Place.of(prefix), access) for prefix in ("s3://raw/clips/", "s3://published/")]
    return AudioObjects(places[:1], places[1], AudioBounds(len(CONTENT), inline_bytes_max=100), metrics)


def published() -> Published:
    return Published(HERE, token(1), 0, Encoder().encode(clip(token(1))))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"clipveil_object_{name}", labels)


def failures(metrics: Metrics) -> dict[tuple[str, str], float]:
    """By request and cause, where there were any."""
    found = {
        (each, cause): value(metrics, "failures_total", request=each, cause=cause) or 0
        for each in REQUESTS
        for cause in CAUSES
    }
    return {of: number for of, number in found.items() if number}


def test_every_request_and_cause_is_there_from_the_start(metrics: Metrics) -> None:
    """A rate over a counter that appears with its first failure would miss that failure."""
    for request in REQUESTS:
        assert {0.0} == {value(metrics, "failures_total", request=request, cause=cause) for cause in CAUSES}
        assert 0.0 == value(metrics, "seconds_count", request=request) == value(metrics, "bytes_total", request=request)


async def test_what_is_fetched_and_put_is_counted(proxy: Breaking, metrics: Metrics) -> None:
    """Requests, their seconds, and bytes."""
    store = objects(proxy, metrics)
    await store.fetch(AudioObject(URI, SHA256))
    outcome = published()
    assert (await store.publish(outcome)).uris
    assert 1 == value(metrics, "seconds_count", request="fetch") == value(metrics, "seconds_count", request="put")
    assert 0 < (value(metrics, "seconds_sum", request="fetch") or 0)
    assert len(CONTENT) == value(metrics, "bytes_total", request="fetch")
    assert 100 < (value(metrics, "bytes_total", request="put") or 0) < len(outcome.body)
    assert {} == failures(metrics)


@pytest.mark.parametrize(
    ("fault", "cause"), [("503", "unavailable"), ("403", "forbidden"), ("cut", "unavailable"), ("stall", "timed_out")]
)
async def test_what_may_pass_is_counted_by_cause(proxy: Breaking, metrics: Metrics, fault: str, cause: str) -> None:
    """A store that is away is told from one that we may not read, and from one that is slow."""
    proxy.for_ever = fault
    with pytest.raises(ObjectsUnavailable):
        await objects(proxy, metrics, 1.0).fetch(AudioObject(URI, SHA256))
    assert {("fetch", cause): 1} == failures(metrics)
    assert 0 == value(metrics, "seconds_count", request="fetch")


async def test_a_put_that_fails_is_counted_as_one(proxy: Breaking, metrics: Metrics) -> None:
    """Not as a fetch."""
    proxy.for_ever = "503"
    with pytest.raises(ObjectsUnavailable):
        await objects(proxy, metrics).publish(published())
    assert {("put", "unavailable"): 1} == failures(metrics)


@pytest.mark.parametrize(
    ("audio", "cause"),
    [
        (AudioObject(f"s3://raw/clips/{CANARY}-2.wav", SHA256), "audio_missing"),
        (AudioObject(f"s3://raw/{CANARY}.wav", SHA256), "audio_elsewhere"),
        (AudioObject(URI, "0" * 64), "audio_changed"),
        (AudioObject(URI, SHA256, len(CONTENT) + 1), "audio_too_large"),
    ],
)
async def test_what_withholds_a_clip_is_counted_by_reason(
    proxy: Breaking, metrics: Metrics, audio: AudioObject, cause: str
) -> None:
    """Also where no request was made, and where bytes came that are not heard."""
    with pytest.raises(Refusal):
        await objects(proxy, metrics).fetch(audio)
    assert {("fetch", cause): 1} == failures(metrics)
    assert 0 == value(metrics, "bytes_total", request="fetch")


def test_a_cause_that_nobody_knows_is_no_label(metrics: Metrics) -> None:
    """Whatever a client calls it."""
    metrics.store_failed("fetch", CANARY)
    assert {("fetch", "unavailable"): 1} == failures(metrics)
