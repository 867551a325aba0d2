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
from stream.ops.metrics import Metrics
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
