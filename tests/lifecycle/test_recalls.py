"""Recalls: windows of recordings that are not published any more, by account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stream.clip import Reason
from stream.lifecycle.recalls import UNREADABLE_MAX, RecallChange, RecallTable
from stream.whose import Recall

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)
ONE, TWO = bytes(16), bytes(range(16))


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def window(account: bytes, first: int, last: int, erased: bool = False) -> RecallChange:
    return RecallChange(account, at(first), Recall(account, at(first), at(last), erased))


def test_a_recording_inside_a_window_is_refused() -> None:
    """Both ends are inside; a moment before or after is not; another account is not concerned."""
    table = RecallTable()
    table.apply([window(ONE, 10, 20)])
    moment = timedelta(milliseconds=1)
    inside = [at(10), at(15), at(20)]
    assert [Reason.RECALLED] * 3 == [table.refusal(ONE, when) for when in inside]
    assert [None, None] == [table.refusal(ONE, when) for when in (at(10) - moment, at(20) + moment)]
    assert table.refusal(TWO, at(15)) is None


def test_an_account_may_have_several_windows() -> None:
    """Each covers its own time, and erasure is told where it and a recall cover the same recording."""
    table = RecallTable()
    table.apply([window(ONE, 10, 20), window(ONE, 15, 40, erased=True), window(ONE, 60, 70)])
    found = [table.refusal(ONE, at(minute)) for minute in (12, 17, 30, 50, 65)]
    assert [Reason.ERASED, Reason.ERASED, Reason.ERASED, None, Reason.RECALLED] == found
    assert 3 == len(table)


def test_an_erasure_covers_whatever_was_before_it() -> None:
    """Also recordings of a device whose clock was never set; a recall around a reported clip has two ends."""
    table = RecallTable()
    table.apply([window(ONE, 10, 20, erased=True), window(TWO, 10, 20)])
    never_set = datetime(2000, 1, 1, tzinfo=UTC)
    assert (Reason.ERASED, None) == (table.refusal(ONE, never_set), table.refusal(TWO, never_set))
    assert table.erased_until(ONE) == round(at(20).timestamp() * 1000)
    assert table.erased_until(TWO) is None


def test_a_tombstone_removes_its_window_and_no_other() -> None:
    """By the account and the window's start; of an account without windows nothing is kept."""
    table = RecallTable()
    table.apply([window(ONE, 10, 20), window(ONE, 60, 70), RecallChange(ONE, at(10), None)])
    assert [None, Reason.RECALLED] == [table.refusal(ONE, at(minute)) for minute in (15, 65)]
    table.apply([RecallChange(ONE, at(60), None), RecallChange(TWO, at(1), None)])
    assert 0 == len(table)
    assert {} == table._windows


def test_a_window_is_replaced_by_the_next_record_of_its_key() -> None:
    """Longer or shorter: the last word counts."""
    table = RecallTable()
    table.apply([window(ONE, 10, 20), window(ONE, 10, 12, erased=True)])
    assert [Reason.ERASED, None] == [table.refusal(ONE, at(minute)) for minute in (11, 15)]


def nobodys(key: bytes, recall: bool = True) -> RecallChange:
    return RecallChange(None, NOON, Recall(b"", NOON, NOON, False) if recall else None, key)


def test_a_recall_that_names_nobody_is_remembered_until_it_is_taken_back() -> None:
    """Each key once; its tombstone ends it; a tombstone of another does not."""
    table = RecallTable()
    table.apply([nobodys(b"x"), nobodys(b"x"), nobodys(b"y")])
    assert 2 == table.unreadable
    table.apply([nobodys(b"x", recall=False), nobodys(b"z", recall=False)])
    assert 1 == table.unreadable


def test_too_many_of_those_are_never_forgotten() -> None:
    """Those that are not remembered one by one can't be taken back one by one."""
    table = RecallTable()
    keys = [b"%d" % number for number in range(UNREADABLE_MAX + 1)]
    table.apply(nobodys(key) for key in keys)
    table.apply(nobodys(key, recall=False) for key in keys)
    assert 1 == table.unreadable


def test_nothing_is_shown_of_an_account() -> None:
    """A change can be printed."""
    assert "canary" not in repr(window(b"canary-canary-16", 1, 2))
