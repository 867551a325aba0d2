"""``clipveil erase`` on the embedded broker and on a real Kafka: what is gone, what stays, what is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from stream.clip import Reason
from stream.commands.erasing import FRESH_S
from stream.lifecycle.rolling import ROLL_KEY
from stream.ports import Broker, Message
from stream.whose import Recall
from stream.wire.kafka import KafkaBroker
from stream.wire.local import LocalBroker
from stream.wire.standing_records import RECALL_SCHEMA, ConsentWriter, RecallWriter, StandingRecords
from tests.contract.stand_ins import everything
from tests.lifecycle.erasing_world import LATER, Kept, World, copies, until, values
from tests.lifecycle.stand_ins import MORNING, ring

CANARY = "account-canary-7731"
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["embedded", "kafka"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    embedded = request.param == "embedded"
    cluster: Broker = LocalBroker() if embedded else KafkaBroker(request.getfixturevalue("connection"))
    yield cluster
    await cluster.close()


@pytest.fixture
async def world(broker: Broker, tmp_path: Path) -> World:
    return await World(broker, tmp_path).open()


async def recalls(world: World) -> list[Recall]:
    reading = StandingRecords(world.registry, lambda _: None)
    changes = await reading.recalls(await everything(world.broker, world.topics.recalls))
    return [change.recall for change in changes if change.recall is not None]


# ------------------------------------------------------------------ erasure
async def test_an_erasure_takes_back_everything_of_the_account_and_nothing_else(world: World) -> None:
    """Published records and index entries of the account are gone, of others they are not; the receipt lists each copy
    by token; a recall for workers came before; the audit counts."""
    await world.publish(CANARY, "a1", "a2")
    await world.publish("another", "b1")
    async with world.serving():
        await world.request(CANARY, "r1")
        await world.answered(1)
    assert ({"b1"}, {"b1"}) == (await world.readable(), await world.indexed())
    [receipt] = await world.receipts()
    assert ("r1", ["a1", "a2"], 0, "spring") == (
        receipt.request_id,
        copies(receipt),
        receipt.unreadable,
        receipt.campaign,
    )
    assert receipt.is_by(world.signer.key.public_key())
    [recall] = await recalls(world)
    assert (world.index.digest(CANARY), LATER, True) == (recall.account, recall.last, recall.erased)
    assert recall.first < MORNING
    [told] = await world.audit(world.topics.erasure_audit)
    assert ("erased", 2, None) == (told["outcome"], told["records"], told["reason"])


async def test_clips_recorded_after_the_request_stay(world: World) -> None:
    """A request is for what was recorded up to it: whoever comes back is not erased again."""
    await world.publish(CANARY, "old")
    await world.publish(CANARY, "new", after=timedelta(days=2))
    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
    assert {"new"} == await world.readable()


async def test_the_consent_of_an_erased_account_is_forgotten(world: World) -> None:
    """Its record on the consent topic is tombstoned; those of others stay."""
    topic = world.topics.consent
    await world.broker.send([Message(topic, CANARY.encode(), b"no"), Message(topic, b"another", b"no")])
    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
    assert {CANARY: None, "another": b"no"} == await world.newest(topic)


async def test_nothing_that_is_written_names_the_account(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Not the receipt, not the recall, not the audit, not the log; its sealed index entry neither. The tombstone of its
    consent is all that has its name as a key."""
    await world.publish(CANARY, "a1")
    async with world.serving():
        await world.request(CANARY)
        await world.report("a1")
        await world.answered(2)
    of = world.topics
    for topic in (of.erasure_receipts, of.recalls, of.erasure_audit, of.reports_audit, of.index, of.anonymized):
        assert CANARY.encode() not in values(await everything(world.broker, topic)), topic
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
    assert CANARY not in repr(vars(world.service()))


async def test_a_clip_in_flight_is_taken_back_before_the_receipt_is_signed(broker: Broker, tmp_path: Path) -> None:
    """What a worker had let through before the recall shows in the index a moment later: it is gone at once, and in the
    receipt."""
    world = await World(broker, tmp_path, settle_s=2.0).open()
    await world.publish(CANARY, "a1")
    async with world.serving():
        await world.request(CANARY)
        await until_gone(world, "a1", 5.0)
        assert [] == await world.receipts(), "signed before it could be known"
        await world.publish(CANARY, "late")
        await until_gone(world, "late", 1.9)
        await world.answered(1)
    [receipt] = await world.receipts()
    assert ["a1", "late"] == copies(receipt)
    assert set() == await world.indexed()


