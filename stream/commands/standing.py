"""From settings to what knows whose clips may still be heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stream.ops import log

if TYPE_CHECKING:
    from stream.clip import Record
    from stream.config.standing import ConsentSettings
    from stream.lifecycle.consent import ConsentTable
    from stream.lifecycle.following import Follower
    from stream.lifecycle.recalls import RecallTable
    from stream.lifecycle.standing import AccountStanding
    from stream.ops.metrics import Metrics
    from stream.ports import Schemas, Tail


class Tails(Protocol):
    """What is needed of a broker."""

    async def tail(self, topic: str, start: Mapping[int, int]) -> Tail: ...


@dataclass(frozen=True)
class Told:
    """following.Notices: the log and the metrics."""

    metrics: Metrics

    def unreachable(self, topic: str, error: str) -> None:
        name, _, _ = error.partition(" ")
        log.get().warning(log.Event.STANDING_UNREACHABLE, topic=topic, error=name, **log.missing(error))

    def unreadable(self, topic: str, records: int) -> None:
        self.metrics.standing_unreadable(topic, records)
        log.get().warning(log.Event.STANDING_UNREADABLE, topic=topic, records=records)

    def snapshot_unusable(self, topic: str) -> None:
        log.get().warning(log.Event.SNAPSHOT_UNUSABLE, topic=topic)

    def snapshot_failed(self, topic: str, error: str) -> None:
        log.get().warning(log.Event.SNAPSHOT_FAILED, topic=topic, error=error)


@dataclass(frozen=True)
class Outside:
    """What the topics are read with."""

    broker: Tails
    schemas: Schemas
    account_mac: Callable[[str], bytes]
    metrics: Metrics


def standing_of(settings: ConsentSettings, consent: str, recalls: str, outside: Outside) -> AccountStanding:
    """Follows the topics ``consent`` and ``recalls``. Not started: ``start(settings.start_seconds_max)`` before the
    first clip, ``stop`` at the end."""
    from stream.lifecycle.consent import ConsentTable
    from stream.lifecycle.keeping import Keeper
    from stream.lifecycle.recalls import RecallTable
    from stream.lifecycle.standing import AccountStanding

    keeper = None
    if settings.follow and settings.snapshot_file is not None:
        keeper = Keeper(
            settings.snapshot_file,
            consent,
            Told(outside.metrics),
            interval_s=settings.snapshot_interval_s,
            age_s_max=settings.snapshot_age_s_max,
        )
    accounts, start = (ConsentTable(), {}) if keeper is None else keeper.restore()
    windows = RecallTable()
    return AccountStanding(
        accounts,
        windows,
        outside.account_mac,
        _recall_follower(recalls, windows, outside),
        _consent_follower(consent, accounts, start, outside) if settings.follow else None,
        fresh_s=settings.fresh_seconds_max,
        keeper=keeper,
    )


def _recall_follower(topic: str, table: RecallTable, outside: Outside) -> Follower:
    from stream.lifecycle.following import Follower
    from stream.wire.standing_records import StandingRecords

    told = Told(outside.metrics)
    reading = StandingRecords(outside.schemas, lambda records: told.unreadable(topic, records))

    async def apply(records: Sequence[Record]) -> None:
        table.apply(await reading.recalls(records))

    follower = Follower(topic, lambda start: outside.broker.tail(topic, start), apply, told)
    outside.metrics.standing_of(topic, follower.age_s, lambda: len(table))
    return follower


def _consent_follower(topic: str, table: ConsentTable, start: Mapping[int, int], outside: Outside) -> Follower:
    from stream.lifecycle.following import Follower
    from stream.wire.standing_records import StandingRecords

    told = Told(outside.metrics)
    reading = StandingRecords(outside.schemas, lambda records: told.unreadable(topic, records))

    async def apply(records: Sequence[Record]) -> None:
        table.apply(await reading.consent(records))

    def discard() -> None:
        told.snapshot_unusable(topic)
        table.clear()

    follower = Follower(
        topic, lambda begin: outside.broker.tail(topic, begin), apply, told, start=start, discard=discard
    )
    outside.metrics.standing_of(topic, follower.age_s, lambda: len(table))
    return follower
