"""Consent and recalls as records: what is written is read again, and what can't be read never counts as a yes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stream.clip import Coordinates, Reason, Record
from stream.lifecycle.recalls import RecallChange
from stream.ports import Message, RegistryUnavailable
from stream.whose import ConsentChange, Recall
from stream.wire import avro
from stream.wire.clips import milliseconds
from stream.wire.standing_records import (
    CONSENT_SCHEMA,
    EARLIEST,
    LATEST,
    RECALL_SCHEMA,
    ConsentWriter,
    RecallWriter,
    StandingRecords,
)
from tests.lifecycle.follow import Known, to

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)
NOW_S = 1_790_000_000.5
CONSENT = ConsentWriter(to(CONSENT_SCHEMA, "clips.consent"), lambda: NOW_S)
RECALLS = RecallWriter(to(RECALL_SCHEMA, "clips.recalls"), lambda: NOW_S)
MAC = bytes(range(16))
GOOD = CONSENT.change(ConsentChange("canary", True, NOON)).value or b""


def record(message: Message, value: bytes | None = None) -> Record:
    """As it comes from the topic, with another value where one is given."""
    return Record(Coordinates(message.topic, 0, 1), message.value if value is None else value, message.key, 1)


def reader(unreadable: list[int], schemas: Known | None = None) -> StandingRecords:
    return StandingRecords(schemas or Known(), unreadable.append)


@pytest.mark.parametrize("account", ["a-1", "Ünïcode ☂ account", "x" * 256])
async def test_a_word_is_read_as_it_was_written(account: str) -> None:
    """Account, word and time; the account is the key and nowhere else; the tombstone forgets it."""
    told: list[int] = []
    change = ConsentChange(account, False, NOON + timedelta(milliseconds=7))
    message = CONSENT.change(change)
    assert (account.encode(), int(NOW_S * 1000)) == (message.key, message.timestamp_ms)
    assert account.encode() not in (message.value or b"")
    written = [record(message), record(CONSENT.forget(account))]
    assert [(account, change), (account, None)] == await reader(told).consent(written)
    assert [] == told


BAD_VALUES = {
    "empty": b"",
    "no frame": b"canary",
    "unknown schema": avro.frame(99, b"\x01\x02"),
    "cut": GOOD[:-1],
    "more": GOOD + b"x",
    "of another schema": RECALLS.recall(Recall(MAC, NOON, NOON, False)).value,
    "before 2000": avro.frame(11, avro.write(CONSENT_SCHEMA, {"human_review": True, "changed_at": 1})),
    "far ahead": avro.frame(11, avro.write(CONSENT_SCHEMA, {"human_review": True, "changed_at": 2**62})),
}


@pytest.mark.parametrize("kind", BAD_VALUES)
async def test_a_word_that_can_not_be_read_is_a_no_for_good(kind: str) -> None:
    """Of the account that its key names, newer than any word; it is counted, and what follows it is read."""
    told: list[int] = []
    message = CONSENT.change(ConsentChange("a-1", True, NOON))
    other = ConsentChange("a-2", True, NOON)
    found = await reader(told).consent([record(message, BAD_VALUES[kind]), record(CONSENT.change(other))])
    assert [("a-1", ConsentChange("a-1", False, LATEST)), ("a-2", other)] == found
    assert [1] == told


@pytest.mark.parametrize("key", [None, b"", b" ", b"\xff\xfe", b"x" * 257])
async def test_a_word_of_nobody_is_counted_and_changes_nothing(key: bytes | None) -> None:
    """No event can have such an account."""
    told: list[int] = []
    assert [] == await reader(told).consent([Record(Coordinates("t", 0, 1), GOOD, key)])
    assert [1] == told


async def test_a_word_that_was_not_read_never_counts_as_forgotten() -> None:
    """A record of a batch too large has no key and an empty value: counted, and on the topic of recalls nobody's."""
    unreadable: list[int] = []
    unread = Record(Coordinates("t", 0, 0), b"", unread=Reason.EVENT_TOO_LARGE)
    assert [] == await reader(unreadable).consent([unread])
    (change,) = await reader(unreadable).recalls([unread])
    assert [1, 1] == unreadable
    assert change.account is None
    assert change.recall is not None, "no tombstone: nothing is published while it stands"


