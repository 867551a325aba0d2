"""``clipveil run`` with the real models, real speech and canaries around and in it, while processes are killed."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from stream.clip import ClipEvent, InlineAudio, Subject, Transcript, Word
from stream.demo.conversation import conversation_clips
from stream.demo.own import own_clips
from stream.wire import avro
from stream.wire.events import event_body
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, until
from tests.faults.checker import Checker
from tests.faults.events import Event, key_of
from tests.faults.producer import Producer
from tests.faults.stems import Stem
from tests.kafka.test_whole_way import Processes, processes

__all__ = ["processes"]  # the fixture

CLIPS, PARTITIONS = 60, 6
STEM = Stem.of(77)
FLAC = b"fLaC"
COMMENT = 4  # a block of tags in a FLAC file


def commented(flac: bytes, comment: str) -> bytes:
    """The same sound with a tag: the block follows the one that every file begins with. What is no FLAC stays so."""
    if not flac.startswith(FLAC) or flac[4] & 0x80:
        return flac
    first = 8 + int.from_bytes(flac[5:8], "big")
    tag = f"COMMENT={comment}".encode()
    block = struct.pack("<I", 0) + struct.pack("<I", 1) + struct.pack("<I", len(tag)) + tag
    return flac[:first] + bytes([COMMENT]) + len(block).to_bytes(3, "big") + block + flac[first:]


def with_canaries(event: ClipEvent, number: int) -> ClipEvent:
    """In every field; every third event also says one, in words, in what the recogniser heard second best."""
    said = partial(STEM.text, number=number)
    audio = event.audio
    assert isinstance(audio, InlineAudio)
    transcripts = event.transcripts
    if number % 3 == 0 and transcripts and transcripts[0].words:
        times = transcripts[0].words[-1]
        spoken = tuple(Word(word, times.segment, 0.9) for word in STEM.spoken(number))
        transcripts = (*transcripts, Transcript(spoken, 0.1))
    return replace(
        event,
        event_id=said("event"),
        clip_id=said("clip"),
        subject=Subject(
            account_id=said("account"),
            first_name=said("name"),
            device_serial=STEM.mac(number),
            household=said("household"),
            ip=STEM.ip(number),
            city=said("city"),
            postcode=STEM.number(number),
            latitude=STEM.latitude(number),
            longitude=STEM.longitude(number),
        ),
        audio=InlineAudio(commented(audio.content, said("comment")), audio.codec),
        transcripts=transcripts,
        intent=said("intent"),
        slots={said("slotname"): STEM.number(number)},
        attributes={"gateway": STEM.mac(number)},
    )


def events(schema_id: int) -> Iterator[Event]:
    clips = [*conversation_clips(), *own_clips()]
    for number in range(CLIPS):
        body = event_body(with_canaries(clips[number % len(clips)].event, number))
        headers = (("trace", STEM.text("trace", number).encode()), ("address", STEM.ip(number).encode()))
        yield Event(number, key_of(STEM, number), avro.frame(schema_id, body), headers, int(time.time() * 1000))


@pytest.mark.timeout(1500)
async def test_real_clips_with_canaries_while_processes_are_killed(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, processes: Processes, tmp_path: Path
) -> None:
    """Two processes, each killed once: every input has one outcome, some are published, and no canary is anywhere."""
    began_ms = int(time.time() * 1000)
    await topics.create_all(cluster, PARTITIONS)
    schema = await FileRegistry(tmp_path / "registry").register(f"{topics.raw}-value", avro.schema_text("clip_event"))
    producer = Producer(connection, topics.raw, PARTITIONS)
    assert await producer.send(list(events(schema.id)))
    await producer.close()

    async def done(number: int) -> bool:
        return sum((await cluster.committed(topics.raw, topics.group)).values()) >= number

    for share in (CLIPS // 4, CLIPS // 2):
        killed = processes.start()
        await until(partial(done, share), 400)
        killed.kill()
        killed.wait()
    last = processes.start()
    await until(partial(done, CLIPS), 400)
    last.terminate()
    assert 0 == await asyncio.to_thread(last.wait, 60)

    checker = Checker(connection, topics, PARTITIONS, STEM, tmp_path, began_ms, expected=lambda _: None)
    verdict = await checker.topics(dict(await cluster.committed(topics.raw, topics.group)))
    logs = tmp_path / "logs"
    logs.mkdir()
    for path in tmp_path.glob("log-*"):
        path.rename(logs / path.name)
    checker.files([logs])
    assert [] == verdict.problems
    assert CLIPS == verdict.inputs
    assert 0 < verdict.published < CLIPS
