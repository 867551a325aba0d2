"""One partition's records: consent, picks and labels before anything is heard, and the last word before the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from stream.clip import (
    Coordinates,
    CriticalKind,
    Header,
    Job,
    Label,
    Outcome,
    Published,
    Reason,
    Record,
    Refusal,
    Withheld,
)
from stream.intake import ClipIntake, Office
from stream.ports import KeysLapsed, Message, Partition, StandingUnknown
from tests.contract.stand_ins import Everybody, Topics, WishEngine, event, header, office

TOPICS = Topics("intake")
HERE = Partition(TOPICS.raw, 0)


def record(number: int, wish: str = "publish") -> Record:
    return Record(Coordinates(HERE.topic, HERE.number, number), event(number, wish))


@pytest.fixture
def everybody() -> Everybody:
    return Everybody(TOPICS.index)


@pytest.fixture
def engine() -> WishEngine:
    return WishEngine()


@pytest.fixture
def shared(everybody: Everybody, engine: WishEngine) -> Office:
    return office(TOPICS, engine, everybody=everybody)


async def opened(shared: Office) -> ClipIntake:
    intake = ClipIntake(shared, HERE)
    await intake.open()
    return intake


def reason_of(outcome: Outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Withheld) else None


def topics_of(messages: Sequence[Message]) -> list[str]:
    return [message.topic for message in messages]


async def test_a_published_clip_is_indexed_and_audited_in_one_transaction(shared: Office) -> None:
    """What leads back to it, for erasure, is written with it or not at all."""
    intake = await opened(shared)
    settled = await intake.settle([await intake.finish(record(0))])
    assert [TOPICS.anonymized, TOPICS.index, TOPICS.audit] == topics_of(settled.messages)


async def test_the_audit_is_a_chain_in_the_order_of_the_input(shared: Office) -> None:
    """One link an outcome, whatever it is, over several transactions."""
    intake = await opened(shared)
    outcomes = [
        await intake.finish(record(number, wish)) for number, wish in enumerate(("publish", "refuse", "publish"))
    ]
    first, second = await intake.settle(outcomes[:2]), await intake.settle(outcomes[2:])
    lines = [message.value for of in (first, second) for message in of.messages if message.topic == TOPICS.audit]
    assert [b"0 published 1", b"1 no_main_speaker 2", b"2 published 3"] == lines


async def test_who_opted_out_is_not_heard(shared: Office, everybody: Everybody, engine: WishEngine) -> None:
    """The engine never gets the clip."""
    everybody.refused["account-0"] = Reason.OPTED_OUT
    intake = await opened(shared)
    assert Reason.OPTED_OUT is reason_of(await intake.finish(record(0)))
    assert not engine.seen


async def test_an_opt_out_while_the_clip_is_heard_stops_it(shared: Office, everybody: Everybody) -> None:
    """Consent is looked at again right before the transaction; then only that it is withheld is written."""
    intake = await opened(shared)
    outcome = await intake.finish(record(0))
    assert isinstance(outcome, Published)

    async def news() -> None:
        everybody.refused["account-0"] = Reason.OPTED_OUT

    everybody.fresh = news  # type: ignore[method-assign]  # what was acknowledged meanwhile is read only then
    settled = await intake.settle([outcome])
    assert [Reason.OPTED_OUT] == [reason_of(outcome) for outcome in settled.outcomes]
    assert [TOPICS.withheld, TOPICS.audit] == topics_of(settled.messages)
    intake.committed(settled)
    assert [] == everybody.emitted_clips


async def test_nothing_is_published_while_nobody_knows_who_opted_out(shared: Office, everybody: Everybody) -> None:
    """The transaction is not even begun; what is withheld needs no consent."""

    async def unknown() -> None:
        raise StandingUnknown

    everybody.fresh = unknown  # type: ignore[method-assign]
    intake = await opened(shared)
    with pytest.raises(StandingUnknown):
        await intake.settle([await intake.finish(record(0))])
    settled = await intake.settle([await intake.finish(record(1, "refuse"))])
    assert [TOPICS.withheld, TOPICS.audit] == topics_of(settled.messages)


async def test_what_is_not_picked_is_not_heard(shared: Office, everybody: Everybody, engine: WishEngine) -> None:
    """The sampler's reason is the clip's, and its changes go with the next transaction."""
    everybody.pick = lambda of, offset: Reason.NOT_SAMPLED  # type: ignore[method-assign]
    everybody.changes = lambda: (Message("sampling", b"bucket", b"1"),)  # type: ignore[method-assign]
    intake = await opened(shared)
    settled = await intake.settle([await intake.finish(record(0))])
    assert [Reason.NOT_SAMPLED] == [reason_of(outcome) for outcome in settled.outcomes]
    assert [TOPICS.withheld, TOPICS.audit, "sampling"] == topics_of(settled.messages)
    assert not engine.seen


async def test_picks_are_made_in_the_order_of_the_input(shared: Office, everybody: Everybody) -> None:
    """Although a schema that is not known yet makes the first record wait."""
    asked: list[str] = []
    inner, calls = shared.schemas, count()

    class SlowAtFirst:
        async def writer_schema(self, reference: int | str) -> str:
            await asyncio.sleep(0 if next(calls) else 0.02)
            return await inner.writer_schema(reference)

    def pick(of: Header, offset: int) -> Reason | None:
        asked.append(of.clip_id)
        return None

    everybody.pick = pick  # type: ignore[method-assign]
    intake = await opened(replace(shared, schemas=SlowAtFirst()))
    await asyncio.gather(*(intake.finish(record(number)) for number in range(5)))
    assert ["0", "1", "2", "3", "4"] == asked


async def test_a_clip_without_a_key_is_withheld(shared: Office, everybody: Everybody, engine: WishEngine) -> None:
    """No token, no clip: it is not heard either."""

    def label(of: Header) -> object:
        raise Refusal(Reason.KEY_MISSING)

    everybody.label = label  # type: ignore[assignment,method-assign]
    intake = await opened(shared)
    assert Reason.KEY_MISSING is reason_of(await intake.finish(record(0)))
    assert not engine.seen


async def test_a_clip_that_can_not_be_indexed_is_withheld(shared: Office, everybody: Everybody) -> None:
    """What could not be erased later is not published: the key may be gone since the clip was labelled."""

    def entry(of: Header, outcome: Published) -> Message:
        raise Refusal(Reason.KEY_MISSING)

    everybody.entry = entry  # type: ignore[method-assign]
    intake = await opened(shared)
    settled = await intake.settle([await intake.finish(record(0))])
    assert [Reason.KEY_MISSING] == [reason_of(outcome) for outcome in settled.outcomes]
    assert [TOPICS.withheld, TOPICS.audit] == topics_of(settled.messages)


@pytest.mark.parametrize("change", [{"token": "another"}, {"length": 1}, {"length": -1}])
async def test_an_outcome_with_another_label_is_withheld(shared: Office, change: dict[str, object]) -> None:
    """An inference process can't publish under a token, or values, that it was not given."""

    class Mixing(WishEngine):
        async def run(self, job: Job) -> Outcome:
            return replace(await super().run(job), **change)  # type: ignore[arg-type]

    intake = await opened(replace(shared, engine=Mixing()))
    assert Reason.INTERNAL_ERROR is reason_of(await intake.finish(record(0)))