async def test_nothing_is_read_while_the_registry_is_away() -> None:
    """Then a record is not unreadable but unknown."""
    told: list[int] = []
    away = reader(told, Known(answers=False))
    with pytest.raises(RegistryUnavailable):
        await away.consent([record(CONSENT.change(ConsentChange("a-1", False, NOON)))])
    with pytest.raises(RegistryUnavailable):
        await away.recalls([record(RECALLS.recall(Recall(MAC, NOON, NOON, True)))])
    assert [] == told


@pytest.mark.parametrize("account", ["", "  ", "x" * 257, "\ud800"])
def test_a_word_that_would_not_be_read_is_not_written(account: str) -> None:
    """Neither for such an account, nor for a time that is none; the error names neither."""
    with pytest.raises(ValueError) as caught:
        CONSENT.change(ConsentChange(account, True, NOON))
    assert "no account id" == str(caught.value)
    with pytest.raises(ValueError):
        CONSENT.change(ConsentChange("a-1", True, datetime(1999, 1, 1, tzinfo=UTC)))


async def test_a_recall_is_read_as_it_was_written() -> None:
    """Windows of one account have keys of their own; the tombstone of one names it alone."""
    told: list[int] = []
    recalls = [Recall(MAC, EARLIEST, NOON, True), Recall(MAC, NOON, NOON + timedelta(minutes=5), False)]
    messages = [RECALLS.recall(recall) for recall in recalls]
    assert [f"{MAC.hex()}@{milliseconds(recall.first)}".encode() for recall in recalls] == [
        message.key for message in messages
    ]
    found = await reader(told).recalls([*map(record, messages), record(RECALLS.end(MAC, NOON))])
    assert [(MAC, EARLIEST, recalls[0]), (MAC, NOON, recalls[1]), (MAC, NOON, None)] == [
        (change.account, change.first, change.recall) for change in found
    ]
    assert [] == told


def recall_value(first: datetime, last: datetime) -> bytes:
    times = {"first": milliseconds(first), "last": milliseconds(last)}
    return avro.frame(12, avro.write(RECALL_SCHEMA, {**times, "erased": False}))


@pytest.mark.parametrize(
    "value",
    [b"", GOOD, recall_value(NOON, NOON)[:-1], recall_value(EARLIEST, NOON), recall_value(NOON, EARLIEST)],
    ids=["empty", "another schema", "cut", "another start", "ends before it begins"],
)
async def test_a_recall_that_can_not_be_read_recalls_everything(value: bytes) -> None:
    """Of the account in its key, until another record of the same key."""
    told: list[int] = []
    (change,) = await reader(told).recalls([record(RECALLS.recall(Recall(MAC, NOON, NOON, True)), value)])
    assert (MAC, NOON, Recall(MAC, EARLIEST, LATEST, False)) == (change.account, change.first, change.recall)
    assert [1] == told


@pytest.mark.parametrize("key", [None, b"", b"canary", MAC.hex().encode(), MAC.hex().encode() + b"@1"])
async def test_a_recall_of_nobody_is_handed_on(key: bytes | None) -> None:
    """So that the table can say that nobody knows whom it concerns, until its tombstone comes."""
    told: list[int] = []
    where = Coordinates("clips.recalls", 0, 1)
    found = await reader(told).recalls([Record(where, recall_value(NOON, NOON), key), Record(where, None, key)])
    assert [(None, True), (None, False)] == [(change.account, change.recall is not None) for change in found]
    assert [key or b""] * 2 == [change.key for change in found]
    assert [1] == told


def test_a_recall_that_would_not_be_read_is_not_written() -> None:
    """A MAC of another length, a window that ends before it begins, a time that is none."""
    for bad in (
        Recall(b"short", NOON, NOON, True),
        Recall(MAC, NOON, EARLIEST, True),
        Recall(MAC, NOON, datetime(2101, 1, 1, tzinfo=UTC), True),
    ):
        with pytest.raises(ValueError):
            RECALLS.recall(bad)


def test_nothing_is_shown_of_whom_it_is() -> None:
    """Messages and changes can be printed."""
    message = CONSENT.change(ConsentChange("canary", True, NOON))
    shown = [message, record(message), RecallChange(b"canary-canary-16", NOON, None, b"canary")]
    assert "canary" not in repr(shown)
