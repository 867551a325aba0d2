"""What is in memory of records that nobody has asked for yet, on a real Kafka."""

from __future__ import annotations

import asyncio

from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.kafka_source import KafkaSource
from stream.worker import Limits
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

PARTITIONS, RECORDS, RECORD_BYTES = 6, 6, 1_500_000
IN_FLIGHT = Limits(held_bytes=4_000_000, lane_records=2, held_records=100, poll_s=0.05)
OVERHEAD = 1000  # of a batch


def read_ahead(source: KafkaSource) -> dict[int, int]:
    """Bytes of each partition that the client library has fetched and nobody has polled."""
    fetcher = source._consumer._fetcher
    fetched = {} if fetcher is None else fetcher._records
    return {here.partition: result._partition_records._records.size_in_bytes() for here, result in fetched.items()}


async def test_what_is_in_flight_and_read_ahead_is_bounded_and_goes_on(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """Large records and clips that take long: in flight is no more than the limit and one poll, behind it waits one
    fetch of each partition, and not the rest of the topic. Paused partitions go on once there is room, each in order.
    """
    await topics.create(cluster, PARTITIONS)
    for number in range(PARTITIONS):
        await send(cluster, topics.raw, [event(index, "hold").ljust(RECORD_BYTES) for index in range(RECORDS)], number)
    engine, meter = WishEngine(), Tally()
    one = worker(cluster, topics, engine, IN_FLIGHT, meter)
    source = one.source
    assert isinstance(source, KafkaSource)
    running = asyncio.create_task(one.run())

    async def all_wait() -> bool:
        return len(read_ahead(source)) >= PARTITIONS - 1 and meter.held_bytes_max >= IN_FLIGHT.held_bytes

    largest_fetch = max(connection.partition_fetch_bytes, RECORD_BYTES) + OVERHEAD
    await until(all_wait)
    for _ in range(20):  # nor is there more after a while
        assert meter.held_bytes_max < IN_FLIGHT.held_bytes + IN_FLIGHT.lane_records * RECORD_BYTES
        assert max(read_ahead(source).values()) <= largest_fetch
        await asyncio.sleep(0.1)
    engine.release.set()
    await until_committed(cluster, topics)
    one.stop()
    await running
    assert meter.held_bytes_max < IN_FLIGHT.held_bytes + IN_FLIGHT.lane_records * RECORD_BYTES
    assert PARTITIONS * RECORDS == len(meter.outcomes)
    every = list(range(RECORDS))
    assert dict.fromkeys(range(PARTITIONS), every) == offsets(await everything(cluster, topics.audit))
