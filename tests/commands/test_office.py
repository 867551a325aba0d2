"""What decides whose clips may be heard, put together from settings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stream.commands import office
from stream.commands.connect import topics_of
from stream.commands.failure import CommandFailed
from stream.config import Settings
from stream.lifecycle.keyring import KeyRing
from stream.lifecycle.sampling import PartitionSampler
from stream.ops.metrics import Metrics
from stream.ports import BrokerUnavailable, CommitFailed, Partition
from stream.wire.local import LocalBroker
from stream.wire.registry_files import FileRegistry
from tests.contract.stand_ins import WishEngine
from tests.offices import RING


async def test_a_service_that_has_nothing_to_do_looks_at_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that was taken out of the ring is forgotten although no clip comes."""
    monkeypatch.setattr(office, "LOOK_S", 0.01)
    asked: list[None] = []

    def ring() -> KeyRing:
        asked.append(None)
        return RING

    broker, registry = LocalBroker(), FileRegistry(tmp_path)
    await broker.create_topics(dict.fromkeys(topics_of(Settings()), 2))
    async with office.office_of(Settings(), ring, WishEngine(), broker, registry, Metrics()):
        before = len(asked)
        async with asyncio.timeout(10):
            while len(asked) < before + 3:
                await asyncio.sleep(0.01)
    after = len(asked)
    await asyncio.sleep(0.05)
    assert after == len(asked)


@pytest.mark.parametrize("setting", ["audit", "sampling"])
async def test_what_is_kept_by_partition_needs_as_many(tmp_path: Path, setting: str) -> None:
    """A chain or a count that two input partitions share could not be restored for either: nothing starts."""
    settings, broker, registry = Settings(), LocalBroker(), FileRegistry(tmp_path)
    topic = getattr(settings.topics, setting)
    await broker.create_topics({name: 1 if name == topic else 2 for name in topics_of(settings)})
    with pytest.raises(CommandFailed, match=f"topic {topic} needs at least as many partitions"):
        async with office.office_of(settings, lambda: RING, WishEngine(), broker, registry, Metrics()):
            pass


async def test_an_input_may_get_more_partitions(tmp_path: Path) -> None:
    """Under way: its cap is divided among all that there are when a lane opens, and one that no broker knows of yet
    fails as brokers do, and ends no worker."""
    settings, broker, registry = Settings(), LocalBroker(), FileRegistry(tmp_path)
    await broker.create_topics(dict.fromkeys(topics_of(settings), 2))
    raw = settings.topics.raw
    async with office.office_of(settings, lambda: RING, WishEngine(), broker, registry, Metrics()) as ours:
        with pytest.raises(CommitFailed, match="PartitionUnknown"):
            await ours.sampler(Partition(raw, 2))
        for topic in (raw, settings.topics.sampling):
            broker._logs[topic].append([])
        for number in range(3):
            sampler = await ours.sampler(Partition(raw, number))
            assert isinstance(sampler, PartitionSampler)
            assert 3 == sampler._partitions


async def test_brokers_that_are_away_fail_the_opening_and_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the class of their error."""
    settings, broker, registry = Settings(), LocalBroker(), FileRegistry(tmp_path)
    await broker.create_topics(dict.fromkeys(topics_of(settings), 1))
    async with office.office_of(settings, lambda: RING, WishEngine(), broker, registry, Metrics()) as ours:

        async def away(topic: str) -> None:
            raise BrokerUnavailable("NodeNotReadyError")

        monkeypatch.setattr(broker, "end_offsets", away)
        with pytest.raises(CommitFailed, match="NodeNotReadyError"):
            await ours.sampler(Partition(settings.topics.raw, 0))
