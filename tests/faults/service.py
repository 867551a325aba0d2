"""A worker as ``clipveil run`` makes it, everything real but the models: it decodes real headers, asks for consent,
draws samples, makes labels, chains its audit and seals its index, and publishes one real clip under ever new tokens."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
from collections.abc import Awaitable, Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import stream.wire.kafka
from stream.clip import (
    AnonymizedClip,
    CriticalKind,
    Effort,
    Job,
    Metadata,
    Mute,
    Outcome,
    Published,
    PublishedWord,
    Reason,
    Receipt,
    Segment,
    Why,
    Withheld,
)
from stream.commands.checking import check
from stream.commands.connect import connect
from stream.commands.run import Service
from stream.config import Settings
from stream.inference.process import StartFailed
from stream.ops import log
from stream.ops.hardening import no_core_dumps
from stream.ops.metrics import Metrics
from stream.wire import avro
from stream.wire.clips import CLIP_SCHEMA, Encoder
from stream.wire.kafka import KafkaBroker
from tests.faults.events import Wish, wish
from tests.faults.orders import Orders, StruckBroker

POLICY = "1"
_CLIP = re.compile(rb"clip(\d{8})")
Connect = Callable[[Settings], Awaitable[KafkaBroker]]


def preload() -> None:
    """All that a worker would import or compute at its start."""
    import stream.commands.office
    import stream.commands.standing
    import stream.find.language
    import stream.lifecycle.index
    import stream.lifecycle.keeping
    import stream.lifecycle.sampling
    import stream.ops.health
    import stream.wire.index_records
    import stream.wire.registry_files
    import stream.wire.standing_records  # noqa: F401

    _template()


def work(settings: dict[str, Any], pipe: Path, deeds: Path) -> None:
    """``stream.commands.run.run``, but for where the settings come from and who hears. Raises CommandFailed."""
    orders = Orders(pipe, deeds)
    stream.wire.kafka.KafkaBroker = partial(StruckBroker, orders)  # type: ignore[misc] # connect makes it anew
    of = Settings.model_validate(settings)
    ring = check(of)
    no_core_dumps()
    metrics = Metrics()
    log.configure(of.log.level, on_dropped=metrics.log_dropped)
    asyncio.run(_until_signal(StubService(of, ring, metrics, connect), orders))


async def _until_signal(service: Service, orders: Orders) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    orders.listen()
    await service.run()


class StubService(Service):
    """The service, whose clips nobody hears."""

    async def _start_pool(self, stack: contextlib.AsyncExitStack) -> StubPool:  # type: ignore[override]
        self._pool = StubPool()  # type: ignore[assignment]
        return self._pool  # type: ignore[return-value]


class StubPool:
    """Does what the event's number says."""

    ready = True

    def __init__(self) -> None:
        self._draw = random.Random()

    async def run(self, job: Job) -> Outcome:
        found = _CLIP.search(job.body)
        if found is None:
            raise LookupError(job.body)  # quotes the event, as libraries do
        if self._draw.random() < 0.05:  # so that clips are finished in any order
            await asyncio.sleep(self._draw.uniform(0, 0.02))
        match wish(int(found[1])):
            case Wish.PUBLISH:
                return published(job)
            case Wish.NOBODY:
                return Withheld(job.coordinates, Reason.NO_MAIN_SPEAKER, POLICY)
            case Wish.ESCALATE:
                kinds = (CriticalKind.DISTRESS,)
                return Withheld(job.coordinates, Reason.CRITICAL, POLICY, critical=kinds, escalated=True)
            case _:
                raise ValueError(job.body)

    def relieve(self) -> None:
        """There is no process to replace."""

    async def failed(self) -> StartFailed:
        return await asyncio.get_running_loop().create_future()


def published(job: Job) -> Published:
    """A valid clip by the real schema, under the job's own token."""
    coarse = job.label.by_length[0][1]
    label = {"campaign": job.label.campaign, "key_epoch": job.label.key_epoch, "clip_token": job.label.token}
    body = avro.write(CLIP_SCHEMA, {**_template(), **label})
    effort = Effort(1.0, 0.6, {"decode": 0.001}, {"PHONE_NUMBER": 1})
    return Published(job.coordinates, job.label.token, int(coarse.captured.timestamp() * 1000), body, POLICY, effort)


@cache
def _template() -> dict[str, Any]:
    """Encoded once: what differs between clips is of no matter to a broker."""
    from tests.values import HOUR

    metadata = Metadata("token", "campaign", "1", HOUR.captured, "en", "other")
    samples = np.zeros(16_000, np.float32)
    samples[:9_600] = np.random.default_rng(1).normal(0, 0.01, 9_600).astype(np.float32)
    samples[: 9_600 - 200] = 0  # short to encode, and not silent
    words = (PublishedWord("play", Segment(0.1, 0.3)), PublishedWord("<PHONE_NUMBER>", Segment(0.6, 1.0)))
    mutes = (Mute(Segment(0.6, 1.0), Why.IDENTIFIER, "PHONE_NUMBER"),)
    receipts = (Receipt("speakers", "stub", True), Receipt("identifiers", "stub", True))
    clip = AnonymizedClip(metadata, samples, words, mutes, receipts, POLICY)
    raw = dict(avro.read(avro.schema_text(CLIP_SCHEMA), CLIP_SCHEMA, Encoder().encode(clip)))
    return raw | {"audio": ("clipveil.PublishedAudio", {"content": raw["audio"]["content"]})}
