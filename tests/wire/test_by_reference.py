"""From an event that names an object to a published clip that names one: all real, on a real S3 server, but the voices.

The URI of an event may say whose clip it is. It has a canary in it, which must be in nothing that is written or logged.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

import pytest
import structlog

from stream.clip import AudioObject, Reason, Record, Refusal
from stream.find.pii import make_word_finder
from stream.intake import ClipIntake, Office
from stream.intake_audio import Audio
from stream.objects import Place
from stream.ops import log
from stream.ops.metrics import Metrics
from stream.policy import Policy
from stream.ports import Message, Partition, Parts, WordFinder
from stream.wire import avro
from stream.wire.clips import Decoder, Encoder, decode_anonymized
from stream.wire.headers import audio_of
from stream.wire.index_records import decode_entry
from stream.wire.objects_audio import AudioBounds, AudioObjects, PublishedAudio
from stream.wire.objects_store import Access, Store
from stream.wire.outcomes import OUTPUT_SCHEMAS, Destination, Outcomes
from stream.wire.published import object_of
from tests import events
from tests.leak.test_metadata import Here, OneClipEvent, bytes_of
from tests.offices import INDEX, real_office
from tests.values import HERE
from tests.wire.s3 import S3, Breaking, breaking, s3_server
from tests.withheld.parts import ScriptedSpeakers

POLICY = Policy()
CANARY = "acctk3v855103"
URI = f"s3://raw/{CANARY}/1.wav"
SOUND = events.encoded(events.sound())
SHA256 = hashlib.sha256(SOUND).hexdigest()
CLIP = avro.schema_text("anonymized_clip")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.put(f"raw/{CANARY}/1.wav", SOUND)
        yield server


@pytest.fixture
async def proxy(s3: S3) -> AsyncIterator[Breaking]:
    async with breaking(s3.url) as found:
        yield found


@pytest.fixture(scope="module")
def words() -> WordFinder:
    return make_word_finder(POLICY.languages)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def shared(words: WordFinder, proxy: Breaking, metrics: Metrics) -> Office:
    """Events are fetched from one bucket, and every clip is published into the other."""
    parts = Parts(Decoder(POLICY), ScriptedSpeakers(), words, Encoder())
    to = {schema: Destination(f"clips.{schema}", number) for number, schema in enumerate(OUTPUT_SCHEMAS, 1)}
    office = real_office(Here(parts), OneClipEvent(), Outcomes(to), POLICY, registry_retry_s=0.01)
    bounds = AudioBounds(2**20, 100)
    objects = AudioObjects([store(proxy, "s3://raw/")], store(proxy, "s3://published/"), bounds, metrics)
    return replace(office, audio=Audio(objects, audio_of))


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log at its most talkative; afterwards nobody writes there any more."""
    written = io.StringIO()
    log.configure("DEBUG", written)
    yield written
    structlog.reset_defaults()


def store(proxy: Breaking, prefix: str) -> Store:
    return Store(Place.of(prefix), Access(20.0, endpoint=proxy.url, access_key_id="a", secret_access_key="b"))


def record(uri: str = URI, sha256: str = SHA256, size: int | None = len(SOUND)) -> Record:
    audio = {"uri": uri, "sha256": sha256, "bytes": size}
    return Record(
        HERE, events.value(events.event(audio=audio, wake_word=None if not uri else events.event()["wake_word"]))
    )


async def written(shared: Office, of: Record) -> Sequence[Message]:
    intake = ClipIntake(shared, Partition(HERE.topic, HERE.partition))
    await intake.open()
    return (await intake.settle([await intake.finish(of)])).messages


def referring(messages: Sequence[Message]) -> AudioObject:
    assert "clips.anonymized_clip" == messages[0].topic
    _, body = avro.unframe(messages[0].value or b"")
    audio = object_of(CLIP, body)
    assert audio is not None
    return audio


