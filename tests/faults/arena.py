"""The brokers that several worlds share, a proxy in front of each, and what is done to both."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stream.wire.kafka import KafkaConnection
from tests.faults.proxy import Api, Moment, Proxy
from tests.faults.workers import Zygote
from tests.kafka.cluster import KafkaCluster
from tests.kafka.server import KafkaServer

NETWORK_S = (0.3, 1.5)  # how long a network is bad
STARTING_S = 300.0  # of a broker, on a machine that does much else
COMING_S = 15.0  # in which some client sends every kind of request


@dataclass
class Arena:
    """``bootstrap`` is that of the proxies, for workers; ``connection`` goes to the brokers themselves."""

    nodes: list[KafkaServer]
    proxies: list[Proxy]
    zygote: Zygote
    draw: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def bootstrap(self) -> str:
        return ",".join(node.proxy_bootstrap for node in self.nodes)

    @property
    def connection(self) -> KafkaConnection:
        return KafkaConnection(",".join(node.bootstrap for node in self.nodes), request_timeout_s=20)

    @property
    def folders(self) -> list[Path]:
        """What the brokers keep."""
        return [node.logs for node in self.nodes]


@asynccontextmanager
async def arena(folder: Path, brokers: int, seed: int) -> AsyncIterator[Arena]:
    """One broker, or three."""
    server: KafkaServer | KafkaCluster = KafkaServer(folder) if brokers == 1 else KafkaCluster(folder)
    nodes = server.nodes if isinstance(server, KafkaCluster) else [server]
    proxies = [Proxy(node.proxy_bootstrap, node.proxied) for node in nodes]
    zygote = Zygote(folder / "workers")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.stop)
        await asyncio.to_thread(server.start, STARTING_S)
        for proxy in proxies:
            proxy.start()
            stack.callback(proxy.stop)
        await zygote.start()
        stack.push_async_callback(zygote.stop)
        yield Arena(nodes, proxies, zygote, random.Random(f"arena {seed}"))


class ArenaFault(Protocol):
    """What strikes all worlds at once."""

    @property
    def kind(self) -> str: ...

    async def strike(self, arena: Arena) -> None: ...


@dataclass(frozen=True)
class KillBroker:
    """kill -9, and up again where it was."""

    kind: str = "broker killed"

    async def strike(self, arena: Arena) -> None:
        await asyncio.to_thread(arena.draw.choice(arena.nodes).restart, STARTING_S)


@dataclass(frozen=True)
class RestartBroker:
    """As an operator does it."""

    kind: str = "broker restarted"

    async def strike(self, arena: Arena) -> None:
        await asyncio.to_thread(arena.draw.choice(arena.nodes).restart_cleanly, STARTING_S)


@dataclass(frozen=True)
class BadNetwork:
    """For a second or so. ``how`` is a method of the proxy."""

    how: str

    @property
    def kind(self) -> str:
        return f"network {self.how}"

    async def strike(self, arena: Arena) -> None:
        proxy = arena.draw.choice(arena.proxies)
        before = proxy.struck[self.how]
        await asyncio.to_thread(getattr(proxy, self.how), *([4_000.0] if self.how == "drip" else []))
        await asyncio.sleep(arena.draw.uniform(*NETWORK_S))
        await asyncio.to_thread(proxy.heal)
        assert before < proxy.struck[self.how]


@dataclass(frozen=True)
class Reset:
    """A connection ends at one kind of request: where the broker never had it, or where it has done what was asked and
    nobody is told."""

    api: Api
    moment: Moment

    @property
    def kind(self) -> str:
        return f"network reset at {self.api.name} {self.moment}"

    async def strike(self, arena: Arena) -> None:
        name = f"reset {self.api.name} {self.moment}"
        before = sum(proxy.struck[name] for proxy in arena.proxies)
        for proxy in arena.proxies:
            await asyncio.to_thread(proxy.reset, self.api, self.moment)
        try:
            async with asyncio.timeout(COMING_S):
                while before == sum(proxy.struck[name] for proxy in arena.proxies):
                    await asyncio.sleep(0.05)
        finally:
            for proxy in arena.proxies:
                await asyncio.to_thread(proxy.heal)


NETWORK: tuple[ArenaFault, ...] = (
    BadNetwork("cut"),
    Reset(Api.END_TXN, Moment.ASKED),
    BadNetwork("stall"),
    Reset(Api.END_TXN, Moment.ANSWERED),
    BadNetwork("refuse"),
    Reset(Api.TXN_OFFSET_COMMIT, Moment.ANSWERED),
    BadNetwork("drip"),
    Reset(Api.PRODUCE, Moment.ANSWERED),
    Reset(Api.ADD_PARTITIONS_TO_TXN, Moment.ANSWERED),
    Reset(Api.INIT_PRODUCER_ID, Moment.ANSWERED),
    Reset(Api.PRODUCE, Moment.ASKED),
    Reset(Api.FETCH, Moment.ANSWERED),
    Reset(Api.OFFSET_FETCH, Moment.ASKED),
)
BROKERS: tuple[ArenaFault, ...] = (KillBroker(), RestartBroker())
