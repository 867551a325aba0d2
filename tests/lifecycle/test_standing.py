"""Whether an account's clips may be heard, from records on topics to the reason."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stream.clip import Consent, Header, Reason
from stream.commands.standing import Outside, standing_of
from stream.config.standing import ConsentSettings
from stream.lifecycle.standing import AccountStanding
from stream.ops.metrics import Metrics
from stream.ports import Broker, StandingUnknown
from stream.whose import ConsentChange, Recall
from stream.wire.kafka import KafkaBroker
from stream.wire.local import LocalBroker
from stream.wire.standing_records import CONSENT_SCHEMA, RECALL_SCHEMA, ConsentWriter, RecallWriter
from tests.contract.stand_ins import Topics, eventually
from tests.lifecycle.follow import Known, to

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)


def mac(account_id: str) -> bytes:
    return account_id.encode().ljust(16, b"-")


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def header(account: str, told_at: datetime | None = None, captured_at: datetime = NOON) -> Header:
    return Header("clip", account, captured_at, "en-US", "speaker", Consent(True, "1", told_at), woken=True)


@dataclass
class Stage:
    """The two topics, and what follows them."""

    broker: Any
    topics: Topics
    settings: ConsentSettings = field(default_factory=lambda: ConsentSettings(fresh_seconds_max=5))
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def consent(self) -> str:
        return f"consent-{self.topics.run}"

    @property
    def recalls(self) -> str:
        return f"recalls-{self.topics.run}"

    async def create(self) -> None:
        names = frozenset({self.consent, self.recalls})
        await self.broker.create_topics(dict.fromkeys(names, 2), compacted=names)

    async def started(self) -> AccountStanding:
        standing = standing_of(
            self.settings, self.consent, self.recalls, Outside(self.broker, Known(), mac, self.metrics)
        )
        await standing.start(20)
        return standing

    async def says(self, account: str, yes: bool, when: datetime) -> None:
        writer = ConsentWriter(to(CONSENT_SCHEMA, self.consent))
        await self.broker.send([writer.change(ConsentChange(account, yes, when))])

    async def recalled(self, account: str, first: datetime, last: datetime, erased: bool) -> None:
        writer = RecallWriter(to(RECALL_SCHEMA, self.recalls))
        await self.broker.send([writer.recall(Recall(mac(account), first, last, erased))])

    def metric(self, name: str, topic: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"clipveil_{name}", {"topic": topic})


@pytest.fixture
async def stage(broker: Broker, topics: Topics) -> Stage:
    stage = Stage(broker, topics)
    await stage.create()
    return stage


@pytest.fixture
async def embedded(topics: Topics) -> Stage:
    stage = Stage(LocalBroker(), topics)
    await stage.create()
    return stage


async def test_an_opt_out_that_was_acknowledged_is_always_seen(stage: Stage) -> None:
    """One account after the other: sent, ``fresh``, refused."""
    standing = await stage.started()
    for number in range(50):
        account = f"account-{number}"
        assert standing.refusal(header(account, at(0))) is None
        await stage.says(account, False, at(1))
        await standing.fresh()
        assert Reason.OPTED_OUT == standing.refusal(header(account, at(0)))
    await standing.stop()


async def test_an_opt_out_from_before_the_start_is_seen(stage: Stage) -> None:
    """Both topics are read to their ends before anything may be asked."""
    await stage.says("a", False, at(1))
    await stage.recalled("b", at(-5), at(5), erased=False)
    standing = await stage.started()
    assert Reason.OPTED_OUT == standing.refusal(header("a"))
    assert Reason.RECALLED == standing.refusal(header("b"))
    assert standing.refusal(header("c")) is None
    await standing.stop()


@pytest.mark.parametrize(
    ("told_at", "expected"),
    [
        (None, Reason.OPTED_OUT),
        (at(0), Reason.OPTED_OUT),
        (at(1), Reason.OPTED_OUT),
        (at(1.001), None),
        (datetime.now(tz=UTC) + timedelta(hours=1), Reason.OPTED_OUT),
    ],
    ids=["no time", "older", "as new", "newer", "from the future"],
)
async def test_an_event_outruns_an_opt_out_only_by_a_newer_word(
    embedded: Stage, told_at: datetime | None, expected: Reason | None
) -> None:
    """The account said no at minute 1; the event says yes as of ``told_at``."""
    await embedded.says("a", False, at(1))
    standing = await embedded.started()
    assert expected == standing.refusal(header("a", told_at))
    await standing.stop()


async def test_a_yes_that_is_newer_than_the_no_lifts_it(embedded: Stage) -> None:
    """Newest wins; an older yes that comes later does not."""
    await embedded.says("a", False, at(1))
    await embedded.says("a", True, at(0))
    standing = await embedded.started()
    assert Reason.OPTED_OUT == standing.refusal(header("a"))
    await embedded.says("a", True, at(2))
    await standing.fresh()
    assert standing.refusal(header("a")) is None
    await standing.stop()


async def test_a_recall_counts_whatever_the_account_said(embedded: Stage) -> None:
    """Before consent, and only for recordings inside it."""
    await embedded.says("a", False, at(0))
    await embedded.says("b", True, at(0))
    for account in ("a", "b"):
        await embedded.recalled(account, at(-10), at(10), erased=False)
    standing = await embedded.started()
    assert [Reason.RECALLED] * 2 == [standing.refusal(header(account, at(5))) for account in ("a", "b")]
    outside = at(11)
    assert [Reason.OPTED_OUT, None] == [standing.refusal(header(who, None, outside)) for who in ("a", "b")]
    await standing.stop()


async def test_a_yes_from_before_an_erasure_is_none_after_it(embedded: Stage) -> None:
    """With the account's consent an opt-out is forgotten too: only a newer word lets anybody hear it again."""
    await embedded.recalled("a", at(-10), at(10), erased=True)
    standing = await embedded.started()
    told = [None, at(-20), at(10), at(11)]
    found = [standing.refusal(header("a", changed_at, at(20))) for changed_at in told]
    assert [Reason.ERASED, Reason.ERASED, Reason.ERASED, None] == found
    await standing.stop()


