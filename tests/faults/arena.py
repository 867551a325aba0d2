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

from stream.wire.kafka import KafkaConnection
from tests.faults.network import Restart, RestartLeader, network_faults
from tests.faults.proxy import Proxy
from tests.faults.workers import Zygote
from tests.faults.world import Fault
from tests.kafka.cluster import KafkaCluster
from tests.kafka.server import KafkaServer

STARTING_S = 300.0  # of a broker, on a machine that does much else


@dataclass
class Arena:
    """``bootstrap`` is that of the proxies, for workers; ``connection`` goes to the brokers themselves."""

    server: KafkaServer | KafkaCluster
    proxies: list[Proxy]
    zygote: Zygote
    draw: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def nodes(self) -> list[KafkaServer]:
        return self.server.nodes if isinstance(self.server, KafkaCluster) else [self.server]

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
    zygote = Zygote(folder / "workers")
    here = Arena(server, [], zygote, random.Random(f"arena {seed}"))
    here.proxies += [Proxy(node.proxy_bootstrap, node.proxied) for node in here.nodes]
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.stop)
        await asyncio.to_thread(server.start, STARTING_S)
        for proxy in here.proxies:
            proxy.start()
            stack.callback(proxy.stop)
        await zygote.start()
        stack.push_async_callback(zygote.stop)
        yield here


def brokers_struck(here: Arena) -> list[Fault]:
    """What can be done to brokers: of three, to the one that leads."""
    server = here.server
    if isinstance(server, KafkaCluster):
        return [RestartLeader(server), RestartLeader(server, cleanly=True)]
    return [Restart(server), Restart(server, cleanly=True)]


def networks_struck(here: Arena) -> list[Fault]:
    """What can be done to networks."""
    return list(network_faults(here.proxies))