async def test_a_clip_goes_through_by_reference(shared: Office, s3: S3, proxy: Breaking) -> None:
    """What is published is the sound that an inline clip would have had, in an object that its token and hash name."""
    messages = await written(shared, record())
    audio = referring(messages)
    token = (messages[0].key or b"").decode()
    assert f"s3://published/{token}/{audio.sha256}.flac" == audio.uri
    content = s3.get(audio.uri.removeprefix("s3://"))
    assert (audio.sha256, audio.size) == (hashlib.sha256(content).hexdigest(), len(content))

    inline = replace(
        shared, audio=replace(shared.audio, objects=AudioObjects([store(proxy, "s3://raw/")], None, AudioBounds()))
    )
    whole = await written(inline, record())
    there = decode_anonymized(CLIP, avro.unframe(messages[0].value or b"")[1], content)
    here = decode_anonymized(CLIP, avro.unframe(whole[0].value or b"")[1])
    assert bool((there.samples == here.samples).all())
    assert (here.words, here.metadata, here.mutes) == (there.words, there.metadata, there.mutes)


async def test_a_reader_gets_the_sound_and_no_other(shared: Office, s3: S3, proxy: Breaking) -> None:
    """By the hash in the record: what somebody else put there in its place is refused, what is gone too."""
    messages = await written(shared, record())
    audio, reader = referring(messages), PublishedAudio(store(proxy, "s3://published/"))
    path = audio.uri.removeprefix("s3://")
    assert s3.get(path) == await reader.fetch(audio)
    s3.put(path, s3.get(path)[:-1] + b"x")
    with pytest.raises(Refusal) as caught:
        await reader.fetch(audio)
    assert Reason.AUDIO_CHANGED is caught.value.reason
    with pytest.raises(Refusal) as caught:
        decode_anonymized(CLIP, avro.unframe(messages[0].value or b"")[1], s3.get(path))
    assert Reason.AUDIO_CHANGED is caught.value.reason
    with pytest.raises(Refusal):
        decode_anonymized(CLIP, avro.unframe(messages[0].value or b"")[1])


async def test_erasure_finds_the_object(shared: Office) -> None:
    """The sealed index entry holds its URI; the record beside it the same one."""
    messages = await written(shared, record())
    [entry] = [message for message in messages if message.topic == INDEX]
    opened = shared.index.open((entry.key or b"").decode(), entry.value or b"")  # type: ignore[attr-defined]
    assert (referring(messages).uri,) == opened.uris
    assert decode_entry is shared.index.decode  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (record(), None),
        (record(uri=f"s3://raw/{CANARY}/none.wav"), Reason.AUDIO_MISSING),
        (record(uri=f"s3://other/{CANARY}/1.wav"), Reason.AUDIO_ELSEWHERE),
        (record(uri=f"file:///{CANARY}/1.wav"), Reason.AUDIO_ELSEWHERE),
        (record(sha256="0" * 64), Reason.AUDIO_CHANGED),
        (record(size=len(SOUND) + 1), Reason.AUDIO_CHANGED),
        (record(size=2**21), Reason.AUDIO_TOO_LARGE),
    ],
)
@pytest.mark.parametrize("faults", [[], ["503", "cut", "403"]], ids=["well", "faults"])
async def test_a_uri_is_told_nowhere(
    shared: Office,
    proxy: Breaking,
    of: Record,
    reason: Reason | None,
    faults: list[str],
    lines: io.StringIO,
    metrics: Metrics,
) -> None:
    """Not in what is published, withheld, audited or indexed, nor in the log at its most talkative or a scrape; also
    while the store fails. What is withheld says why."""
    proxy.faults = list(faults)
    messages = await written(shared, of)
    said = lines.getvalue()
    everything = b"\n".join(map(bytes_of, messages)) + said.encode() + metrics.render()
    assert CANARY.encode() not in everything
    assert CANARY.encode().hex().encode() not in everything
    if reason is None:
        assert "clips.anonymized_clip" == messages[0].topic
    else:
        assert "clips.withheld" == messages[0].topic
        assert (
            reason.value
            == avro.read(avro.schema_text("withheld"), "withheld", avro.unframe(messages[0].value or b"")[1])["reason"]
        )
    if faults and proxy.requests:
        assert "objects_unavailable" in said


async def test_the_same_clip_again_is_the_same_object(shared: Office, s3: S3) -> None:
    """After a crash between put and commit the put is done again, and nothing is there twice."""
    first = referring(await written(shared, record()))
    assert first == referring(await written(shared, record()))
    assert 1 == sum(key in first.uri for key in s3.keys("published"))