async def test_without_following_only_recalls_count(embedded: Stage) -> None:
    """A deployment whose events alone carry consent; erasure works all the same."""
    embedded.settings = ConsentSettings(follow=False)
    await embedded.says("a", False, at(0))
    await embedded.recalled("b", at(-1), at(1), erased=True)
    standing = await embedded.started()
    assert [None, Reason.ERASED] == [standing.refusal(header(account)) for account in ("a", "b")]
    await standing.stop()


async def test_a_record_that_can_not_be_read_stops_its_account_alone(embedded: Stage) -> None:
    """The poisonous record is counted; its account's clips stay unheard, however new the event's word; others go on."""
    poisonous = ConsentWriter(to(CONSENT_SCHEMA, embedded.consent)).change(ConsentChange("a", True, at(0)))
    standing = await embedded.started()
    await embedded.broker.send([type(poisonous)(poisonous.topic, poisonous.key, b"canary")])
    await standing.fresh()
    now = datetime.now(tz=UTC)
    assert [Reason.OPTED_OUT, None] == [standing.refusal(header(account, now)) for account in ("a", "b")]
    assert 1 == embedded.metric("standing_unreadable_total", embedded.consent)
    await embedded.broker.send([ConsentWriter(to(CONSENT_SCHEMA, embedded.consent)).forget("a")])
    await standing.fresh()
    assert standing.refusal(header("a", now)) is None
    await standing.stop()


async def test_nothing_is_known_while_a_recall_names_nobody(embedded: Stage) -> None:
    """It may be anybody's erasure: nothing is published until it is taken back."""
    message = RecallWriter(to(RECALL_SCHEMA, embedded.recalls)).recall(Recall(mac("a"), at(0), at(1), True))
    standing = await embedded.started()
    await embedded.broker.send([type(message)(message.topic, b"another format", message.value)])
    with pytest.raises(StandingUnknown):
        await standing.fresh()
    with pytest.raises(StandingUnknown):
        await embedded.started()
    await embedded.broker.send([type(message)(message.topic, b"another format", None)])
    await standing.fresh()
    await standing.stop()


