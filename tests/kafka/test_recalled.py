"""From an annotator's report to the store of a reader, on a real Kafka: the clip and its siblings are gone there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stream.lifecycle.keyring import single_ring
from stream.ports import Message
from stream.reading.clips import Clips
from stream.reading.share import GroupShare
from stream.wire.kafka import KafkaBroker
from tests.contract.stand_ins import until
from tests.lifecycle.erasing_world import World
from tests.lifecycle.stand_ins import Ring, header, published
from tests.publications import Published, Store, clip, token, value


async def publish(world: World, account: str, *numbers: int) -> None:
    """Clips that can be read, with their index entries, as the service writes them."""
    for of in map(token, numbers):
        record = Message(world.topics.anonymized, of.encode(), value(clip(of)))
        await world.broker.send([record, world.index.entry(header(account), published(of))])


async def test_what_is_reported_leaves_the_store_of_a_reader(cluster: KafkaBroker, tmp_path: Path) -> None:
    """While the reader goes on reading; clips of other accounts stay."""
    world = World(cluster, tmp_path, settle_s=1.0, keys=Ring(single_ring("default", "1", bytes(range(32)))))
    await world.open(partitions=2)
    await publish(world, "account-1", 1, 2)
    await publish(world, "account-2", 3)
    store = Store()
    clips = Clips(GroupShare(cluster.source(world.topics.anonymized, f"reader-{world.run}")), Published(), store.drop)
    await clips.start()

    async def read_on() -> None:
        async for one in clips:
            store.put(one)
            await clips.commit()

    async def keeps(*numbers: int) -> bool:
        return set(map(token, numbers)) == store.kept.keys()

    reading = asyncio.ensure_future(read_on())
    try:
        async with world.serving():
            await until(lambda: keeps(1, 2, 3))
            await world.report(token(1))
            await until(lambda: keeps(3))
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await clips.stop()
    assert {"erased 1", "erased 2"} == {told for told in store.told if told.startswith("erased")}
