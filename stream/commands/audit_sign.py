"""Following the audit topics, and signing where their chains end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stream.commands.audit_places import Audited, audited, files_told, public_keys_of, signing_key_of
from stream.commands.connect import connect, register, registry_of, trouble_told
from stream.commands.failure import WRONG_INPUT, CommandFailed, told
from stream.commands.probes import serve_probes
from stream.config import Settings
from stream.ops.log import Event, get

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from stream.lifecycle.heads import AuditHead, PublicKeys
    from stream.lifecycle.notary import Notary
    from stream.ops.audit_metrics import AuditMetrics
    from stream.ports import Broker, Tail
    from stream.wire.audits import HeadsFile
    from stream.wire.outcomes import Destination
    from stream.wire.registry import Registry

POLL_S = 0.25


async def sign_until_stopped(settings: Settings, metrics: AuditMetrics, *, once: bool) -> None:
    """Until SIGTERM, with probes and metrics; or, without them, ``once`` until everything that is there now is signed.

    Raises CommandFailed where a chain is broken: at the end, for the others are signed until then.
    """
    from stream.wire.audits import HEAD_SCHEMA, HeadsFile

    key, file = signing_key_of(settings), _heads_file(settings)
    stopping = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        registry = registry_of(settings)
        stack.push_async_callback(registry.close)
        topics = [each.audit_topic for each in audited(settings)]
        broker = await connect(settings, [*topics, settings.topics.audit_heads])
        stack.push_async_callback(broker.close)
        to = (await register(registry, {HEAD_SCHEMA: settings.topics.audit_heads}, settings))[HEAD_SCHEMA]
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        signer = Signer(broker, registry, to, HeadsFile(file), settings.audit.sign_interval_s, metrics)
        if not once:
            patience_s = settings.http.stalled_seconds_max
            await serve_probes(stack, settings.http, lambda: signer.stalled_s < patience_s, signer.ready, metrics)
        with trouble_told():
            notary = await signer.restore(key, _own_and(key, settings))
            for each in audited(settings):
                await signer.open(each)
            stack.push_async_callback(signer.close)
            await signer.run(stopping, once=once)
        if notary.problems:
            raise CommandFailed("not signed: " + "; ".join(map(str, notary.problems)))


class Signer:
    """Everything between the topics and a ``Notary``. ``restore``, ``open`` each topic, ``run``, ``close``."""

    def __init__(
        self,
        broker: Broker,
        registry: Registry,
        to: Destination,
        file: HeadsFile,
        interval_s: float,
        metrics: AuditMetrics,
    ) -> None:
        self._broker, self._registry, self._to, self._file = broker, registry, to, file
        self._interval_s, self._metrics = interval_s, metrics
        self._looped_at: float | None = None
        self._round_at = time.monotonic()
        self._metrics.rounds_of(lambda: time.monotonic() - self._round_at)
        self._notary: Notary
        self._tails: list[tuple[Audited, Tail]] = []
        self._ends: list[tuple[Tail, dict[int, int]]] = []  # as they were at the start, until all are reached

    @property
    def stalled_s(self) -> float:
        """Since it last came round; a start takes as long as it takes."""
        return time.monotonic() - self._looped_at if self._looped_at is not None else 0.0

    def ready(self) -> bool:
        """Whether all that was there at the start has been read."""
        return self._looped_at is not None and not self._ends

    async def restore(self, key: Ed25519PrivateKey, keys: PublicKeys) -> Notary:
        """Goes on from the file. Heads that it has and the topic lacks are sent again."""
        from stream.lifecycle.heads import vouched
        from stream.lifecycle.notary import Notary
        from stream.wire.audits import NoHeads

        with files_told(), told(NoHeads):
            heads = self._file.read(lambda head: vouched(head, keys))
        there = await self._on_topic(keys)
        if there and max(there) > len(heads):
            raise CommandFailed("audit.heads_file lacks heads that are on the topic: restore it before anything else")
        if missing := [head for head in heads if head["number"] not in there]:
            await self._send(missing)
            get().warning(Event.AUDIT_RESENT, heads=len(missing))
        notary = self._notary = Notary(key, heads)
        self._metrics.chains_of(
            lambda: notary.chains,
            lambda: len(notary.problems),
            lambda: notary.unsigned,
            lambda: _seconds_since(notary.unsigned_since_ms),
        )
        return notary

    async def _on_topic(self, keys: PublicKeys) -> set[int]:
        from stream.clip import Refusal
        from stream.lifecycle.heads import vouched
        from stream.wire.audits import row_of

        numbers = set()
        async for record in self._broker.read(self._to.topic):
            with contextlib.suppress(Refusal):
                head = await row_of(record, self._registry)
                if vouched(head, keys):
                    numbers.add(int(head["number"]))
        return numbers

    async def open(self, of: Audited) -> None:
        tail = await self._broker.tail(of.audit_topic, self._notary.start(of.audit_topic))
        self._tails.append((of, tail))
        self._ends.append((tail, dict(await tail.ends())))

    async def run(self, stopping: asyncio.Event, *, once: bool = False) -> None:
        """Raises BrokerUnavailable, RegistryUnavailable, NotDelivered, and CommandFailed for the file."""
        due = time.monotonic() + self._interval_s
        while not stopping.is_set():
            self._looped_at = time.monotonic()
            for of, tail in self._tails:
                await self._follow(of, tail)
            await self._look_for_ends()
            if once and not self._ends:
                break
            if time.monotonic() >= due:
                await self._round()
                due = time.monotonic() + self._interval_s
        await self._round()

    async def _follow(self, of: Audited, tail: Tail) -> None:
        from stream.clip import Refusal
        from stream.wire.audits import row_of

        for record in await tail.poll(POLL_S):
            at = record.coordinates
            self._metrics.read(1)
            try:
                self._notary.add(await row_of(record, self._registry), at.topic, at.offset)
            except Refusal:
                self._notary.unreadable(f"{of.topic}/{at.partition}")

    async def _look_for_ends(self) -> None:
        """Once all that was there at the start has been read, what was signed before must have been met."""
        for tail, ends in list(self._ends):
            positions = await tail.positions()
            if all(positions.get(partition, 0) >= end for partition, end in ends.items()):
                self._ends.remove((tail, ends))
                if not self._ends:
                    self._notary.caught_up()

    async def _round(self) -> None:
        """File first: what is on the topic is surely in the file."""
        heads = self._notary.sign(int(time.time() * 1000))
        if heads:
            with files_told():
                self._file.append(heads)
            await self._send(heads)
            self._metrics.signed(len(heads))
            get().info(Event.AUDIT_SIGNED, heads=len(heads))
        for problem in self._notary.problems:
            partition = int(problem.chain.rpartition("/")[2]) if problem.chain.rpartition("/")[2].isdigit() else None
            get().error(Event.AUDIT_BROKEN, partition=partition, sequence=problem.sequence)
        await self._look_at_lag()
        self._round_at = time.monotonic()

    async def _look_at_lag(self) -> None:
        for of, tail in self._tails:
            ends, positions = await tail.ends(), await tail.positions()
            behind = (end - positions.get(partition, 0) for partition, end in ends.items())
            self._metrics.lag(of.audit_topic, sum(max(0, each) for each in behind))

    async def _send(self, heads: Sequence[AuditHead]) -> None:
        from stream.wire.audits import head_message

        await self._broker.send([head_message(head, self._to) for head in heads])

    async def close(self) -> None:
        for _, tail in self._tails:
            await tail.stop()


def _seconds_since(ms: int | None) -> float:
    return max(0.0, time.time() - ms / 1000) if ms is not None else 0.0


def _heads_file(settings: Settings) -> Path:
    if settings.audit.heads_file is None:
        raise CommandFailed("audit.heads_file: needed, heads are kept outside Kafka too", WRONG_INPUT)
    return settings.audit.heads_file


def _own_and(key: Ed25519PrivateKey, settings: Settings) -> PublicKeys:
    """Of those who signed what is in the file: ourselves, and whoever the settings name."""
    from stream.lifecycle.heads import key_id

    public = key.public_key()
    others = public_keys_of([], settings) if settings.audit.public_key_file is not None else {}
    return {**others, key_id(public): public}