async def test_only_committed_clips_count_as_emitted(shared: Office, everybody: Everybody) -> None:
    """How rare values are is counted over what was really published."""
    intake = await opened(shared)
    settled = await intake.settle([await intake.finish(record(number)) for number in range(2)])
    assert [] == everybody.emitted_clips
    intake.committed(settled)
    assert ["0", "1"] == everybody.emitted_clips


async def test_clips_wait_for_a_key_ring_that_has_lapsed(shared: Office, everybody: Everybody) -> None:
    """Nobody put the next key in place: nothing is withheld for it, and the clip goes on once it is there."""
    inner, lapsed = everybody.label, [True, True]

    def label(of: Header) -> Label:
        if lapsed and lapsed.pop():
            raise KeysLapsed
        return inner(of)

    everybody.label = label  # type: ignore[method-assign]
    intake = await opened(replace(shared, registry_retry_s=0.001))
    assert isinstance(await intake.finish(record(0)), Published)
    assert [] == lapsed


async def test_nobody_is_led_to_a_clip_of_somebody_who_opted_out_meanwhile(
    shared: Office, everybody: Everybody
) -> None:
    """An escalation sends people to the raw clip: consent is looked at once more before it, too."""

    class Escalating(WishEngine):
        async def run(self, job: Job) -> Outcome:
            kinds = (CriticalKind.DISTRESS,)
            return Withheld(job.coordinates, Reason.CRITICAL, "p1", critical=kinds, escalated=True)

    intake = await opened(replace(shared, engine=Escalating()))
    outcome = await intake.finish(record(0))

    async def news() -> None:
        everybody.refused["account-0"] = Reason.OPTED_OUT

    everybody.fresh = news  # type: ignore[method-assign]
    settled = await intake.settle([outcome])
    assert [Reason.OPTED_OUT] == [reason_of(outcome) for outcome in settled.outcomes]
    assert [TOPICS.withheld, TOPICS.audit] == topics_of(settled.messages)


@pytest.mark.parametrize(("ahead_s", "heard"), [(-3600, True), (600, True), (601, False)])
async def test_a_clip_from_the_future_is_not_heard(
    shared: Office, engine: WishEngine, ahead_s: int, heard: bool
) -> None:
    """An erasure takes back what was recorded up to now: a clock that runs ahead must not carry a clip past it."""
    recorded = header("", b"publish 0").captured_at
    intake = await opened(replace(shared, now=lambda: recorded - timedelta(seconds=ahead_s)))
    outcome = await intake.finish(record(0))
    assert (None if heard else Reason.RECORDED_LATER) is reason_of(outcome)
    assert heard is bool(engine.seen)


async def test_an_escalation_is_written_beside_what_is_withheld(shared: Office) -> None:
    """In the same transaction, for the people whose procedure it is."""

    class Escalating(WishEngine):
        async def run(self, job: Job) -> Outcome:
            kinds = (CriticalKind.DISTRESS,)
            return Withheld(job.coordinates, Reason.CRITICAL, "p1", critical=kinds, escalated=True)

    intake = await opened(replace(shared, engine=Escalating()))
    settled = await intake.settle([await intake.finish(record(0))])
    escalations = TOPICS.settings().escalations
    assert [TOPICS.withheld, escalations, TOPICS.audit] == topics_of(settled.messages)
