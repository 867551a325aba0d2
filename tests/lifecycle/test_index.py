"""The index: what nobody can read, move or forge, and what we can find by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clip import Coordinates, Reason, Record, Refusal
from stream.lifecycle.index import NONCE_BYTES, Copy, PublishedIndex, SealedIndex
from stream.ports import Message
from stream.whose import IndexEntry
from stream.wire.index_records import decode_entry, encode_entry
from tests.lifecycle.stand_ins import MORNING, Ring, header, published, ring, sealed, tokens

CANARY = "account-canary-7731"
NEXT_WEEK = timedelta(days=7)


def record(message: Message, offset: int = 0) -> Record:
    return Record(Coordinates("index", 0, offset), message.value, message.key)


def tombstone(token: str) -> Record:
    return Record(Coordinates("index", 0, 9), None, token.encode())


def refused(index: SealedIndex, token: str, value: bytes) -> Reason:
    with pytest.raises(Refusal) as caught:
        index.open(token, value)
    return caught.value.reason


# ------------------------------------------------------------------ sealing
def test_an_entry_comes_back_as_it_was() -> None:
    """Token, account, exact time, coordinates, campaign, epoch; and the record's key is the token."""
    index = sealed()
    message = index.entry(header(CANARY, timedelta(microseconds=37_000)), published("t1", 41))
    expected = IndexEntry(
        "t1", CANARY, MORNING + timedelta(milliseconds=37), Coordinates("raw", 0, 41), "spring", "w47"
    )
    assert b"t1" == message.key
    assert expected == index.open("t1", message.value or b"")


def test_a_sealed_entry_says_nothing_of_the_account() -> None:
    """Neither the account, nor the topic it came from, nor two entries of one account that look alike."""
    index = sealed()
    once, again = (index.entry(header(CANARY), published("t1")).value or b"" for _ in range(2))
    assert CANARY.encode() not in once
    assert b"raw" not in once
    assert once[5 + NONCE_BYTES :] != again[5 + NONCE_BYTES :], "a nonce came twice"
    assert b"t1" == index.entry(header(CANARY), published("t1")).key


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_what_was_tampered_with_is_refused(at: int, flip: int) -> None:
    """Any byte, anywhere: version, epoch, nonce, entry or tag."""
    index = sealed()
    value = bytearray(index.entry(header(CANARY), published("t1")).value or b"")
    value[at % len(value)] ^= flip
    assert refused(index, "t1", bytes(value)) in (Reason.EVENT_UNDECODABLE, Reason.KEY_MISSING)


@given(missing=st.integers(1, 80))
def test_what_was_cut_off_is_refused(missing: int) -> None:
    """A beginning of a sealed entry is none."""
    index = sealed()
    value = (index.entry(header(CANARY), published("t1")).value or b"")[:-missing]
    assert refused(index, "t1", value) in (Reason.EVENT_UNDECODABLE, Reason.KEY_MISSING)


def test_an_entry_that_was_moved_to_another_token_is_refused() -> None:
    """Whoever can write to the topic can't make one clip look like another account's."""
    index = sealed()
    value = index.entry(header(CANARY), published("t1")).value or b""
    assert Reason.EVENT_UNDECODABLE == refused(index, "t2", value)


def test_an_entry_of_another_campaign_is_refused() -> None:
    """Also where both campaigns share a key by mistake."""
    value = sealed().entry(header(CANARY), published("t1")).value or b""
    ours = ring()
    theirs = type(ours)("autumn", ours.scope, ours.epochs, ours.account_key)
    assert Reason.EVENT_UNDECODABLE == refused(sealed(Ring(theirs)), "t1", value)


def test_a_destroyed_key_makes_its_entries_unreadable_and_no_others() -> None:
    """With the key of one epoch gone, nobody can say whose its tokens are."""
    keys = Ring()
    index = sealed(keys)
    old = index.entry(header(CANARY), published("t1")).value or b""
    new = index.entry(header(CANARY, NEXT_WEEK), published("t2")).value or b""
    keys.keys = ring().only(["w48"])
    assert Reason.KEY_MISSING == refused(index, "t1", old)
    assert CANARY == index.open("t2", new).account_id
    with pytest.raises(Refusal):
        index.entry(header(CANARY), published("t3"))


