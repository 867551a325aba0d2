"""A deployment whose audit is real: chained records by the real writer, behind a real worker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from stream.clip import AnonymizedClip, Coordinates, Job, Metadata, Outcome, Published, Reason, Receipt, Withheld
from stream.commands.audit_places import audited
from stream.commands.audit_sign import Signer
from stream.commands.audit_verify import Verifier
from stream.config import Settings
from stream.lifecycle.heads import key_id
from stream.lifecycle.verifying import Verification
from stream.ops.audit_metrics import AuditMetrics
from stream.ports import Broker, Message, Partition
from stream.whose import Resume
from stream.wire.audits import HEAD_SCHEMA, HeadsFile
from stream.wire.clips import Encoder
from stream.wire.outcomes import AUDIT_SCHEMA, Outcomes, destinations, head_of, resume_at
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics, everything, office, until, worker
from tests.lifecycle.chains import KEY

HOUR = datetime(2026, 5, 28, 20, tzinfo=UTC)


class Clips:
    """An engine that publishes small real clips, or withholds where the event wishes it."""

    async def run(self, job: Job) -> Outcome:
        wish, number = job.body.decode().split()
        await asyncio.sleep(random.random() / 200)  # finish in any order
        if wish == "refuse":
            return Withheld(job.coordinates, Reason.NO_MAIN_SPEAKER, "p1")
        metadata = Metadata(f"token-{number}", "spring", "7", HOUR, "en", "speaker")
        receipts = (Receipt("speakers", "b1", True),)
        clip = AnonymizedClip(metadata, np.zeros(800, np.float32), (), (), receipts, "p1")
        timestamp_ms = int(HOUR.timestamp() * 1000)
        return Published(job.coordinates, f"token-{number}", timestamp_ms, Encoder().encode(clip), "p1")


@dataclass(frozen=True)
class Deployment:
    """Its topics, where its schemas are, and the heads that are kept outside."""

    broker: Broker
    topics: Topics
    folder: Path
    metrics: AuditMetrics = field(default_factory=AuditMetrics)  # of who signs

    @property
    def registry(self) -> FileRegistry:
        return FileRegistry(self.folder / "registry")

    @property
    def names(self) -> dict[str, str]:
        own = {name: getattr(self.topics, name) for name in ("raw", "anonymized", "withheld", "audit")}
        more = ("erasure", "erasure_audit", "reports", "reports_audit", "audit_heads")
        return own | {name: f"{name}-{self.topics.run}".replace("_", "-") for name in more}

    def settings(self, **kafka: Any) -> Settings:
        return Settings.model_validate(
            {
                "kafka": {"group": self.topics.group, **kafka},
                "topics": self.names,
                "registry": {"folder": self.folder / "registry"},
                "audit": {"heads_file": self.folder / "heads.jsonl", "signing_key_file": self.folder / "key.pem"},
            }
        )

    async def create(self) -> None:
        await self.topics.create(self.broker, 2)
        await self.broker.create_topics(dict.fromkeys(self.names.values(), 2))

    async def writer(self, **topics: str) -> Outcomes:
        sinks = {
            "anonymized_clip": self.topics.anonymized,
            "withheld": self.topics.withheld,
            "audit": self.topics.audit,
        }
        return Outcomes(await destinations(self.registry, sinks | topics))

    async def work(self) -> None:
        """A worker takes all that is there, and goes away. The group's offset may stay before the end of the input,
        where the last that lies there is the end of a transaction."""
        registry, writer = self.registry, await self.writer()

        async def chain(partition: Partition) -> Resume:
            return await resume_at(await self.broker.last(self.topics.audit, partition.number), partition, registry)

        shared = replace(office(self.topics, Clips()), writer=writer, chain=chain)
        running = worker(self.broker, self.topics, Clips(), of=shared)
        task = asyncio.create_task(running.run())
        await until(self._all_done)
        running.stop()
        await task

    async def _all_done(self) -> bool:
        inputs = {
            each.coordinates.partition: each.coordinates.offset + 1
            for each in await everything(self.broker, self.topics.raw)
        }
        return inputs == dict(await self.broker.committed(self.topics.raw, self.topics.group))

    async def request(self, outcome: str, records: int) -> None:
        """What the eraser leaves in its audit."""
        to, where = self.names["erasure_audit"], Partition(self.names["erasure"], 0)
        head = await head_of(await self.broker.last(to, 0), where, self.registry)
        at = Coordinates(where.topic, where.number, head.sequence)
        message, _ = (await self.writer(**{AUDIT_SCHEMA: to})).request_audit(at, outcome, head, records=records)
        outbox = self.broker.outbox(where, f"{self.topics.group}-erasure")
        await outbox.start()
        await outbox.commit([message], at.offset + 1)
        await outbox.stop()

    @asynccontextmanager
    async def signer(self) -> AsyncIterator[Signer]:
        registry = self.registry
        to = (await destinations(registry, {HEAD_SCHEMA: self.names["audit_heads"]}))[HEAD_SCHEMA]
        signer = Signer(self.broker, registry, to, HeadsFile(self.folder / "heads.jsonl"), 0.5, self.metrics)
        try:
            yield signer
        finally:
            await signer.close()

    async def sign(self) -> tuple[str, ...]:
        """All that is there now; what is wrong, in words."""
        async with self.signer() as signer:
            notary = await signer.restore(KEY, {key_id(KEY.public_key()): KEY.public_key()})
            for each in audited(self.settings()):
                await signer.open(each)
            await signer.run(asyncio.Event(), once=True)
            return tuple(map(str, notary.problems))

    async def verify(self) -> Verification:
        keys = {key_id(KEY.public_key()): KEY.public_key()}
        return await Verifier(self.settings(), self.broker, self.registry, keys).run(look_into_raw=True)

    async def problems(self) -> list[str]:
        return [str(problem) for problem in (await self.verify()).problems]

    async def send(self, wishes: Mapping[int, list[str]]) -> None:
        """Clip events by partition."""
        for partition, each in wishes.items():
            values = [b"\x00\x00\x00\x00\x07" + wish.encode() for wish in each]
            await self.broker.send([Message(self.topics.raw, b"k", value, None, partition) for value in values])
