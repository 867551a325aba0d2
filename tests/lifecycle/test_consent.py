"""The consent table: the newest word of each account, in little memory, and its snapshot."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.lifecycle import consent, snapshots
from stream.lifecycle.consent import BUCKETS, Change, ConsentTable, Word, milliseconds
from stream.lifecycle.snapshots import Snapshot, Unusable
from stream.whose import ConsentChange

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)
TOPIC = "clips.consent"


def said(account: str, yes: bool, minute: int) -> Change:
    return account, ConsentChange(account, yes, NOON + timedelta(minutes=minute))


def word(yes: bool, minute: int) -> Word:
    return Word(yes, milliseconds(NOON + timedelta(minutes=minute)))


def test_nothing_is_known_of_an_account_that_said_nothing() -> None:
    """Neither in an empty table nor in one that knows others."""
    table = ConsentTable()
    assert table.newest("a") is None
    table.apply([said("b", False, 0)])
    assert table.newest("a") is None


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that wait take several times the memory of those that have settled."""
    monkeypatch.setattr(consent, "WAITING_MAX", 4)
    table = ConsentTable()
    table.apply(said(str(number), False, 0) for number in range(5))
    assert not table._waiting
    assert 5 == len(table)


def test_the_newest_word_counts_whatever_came_last() -> None:
    """By changed_at: a record that comes late changes nothing."""
    table = ConsentTable()
    table.apply([said("a", True, 5)])
    table.apply([said("a", False, 3)])
    assert word(True, 5) == table.newest("a")
    table.apply([said("a", False, 9), said("a", True, 8)])
    assert word(False, 9) == table.newest("a")


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_no_counts_where_two_words_are_as_new(order: tuple[bool, bool]) -> None:
    """In whichever order they come, in one batch or in two."""
    one, two = ConsentTable(), ConsentTable()
    one.apply(said("a", yes, 1) for yes in order)
    for yes in order:
        two.apply([said("a", yes, 1)])
    assert [word(False, 1)] * 2 == [one.newest("a"), two.newest("a")]


def test_a_tombstone_forgets_and_what_comes_after_it_counts() -> None:
    """Also where what comes after it is older than what was forgotten."""
    table = ConsentTable()
    table.apply([said("a", False, 9), said("b", False, 1), ("a", None)])
    assert table.newest("a") is None
    table.apply([said("a", False, 9)])
    table.apply([("a", None), said("a", True, 2), ("b", None)])
    assert word(True, 2) == table.newest("a")
    assert table.newest("b") is None
    assert 1 == len(table)


def test_the_table_holds_no_account_id() -> None:
    """Not in its arrays, and not in a readable form: two tables number the same account differently."""
    one, two = ConsentTable(), ConsentTable()
    for table in (one, two):
        table.apply([said("account-canary", True, 1)])
    contents = [b"".join(bucket.tobytes() for bucket in table.buckets()) for table in (one, two)]
    assert contents[0] != contents[1]
    assert b"canary" not in contents[0]


_NAMES = [f"account-{number}" for number in range(12)]
_CHANGES = st.tuples(st.sampled_from(_NAMES), st.none() | st.tuples(st.booleans(), st.integers(0, 6)))


@settings(max_examples=300, deadline=None)
@given(batches=st.lists(st.tuples(st.lists(_CHANGES, max_size=30), st.booleans()), max_size=6))
def test_the_table_is_a_dictionary(batches: list[tuple[list[tuple[str, tuple[bool, int] | None]], bool]]) -> None:
    """Whatever comes, in whatever batches, settled or waiting: the same as a dictionary that takes one change after
    the other."""
    table, plain = ConsentTable(key=bytes(32)), dict[str, Word]()
    for batch, settle in batches:
        table.apply([(name, None) if what is None else said(name, *what) for name, what in batch])
        for name, what in batch:
            if what is None:
                plain.pop(name, None)
            else:
                words = [word(*what), *([plain[name]] if name in plain else [])]
                plain[name] = max(words, key=lambda one: (one.changed_ms, not one.human_review))
        assert [plain.get(name) for name in _NAMES] == [table.newest(name) for name in _NAMES]
        if settle:
            assert len(plain) == len(table)
            assert [plain.get(name) for name in _NAMES] == [table.newest(name) for name in _NAMES]


