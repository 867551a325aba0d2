"""Batches that are larger than they look, or that nobody can read, on a real Apache Kafka."""

from __future__ import annotations

import asyncio
import gzip
import io
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import encode_varint

from stream.clip import Coordinates, Reason
from stream.ports import Message
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, WishEngine, event, eventually, everything, send, until_committed, worker
from tests.wire.batches import CODECS, HEAD, batch, rewritten

ROOT = Path(__file__).parents[2]
MIB = 2**20
BOMB = 400 * 10**6
RESIDENT_MAX = 300 * MIB  # of a worker, at its peak: less than the bomb alone


@asynccontextmanager
async def producing(connection: KafkaConnection, **more: Any) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**connection.client(), max_request_size=16 * MIB, max_batch_size=16 * MIB, **more)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send_raw(producer: AIOKafkaProducer, topic: str, raw: bytes) -> None:
    """A batch byte by byte, as a producer of anybody's own making sends it."""
    builder = producer.create_batch()
    builder.append(timestamp=None, key=None, value=b"")
    builder.close()
    builder._buffer = raw
    await (await producer.send_batch(builder, topic, partition=0))


def bomb() -> bytes:
    """One record of 400 MB of zeros, made without ever holding them."""
    value = bytearray()
    encode_varint(BOMB, value.append)
    front = b"\x00\x00\x00\x01" + bytes(value)  # attributes, time, offset, no key, and how long the value is
    record = bytearray()
    encode_varint(len(front) + BOMB + 1, record.append)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="w", compresslevel=9) as file:
        file.write(bytes(record) + front)
        for _ in range(BOMB // 10**6):
            file.write(bytes(10**6))
        file.write(b"\x00")
    return rewritten(batch(0, [(None, b"", [])]), packed.getvalue(), attributes=CODECS["gzip"])


@pytest.fixture
def one_worker(connection: KafkaConnection, topics: Topics) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process with the service's own bound."""
    command = [sys.executable, "-m", "tests.contract.worker_process", connection.bootstrap_servers, topics.run]
    process = subprocess.Popen(command, cwd=ROOT)
    yield process
    process.kill()
    process.wait()


async def lines(cluster: KafkaBroker, topic: str) -> list[str]:
    return [(record.value or b"").decode() for record in await everything(cluster, topic)]


async def test_a_bomb_is_withheld_within_bounded_memory_and_the_stream_goes_on(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, one_worker: subprocess.Popen[bytes]
) -> None:
    """Half a megabyte on the wire, 400 MB in it: the worker's memory never shows it."""
    await topics.create(cluster)
    raw = bomb()
    assert len(raw) < MIB
    async with producing(connection) as producer:
        await send(cluster, topics.raw, [event(0)])
        await send_raw(producer, topics.raw, raw)
        await send(cluster, topics.raw, [event(2)])
    await until_committed(cluster, topics, 120)
    status = Path(f"/proc/{one_worker.pid}/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    one_worker.send_signal(signal.SIGTERM)
    assert 0 == await asyncio.to_thread(one_worker.wait, 30)
    assert [f"1 {Reason.EVENT_TOO_LARGE}"] == await lines(cluster, topics.withheld)
    assert 2 == len(await everything(cluster, topics.anonymized))
    assert peak < RESIDENT_MAX


async def outcomes(connection: KafkaConnection, topics: Topics, cluster: KafkaBroker) -> list[str]:
    """What a worker with a small bound makes of everything on the raw topic."""
    broker = KafkaBroker(replace(connection, batch_bytes_max=MIB))
    one = worker(broker, topics, WishEngine())
    running = asyncio.create_task(one.run())
    try:
        await until_committed(cluster, topics)
    finally:
        one.stop()
        await running
        await broker.close()
    return [" ".join(line.split()[:2]) for line in await lines(cluster, topics.audit)]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_of_transactions_the_committed_batch_is_withheld_and_the_aborted_one_is_not(
    codec: str, cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """Of any codec, by aiokafka's own producer, several records in a batch, with ordinary ones on both sides."""
    await topics.create(cluster)
    more = {"compression_type": codec, "transactional_id": topics.run, "linger_ms": 100}
    async with producing(connection, **more) as producer:
        for commits in (False, True):
            await producer.begin_transaction()
            sent = [await producer.send(topics.raw, bytes(MIB)) for _ in range(3)]
            await asyncio.gather(*sent)
            await (producer.commit_transaction() if commits else producer.abort_transaction())
        async with producer.transaction():
            await producer.send_and_wait(topics.raw, event(8))
    await send(cluster, topics.raw, [event(10)])
    # 0-2 and their marker at 3 were aborted, 7 is a marker, as is 9
    expected = [f"{offset} {Reason.EVENT_TOO_LARGE}" for offset in (4, 5, 6)]
    assert [*expected, "8 published", "10 published"] == await outcomes(connection, topics, cluster)


async def test_a_header_that_is_no_text_stops_no_reader(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """The broker takes it. The clip has done nothing wrong: it is published; those that read topics go on as well."""
    await topics.create(cluster)
    plain = batch(0, [(None, event(0), [("abcdef", b"h")]), (None, event(1), [])])
    raw = rewritten(plain, plain[HEAD.size :].replace(b"abcdef", b"ab\xff\xfeef"))
    async with producing(connection) as producer:
        await send_raw(producer, topics.raw, raw)
    tail = await cluster.tail(topics.raw, {})
    polled: list[int] = []

    async def followed() -> list[int]:
        polled.extend(record.coordinates.offset for record in await tail.poll(0.2))
        return polled

    await eventually([0, 1], followed)
    await tail.stop()
    assert [event(0), event(1)] == [record.value for record in await everything(cluster, topics.raw)]
    assert ["0 published", "1 published"] == await outcomes(connection, topics, cluster)


async def test_a_record_that_was_not_read_is_never_copied(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """A copy of it would be empty: for the copier it is not there."""
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(0)])
    async with producing(connection, compression_type="zstd") as producer:
        await producer.send_and_wait(topics.raw, bytes(2 * MIB), partition=0)
    broker = KafkaBroker(replace(connection, batch_bytes_max=MIB))
    copier = broker.copier(topics.group)
    await copier.start()
    try:
        places = [Coordinates(topics.raw, 0, offset) for offset in (0, 1)]
        copied = await copier.copy(places, lambda original, copy: Message(topics.audit, b"-", b"told", None, 0))
        assert places[:1] == copied
    finally:
        await copier.stop()
        await broker.close()
