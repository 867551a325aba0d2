"""One deployment under fire: its topics, its workers, what is sent to it, and what was done to it.

Several worlds may share a cluster. A fault is a value with ``kind`` and ``async def strike(world)``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp

from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import Topics
from tests.faults.events import Events, newer_schema
from tests.faults.producer import Producer
from tests.faults.stems import Stem
from tests.faults.workers import WorkerProcess, Zygote

T = TypeVar("T")
SHARE = 250  # events that are under way at once
ENDING_S = 120.0  # of a worker, at the end of a run


class Fault(Protocol):
    """What can go wrong. ``kind`` is what it is counted as."""

    @property
    def kind(self) -> str: ...

    async def strike(self, world: World) -> None: ...


@dataclass(frozen=True)
class Pace:
    """How a world is set up. Sessions are short, so that a death costs six seconds and not forty-five."""

    partitions: int = 6
    workers: int = 2
    session_s: float = 6.0
    heartbeat_s: float = 1.0
    window: int = 6_000  # events sent and not yet committed, at most
    patience_s: float = 300.0  # in which something has to be committed
    log_level: str = "INFO"
    settings: dict[str, Any] = field(default_factory=dict)  # sections more


@dataclass
class World:
    """``bootstrap`` is how the workers reach the cluster, ``connection`` how everything else does."""

    name: str
    connection: KafkaConnection
    bootstrap: str
    folder: Path
    zygote: Zygote
    stem: Stem
    pace: Pace = field(default_factory=Pace)
    draw: random.Random = field(default_factory=random.Random)
    topics: Topics = field(default_factory=Topics)
    workers: list[WorkerProcess] = field(default_factory=list)
    gone: list[WorkerProcess] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)  # what should not have been, beside what the checker finds
    wanted: int = 0  # workers; fewer are replaced
    sent: int = 0  # and acknowledged
    next_number: int = 0  # of an event; no two worlds of a run have one in common
    offsets: dict[int, int] = field(default_factory=dict)  # of the group, at the end
    began: float = field(default_factory=time.time)

    async def create(self) -> None:
        """Its topics and schemas."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.broker = KafkaBroker(self.connection)
        await self.topics.create_all(self.broker, self.pace.partitions)
        registered = await self.registry.register(f"{self.topics.raw}-value", newer_schema())
        self.events = Events(self.stem, registered.id)
        self.producer = Producer(self.connection, self.topics.raw, self.pace.partitions)

    @property
    def registry(self) -> FileRegistry:
        return FileRegistry(self.folder / "registry")

    def settings(self) -> dict[str, Any]:
        """Of its workers."""
        of = self.pace
        return {
            "kafka": {
                "bootstrap_servers": self.bootstrap,
                "group": self.topics.group,
                "session_timeout_s": of.session_s,
                "heartbeat_interval_s": of.heartbeat_s,
                "rebalance_timeout_s": 10.0,
                "transaction_timeout_s": 20.0,
                "request_timeout_s": 5.0,
            },
            "topics": {setting: name for setting, name in self.topics.settings() if isinstance(name, str)},
            "registry": {"folder": str(self.folder / "registry")},
            "tokens": {"key": base64.b64encode(bytes(range(32))).decode()},
            "worker": {"partition_records_max": 128, "records_in_flight_max": 512, "batch_records_max": 128},
            "http": {"port": 0},
            "log": {"level": of.log_level},
            **of.settings,
        }

    # -------------------------------------------------------------- workers
    async def hire(self, *orders: tuple[str, str]) -> WorkerProcess:
        worker = await self.zygote.spawn(self.settings(), *orders)
        self.workers.append(worker)
        worker.ended.add_done_callback(lambda _: self._ended(worker))
        return worker

    def _ended(self, worker: WorkerProcess) -> None:
        self.workers.remove(worker)
        self.gone.append(worker)
        worker.forget()
        if not worker.struck:  # it stopped because of what was done to the brokers: whoever runs it starts it anew
            self.counts[f"workers that ended with {worker.ended.result()}"] += 1
            if "Died" in (last := worker.last_line()):  # of what nobody thought of, and that should have a name
                self.complaints.append(f"a worker died; {last}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Its workers, replaced when they end, and asked for their metrics now and then."""
        self.wanted = self.pace.workers
        tasks = [asyncio.create_task(self._replace()), asyncio.create_task(self._scrape())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _replace(self) -> None:
        while True:
            while len([worker for worker in self.workers if worker.alive]) < self.wanted:
                await self.hire()
            await asyncio.sleep(0.05)

    async def victim(self) -> WorkerProcess:
        """A worker that runs, and of which nobody else wants anything."""
        return await self.until(lambda: self._victims() and self.draw.choice(self._victims()))

    def _victims(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.alive and not worker.struck and worker.joined]

    async def scrape(self) -> None:
        """The metrics of all that answer go into a file, where the checker finds them."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1.0)) as session:
            for worker in list(self.workers):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
                    if port := worker.port():
                        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                            (worker.folder / "metrics").write_bytes(await answer.read())

    async def _scrape(self) -> None:
        while True:
            await asyncio.sleep(2.0)
            await self.scrape()

    # -------------------------------------------------------------- events
    async def feed(self, events: int, enough: asyncio.Event | None = None) -> None:
        """Sends so many events, and on until there are ``enough``, never more than the window ahead of what is
        committed."""
        while self.sent < events or not (enough is None or enough.is_set()):
            room = self.pace.window - (self.sent - sum((await self.committed()).values()))
            share = min(SHARE, room)
            if share <= 0:
                await asyncio.sleep(0.1)
                continue
            numbers = range(self.next_number, self.next_number + share)
            self.next_number += share
            if await self.producer.send([self.events.make(number) for number in numbers]):
                self.sent += share
            else:
                await asyncio.sleep(0.3)

    async def committed(self) -> dict[int, int]:
        """The group's offsets, by partition."""
        return dict(await self._asked(lambda broker: broker.committed(self.topics.raw, self.topics.group)))

    async def ends(self) -> dict[int, int]:
        """Of the input, by partition."""
        return dict(await self._asked(lambda broker: broker.end_offsets(self.topics.raw)))

    async def drain(self) -> None:
        """Until everything that was sent is committed. Fails where nothing moves any more."""
        moved_at, before = time.monotonic(), -1
        while (done := await self.committed()) != {number: end for number, end in (await self.ends()).items() if end}:
            if sum(done.values()) != before:
                moved_at, before = time.monotonic(), sum(done.values())
            if time.monotonic() - moved_at > self.pace.patience_s:
                raise TimeoutError(f"{self.name}: nothing was committed for {self.pace.patience_s:g} s: {done}")
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """SIGTERM to all: each must end by itself, with 0."""
        self.wanted = 0
        await self.scrape()
        for worker in list(self.workers):
            with contextlib.suppress(TimeoutError):  # one that has hardly begun does not listen yet
                await self.until(lambda of=worker: of.joined or not of.alive)
            if worker.alive and (complaint := await worker.leave(ENDING_S)):
                self.complaints.append(complaint)
        self.offsets = await self.committed()
        await self.producer.close()
        await self.broker.close()

    async def until(self, look: Callable[[], Any], timeout_s: float = 120.0) -> Any:
        """What ``look`` gives, once it is something."""
        async with asyncio.timeout(timeout_s):
            while not (found := look()):
                await asyncio.sleep(0.02)
            return found

    async def _asked(self, ask: Callable[[KafkaBroker], Awaitable[T]]) -> T:
        """Of a broker that may be away for a while; clients that have seen it go are given up."""
        deadline = time.monotonic() + self.pace.patience_s
        while True:
            asked = self.broker
            try:
                async with asyncio.timeout(15):
                    return await ask(asked)
            except asyncio.CancelledError:  # also where somebody else gives up the client that both ask
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise
            except Exception:
                if time.monotonic() > deadline:
                    raise
            if self.broker is asked:  # nobody else has given it up already
                self.broker = KafkaBroker(self.connection)
                await asked.close()
            await asyncio.sleep(0.2)
