"""Erased means gone: after compaction by a real Kafka, no file of the broker has a byte of an erased clip."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.lifecycle.rolling import ROLL_KEY
from stream.ports import Message
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import everything
from tests.kafka.server import KafkaServer
from tests.lifecycle.erasing_world import World, copies

ACCOUNTS = ("account-canary-7731", "account-canary-7732", "account-canary-7733")
ERASED, *OTHERS = ACCOUNTS
CLIPS = 4  # of each account
QUICK = {  # of production's settings the same, and shorter; see docs/erasure.md
    "cleanup.policy": "compact",
    "compression.type": "uncompressed",  # so that bytes can be looked for
    "segment.ms": "1000",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "1000",
    "file.delete.delay.ms": "100",
}


class Published:
    """Clips of three accounts, each with a token and bytes that are found nowhere else."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tokens = {account: [f"{os.urandom(16).hex()}" for _ in range(CLIPS)] for account in ACCOUNTS}
        self.bodies = {token: os.urandom(64) for tokens in self.tokens.values() for token in tokens}
        self.entries: dict[str, bytes] = {}

    async def send(self) -> None:
        for account, tokens in self.tokens.items():
            for number, token in enumerate(tokens):
                record, entry = self._world.clip(account, token, timedelta(minutes=number))
                self.entries[token] = entry.value or b""
                now_ms = int(time.time() * 1000)
                body = Message(record.topic, record.key, self.bodies[token] * 300, now_ms)
                await self._world.broker.send([body, Message(entry.topic, entry.key, entry.value, now_ms)])

    def traces(self, accounts: Iterable[str]) -> list[bytes]:
        """What must be gone of erased accounts: bytes of records, of sealed entries, and tokens."""
        tokens = [token for account in accounts for token in self.tokens[account]]
        bodies, entries = [self.bodies[token] for token in tokens], [self.entries[token] for token in tokens]
        return [*bodies, *entries, *(token.encode() for token in tokens)]


@pytest.fixture
async def world(connection: KafkaConnection, tmp_path: Path) -> AsyncIterator[World]:
    broker = KafkaBroker(connection)
    world = World(broker, tmp_path, roll_s=0.5)
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    topics = [NewTopic(name, 2, 1, topic_configs=QUICK) for name in (world.topics.anonymized, world.topics.index)]
    await admin.create_topics(topics)
    await admin.close()
    yield await world.open()
    await broker.close()


def files(server: KafkaServer, *topics: str) -> Iterator[tuple[str, bytes]]:
    """Every file of the broker, or those of some topics, with its name; some go while they are read. One at a time: a
    broker of many partitions has far more of them than memory has room for."""
    for path in server.logs.rglob("*"):
        if path.is_file() and (not topics or path.parent.name.rpartition("-")[0] in topics):
            try:
                yield f"{path.parent.name}/{path.name}", path.read_bytes()
            except FileNotFoundError:
                continue


def holding(traces: Sequence[bytes], among: Iterable[tuple[str, bytes]]) -> set[str]:
    """Names of the files that have any of the traces."""
    return {name for name, content in among if any(trace in content for trace in traces)}


def missing(traces: Sequence[bytes], among: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """The traces that no file has."""
    left = list(traces)
    for _, content in among:
        left = [trace for trace in left if trace not in content]
    return left


def topics_of(names: Iterable[str]) -> set[str]:
    return {name.rpartition("/")[0].rpartition("-")[0] for name in names}


async def until_compacted(published: Published, server: KafkaServer, topics: tuple[str, ...]) -> float:
    """Until nothing of the erased account is left in the topics, to which nobody publishes; returns the seconds."""
    started = time.monotonic()
    while left := holding(published.traces([ERASED]), files(server, *topics)):
        assert time.monotonic() - started < 120.0, left
        await asyncio.sleep(0.5)
    return time.monotonic() - started


async def test_after_compaction_no_file_has_a_byte_of_an_erased_clip(world: World, kafka: KafkaServer) -> None:
    """Record bytes, sealed index entries and tokens of the erased account are in no segment any more, whoever's; those
    of the two other accounts all are. Its tokens are on the receipt, and its name in the request, and nowhere else."""
    published = Published(world)
    await published.send()
    topics = (world.topics.anonymized, world.topics.index)
    assert [] == missing(published.traces(ACCOUNTS), files(kafka, *topics)), "the search finds what is there"

    async with world.serving():
        await world.request(ERASED)
        await world.answered(1)
        assert holding(published.traces([ERASED]), files(kafka, *topics)), "a tombstone alone deletes nothing"
        took_s = await until_compacted(published, kafka, topics)
    print(f"gone from disk {took_s:.1f} s after the receipt")

    assert [] == missing(published.traces(OTHERS), files(kafka, *topics))
    with_tokens = topics_of(holding(published.traces([ERASED]), files(kafka)))
    assert {world.topics.erasure_receipts} == with_tokens
    with_name = topics_of(holding([ERASED.encode()], files(kafka)))
    assert {world.topics.erasure, world.topics.consent} == with_name
    [receipt] = await world.receipts()
    assert sorted(published.tokens[ERASED]) == copies(receipt)


async def test_readers_go_on_past_tombstones(world: World) -> None:
    """A tombstone is a record like any other to whoever reads: the clips behind it come, and the index has them."""
    published = Published(world)
    await published.send()
    async with world.serving():
        await world.request(ERASED)
        await world.answered(1)
        tokens = [os.urandom(16).hex() for _ in range(6)]
        await world.publish(OTHERS[0], *tokens)
        await world.request(OTHERS[0], "r2")
        await world.answered(2)
    first, second = await world.receipts()
    assert sorted([*published.tokens[OTHERS[0]], *tokens]) == copies(second)
    records = await everything(world.broker, world.topics.anonymized)
    tombstones = [record for record in records if record.value is None]
    assert {token for tokens in published.tokens.values() for token in tokens} | set(tokens) == {
        (record.key or b"").decode() for record in records if record.key != ROLL_KEY
    }
    assert len(copies(first)) + len(copies(second)) <= len(tombstones)
