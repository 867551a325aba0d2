"""The keeper of snapshots: what it brings back, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream.lifecycle.consent import ConsentTable
from stream.lifecycle.keeping import Keeper
from stream.whose import ConsentChange
from stream.wire.local import LocalBroker
from tests.lifecycle.follow import Notes, Values, follower

TOPIC = "clips.consent"
NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)


class Clock:
    """Seconds since 1970, as a test has them."""

    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now_s


async def saved(path: Path, notes: Notes, clock: Clock) -> Keeper:
    """A keeper that has saved a table of one account."""
    broker = LocalBroker()
    await broker.create_topics({TOPIC: 1})
    table = ConsentTable()
    table.apply([("a", ConsentChange("a", False, NOON))])
    keeper = Keeper(path, TOPIC, notes, interval_s=3_600, age_s_max=100, now=clock)
    following = follower(broker, TOPIC, Values())
    await following.start(10)
    keeper.start(table, following)
    await keeper.stop()
    await following.stop()
    return keeper


@pytest.mark.parametrize(("later_s", "usable"), [(0.0, True), (95.0, True), (101.0, False), (-50.0, False)])
async def test_a_snapshot_is_used_only_while_no_tombstone_can_be_missed(
    tmp_path: Path, later_s: float, usable: bool
) -> None:
    """Neither a day later nor from the future; then the table is empty, nothing is covered, and it is told."""
    notes, clock = Notes(), Clock()
    keeper = await saved(tmp_path / "s", notes, clock)
    clock.now_s += later_s
    table, offsets = keeper.restore()
    assert ({0: 0} if usable else {}) == offsets
    assert usable == (table.newest("a") is not None)
    assert (0 if usable else 1) == notes.told["snapshot_unusable"]


async def test_a_failure_to_save_is_told(tmp_path: Path) -> None:
    """By the class of the error; the old file, if there was one, stays."""
    notes = Notes()
    await saved(tmp_path / "missing" / "s", notes, Clock())
    assert notes.told["snapshot_failed"] >= 1


async def test_nothing_is_written_again_where_nothing_changed(tmp_path: Path) -> None:
    """Until the snapshot would soon be too old."""
    notes, clock = Notes(), Clock()
    keeper = await saved(tmp_path / "s", notes, clock)
    written = (tmp_path / "s").stat().st_ino
    await keeper.save()
    assert written == (tmp_path / "s").stat().st_ino
    clock.now_s += 60
    await keeper.save()
    assert written != (tmp_path / "s").stat().st_ino