class Ordered(Kept):
    """A broker that remembers to which topics was sent, in which order; what keeps compaction going does not count."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self.topics: list[str] = []

    async def send(self, messages: Sequence[Message]) -> None:
        self.topics += [message.topic for message in messages if message.key != ROLL_KEY]
        await self._broker.send(messages)


async def test_the_recall_comes_before_anything_is_taken_back(world: World) -> None:
    """A worker that publishes after the first look at the index, and had not heard of the recall, would go unseen."""
    await world.publish(CANARY, "a1", "a2", "a3")
    ordered, of = Ordered(world.broker), world.topics
    async with world.serving(ordered):  # type: ignore[arg-type]
        await world.report("a1")
        await world.answered(1)
        assert [of.recalls, of.anonymized] == list(dict.fromkeys(ordered.topics))
        await world.publish(CANARY, "a4", after=timedelta(hours=2))
        ordered.topics.clear()
        await world.request(CANARY)
        await world.answered(2)
        assert [of.recalls, of.consent, of.anonymized] == list(dict.fromkeys(ordered.topics))


async def until_gone(world: World, token: str, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while token in await world.readable():
            await asyncio.sleep(0.02)


async def test_a_clip_in_an_open_transaction_is_waited_for(broker: Broker, tmp_path: Path) -> None:
    """An index entry that is written and not yet committed holds the receipt up, however long the wait was set."""
    world = await World(broker, tmp_path, settle_s=0.2).open()
    async with world.serving():
        commit = await world.half_published(CANARY, "slow")
        await world.request(CANARY)
        await asyncio.sleep(3 * FRESH_S)  # one look that fails, and one more
        assert [] == await world.receipts()
        await commit()
        await world.answered(1)
    [receipt] = await world.receipts()
    assert (["slow"], set()) == (copies(receipt), await world.readable())


async def test_waiting_requests_do_not_wait_for_each_other(broker: Broker, tmp_path: Path) -> None:
    """Thirty requests of one partition take about as long as one, and their order is kept in the audit."""
    world = await World(broker, tmp_path, settle_s=1.5).open()
    for number in range(30):
        await world.publish(f"account-{number}", f"t{number}")
        await world.request(f"account-{number}", f"r{number}")
    async with world.serving(), asyncio.timeout(12):
        await world.answered(30)
    assert set() == await world.readable()
    assert list(range(30)) == [told["offset"] for told in await world.audit(world.topics.erasure_audit)]
    assert [f"r{number}" for number in range(30)] == [receipt.request_id for receipt in await world.receipts()]


async def test_a_request_that_comes_twice_is_answered_twice_and_erases_once(world: World) -> None:
    """The second receipt lists nothing: between them they list every copy once."""
    await world.publish(CANARY, "a1", "a2")
    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
        await world.request(CANARY)
        await world.answered(2)
    assert [["a1", "a2"], []] == [copies(receipt) for receipt in await world.receipts()]
    assert set() == await world.readable()


async def test_a_clip_that_comes_again_while_a_request_waits_is_gone_too(broker: Broker, tmp_path: Path) -> None:
    """Its token is known already, so that only the last word takes it back."""
    world = await World(broker, tmp_path, settle_s=1.5).open()
    await world.publish(CANARY, "a1")
    async with world.serving():
        await world.request(CANARY)
        await until_gone(world, "a1", 5.0)
        await world.publish(CANARY, "a1")
        await world.answered(1)
    assert (set(), set()) == (await world.readable(), await world.indexed())


async def test_what_cant_be_read_is_refused_with_coordinates(world: World) -> None:
    """Garbage, an unknown schema, a tombstone, a campaign of others: each ends in the audit, none stops the next."""
    topic = world.topics.erasure
    await world.publish(CANARY, "a1")
    await world.broker.send([Message(topic, b"k", value) for value in (b"garbage", b"\0\0\0\x7f\x7fx", None)])
    await world.request(CANARY, campaign="autumn")
    await world.request(CANARY)
    async with world.serving():
        await world.answered(5)
    told = await world.audit(topic=world.topics.erasure_audit)
    expected = [
        ("refused", "event_undecodable", 0),
        ("refused", "unknown_schema", 1),
        ("refused", "no_value", 2),
        ("refused", "other_campaign", 3),
        ("erased", None, 4),
    ]
    assert expected == [(one["outcome"], one["reason"], one["offset"]) for one in told]
    assert set() == await world.readable()


async def test_a_receipt_tells_of_what_nobody_can_look_at(world: World) -> None:
    """With an epoch's key destroyed its tokens can't be found any more: the receipt says how many entries that are."""
    await world.publish(CANARY, "a1")
    await world.publish(CANARY, "new", after=timedelta(days=7))
    world.keys.keys = ring().only(["w48"])
    async with world.serving():
        await world.request(CANARY, at=LATER + timedelta(days=14))
        await world.answered(1)
    [receipt] = await world.receipts()
    assert (["new"], 1) == (copies(receipt), receipt.unreadable)
    assert {"a1"} == await world.readable()


async def test_objects_are_deleted_with_their_record(world: World) -> None:
    """The audio that lies outside of the record is gone, one that is gone already does no harm, and the receipt names
    both."""
    folder = world.folder / "objects"
    folder.mkdir()
    (folder / "a1.flac").write_bytes(b"voice")
    uris = ((folder / "a1.flac").as_uri(), (folder / "gone.flac").as_uri())
    record, message = world.clip(CANARY, "a1")
    entry = world.index.open("a1", message.value or b"")
    with_uris = world.index.seal(type(entry)(**{**vars(entry), "uris": uris}))
    await world.broker.send([record, Message(message.topic, message.key, with_uris)])
    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
    assert [] == list(folder.iterdir())
    [receipt] = await world.receipts()
    assert [uris] == [copy.objects for copy in receipt.copies]


async def test_the_audit_goes_on_after_a_restart(world: World) -> None:
    """One chain: the next process continues where the last one ended."""
    for number in range(3):
        async with world.serving():
            await world.request(f"account-{number}", f"r{number}")
            await world.answered(number + 1)
    assert [1, 2, 3] == [told["sequence"] for told in await world.audit(world.topics.erasure_audit)]


async def test_two_processes_share_the_requests(broker: Broker, tmp_path: Path) -> None:
    """Each request is answered by exactly one of them, whoever has its partition."""
    world = await World(broker, tmp_path).open(partitions=4)
    for number in range(12):
        await world.publish(f"account-{number}", f"t{number}")
    async with world.serving(), world.serving():
        for number in range(12):
            await world.request(f"account-{number}", f"r{number}")
        await world.answered(12)
    assert set() == await world.readable()
    assert sorted(f"r{number}" for number in range(12)) == sorted(one.request_id for one in await world.receipts())


# ------------------------------------------------------------------ reports
async def test_a_report_takes_back_the_clip_and_its_siblings(world: World) -> None:
    """Within the window on either side, of the same account only; what comes later inside it is recalled."""
    await world.publish(CANARY, "reported")
    for minutes in (-11, -10, 10, 11):
        await world.publish(CANARY, f"at{minutes}", after=minutes * MINUTE)
    await world.publish("another", "other")
    async with world.serving():
        await world.report("reported")
        await world.answered(1)
    assert {"at-11", "at11", "other"} == await world.readable()
    assert {"at-11", "at11", "other"} == await world.indexed()
    [recall] = await recalls(world)
    assert Recall(world.index.digest(CANARY), MORNING - 10 * MINUTE, MORNING + 10 * MINUTE, erased=False) == recall
    [told] = await world.audit(world.topics.reports_audit)
    assert ("recalled", 3, None) == (told["outcome"], told["records"], told["reason"])


async def test_an_unknown_token_changes_nothing(world: World) -> None:
    """The audit says that it was refused; no tombstone, no recall is written."""
    await world.publish(CANARY, "a1")
    async with world.serving():
        await world.report("f00d")
        await world.answered(1)
    [told] = await world.audit(world.topics.reports_audit)
    assert ("refused", "unknown_token", 0) == (told["outcome"], told["reason"], told["records"])
    assert ({"a1"}, []) == (await world.readable(), await recalls(world))
    assert {"a1"} == set(await world.newest(world.topics.anonymized))


async def test_a_report_may_come_before_its_index_entry_shows(broker: Broker, tmp_path: Path) -> None:
    """An annotator can be quicker than the index: the report waits for the entry."""
    world = await World(broker, tmp_path, settle_s=3.0).open()
    async with world.serving():
        await world.report("quick")
        await asyncio.sleep(0.5)
        await world.publish(CANARY, "quick")
        await until_gone(world, "quick", 2.5)
        await world.answered(1)
    [told] = await world.audit(world.topics.reports_audit)
    assert "recalled" == told["outcome"]


async def test_a_token_whose_key_is_destroyed_is_taken_back_alone(world: World) -> None:
    """Nobody can tell whose it is, but it is gone, and so is its entry."""
    await world.publish(CANARY, "old", "sibling")
    world.keys.keys = ring().only(["w48"])
    async with world.serving():
        await world.report("old")
        await world.answered(1)
    assert ({"sibling"}, {"sibling"}) == (await world.readable(), await world.indexed())
    [told] = await world.audit(world.topics.reports_audit)
    assert ("recalled", "unreadable", 1) == (told["outcome"], told["reason"], told["records"])


# ------------------------------------------------------------------ late copies, rivals, probes
async def test_a_copy_that_turns_up_after_the_receipt_is_asked_for_again(world: World) -> None:
    """A worker that stood still publishes long after: the copy is gone soon, and another receipt of the same request
    lists it."""
    await world.publish(CANARY, "a1")
    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
        await world.publish(CANARY, "stray")
        await world.answered(2)
    assert (set(), set()) == (await world.readable(), await world.indexed())
    assert [("r1", ["a1"]), ("r1", ["stray"])] == [(one.request_id, copies(one)) for one in await world.receipts()]


async def test_a_late_sibling_of_a_reported_clip_is_taken_back(world: World) -> None:
    """The same for a report."""
    await world.publish(CANARY, "reported")
    async with world.serving():
        await world.report("reported")
        await world.answered(1)
        await world.publish(CANARY, "stray", after=MINUTE)
        await world.answered(2)
    assert set() == await world.readable()


async def test_an_erasure_beside_a_recall_leaves_both(world: World) -> None:
    """Recalls of one account have keys of their own: neither takes the place of the other, in whichever order."""
    writer = RecallWriter(world.destinations[RECALL_SCHEMA])
    around = Recall(world.index.digest(CANARY), MORNING, MORNING + MINUTE, erased=False)
    await world.broker.send([writer.recall(around)])
    async with world.serving():
        await world.request(CANARY, "r1", LATER)
        await world.request(CANARY, "r2", MORNING)  # asked earlier, and read later
        await world.answered(2)
    newest = [value for value in (await world.newest(world.topics.recalls)).values() if value is not None]
    assert 3 == len(newest)
    assert {MORNING + MINUTE, LATER, MORNING} == {recall.last for recall in await recalls(world)}


async def test_workers_stop_what_was_erased(world: World) -> None:
    """What this service writes is what the standing of a worker reads: ERASED up to the request, and no later."""
    from stream.lifecycle.recalls import RecallTable

    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
    table = RecallTable()
    reading = StandingRecords(world.registry, lambda _: None)
    table.apply(await reading.recalls(await everything(world.broker, world.topics.recalls)))
    account = world.index.digest(CANARY)
    assert (Reason.ERASED, None) == (table.refusal(account, LATER), table.refusal(account, LATER + MINUTE))


async def test_consent_is_forgotten_by_the_key_that_others_write(world: World) -> None:
    """The tombstone has the key of the account's opt-out."""
    expected = ConsentWriter(world.destinations[RECALL_SCHEMA]).forget(CANARY).key
    async with world.serving():
        await world.request(CANARY)
        await world.answered(1)
    assert [expected] == [record.key for record in await everything(world.broker, world.topics.consent)]


async def test_probes_and_metrics_tell_how_it_goes(world: World) -> None:
    """Ready once the index is read; answered and refused requests are counted; no label holds what a record holds."""
    await world.publish(CANARY, "a1", "a2")
    async with world.serving() as service:
        assert (True, True) == (service.live(), service.ready())
        assert b"clipveil_index_entries 2.0" in world.metrics.render()
        await world.request(CANARY)
        await world.report("f00d")
        await world.answered(2)
        await until(lambda: b'clipveil_requests_total{kind="report",outcome="refused"} 1.0' in world.metrics.render())
        assert b'clipveil_requests_total{kind="erasure",outcome="answered"} 1.0' in world.metrics.render()
    assert CANARY.encode() not in world.metrics.render()


def test_a_log_line_about_a_request_has_no_room_for_it() -> None:
    """The keys that requests are told with are those of the closed list."""
    from stream.ops import log

    assert {"attempt", "error", "partition"} <= log.KEYS.keys()
    assert "account" not in json.dumps(sorted(log.KEYS))
