"""From settings to what answers requests for erasure, and reports."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from stream.commands.chains import chain_of
from stream.commands.stores import removable
from stream.ops import log

if TYPE_CHECKING:
    from stream.clip import Reason, Record
    from stream.config import Settings
    from stream.lifecycle.following import Follower
    from stream.lifecycle.index import PublishedIndex
    from stream.lifecycle.keyring import KeyRing
    from stream.lifecycle.receipts import Signer
    from stream.lifecycle.removing import Remover
    from stream.lifecycle.requests import Answers, RequestIntake
    from stream.lifecycle.sweeping import Sweep
    from stream.ops.request_metrics import RequestMetrics
    from stream.ports import Broker, Partition
    from stream.whose import IndexEntry
    from stream.wire.outcomes import Destination
    from stream.wire.registry import Registry
    from stream.worker import Worker

FRESH_S = 2.0  # a look that takes longer is made again
START_S_MAX = 900.0  # for reading the index
DRAIN_S = 5.0  # what waits for its last look is done again after a restart


@dataclass(frozen=True)
class Outside:
    """All that the desk is made of."""

    settings: Settings
    broker: Broker
    registry: Registry
    destinations: Mapping[str, Destination]  # by schema, and by topic for the two audits
    ring: Callable[[], KeyRing]
    signer: Signer
    metrics: RequestMetrics


@dataclass(frozen=True)
class Desk:
    """The two workers, and what runs beside them."""

    erasures: Worker
    reports: Worker
    index: PublishedIndex
    sweep: Sweep
    followers: Sequence[Follower] = field(repr=False)
    rolling: Callable[[], Coroutine[None, None, None]] = field(repr=False)

    @property
    def workers(self) -> tuple[Worker, Worker]:
        return self.erasures, self.reports

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Returns when index and recalls are read to their ends. Raises StandingUnknown."""
        for follower in self.followers:  # the recalls first: the index is held against them
            stack.push_async_callback(follower.stop)
            await follower.start(START_S_MAX)


@dataclass(frozen=True)
class Told:
    """following.Notices, in the log."""

    def unreachable(self, topic: str, error: str) -> None:
        name, _, _ = error.partition(" ")
        log.get().warning(log.Event.STANDING_UNREACHABLE, topic=topic, error=name, **log.missing(error))

    def unreadable(self, topic: str, records: int) -> None:
        log.get().warning(log.Event.STANDING_UNREADABLE, topic=topic, records=records)

    def snapshot_unusable(self, topic: str) -> None:
        """There is none."""

    def snapshot_failed(self, topic: str, error: str) -> None:
        """There is none."""


def topics_of(settings: Settings) -> tuple[str, ...]:
    """All topics that are read or written for requests."""
    of = settings.topics
    requests = (of.erasure, of.reports, of.erasure_receipts, of.erasure_audit, of.reports_audit)
    return (*requests, of.anonymized, of.index, of.recalls, of.consent)


async def destinations_of(settings: Settings, registry: Registry) -> dict[str, Destination]:
    """Where records of each schema go; of the two audits by the name of their topic. Raises CommandFailed."""
    from stream.commands.connect import register
    from stream.wire.outcomes import AUDIT_SCHEMA
    from stream.wire.request_records import ERASURE_SCHEMA, RECEIPT_SCHEMA, REPORT_SCHEMA
    from stream.wire.standing_records import RECALL_SCHEMA

    of = settings.topics
    sinks = {
        ERASURE_SCHEMA: of.erasure,
        REPORT_SCHEMA: of.reports,
        RECEIPT_SCHEMA: of.erasure_receipts,
        RECALL_SCHEMA: of.recalls,
    }
    found = await register(registry, sinks, settings)
    for topic in (of.erasure_audit, of.reports_audit):
        found[topic] = (await register(registry, {AUDIT_SCHEMA: topic}, settings))[AUDIT_SCHEMA]
    return found


