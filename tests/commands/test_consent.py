"""``clipveil consent set`` writes what the service reads."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stream.wire.kafka import KafkaBroker
from stream.wire.registry_files import FileRegistry
from stream.wire.standing_records import StandingRecords
from tests.commands.test_cli import clipveil
from tests.contract.stand_ins import Topics, everything
from tests.kafka.server import KafkaServer


async def test_words_and_tombstones_are_written(
    kafka: KafkaServer, cluster: KafkaBroker, topics: Topics, tmp_path: Path
) -> None:
    """A no, a yes, and what forgets the account: each under the account's key, readable with the registry's schema."""
    await cluster.create_topics({topics.raw: 1})
    place = {"CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "CLIPVEIL_REGISTRY__FOLDER": str(tmp_path)}
    for word in ("--no", "--yes", "--forget"):
        told = await asyncio.to_thread(clipveil, "consent", "set", "a-1", word, "--topic", topics.raw, **place)
        assert (0, f"written to {topics.raw}\n") == (told.returncode, told.stdout), told.stderr
    unreadable: list[int] = []
    reading = StandingRecords(FileRegistry(tmp_path), unreadable.append)
    found = await reading.consent(await everything(cluster, topics.raw))
    assert [("a-1", False), ("a-1", True), ("a-1", None)] == [
        (account, None if change is None else change.human_review) for account, change in found
    ]
    assert [] == unreadable


@pytest.mark.parametrize("words", [[], ["--yes", "--forget"]])
def test_one_thing_has_to_be_said(words: list[str]) -> None:
    """Neither nothing nor two things at once; nothing is written."""
    told = clipveil("consent", "set", "a-1", *words)
    assert 2 == told.returncode
    assert "--forget" in told.stderr