def test_an_entry_never_prints_its_account() -> None:
    """Nor does what the view holds of it."""
    copy = Copy("t1", b"digest", MORNING)
    entry = IndexEntry("t1", CANARY, MORNING, Coordinates("raw", 0, 0), "spring", "w47")
    assert CANARY not in repr(entry)
    assert "digest" not in repr(copy)


@given(
    st.builds(
        IndexEntry,
        token=st.text(max_size=40),
        account_id=st.text(max_size=300),
        captured_at=st.integers(0, 4_000_000_000_000).map(lambda ms: MORNING + timedelta(milliseconds=ms % 10**11)),
        coordinates=st.builds(Coordinates, st.text(max_size=9), st.integers(0, 2**31 - 1), st.integers(0, 2**62)),
        campaign=st.text(max_size=9),
        key_epoch=st.text(max_size=9),
        uris=st.lists(st.text(max_size=30), max_size=3).map(tuple),
    )
)
def test_what_is_inside_survives(entry: IndexEntry) -> None:
    """The Avro body gives back the same entry."""
    assert entry == decode_entry(encode_entry(entry))


# ------------------------------------------------------------------ looking up
def test_copies_are_found_by_account_and_by_token() -> None:
    """All of an account's and nobody else's, without holding its name."""
    index = sealed()
    view = PublishedIndex(index)
    for number, account in enumerate([CANARY, "another", CANARY]):
        view.take(record(index.entry(header(account), published(f"t{number}", number)), number))
    assert ["t0", "t2"] == tokens(view.of_account(index.digest(CANARY)))
    assert ["t1"] == tokens(view.of_account(index.digest("another")))
    assert [] == tokens(view.of_account(index.digest("nobody")))
    assert index.digest("another") == view.of_token("t1").account  # type: ignore[union-attr]
    assert CANARY not in repr(vars(view))


def test_a_tombstone_forgets_an_entry() -> None:
    """By token and by account; a second tombstone, or one of an unknown token, changes nothing."""
    index = sealed()
    view = PublishedIndex(index)
    view.take(record(index.entry(header(CANARY), published("t1"))))
    for token in ("t1", "t1", "unknown"):
        view.take(tombstone(token))
    assert ([], None, 0) == (tokens(view.of_account(index.digest(CANARY))), view.of_token("t1"), len(view))


def test_a_tombstone_forgets_no_other_entry_of_the_account() -> None:
    """Else an erasure would leave it published."""
    index = sealed()
    view = PublishedIndex(index)
    for token in ("t1", "t2"):
        view.take(record(index.entry(header(CANARY), published(token))))
    view.take(tombstone("t1"))
    assert ["t2"] == tokens(view.of_account(index.digest(CANARY)))


def test_an_entry_that_comes_again_counts_once() -> None:
    """A clip that was published twice after a rewind has one entry: the newer."""
    index = sealed()
    view = PublishedIndex(index)
    for account in ("another", CANARY, CANARY):
        view.take(record(index.entry(header(account), published("t1"))))
    assert (1, 0) == (len(view), view.unreadable)
    assert [] == tokens(view.of_account(index.digest("another")))


def test_what_cant_be_opened_is_counted_and_kept() -> None:
    """Garbage and entries of a destroyed epoch are unreadable, not lost; they end with their tombstones."""
    keys = Ring(ring().only(["w48"]))
    view = PublishedIndex(sealed(keys))
    view.take(record(sealed().entry(header(CANARY), published("old"))))
    view.take(Record(Coordinates("index", 0, 1), b"garbage", b"broken"))
    assert (0, 2) == (len(view), view.unreadable)
    assert (True, True, False) == tuple(map(view.is_unreadable, ("old", "broken", "unknown")))
    view.take(tombstone("old"))
    view.take(tombstone("broken"))
    assert 0 == view.unreadable


def test_a_key_that_comes_later_opens_what_waited_for_it() -> None:
    """The ring changes while the service runs: a worker may know a new epoch a moment before we do."""
    keys = Ring(ring().only(["w48"]))
    index = sealed(keys)
    met: list[str] = []
    view = PublishedIndex(index, lambda copy, entry: met.append(entry.account_id))
    view.take(record(sealed().entry(header(CANARY), published("t1"))))
    view.retry()
    assert (0, []) == (len(view), met)
    keys.keys = ring()
    view.retry()
    assert (["t1"], 0, [CANARY]) == (tokens(view.of_account(index.digest(CANARY))), view.unreadable, met)
