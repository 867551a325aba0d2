"""Producers that write clip events in transactions of their own, on a real Apache Kafka."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer

from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.worker import Limits
from tests.contract.stand_ins import (
    Tally,
    Topics,
    WishEngine,
    event,
    eventually,
    everything,
    offsets,
    send,
    until,
    worker,
)


async def audited(broker: KafkaBroker, topics: Topics) -> dict[int, list[int]]:
    return offsets(await everything(broker, topics.audit))


async def test_aborted_events_are_never_heard_and_open_ones_hold_their_partition_only(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """What was taken back did not happen, and is not missed either; what may still be taken back waits, and so does
    what comes behind it in its partition."""
    await topics.create(cluster, 2)
    upstream = AIOKafkaProducer(**connection.client(), transactional_id=f"upstream-{topics.run}")
    await upstream.start()
    await upstream.begin_transaction()
    await upstream.send_and_wait(topics.raw, event(0), partition=0)
    await upstream.abort_transaction()
    await upstream.begin_transaction()
    await upstream.send_and_wait(topics.raw, event(1), partition=0)  # offset 2: an aborted one and its end before it
    await send(cluster, topics.raw, [event(2)])
    await send(cluster, topics.raw, [event(3)], 1)

    engine, meter = WishEngine(), Tally()
    one = worker(cluster, topics, engine, Limits(lag_s=0.1), meter)
    running = asyncio.create_task(one.run())
    await eventually({1: [0]}, lambda: audited(cluster, topics), 60.0)
    await asyncio.sleep(1.0)
    assert {1: [0]} == await audited(cluster, topics)
    assert one.health.ready

    await upstream.commit_transaction()
    await eventually({0: [2, 3], 1: [0]}, lambda: audited(cluster, topics), 60.0)
    await upstream.stop()
    await until(lambda: idle(one.health.in_flight))
    one.stop()
    await running
    assert (3, 0) == (sum(engine.seen.values()), meter.gone)


async def idle(in_flight: int) -> bool:
    return not in_flight
