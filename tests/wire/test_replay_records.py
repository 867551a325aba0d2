"""Replays and withheld records as they are written and read."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from stream.clip import Coordinates, Reason, Record, Refusal
from stream.lifecycle.replaying import Candidate, History, Replay, done
from stream.wire import avro
from stream.wire.outcomes import AUDIT_SCHEMA, WITHHELD_SCHEMA, Destination
from stream.wire.replay_records import REPLAY_SCHEMA, ReplayRecords, replay_message
from tests.lifecycle.chains import decision, linked

IDS = {1: WITHHELD_SCHEMA, 2: REPLAY_SCHEMA, 3: AUDIT_SCHEMA}
AT = Coordinates("raw", 3, 41)


@dataclass
class Known:
    """A registry of the schemas."""

    async def writer_schema(self, reference: int | str) -> str:
        return avro.schema_text(IDS[int(reference)])


def withheld(reason: str) -> Record:
    told = {"topic": "raw", "partition": 3, "offset": 41, "reason": reason, "fault": "", "policy_version": "p1"}
    body = avro.write(WITHHELD_SCHEMA, told | {"decided_at": 1_000})
    return Record(Coordinates("withheld", 0, 7), avro.frame(1, body))


async def test_a_withheld_record_is_what_may_be_replayed() -> None:
    """Where it came in, why it was withheld, by which policy and when."""
    expected = Candidate(AT, Reason.TIMED_OUT, "p1", 1_000)
    assert expected == await ReplayRecords(Known()).withheld(withheld("timed_out"))


async def test_a_reason_that_nobody_knows_is_not_guessed() -> None:
    """A newer version may have withheld it for good."""
    with pytest.raises(Refusal) as caught:
        await ReplayRecords(Known()).withheld(withheld("a_reason_of_next_year"))
    assert Reason.EVENT_UNDECODABLE is caught.value.reason


@pytest.mark.parametrize(("lies_in", "expected"), [(3, Reason.TIMED_OUT), (2, None)])
async def test_an_audit_record_counts_in_its_own_partition(lies_in: int, expected: Reason | None) -> None:
    """There the chain proves it; what lies in another partition is of no chain, and says nothing."""
    row = decision(random.Random(1), 41, partition=3) | {"outcome": "withheld", "reason": "timed_out"}
    [row] = linked([row])
    record = Record(Coordinates("audit", lies_in, 7), avro.frame(3, avro.write(AUDIT_SCHEMA, row)))
    assert (Coordinates("clips.raw", 3, 41), expected) == await ReplayRecords(Known()).audited(record)


async def test_a_replay_is_remembered_as_it_was_done() -> None:
    """With the copy, what it goes back to, and how often: by these an event is given up."""
    replay = Replay(AT, copy=90, first=12, times=3)
    message = replay_message(replay, Candidate(AT, Reason.TIMED_OUT, "p1", 1_000), Destination("replays", 2))
    read = await ReplayRecords(Known()).replay(Record(Coordinates("replays", 0, 0), message.value, message.key))
    assert replay == read


def test_no_replay_replaces_another() -> None:
    """Copies of one event have keys of their own, and so has each replay of one record: compaction keeps them all."""
    of, to = Candidate(AT, Reason.TIMED_OUT, "p1", 1_000), Destination("replays", 2)
    places = [AT, Coordinates("raw", 3, 90), Coordinates("raw", 2, 41), Coordinates("other", 3, 41)]
    keys = [replay_message(Replay(at, 100, 12, 1), of, to).key for at in places]
    assert [b"raw/3/41/100", b"raw/3/90/100", b"raw/2/41/100", b"other/3/41/100"] == keys
    assert b"raw/3/41/101" == replay_message(Replay(AT, 101, 12, 2), of, to).key


async def test_the_limit_outlives_compaction() -> None:
    """A record is replayed, and again: both copies still count as the event that they are of, once only the last
    record of each key is left."""
    history, kept = History("raw"), {}
    of, to = Candidate(AT, Reason.TIMED_OUT, "p1", 1_000), Destination("replays", 2)
    for copy in (90, 91):
        replay = done(of, Coordinates("raw", 3, copy), history)
        history.add(replay)
        message = replay_message(replay, of, to)
        kept[message.key] = message.value
    left = History("raw")
    for value in kept.values():
        left.add(await ReplayRecords(Known()).replay(Record(Coordinates("replays", 0, 0), value)))
    assert [2, 2, 2] == [left.times(Coordinates("raw", 3, offset)) for offset in (41, 90, 91)]
