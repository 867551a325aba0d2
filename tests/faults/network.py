"""What is done to brokers and to the network before them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.proxy import Api, Moment, Proxy
from tests.kafka.cluster import KafkaCluster
from tests.kafka.server import KafkaServer

if TYPE_CHECKING:
    from tests.faults.world import World

PASSING_S = 20.0  # in which workers with something to do ask for everything
STARTING_S = 300.0  # of a broker, on a machine that does much else
SPELL_S = (0.5, 4.0)  # how long a fault of the network lasts


# ------------------------------------------------------------------ the network
@dataclass(frozen=True)
class Cut:
    """All connections end at once, so many times in a row."""

    proxy: Proxy = field(repr=False)
    times: int = 1
    kind: str = "network cut"

    async def strike(self, world: World) -> None:
        for _ in range(self.times):
            await asyncio.to_thread(self.proxy.cut)
            await asyncio.sleep(world.draw.uniform(0.05, 0.5))


@dataclass(frozen=True)
class Refuse:
    """All connections end, and for a while there are no new ones."""

    proxy: Proxy = field(repr=False)
    kind: str = "network refused"

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(self.proxy.refuse)
        await asyncio.to_thread(self.proxy.cut)
        await _for_a_while(world, self.proxy)


@dataclass(frozen=True)
class Stall:
    """Nothing goes through for a while; then everything does, or the connections end with what was in them."""

    proxy: Proxy = field(repr=False)
    lost: bool = False
    kind: str = "network stalled"

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(self.proxy.stall)
        if self.lost:
            await asyncio.sleep(world.draw.uniform(*SPELL_S))
            await asyncio.to_thread(self.proxy.cut)
        await _for_a_while(world, self.proxy)


@dataclass(frozen=True)
class Drip:
    """For a while every connection is as slow as that."""

    proxy: Proxy = field(repr=False)
    bytes_per_s: float = 20_000
    kind: str = "network dripped"

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(self.proxy.drip, self.bytes_per_s)
        await _for_a_while(world, self.proxy)


@dataclass(frozen=True)
class Reset:
    """A connection is reset at the next request of a kind, whichever of several brokers is asked. What is asked at a
    start alone is asked by a worker that joins."""

    proxies: tuple[Proxy, ...] = field(repr=False)
    api: Api
    moment: Moment

    @property
    def kind(self) -> str:
        return f"network reset {self.api.name.lower()} {self.moment}"

    async def strike(self, world: World) -> None:
        told = f"reset {self.api.name} {self.moment}"
        before = self._times(told)
        for proxy in self.proxies:
            proxy.reset(self.api, self.moment)
        deadline = time.monotonic() + PASSING_S
        if self.api in AT_A_START:
            joined = await world.hire()
            joined.struck = True
        try:
            while self._times(told) == before:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nobody asked: {told}")
                await asyncio.sleep(0.02)
        finally:  # what the others were to do as well
            for proxy in self.proxies:
                proxy.heal()
        if self.api in AT_A_START:
            joined.signal(signal.SIGTERM)
            await joined.ended

    def _times(self, told: str) -> int:
        return sum(proxy.struck[told] for proxy in self.proxies)


AT_A_START = frozenset({Api.INIT_PRODUCER_ID, Api.FIND_COORDINATOR, Api.JOIN_GROUP, Api.SYNC_GROUP, Api.OFFSET_FETCH})
IN_A_COMMIT = (
    Api.PRODUCE,
    Api.ADD_PARTITIONS_TO_TXN,
    Api.ADD_OFFSETS_TO_TXN,
    Api.TXN_OFFSET_COMMIT,
    Api.END_TXN,
)


async def _for_a_while(world: World, proxy: Proxy) -> None:
    try:
        await asyncio.sleep(world.draw.uniform(*SPELL_S))
    finally:
        await asyncio.to_thread(proxy.heal)


# ------------------------------------------------------------------ brokers
@dataclass(frozen=True)
class Restart:
    """The broker is killed, or ended in an orderly way, and comes back after ``away_s``."""

    server: KafkaServer = field(repr=False)
    cleanly: bool = False
    away_s: float = 0.0

    @property
    def kind(self) -> str:
        return "broker ended and started" if self.cleanly else "broker killed and started"

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(self.server.end if self.cleanly else self.server.kill)
        await asyncio.sleep(self.away_s)
        await asyncio.to_thread(self.server.restart, STARTING_S)


@dataclass(frozen=True)
class RestartLeader:
    """Of three brokers the one that leads a partition of the input: the others go on without it, and it comes back."""

    cluster: KafkaCluster = field(repr=False)
    cleanly: bool = False

    @property
    def kind(self) -> str:
        return "leader ended and started" if self.cleanly else "leader killed and started"

    async def strike(self, world: World) -> None:
        number = world.draw.randrange(world.pace.partitions)
        leader = await self.cluster.leader(world.topics.raw, number) or self.cluster.nodes[0]
        await Restart(leader, self.cleanly, away_s=world.draw.uniform(0.0, 5.0)).strike(world)
        await self.cluster.until_whole(world.topics.raw)


def network_faults(proxies: Sequence[Proxy]) -> list[Cut | Refuse | Stall | Drip | Reset]:
    """One of each before each broker; resets, before whichever is asked."""
    before = [
        fault
        for proxy in proxies
        for fault in (Cut(proxy), Cut(proxy, 5), Refuse(proxy), Stall(proxy), Stall(proxy, True), Drip(proxy))
    ]
    kinds = (*IN_A_COMMIT, Api.INIT_PRODUCER_ID)
    return [*before, *(Reset(tuple(proxies), api, moment) for api in kinds for moment in Moment)]
