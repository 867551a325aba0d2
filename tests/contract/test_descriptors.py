"""What is opened again and again is closed as often: no socket and no task is left of it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil

from stream.ports import Broker, Partition
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.worker import Limits, Worker
from tests.contract.stand_ins import (
    Tally,
    Topics,
    WishEngine,
    event,
    everything,
    offsets,
    send,
    until,
    until_committed,
    worker,
)
from tests.kafka.server import KafkaServer

ROUNDS, FIRST = 50, 10
Held = tuple[int, int]


async def held(until_no_more_than: Held | None = None) -> Held:
    """Descriptors and tasks of this process; what is being closed gets a while for it."""
    for _ in range(100):
        gc.collect()
        now = psutil.Process().num_fds(), len(asyncio.all_tasks())
        if until_no_more_than is None or (now[0] <= until_no_more_than[0] and now[1] <= until_no_more_than[1]):
            break
        await asyncio.sleep(0.1)
    return now


async def check_rounds(once: Callable[[], Awaitable[object]], rounds: int = ROUNDS, first: int = FIRST) -> None:
    """After all rounds no more is held than after the first few of them."""
    for _ in range(first):
        await once()
    await asyncio.sleep(1.0)
    before = await held()
    for _ in range(rounds - first):
        await once()
    after = await held(before)
    assert after[0] <= before[0], "descriptors"
    assert after[1] <= before[1], "tasks"


async def test_lanes_that_are_fenced_and_reopened(broker: Broker, topics: Topics) -> None:
    """Each time a rival fences the lane's producer; the lane discards it and opens with another."""
    await topics.create(broker)
    meter = Tally()
    one = worker(broker, topics, WishEngine(), Limits(fenced_s=0.05, retry_s=0.01), meter)
    running = asyncio.create_task(one.run())

    async def fence() -> None:
        rival = broker.outbox(Partition(topics.raw, 0), topics.group)
        await rival.start()
        await rival.stop()
        await send(broker, topics.raw, [event(0)])
        await until_committed(broker, topics)

    await until(lambda: ready(one))
    await check_rounds(fence)
    one.stop()
    await running
    assert ROUNDS <= meter.fenced
    assert {0: list(range(ROUNDS))} == {0: sorted(set(offsets(await everything(broker, topics.audit))[0]))}


async def test_tails(broker: Broker, topics: Topics) -> None:
    """Following a topic anew, as is done after every outage."""
    await topics.create(broker, 2)
    await send(broker, topics.raw, [event(0)])

    async def follow() -> None:
        tail = await broker.tail(topics.raw, {})
        await tail.poll(0.01)
        await tail.stop()

    await check_rounds(follow)


async def test_members_that_come_and_go(broker: Broker, topics: Topics) -> None:
    """A worker that is stopped leaves nothing behind in its process."""
    await topics.create(broker, 2)

    async def work() -> None:
        await send(broker, topics.raw, [event(0)])
        one = worker(broker, topics, WishEngine())
        running = asyncio.create_task(one.run())
        await until_committed(broker, topics)
        one.stop()
        await running

    await check_rounds(work, rounds=12, first=4)


async def test_brokers_that_restart(connection: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    """Killed and started again, several times: the worker goes on, with no more sockets than before."""
    server = KafkaServer(tmp_path)
    server.start()
    broker = KafkaBroker(replace(connection, bootstrap_servers=server.bootstrap, request_timeout_s=5.0))
    await topics.create(broker, 2)
    limits = Limits(retry_s=0.5, fenced_s=0.5, failures_in_a_row=100)
    one = worker(broker, topics, WishEngine(), limits)
    running = asyncio.create_task(one.run())

    async def restart() -> None:
        server.stop()
        await asyncio.to_thread(server.start)
        await send_patiently(broker, topics)
        await until_committed(broker, topics, 90)

    try:
        await until(lambda: ready(one))
        await check_rounds(restart, rounds=4, first=1)
        one.stop()
        await running
        assert {0: [0, 1, 2, 3]} == {0: sorted(set(offsets(await everything(broker, topics.audit))[0]))}
        await broker.close()
    finally:
        server.stop()


async def send_patiently(broker: Broker, topics: Topics) -> None:
    """Once: a broker that just came up refuses for a while."""
    for _ in range(60):
        try:
            return await send(broker, topics.raw, [event(0)])
        except Exception:
            await asyncio.sleep(0.5)
    raise AssertionError("the broker did not come back")


async def ready(one: Worker) -> bool:
    return one.health.ready
