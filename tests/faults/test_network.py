"""A worker whose connections are cut, refused, held, slowed down and reset loses nothing and does nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.faults.load import under_load
from tests.faults.network import IN_A_COMMIT, Cut, Drip, Refuse, Reset, Stall
from tests.faults.proxy import Moment, Proxy
from tests.kafka.server import KafkaServer


@pytest.fixture
def proxy(kafka: KafkaServer) -> Iterator[Proxy]:
    """Before the broker of the whole run."""
    proxy = Proxy(kafka.proxy_bootstrap, kafka.proxied)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
async def through(kafka: KafkaServer, connection: KafkaConnection, proxy: Proxy) -> AsyncIterator[KafkaBroker]:
    """The cluster as a worker behind the proxy sees it."""
    broker = KafkaBroker(replace(connection, bootstrap_servers=kafka.proxy_bootstrap))
    yield broker
    await broker.close()


async def test_a_network_in_every_kind_of_trouble(cluster: KafkaBroker, through: KafkaBroker, proxy: Proxy) -> None:
    """One trouble after the other, each while records are on their way: the same worker goes on after every one."""
    world: Any = SimpleNamespace(draw=random.Random(1))
    faults = [Cut(proxy), Cut(proxy, 5), Refuse(proxy), Stall(proxy), Stall(proxy, lost=True), Drip(proxy)]
    async with under_load(cluster, through) as load:
        for fault in faults:
            await load.feed()
            await load.until_begun()
            await fault.strike(world)
            await load.until_done()
    assert {"cut": 8, "refuse": 1, "stall": 2, "drip": 1} == proxy.struck


async def test_resets_at_every_step_of_a_commit(cluster: KafkaBroker, through: KafkaBroker, proxy: Proxy) -> None:
    """Before the broker has the request, and when it has done it and the worker does not know."""
    world: Any = SimpleNamespace(draw=random.Random(1))
    faults = [Reset((proxy,), api, moment) for api in IN_A_COMMIT for moment in Moment]
    async with under_load(cluster, through) as load:
        for fault in faults:
            striking = asyncio.create_task(fault.strike(world))
            while not striking.done():
                await load.feed()
                await load.until_done()
            await striking
    assert len(faults) == len(proxy.struck)
