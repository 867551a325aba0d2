"""What an intake does where something around it fails, or is not what it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from stream.clip import Consent, Coordinates, Header, Job, Outcome, Published, Reason, Withheld
from stream.intake import Office
from stream.ports import CommitFailed, Message, Partition, RegistryUnavailable
from stream.whose import Head, Resume
from tests.contract.stand_ins import Everybody, OneSchema, WishEngine, header, office
from tests.test_intake import TOPICS, opened, reason_of, record


@pytest.fixture
def everybody() -> Everybody:
    return Everybody(TOPICS.index)


@pytest.fixture
def engine() -> WishEngine:
    return WishEngine()


@pytest.fixture
def shared(everybody: Everybody, engine: WishEngine) -> Office:
    return office(TOPICS, engine, everybody=everybody)


def audited(messages: Sequence[Message]) -> list[bytes | None]:
    return [message.value for message in messages if message.topic == TOPICS.audit]


async def test_without_consent_nobody_hears_it(shared: Office, engine: WishEngine) -> None:
    """Whatever else the header says."""

    def silent(schema: str, body: bytes) -> Header:
        return replace(header(schema, body), consent=Consent(human_review=False))

    intake = await opened(replace(shared, header=silent))
    assert Reason.NO_CONSENT is reason_of(await intake.finish(record(0)))
    assert not engine.seen


async def test_a_large_event_is_not_even_decoded(shared: Office, engine: WishEngine) -> None:
    """At the bound it is heard, above it withheld, and as what it is."""
    size = len(record(0).value or b"")
    intake = await opened(replace(shared, event_bytes_max=size))
    assert isinstance(await intake.finish(record(0)), Published)
    intake = await opened(replace(shared, event_bytes_max=size - 1))
    assert Reason.EVENT_TOO_LARGE is reason_of(await intake.finish(record(1)))
    assert 1 == sum(engine.seen.values())


async def test_a_tombstone_is_withheld_as_what_it_is(shared: Office) -> None:
    """Somebody may delete in bulk: that is no fault of anybody's."""
    intake = await opened(shared)
    assert Reason.NO_VALUE is reason_of(await intake.finish(replace(record(0), value=None)))


async def test_who_objected_takes_no_place_in_a_quota(shared: Office, everybody: Everybody) -> None:
    """The sampler is not asked for a clip that is not heard anyway."""
    asked: list[int] = []

    def pick(of: Header, offset: int) -> Reason | None:
        asked.append(offset)
        return None

    everybody.pick = pick  # type: ignore[method-assign]
    everybody.refused["account-0"] = Reason.OPTED_OUT
    intake = await opened(shared)
    for number in range(2):
        await intake.finish(record(number))
    assert [1] == asked


async def test_records_wait_for_a_registry_that_is_down(shared: Office) -> None:
    """Nobody can tell what a record is: it is neither withheld nor lost, and goes on once somebody answers."""
    outages = [True, True]

    class Down(OneSchema):
        async def writer_schema(self, reference: int | str) -> str:
            if outages and outages.pop():
                raise RegistryUnavailable("status 503")
            return await super().writer_schema(reference)

    intake = await opened(replace(shared, schemas=Down(), registry_retry_s=0.001))
    assert isinstance(await intake.finish(record(0)), Published)
    assert [] == outages


async def test_an_exception_is_told_by_its_class(shared: Office) -> None:
    """Its message may quote the clip."""
    outcome = await (await opened(shared)).finish(record(77_310, "raise"))
    assert isinstance(outcome, Withheld)
    assert (Reason.INTERNAL_ERROR, "ValueError") == (outcome.reason, outcome.fault)
    assert "77310" not in repr(replace(outcome, coordinates=Coordinates("", 0, 0)))


async def test_an_engine_that_gives_up_withholds_the_clip(shared: Office) -> None:
    """A cancelled future out of a broken pool cancels nobody else."""

    class GivesUp(WishEngine):
        async def run(self, job: Job) -> Outcome:
            raise asyncio.CancelledError

    intake = await opened(replace(shared, engine=GivesUp()))
    assert Reason.INFERENCE_DIED is reason_of(await intake.finish(record(0)))


async def test_a_lane_that_is_given_up_ends(shared: Office, engine: WishEngine) -> None:
    """Its cancellation is no outcome: the next owner does the clip again."""
    intake = await opened(shared)
    hearing = asyncio.create_task(intake.finish(record(0, "hold")))
    while not engine.seen:
        await asyncio.sleep(0)
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing


async def test_an_outcome_of_another_clip_is_withheld(shared: Office) -> None:
    """Nothing of another clip goes out under this one's coordinates, and nothing is told of it."""

    class Stray(WishEngine):
        async def run(self, job: Job) -> Outcome:
            return replace(await super().run(job), coordinates=Coordinates("another", 0, 0))

    outcome = await (await opened(replace(shared, engine=Stray()))).finish(record(0))
    assert (Reason.INTERNAL_ERROR, record(0).coordinates) == (reason_of(outcome), outcome.coordinates)


async def test_a_result_that_no_broker_takes_is_withheld(shared: Office) -> None:
    """At the bound it is published; above it the transaction would fail for ever."""
    outcome = await (await opened(shared)).finish(record(0))
    assert isinstance(outcome, Published)
    size = len(shared.writer.published(outcome).value or b"")
    for bound, reason in ((size, None), (size - 1, Reason.EVENT_TOO_LARGE)):
        intake = await opened(replace(shared, message_bytes_max=bound))
        assert reason is reason_of(await intake.finish(record(0)))


async def test_a_clip_that_was_never_labelled_is_not_published(shared: Office) -> None:
    """What this intake did not admit does not come out of it."""
    outcome = await (await opened(shared)).finish(record(0))
    settled = await (await opened(shared)).settle([outcome])
    assert [Reason.INTERNAL_ERROR] == [reason_of(outcome) for outcome in settled.outcomes]
    assert TOPICS.anonymized not in [message.topic for message in settled.messages]


async def test_the_audit_tells_what_became_of_it_at_last(shared: Office, everybody: Everybody) -> None:
    """Not what the engine said."""
    intake = await opened(shared)
    outcome = await intake.finish(record(0))
    everybody.refused["account-0"] = Reason.OPTED_OUT
    assert [b"0 opted_out 1"] == audited((await intake.settle([outcome])).messages)


async def test_the_audit_goes_on_where_it_ended(shared: Office) -> None:
    """With the next link of the partition's own chain."""

    async def chain(_: Partition) -> Resume:
        return Resume(Head(41, bytes(32)), 0)

    intake = await opened(replace(shared, chain=chain))
    assert [b"0 published 42"] == audited((await intake.settle([await intake.finish(record(0))])).messages)


async def test_a_clip_counts_as_emitted_once(shared: Office, everybody: Everybody) -> None:
    """However many transactions come after its own."""
    intake = await opened(shared)
    for number in range(3):
        intake.committed(await intake.settle([await intake.finish(record(number))]))
    assert ["0", "1", "2"] == everybody.emitted_clips


async def test_what_was_audited_before_is_not_settled_again(shared: Office) -> None:
    """Whatever made it come again: an offset that was not told, a log that began anew."""

    async def chain(_: Partition) -> Resume:
        return Resume(Head(41, bytes(32)), 5)

    intake = await opened(replace(shared, chain=chain))
    with pytest.raises(CommitFailed):
        await intake.settle([await intake.finish(record(4))])
    await intake.settle([await intake.finish(record(5))])
    with pytest.raises(CommitFailed):
        await intake.settle([await intake.finish(record(5))])
