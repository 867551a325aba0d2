"""Everything around erasure on one broker: topics, registry, keys, published clips, and the service itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.clip import Record
from stream.commands.erase import Service
from stream.commands.erasing import Outside, destinations_of, topics_of
from stream.config import Settings
from stream.config.erasing import ErasingSettings
from stream.lifecycle.chain import end_at
from stream.lifecycle.index import SealedIndex
from stream.lifecycle.receipts import ErasureReceipt, Signer
from stream.lifecycle.rolling import ROLL_KEY
from stream.ops.request_metrics import RequestMetrics
from stream.ports import Broker, Message, Partition
from stream.whose import ErasureRequest, Report
from stream.wire import avro
from stream.wire.kafka import KafkaBroker
from stream.wire.local import LocalBroker
from stream.wire.outcomes import Destination
from stream.wire.registry_files import FileRegistry
from stream.wire.request_records import (
    ERASURE_SCHEMA,
    REPORT_SCHEMA,
    erasure_message,
    receipt_of,
    report_message,
)
from tests.contract.stand_ins import everything
from tests.lifecycle.stand_ins import MORNING, Ring, header, published, sealed

NAMES = ("anonymized", "consent", "recalls", "index", "erasure", "erasure_receipts", "erasure_audit", "reports")
LATER = MORNING + timedelta(days=1)


def settings_in(folder: Path, run: str, group: str) -> Settings:
    names = {name: f"{name}-{run}" for name in (*NAMES, "reports_audit", "raw", "withheld", "audit")}
    return Settings.model_validate(
        {
            "registry": {"folder": folder / "registry"},
            "http": {"port": 0},
            "topics": names,
            "kafka": {"group": group},
        }
    )


@dataclass
class World:
    """One test's topics. ``publish`` clips, write requests, and have them answered by ``serving``."""

    broker: Broker
    folder: Path
    settle_s: float = 0.3
    window: timedelta = timedelta(minutes=10)
    roll_s: float = 3600.0
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    keys: Ring = field(default_factory=Ring)
    signer: Signer = field(default_factory=lambda: Signer(Ed25519PrivateKey.generate()))
    metrics: RequestMetrics = field(default_factory=RequestMetrics)

    def __post_init__(self) -> None:
        erasing = ErasingSettings(
            settle_seconds=self.settle_s,
            report_window_seconds=self.window.total_seconds(),
            roll_seconds=self.roll_s,
            objects_folder=self.folder / "objects",
        )
        settings = settings_in(self.folder, self.run, f"group-{self.run}")
        self.settings = settings.model_copy(update={"erasing": erasing})
        self.topics = self.settings.topics
        self.registry = FileRegistry(self.folder / "registry")
        self.destinations: dict[str, Destination] = {}

    @property
    def index(self) -> SealedIndex:
        return sealed(self.keys, self.topics.index)

    async def open(self, partitions: int = 1) -> World:
        names = topics_of(self.settings)
        await self.broker.create_topics(dict.fromkeys(names, partitions), self.topics.compacted & frozenset(names))
        self.destinations = await destinations_of(self.settings, self.registry)
        return self

    def outside(self, broker: Broker | None = None) -> Outside:
        """For a desk that a test drives itself."""
        return Outside(
            settings=self.settings,
            broker=broker or self.broker,
            registry=self.registry,
            destinations=self.destinations,
            ring=self.keys,
            signer=self.signer,
            metrics=RequestMetrics(),
        )

    def service(self, broker: Broker | None = None) -> Service:
        async def connect(settings: Settings, names: tuple[str, ...]) -> Broker:
            return Kept(broker or self.broker)

        return Service(self.settings, self.keys, self.signer, self.metrics, connect)

    @asynccontextmanager
    async def serving(self, broker: Broker | None = None) -> AsyncIterator[Service]:
        """``clipveil erase``, while the block runs."""
        service = self.service(broker)
        task = asyncio.create_task(service.run())
        try:
            await until(lambda: service.ready() or task.done())
            yield service
        finally:
            service.stop()
            await task

    # -------------------------------------------------------------- what is written
    def clip(self, account: str, token: str, after: timedelta = timedelta(0)) -> tuple[Message, Message]:
        """The published record and its index entry."""
        outcome = published(token)
        return (
            Message(self.topics.anonymized, token.encode(), outcome.body, outcome.timestamp_ms),
            self.index.entry(header(account, after), outcome),
        )

    async def publish(self, account: str, *tokens: str, after: timedelta = timedelta(0)) -> None:
        await self.broker.send([message for token in tokens for message in self.clip(account, token, after)])

    async def half_published(self, account: str, token: str) -> Callable[[], Awaitable[None]]:
        """A clip in a transaction that is still open; what is returned commits it."""
        messages = self.clip(account, token)
        if isinstance(self.broker, LocalBroker):
            local, here = self.broker, Partition(self.topics.anonymized, 0)
            local.begin_epoch("slow")
            for message in messages:
                local.append(message, local.begin_transaction("slow"))

            async def commit() -> None:
                local.commit("slow", "slow", here, 1)

            return commit
        assert isinstance(self.broker, KafkaBroker)
        producer = AIOKafkaProducer(**self.broker._connection.producer(), transactional_id=f"slow-{self.run}")
        await producer.start()
        await producer.begin_transaction()
        for message in messages:
            await producer.send_and_wait(message.topic, message.value, message.key)

        async def commit_and_stop() -> None:
            await producer.commit_transaction()
            await producer.stop()

        return commit_and_stop

    async def request(self, account: str, request_id: str = "r1", at: datetime = LATER, campaign: str = "") -> None:
        asked = ErasureRequest(request_id, account, at, campaign)
        await self.broker.send([erasure_message(asked, self.destinations[ERASURE_SCHEMA])])

    async def report(self, token: str) -> None:
        reported = Report(token, datetime.now(UTC))
        await self.broker.send([report_message(reported, self.destinations[REPORT_SCHEMA])])

    # -------------------------------------------------------------- what is there
    async def newest(self, topic: str) -> dict[str, bytes | None]:
        """Key -> value as compaction leaves it."""
        found = {(record.key or b"").decode(): record.value for record in await everything(self.broker, topic)}
        return {key: value for key, value in found.items() if key != ROLL_KEY.decode()}

    async def readable(self) -> set[str]:
        """Tokens that annotators still get."""
        return {token for token, value in (await self.newest(self.topics.anonymized)).items() if value is not None}

    async def indexed(self) -> set[str]:
        return {token for token, value in (await self.newest(self.topics.index)).items() if value is not None}

    async def receipts(self) -> list[ErasureReceipt]:
        found = await everything(self.broker, self.topics.erasure_receipts)
        return [await receipt_of(record, self.registry) for record in found]

    async def audit(self, topic: str) -> list[dict[str, Any]]:
        """The records, each a link of its chain."""
        found = []
        for record in await everything(self.broker, topic):
            told = avro.read(avro.schema_text("audit"), "audit", avro.unframe(record.value or b"")[1])
            end_at(told, Partition(told["topic"], told["partition"]))
            found.append(dict(told))
        return found

    async def answered(self, number: int, timeout_s: float = 30.0) -> None:
        """Until so many requests and reports have ended in the audit."""

        async def enough() -> bool:
            topics = (self.topics.erasure_audit, self.topics.reports_audit)
            return sum([len(await everything(self.broker, topic)) for topic in topics]) >= number

        async with asyncio.timeout(timeout_s):
            while not await enough():
                await asyncio.sleep(0.05)


class Kept:
    """A broker that outlives the service which closes it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def close(self) -> None: ...


async def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


def copies(receipt: ErasureReceipt) -> list[str]:
    return sorted(copy.token for copy in receipt.copies)


def values(records: list[Record]) -> bytes:
    """Everything that is written, in one piece, to be searched."""
    return b"\n".join((record.key or b"") + b"=" + (record.value or b"") for record in records)
