"""Every part of clipveil on a secured Kafka, each as a principal of its own, in this process: what it does with its
rights, and how it ends without one of them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stream.clip import Job, Outcome, Published, Reason, Withheld
from stream.commands import asking, audit_sign, consent, erase, objects, replay
from stream.commands.audit_places import public_keys_of
from stream.commands.audit_verify import verify_cluster
from stream.commands.chains import bad_watch_of
from stream.commands.connect import connect, register, registry_of
from stream.commands.erasing import Outside, _ask_again, destinations_of
from stream.commands.office import office_of
from stream.commands.run import bad_limits_of, limits_of
from stream.config import Settings
from stream.intake import ClipIntake
from stream.lifecycle.keyring import single_ring
from stream.lifecycle.receipts import Signer
from stream.lifecycle.replaying import Wish
from stream.ops.audit_metrics import AuditMetrics
from stream.ops.metrics import Metrics
from stream.ops.request_metrics import RequestMetrics
from stream.ports import Message
from stream.reader import Clips, Unreadable, open_clips
from stream.whose import ErasureRequest, IndexEntry, Report
from stream.wire import avro
from stream.wire.clips import Encoder
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.outcomes import Destination
from stream.wire.request_records import ERASURE_SCHEMA, REPORT_SCHEMA, erasure_message, report_message
from stream.worker import Worker
from tests import events
from tests.kafka.secured import WORD, SecuredServer
from tests.lifecycle.stand_ins import MORNING, Ring, header, published, sealed
from tests.publications import clip

RING = single_ring("test", "1", b"k" * 32)
LOOK_S, LIMIT_S = 0.1, 60.0


@dataclass
class Engine:
    """ports.Engine: every clip comes out as it is wished."""

    wish: str = "publish"

    async def run(self, job: Job) -> Outcome:
        if self.wish == "publish":
            body = Encoder().encode(clip(job.label.token))
            return Published(job.coordinates, job.label.token, 3_600_000, body, "p1")
        if self.wish == "escalate":
            return Withheld(job.coordinates, Reason.CRITICAL, "p1", escalated=True)
        return Withheld(job.coordinates, Reason.DETECTOR_FAILED, "p1")


@dataclass
class Parts:
    """One deployment. Every part does its work once, from connecting to the last commit, and raises what ends it."""

    server: SecuredServer
    folder: Path
    log: io.StringIO  # of everything in this process; names of topics and groups tell whose a line is
    run: str = field(default_factory=lambda: uuid4().hex[:6])

    def __post_init__(self) -> None:
        key = Ed25519PrivateKey.generate()
        (self.folder / "signer.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.folder / "public.pem").write_bytes(public)
        self.signer = Signer(key)
        self.operator = KafkaBroker(KafkaConnection(self.server.bootstrap))

    def values(self, **kafka: object) -> dict[str, dict[str, object]]:
        """Settings of everybody, but for who it is."""
        names = {name: f"{value}.{self.run}" for name, value in Settings().topics if isinstance(value, str)}
        quick = {"session_timeout_s": 6, "heartbeat_interval_s": 1, "transaction_timeout_s": 10}
        reach = {"ssl_ca_file": self.server.ca, "group": f"clipveil-{self.run}", "connect_seconds_max": 30}
        return {
            "kafka": reach | quick | kafka,
            "topics": {**names, "partitions": 1},
            "registry": {"folder": self.folder / "registry"},
            "sampling": {"per_hour_max": 10_000},
            "erasing": {"settle_seconds": 0.3, "roll_seconds": 1.0, "signing_key_file": self.folder / "signer.pem"},
            "worker": {"commit_failures_in_a_row_max": 1},
            "audit": {
                "heads_file": self.folder / "heads.jsonl",
                "signing_key_file": self.folder / "signer.pem",
                "public_key_file": self.folder / "public.pem",
            },
            "http": {"port": 0},
        }

    def settings(self, who: str) -> Settings:
        """By its name and password."""
        how = {"security_protocol": "SASL_SSL", "sasl_username": who, "sasl_password": WORD}
        return Settings.model_validate(self.values(bootstrap_servers=self.server.scram, **how))

    async def work(self, who: str, wish: str = "publish") -> None:
        """All that the principal has rights for."""
        settings = self.settings(who)
        works = {
            "worker": partial(self._clip, wish),
            "eraser": self._requests,
            "auditor": lambda settings: audit_sign.sign_until_stopped(settings, AuditMetrics(), once=True),
            "verifier": self._verified,
            "replay": lambda settings: replay._replay(settings, Wish(), dry_run=False),
            "sweep": self._swept,
            "annotator": self._read_and_reported,
            "producer": lambda settings: asking._send(settings, "clip_event", settings.topics.raw, self._event),
            "consent": lambda settings: consent._write(settings, "account", True, settings.topics.consent),
            "requester": lambda settings: asking._send(
                settings, ERASURE_SCHEMA, settings.topics.erasure, self._erasure
            ),
        }
        await works[who](settings)

    async def told(self, who: str, wish: str = "publish") -> str:
        """How the work ends: the words of its end, or the reason for which it waits; nothing where it is done."""
        before = len(self.log.getvalue())
        working = asyncio.create_task(self.work(who, wish))

        def waits() -> list[str]:
            lines = self.log.getvalue()[before:].splitlines()
            return [line for line in lines if '"right"' in line and self.run in line]

        try:
            async with asyncio.timeout(LIMIT_S):
                while not working.done() and not waits():
                    await asyncio.wait({working}, timeout=LOOK_S)
        except TimeoutError:
            return "it neither ends nor says why"
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
        ended = None if working.cancelled() else working.exception()
        return "\n".join([*waits(), *([] if ended is None else [str(ended)])])

    # -------------------------------------------------------------- what each does
    def _event(self, to: Destination) -> Message:
        body = events.body(events.event(clip_id=f"clip-{uuid4().hex}", account_id="account"))
        return Message(to.topic, None, avro.frame(to.schema, body))

    def _erasure(self, to: Destination) -> Message:
        return erasure_message(ErasureRequest(str(uuid4()), "account-1", datetime.now(UTC)), to)

    async def as_operator(self, schema: str, topic: str, message: Message | None = None) -> None:
        """A record that nobody under test writes."""
        registry = registry_of(self.settings("operator"))
        to = (await register(registry, {schema: topic}, self.settings("operator")))[schema]
        await self.operator.send([message or {"clip_event": self._event, ERASURE_SCHEMA: self._erasure}[schema](to)])

    async def _clip(self, wish: str, settings: Settings) -> None:
        """Everything of ``clipveil run`` but the models and the processes that they are in."""
        raw, group = settings.topics.raw, settings.kafka.group
        await self.as_operator("clip_event", raw)
        async with AsyncExitStack() as stack:
            broker = await connect(settings)
            stack.push_async_callback(broker.close)
            registry, metrics = registry_of(settings), Metrics()
            office = await stack.enter_async_context(
                office_of(settings, lambda: RING, Engine(wish), broker, registry, metrics)
            )
            watch = partial(bad_watch_of, broker, registry, settings.topics.audit, bad_limits_of(settings), metrics.bad)
            worker = Worker(
                broker.source(raw, group),
                lambda partition: broker.outbox(partition, group),
                lambda partition: ClipIntake(office, partition),
                metrics,
                limits_of(settings),
                watch,
            )
            await self._until_done(worker.run(), worker.stop, {raw: group})

    async def _requests(self, settings: Settings) -> None:
        """An erasure and a report of what was published, and ``clipveil erase`` asking again for a late copy."""
        of, group, keys = settings.topics, settings.kafka.group, Ring(RING)
        index = sealed(keys, of.index)
        tokens = [uuid4().hex, uuid4().hex]
        for number, token in enumerate(tokens):
            outcome = published(token)
            entry = index.entry(header(f"account-{number + 1}"), outcome)
            await self.operator.send([Message(of.anonymized, token.encode(), outcome.body), entry])
        registry = registry_of(settings)
        to = await destinations_of(settings, registry)
        await self.operator.send([self._erasure(to[ERASURE_SCHEMA])])
        await self.operator.send([report_message(Report(tokens[1], datetime.now(UTC)), to[REPORT_SCHEMA])])
        broker = await connect(settings, [of.erasure])
        try:
            outside = Outside(settings, broker, registry, to, keys, self.signer, RequestMetrics())
            late = IndexEntry(tokens[0], "account-1", MORNING, published("").coordinates, "test", "1")
            for reason in (Reason.ERASED, Reason.RECALLED):
                await _ask_again(outside, late, reason, str(uuid4()))
        finally:
            await broker.close()
        service = erase.Service(settings, keys, self.signer, RequestMetrics(), connect)
        groups = {of.erasure: f"{group}-erasure", of.reports: f"{group}-report"}
        await self._until_done(service.run(), service.stop, groups)

    async def _until_done(self, running: object, stop: object, groups: dict[str, str]) -> None:
        """Until the groups are at the ends of their topics, or it ends by itself."""
        task = asyncio.ensure_future(running)  # type: ignore[arg-type, var-annotated]
        try:
            while not task.done() and not await self._at_the_end(groups):
                await asyncio.wait({task}, timeout=LOOK_S)
            stop()  # type: ignore[operator]
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _at_the_end(self, groups: dict[str, str]) -> bool:
        for topic, group in groups.items():
            if await self.operator.end_offsets(topic) != await self.operator.committed(topic, group):
                return False
        return True

    async def _verified(self, settings: Settings) -> None:
        await verify_cluster(settings, public_keys_of([], settings), look_into_raw=True)

    async def _swept(self, settings: Settings) -> None:
        """What nothing refers to, in a folder."""
        (self.folder / "objects").mkdir(exist_ok=True)
        where = settings.objects.model_copy(update={"output": f"file://{self.folder}/objects/"})
        await objects._sweep(settings.model_copy(update={"objects": where}), timedelta(days=2), delete=False)

    async def _read_and_reported(self, settings: Settings) -> None:
        """A tombstone that is read as a member of the annotators' group, and a report."""
        token, seen = uuid4().hex, asyncio.Event()
        await self.operator.send([Message(settings.topics.anonymized, token.encode(), None)])

        async def erased(found: str) -> None:
            if found == token:
                seen.set()

        async with open_clips(settings, group="labelling", erased=erased) as clips:
            reading, seeing = asyncio.ensure_future(_read(clips)), asyncio.ensure_future(seen.wait())
            await asyncio.wait({reading, seeing}, return_when=asyncio.FIRST_COMPLETED)
            seeing.cancel()
            if reading.done():
                reading.result()
            reading.cancel()
            await asyncio.wait({reading, seeing})
            await clips.commit()
        await asking._send(
            settings, REPORT_SCHEMA, settings.topics.reports, lambda to: report_message(Report(token, MORNING), to)
        )


async def _read(clips: Clips) -> None:
    """For ever; what is no clip is passed."""
    while True:
        with suppress(Unreadable):
            await anext(clips)


@asynccontextmanager
async def parts_of(
    server: SecuredServer, folder: Path, lines: io.StringIO, *, create: bool = True
) -> AsyncIterator[Parts]:
    """With its topics, which the operator makes where they are to be there, and no rights."""
    folder.mkdir(exist_ok=True)
    parts = Parts(server, folder, lines)
    of = parts.settings("operator").topics
    if create:
        await parts.operator.create_topics(dict.fromkeys(of.all, 1), of.compacted)
    try:
        yield parts
    finally:
        await parts.operator.close()
