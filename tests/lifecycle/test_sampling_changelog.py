"""What the sampler writes of its picks: digests that name nobody, in small records; nothing unknown is read."""

from __future__ import annotations

import asyncio

import pytest

from stream.clip import Coordinates, Reason, Record
from stream.lifecycle import places
from stream.ports import CommitFailed
from tests.lifecycle.picking import TOPIC, Changelog, header, opened, rules, sampler


def test_what_is_written_names_nobody() -> None:
    """Neither accounts nor clips are in keys or values, nor in what a sampler prints; messages have their partition."""
    picking = sampler(rules(account_per_day_max=3, per_hour_max=30), 2, 5)
    picking.pick(header("canary", "acct-canary"))
    messages = picking.changes()
    written = b"".join((message.key or b"") + (message.value or b"") for message in messages)
    assert b"canary" not in written
    assert {(TOPIC, 2)} == {(message.topic, message.partition) for message in messages}
    assert 3 == len(messages)  # the account's day, the hour, the floor
    assert not picking.changes()
    assert "canary" not in repr(picking) + repr(messages)


def test_an_account_has_another_bucket_every_day() -> None:
    """Nobody sees from the changelog that two days are of one account."""
    picking = sampler(rules(account_per_day_max=3))
    for days in range(3):
        picking.pick(header(days, days=days))
    keys = [message.key or b"" for message in picking.changes()]
    assert 3 == len({key[-places.MAC_BYTES :] for key in keys if key[:1] == b"a"})


def test_of_a_large_hour_only_the_end_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour is written in chunks, and a full one never again; all of them come back."""
    monkeypatch.setattr(places, "CHUNK", 4)
    picking, changelog = sampler(rules(per_hour_max=10)), Changelog()
    for number in range(10):
        assert picking.pick(header(number)) is None
        changes = picking.changes()
        assert 1 + (number == 0) == len(changes)
        assert max(len(message.value or b"") for message in changes) <= 1 + 4 * 8
        changelog.append(changes)
    changelog.compact()
    again = asyncio.run(opened(rules(per_hour_max=10), changelog))
    assert Reason.CAP_REACHED == again.pick(header(10))
    assert [None] * 10 == [again.pick(header(number)) for number in range(10)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"\1" + bytes(8)),
        (b"", b"\1" + bytes(8)),
        (b"x" + bytes(20), b"\1" + bytes(8)),
        (b"a" + bytes(19), b"\1" + bytes(8)),
        (b"a" + bytes(20), b"\2" + bytes(8)),
        (b"a" + bytes(20), b""),
        (b"a" + bytes(20), b"\1"),
        (b"a" + bytes(20), b"\1" + bytes(9)),
        (b"h" + bytes(6), b"\1" + bytes(7)),
        (b"f", b"\1" + bytes(3)),
        (b"f", None),
    ],
)
def test_a_changelog_that_nobody_can_read_opens_no_sampler(key: bytes | None, value: bytes | None) -> None:
    """A foreign record, another version, a value cut off: nobody knows who has a place, so nothing is picked."""
    changelog = Changelog()
    changelog.records.append(Record(Coordinates(TOPIC, 0, 0), value, key))
    with pytest.raises(CommitFailed):
        asyncio.run(opened(rules(account_per_day_max=1), changelog))


def test_picks_under_another_key_are_not_known() -> None:
    """After a change of the key the old buckets stand for nobody; they go with their days."""
    changelog = Changelog()
    picking = sampler(rules(account_per_day_max=1))
    picking.pick(header(1))
    changelog.append(picking.changes())
    other = asyncio.run(opened(rules(account_per_day_max=1), changelog, bytes(32)))
    assert other.pick(header(2)) is None
