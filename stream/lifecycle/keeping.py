"""Saves the consent table now and then, and brings it back at the start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stream.lifecycle import snapshots
from stream.lifecycle.consent import ConsentTable
from stream.lifecycle.following import Follower, Notices
from stream.lifecycle.snapshots import Snapshot, Unusable


class Keeper:
    """One snapshot file of one topic.

    A snapshot older than ``age_s_max`` is not used: compaction may have removed tombstones that it has not seen
    (delete.retention.ms, a day unless the topic says otherwise), and it would never forget those accounts.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        notices: Notices,
        *,
        interval_s: float,
        age_s_max: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._topic = topic
        self._notices = notices
        self._interval_s = interval_s
        self._age_s_max = age_s_max
        self._now = now
        self._saved: Mapping[int, int] = {}
        self._saved_at = 0.0
        self._saving: asyncio.Task[None] | None = None
        self._what: tuple[ConsentTable, Follower] | None = None

    def restore(self) -> tuple[ConsentTable, Mapping[int, int]]:
        """The table and the offsets that it covers: an empty one and none where there is no snapshot to be used."""
        found = self._read()
        if found is None:
            self._notices.snapshot_unusable(self._topic)
            return ConsentTable(), {}
        return ConsentTable(found.key, found.buckets), found.offsets

    def start(self, table: ConsentTable, follower: Follower) -> None:
        self._what = table, follower
        self._saving = asyncio.create_task(self._save_now_and_then())

    async def stop(self) -> None:
        """Saves once more."""
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)
            await self.save()

    async def save(self) -> None:
        """Off the event loop; nothing where nothing changed. A failure is told, and the service goes on."""
        if self._what is None:
            return
        table, follower = self._what
        offsets, saved_at = follower.positions(), self._now() - follower.age_s()
        if offsets == self._saved and saved_at - self._saved_at < self._age_s_max / 4:
            return
        snapshot = Snapshot(self._topic, offsets, table.key, table.buckets(), saved_at)
        try:
            await asyncio.to_thread(snapshots.write, self._path, snapshot)
        except OSError as error:
            self._notices.snapshot_failed(self._topic, type(error).__name__)
        else:
            self._saved, self._saved_at = offsets, saved_at

    def _read(self) -> Snapshot | None:
        try:
            found = snapshots.read(self._path, self._topic)
        except Unusable:
            return None
        return found if 0 <= self._now() - found.saved_at <= self._age_s_max else None

    async def _save_now_and_then(self) -> None:
        while True:
            await self.save()
            await asyncio.sleep(self._interval_s)