def test_many_accounts_are_all_found() -> None:
    """Across all buckets, in batches that overlap."""
    table = ConsentTable()
    for start in range(0, 40_000, 10_000):
        table.apply(said(f"account-{number}", number % 3 > 0, number) for number in range(start, start + 15_000))
    assert 45_000 == len(table)
    assert all(bucket.shape[1] for bucket in table.buckets())
    wrong = [number for number in range(45_000) if table.newest(f"account-{number}") != word(number % 3 > 0, number)]
    assert [] == wrong


def test_ten_million_accounts_fit_into_400_mb() -> None:
    """Resident memory, growth and garbage of loading included: by what the table grows from small to less small."""
    sizes = (300_000, 1_500_000)
    small, large = (_mebibytes(accounts) for accounts in sizes)
    per_account = (large - small) / (sizes[1] - sizes[0])
    assert 400 > small + per_account * 10_000_000


def _mebibytes(accounts: int) -> int:
    command = [sys.executable, "-m", "tests.bench.consent", "--accounts", str(accounts)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(told.partition("accounts: ")[2].partition(" MiB")[0])


# ------------------------------------------------------------------ snapshots
@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A snapshot of some thousand accounts."""
    table = ConsentTable()
    table.apply(said(f"account-{number}", number % 2 > 0, number) for number in range(3_000))
    snapshots.write(tmp_path / "s", Snapshot(TOPIC, {0: 7, 1: 9}, table.key, table.buckets(), 1.5))
    return tmp_path / "s"


def test_a_snapshot_brings_the_table_back(path: Path) -> None:
    """Words, offsets, time; and the table goes on from there."""
    found = snapshots.read(path, TOPIC)
    table = ConsentTable(found.key, found.buckets)
    assert ({0: 7, 1: 9}, 1.5, 3_000) == (found.offsets, found.saved_at, len(table))
    assert all(table.newest(f"account-{number}") == word(number % 2 > 0, number) for number in range(3_000))
    table.apply([said("account-4", True, 99_999), ("account-5", None), said("new", False, 1)])
    assert [word(True, 99_999), None, word(False, 1)] == [
        table.newest(name) for name in ("account-4", "account-5", "new")
    ]


def test_an_empty_table_has_a_snapshot_too(tmp_path: Path) -> None:
    """An empty topic is not read again either."""
    table = ConsentTable()
    snapshots.write(tmp_path / "s", Snapshot(TOPIC, {0: 0}, table.key, table.buckets(), 1.0))
    found = snapshots.read(tmp_path / "s", TOPIC)
    assert (BUCKETS, 0) == (len(found.buckets), len(ConsentTable(found.key, found.buckets)))


def test_a_snapshot_is_ours_alone_and_names_nobody(path: Path) -> None:
    """Readable by the owner only; no account id in it; nothing else left in the folder."""
    assert 0o600 == path.stat().st_mode & 0o777
    assert b"account" not in path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_any_damage_is_noticed(path: Path) -> None:
    """A bit anywhere: in the header, in the key, in the counts, in the words, in the sum."""
    whole = path.read_bytes()
    for at in [*range(60), *range(60, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(Unusable):
            snapshots.read(path, TOPIC)


@pytest.mark.parametrize("length", [0, 5, 11, 12, 500, -33, -1])
def test_a_snapshot_that_was_cut_is_noticed(path: Path, length: int) -> None:
    """Wherever it ends; and so is one that goes on after its end."""
    whole = path.read_bytes()
    for content in (whole[:length], whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(Unusable):
            snapshots.read(path, TOPIC)


def test_a_snapshot_of_another_topic_is_not_used(path: Path, tmp_path: Path) -> None:
    """Nor is one that is not there."""
    with pytest.raises(Unusable):
        snapshots.read(path, "clips.other")
    with pytest.raises(Unusable):
        snapshots.read(tmp_path / "missing", TOPIC)


def test_a_snapshot_that_can_not_be_written_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is replaced at once or not at all, and nothing half-written stays."""
    before = path.read_bytes()

    def full(_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(snapshots.os, "fsync", full)
    table = ConsentTable()
    with pytest.raises(OSError):
        snapshots.write(path, Snapshot(TOPIC, {0: 8}, table.key, table.buckets(), 2.0))
    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    """What is applied while it is written is not in it."""
    table = ConsentTable()
    table.apply([said("a", True, 1)])
    buckets = table.buckets()
    table.apply([said("a", False, 2), said("b", False, 2)])
    assert word(True, 1) == ConsentTable(table.key, buckets).newest("a")