async def test_a_start_from_a_snapshot_reads_only_what_is_new(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the snapshot covers is known, what was written since is read."""
    path = tmp_path / "consent.snapshot"
    stage.settings = ConsentSettings(snapshot_file=path, fresh_seconds_max=5)
    for number in range(40):
        await stage.says(f"account-{number}", False, at(0))
    first = await stage.started()
    await first.stop()
    await stage.says("account-7", True, at(1))
    await stage.says("new", False, at(1))
    asked = 0

    async def counted(self: Known, reference: int | str) -> str:
        nonlocal asked
        asked += 1
        return await known(self, reference)

    known = Known.writer_schema
    monkeypatch.setattr(Known, "writer_schema", counted)
    second = await stage.started()
    assert 2 == asked
    refused = [second.refusal(header(account)) for account in ("account-6", "account-7", "new", "nobody")]
    assert [Reason.OPTED_OUT, None, Reason.OPTED_OUT, None] == refused
    assert 41 == stage.metric("standing_entries", stage.consent)
    await second.stop()


async def test_a_snapshot_that_can_not_be_trusted_is_not_used(embedded: Stage, tmp_path: Path) -> None:
    """Of a topic that was made anew, damaged, or too old: everything is read from the beginning."""
    path = tmp_path / "consent.snapshot"
    embedded.settings = ConsentSettings(snapshot_file=path)
    for number in range(9):
        await embedded.says("old", False, at(number))
    await (await embedded.started()).stop()
    whole = path.read_bytes()

    anew = Stage(LocalBroker(), embedded.topics, embedded.settings)
    await anew.create()
    await anew.says("new", False, at(0))
    await _assert_read_anew(anew, old=None)
    path.write_bytes(whole[:-100] + bytes(100))
    await _assert_read_anew(embedded, old=Reason.OPTED_OUT)
    path.write_bytes(whole)
    embedded.settings = ConsentSettings(snapshot_file=path, snapshot_age_s_max=0.2, snapshot_interval_s=0.1)
    await asyncio.sleep(0.3)
    await _assert_read_anew(embedded, old=Reason.OPTED_OUT)


async def _assert_read_anew(stage: Stage, old: Reason | None) -> None:
    await stage.says("new", False, at(0))
    standing = await stage.started()
    assert [old, Reason.OPTED_OUT] == [standing.refusal(header(account)) for account in ("old", "new")]
    await standing.stop()


async def test_a_folder_that_takes_no_snapshot_stops_nothing(embedded: Stage, tmp_path: Path) -> None:
    """The failure is told; consent is known from the topic."""
    folder = tmp_path / "state"
    embedded.settings = ConsentSettings(snapshot_file=folder / "consent.snapshot")
    await embedded.says("a", False, at(0))
    standing = await embedded.started()
    await asyncio.sleep(0.2)
    await standing.fresh()
    assert Reason.OPTED_OUT == standing.refusal(header("a"))
    await standing.stop()
    assert not folder.exists()


async def test_snapshots_are_written_now_and_then(embedded: Stage, tmp_path: Path) -> None:
    """Not only at the end: a process that is killed starts quickly too."""
    path = tmp_path / "consent.snapshot"
    embedded.settings = ConsentSettings(snapshot_file=path, snapshot_interval_s=0.05)
    standing = await embedded.started()
    await eventually(True, lambda: _exists(path))
    first = path.stat().st_mtime_ns
    await embedded.says("a", False, at(0))
    await eventually(True, lambda: _changed(path, first))
    await standing.stop()


async def test_nothing_is_known_where_the_topics_are_not(cluster: KafkaBroker, topics: Topics) -> None:
    """A misspelt name ends the start, and not in "nobody has opted out"."""
    stage = Stage(cluster, topics)
    standing = standing_of(stage.settings, stage.consent, stage.recalls, Outside(cluster, Known(), mac, stage.metrics))
    with pytest.raises(StandingUnknown):
        await standing.start(2)
    with pytest.raises(StandingUnknown):
        await standing.fresh()
    await standing.stop()


async def _exists(path: Path) -> bool:
    return path.exists()


async def _changed(path: Path, since: int) -> bool:
    return path.stat().st_mtime_ns != since