def desk_of(outside: Outside) -> Desk:
    """Not started: ``start`` it, then ``run`` its workers and its sweep."""
    from stream.lifecycle.following import Follower
    from stream.lifecycle.index import PublishedIndex, SealedIndex
    from stream.lifecycle.recalls import RecallTable
    from stream.lifecycle.rolling import keep_rolling
    from stream.lifecycle.sweeping import Sweep
    from stream.wire.index_records import decode_entry, encode_entry
    from stream.wire.standing_records import StandingRecords

    topics, broker, told = outside.settings.topics, outside.broker, Told()
    settle_s = outside.settings.erasing.settle_s(outside.settings.kafka.transaction_timeout_s)
    roll_s = outside.settings.erasing.roll_seconds
    recalls = RecallTable()
    sweep = Sweep(recalls, partial(_ask_again, outside), patience_s=2 * settle_s)
    sealed = SealedIndex(topics.index, outside.ring, encode_entry, decode_entry)
    index = PublishedIndex(sealed, sweep.met)
    reading = StandingRecords(outside.registry, partial(told.unreadable, topics.recalls))

    async def apply(records: Sequence[Record]) -> None:
        recalls.apply(await reading.recalls(records))

    followers = (
        Follower(topics.recalls, partial(broker.tail, topics.recalls), apply, told),
        Follower(topics.index, partial(broker.tail, topics.index), index.apply, told),
    )
    outside.metrics.watch_index(lambda: len(index), lambda: index.unreadable)
    remover = _remover(outside, index, followers[1], settle_s)
    return Desk(
        erasures=_worker(outside, "erasure", topics.erasure, topics.erasure_audit, _erasures(outside, remover, sweep)),
        reports=_worker(outside, "report", topics.reports, topics.reports_audit, _reports(outside, remover)),
        index=index,
        sweep=sweep,
        followers=followers,
        rolling=partial(keep_rolling, (topics.anonymized, topics.index), broker.end_offsets, broker.send, roll_s),
    )


def _remover(outside: Outside, index: PublishedIndex, follower: Follower, settle_s: float) -> Remover:
    from stream.lifecycle.removing import Remover

    topics = outside.settings.topics
    return Remover(
        index=index,
        fresh=partial(follower.fresh, FRESH_S),
        send=outside.broker.send,
        objects=removable(outside.settings),
        anonymized_topic=topics.anonymized,
        index_topic=topics.index,
        settle_s=settle_s,
    )


def _erasures(outside: Outside, remover: Remover, sweep: Sweep) -> Answers:
    from stream.lifecycle.erasing import Erasures
    from stream.wire.outcomes import Destination
    from stream.wire.request_records import RECEIPT_SCHEMA, Requests, receipt_message
    from stream.wire.standing_records import RECALL_SCHEMA, ConsentWriter, RecallWriter

    to = outside.destinations
    consent = Destination(outside.settings.topics.consent, 0)  # tombstones have no schema
    return Erasures(
        remover=remover,
        decode=Requests(outside.registry).erasure,
        digest=lambda account: outside.ring().account_mac(account),
        campaign=lambda: outside.ring().campaign,
        recalled=RecallWriter(to[RECALL_SCHEMA]).recall,
        consent_forgotten=ConsentWriter(consent).forget,
        receipt=lambda receipt: receipt_message(receipt, to[RECEIPT_SCHEMA]),
        signer=outside.signer,
        asked=sweep.asked,
    ).answer


def _reports(outside: Outside, remover: Remover) -> Answers:
    from stream.lifecycle.erasing import Reports
    from stream.wire.request_records import Requests
    from stream.wire.standing_records import RECALL_SCHEMA, RecallWriter

    return Reports(
        remover=remover,
        decode=Requests(outside.registry).report,
        recalled=RecallWriter(outside.destinations[RECALL_SCHEMA]).recall,
        window=timedelta(seconds=outside.settings.erasing.report_window_seconds),
    ).answer


def _worker(outside: Outside, kind: str, topic: str, audit_topic: str, answer: Answers) -> Worker:
    from stream.lifecycle.requests import RequestIntake
    from stream.wire.outcomes import AUDIT_SCHEMA, Outcomes
    from stream.worker import Limits, Worker

    broker, group = outside.broker, f"{outside.settings.kafka.group}-{kind}"
    audit = Outcomes({AUDIT_SCHEMA: outside.destinations[audit_topic]})
    most = outside.settings.erasing.requests_in_flight_max

    def intake(partition: Partition) -> RequestIntake:
        chain = partial(chain_of, broker, outside.registry, audit_topic, group, partition)
        return RequestIntake(answer, audit, chain, lambda: outside.ring().campaign)

    limits = Limits(
        lane_records=most,
        held_records=10 * most,
        failures_in_a_row=outside.settings.worker.commit_failures_in_a_row_max,
        drain_s=DRAIN_S,
    )
    source = broker.source(topic, group)
    return Worker(
        source, lambda partition: broker.outbox(partition, group), intake, outside.metrics.meter(kind), limits
    )


async def _ask_again(outside: Outside, entry: IndexEntry, reason: Reason, request_id: str) -> None:
    """A request like any other, for a copy that turned up late. Raises NotDelivered."""
    from stream.clip import Reason
    from stream.whose import ErasureRequest, Report
    from stream.wire.request_records import ERASURE_SCHEMA, REPORT_SCHEMA, erasure_message, report_message

    to = outside.destinations
    if reason is Reason.ERASED:
        request = ErasureRequest(request_id, entry.account_id, entry.captured_at, entry.campaign)
        await outside.broker.send([erasure_message(request, to[ERASURE_SCHEMA])])
    else:
        await outside.broker.send([report_message(Report(entry.token, datetime.now(UTC)), to[REPORT_SCHEMA])])
