"""Batches of aiokafka's own builder: what is too large or can't be read costs itself, and nothing behind it."""

from __future__ import annotations

import gzip
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import UnsupportedForMessageFormatError
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.clip import Reason
from stream.wire import kafka_batches
from stream.wire.kafka_batches import NotBounded
from stream.wire.kafka_records import Unread
from stream.wire.kafka_source import as_record
from tests.wire.batches import CODECS, HEAD, Head, batch, fetched, rewritten

PACKED = sorted(set(CODECS) - {"none"})
LARGE, ROOM = 300_000, 100_000
TRANSACTIONAL, CONTROL = 0x10, 0x20
COMMIT, ABORT = b"\x00\x00\x00\x01", b"\x00\x00\x00\x00"


def told(records: list[Any]) -> list[tuple[int, object]]:
    """Offset, and the value or why there is none."""
    return [(r.offset, r.value.reason if isinstance(r.value, Unread) else r.value) for r in records]


def bomb(codec: str, count: int = 3, **head: int) -> bytes:
    return batch(CODECS[codec], [(b"k", bytes(LARGE), [])] * count, **head)


def attributes(codec: str, extra: int) -> int:
    return CODECS[codec] | extra


@pytest.mark.parametrize("codec", PACKED)
def test_all_records_of_a_batch_too_large_come_out_unread_and_the_stream_goes_on(codec: str) -> None:
    """Each with its offset, whatever it is packed with."""
    raw = bomb(codec, base_offset=7) + batch(CODECS[codec], [(b"k", b"fine" * 50, [])], base_offset=10)
    expected = [(offset, Reason.EVENT_TOO_LARGE) for offset in (7, 8, 9)]
    assert [*expected, (10, b"fine" * 50)] == told(fetched(raw, ROOM))


@pytest.mark.parametrize("codec", PACKED)
def test_the_bound_is_exact(codec: str) -> None:
    """As large as it may be is read, one byte more is not."""
    raw = batch(CODECS[codec], [(None, bytes(5000), [])])
    size = len(batch(0, [(None, bytes(5000), [])])) - HEAD.size
    assert [(0, bytes(5000))] == told(fetched(raw, size))
    assert [(0, Reason.EVENT_TOO_LARGE)] == told(fetched(raw, size - 1))


@pytest.mark.parametrize("codec", PACKED)
@pytest.mark.parametrize("broken", ["changed", "cut", "empty"])
def test_a_batch_that_does_not_unpack_is_undecodable_and_the_stream_goes_on(codec: str, broken: str) -> None:
    """aiokafka alone raises at it, for ever, although its checksum is right."""
    good = batch(CODECS[codec], [(b"k", b"word" * 300, [])] * 3)
    body = bytearray(good[HEAD.size :])
    if broken == "changed":
        body[4:30] = bytes(byte ^ 0x55 for byte in body[4:30])
    bad = rewritten(good, {"changed": bytes(body), "cut": bytes(body[:-9]), "empty": b""}[broken])
    with pytest.raises(Exception):  # noqa: B017 - each library has its own
        fetched(bad)
    expected = [(offset, Reason.EVENT_UNDECODABLE) for offset in range(3)]
    after = batch(0, [(b"k", b"after", [])], base_offset=3)
    assert [*expected, (3, b"after")] == told(fetched(bad + after, ROOM))


def test_a_codec_that_nobody_knows_is_undecodable() -> None:
    """As if it did not unpack."""
    raw = rewritten(batch(0, [(b"k", b"v", [])] * 2), attributes=6)
    assert [(0, Reason.EVENT_UNDECODABLE), (1, Reason.EVENT_UNDECODABLE)] == told(fetched(raw, ROOM))


@pytest.mark.parametrize("codec", PACKED)
def test_every_offset_of_a_compacted_batch_is_accounted_for(codec: str) -> None:
    """Which ones are left nobody knows: also those before, between and behind its records."""
    raw = bomb(codec, 2, base_offset=20, last_offset_delta=4)
    assert [(offset, Reason.EVENT_TOO_LARGE) for offset in range(20, 25)] == told(fetched(raw, ROOM))


def test_an_empty_batch_has_no_records_and_is_passed() -> None:
    """Compaction keeps it for the producer's sequence numbers."""
    empty = rewritten(batch(0, [(b"k", b"v", [])]), b"", records=0, last_offset_delta=4, attributes=1)
    assert [(5, b"v")] == told(fetched(empty + batch(0, [(b"k", b"v", [])], base_offset=5), ROOM))


def test_reading_goes_on_in_the_middle_of_a_batch_too_large() -> None:
    """What was accounted for before is not again."""
    assert [(9, Reason.EVENT_TOO_LARGE)] == told(fetched(bomb("zstd", base_offset=7), ROOM, start=9))


@pytest.mark.parametrize("codec", PACKED)
def test_of_an_aborted_transaction_nothing_comes_and_of_a_committed_one_everything(codec: str) -> None:
    """Batches too large are filtered as all others; the markers have no records."""
    producer = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0}
    of = attributes(codec, TRANSACTIONAL)
    marker = {"producer_id": 5, "attributes": TRANSACTIONAL | CONTROL}
    raw = b"".join(
        (
            bomb(codec, attributes=of, **producer),
            batch(0, [(ABORT, bytes(6), [])], base_offset=3, **marker),
            bomb(codec, base_offset=4, attributes=of, **producer),
            batch(0, [(COMMIT, bytes(6), [])], base_offset=7, **marker),
        )
    )
    expected = [(offset, Reason.EVENT_TOO_LARGE) for offset in (4, 5, 6)]
    assert expected == told(fetched(raw, ROOM, aborted=[(5, 0)]))


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_header_of_any_name_costs_nobody_anything(codec: str) -> None:
    """No broker looks at it; aiokafka alone raises where it is no UTF-8, also of records that are not packed."""
    plain = batch(0, [(b"k", b"a", []), (b"k", b"b" * 99, [("abcdef", b"h")]), (b"k", b"c", [])])
    body = plain[HEAD.size :].replace(b"abcdef", b"ab\xff\xfeef")
    bad = packed_as(codec, rewritten(plain, body))
    with pytest.raises(UnicodeDecodeError):
        fetched(bad)
    assert [(0, b"a"), (1, b"b" * 99), (2, b"c")] == told(fetched(bad, ROOM))


def packed_as(codec: str, plain: bytes) -> bytes:
    """A plain batch, packed."""
    from aiokafka import codec as codecs

    if codec == "none":
        return plain
    body = getattr(codecs, f"{codec}_encode")(plain[HEAD.size :])
    return rewritten(plain, body, attributes=CODECS[codec])


def test_a_record_that_contradicts_itself_is_undecodable_alone() -> None:
    """Its length says where the next one begins."""
    plain = batch(0, [(b"k", b"a", []), (b"k", b"bbbb", []), (b"k", b"c", [])])
    body = plain[HEAD.size :].replace(b"\x08bbbb", b"\x06bbbb")  # a value that is said to be shorter
    with pytest.raises(Exception):  # noqa: B017
        fetched(rewritten(plain, body))
    assert [(0, b"a"), (1, Reason.EVENT_UNDECODABLE), (2, b"c")] == told(fetched(rewritten(plain, body), ROOM))


def test_a_record_with_more_in_it_than_it_tells_of_is_undecodable_alone() -> None:
    """Nobody knows what that is."""
    record = batch(0, [(b"k", b"a", [])])[HEAD.size :]
    more = bytes([record[0] + 2]) + record[1:] + b"\0"  # its length is written twice as large as it is
    plain = batch(0, [(b"k", b"a", []), (b"k", b"c", [])])
    raw = rewritten(plain, more + plain[HEAD.size + len(record) :])
    assert [(0, Reason.EVENT_UNDECODABLE), (1, b"c")] == told(fetched(raw, ROOM))


def test_a_record_that_lies_about_its_offset_hides_none() -> None:
    """In a batch of as many records as offsets, nothing has been compacted away: there is no gap to skip."""
    plain = batch(0, [(b"k", b"a", []), (b"k", b"b", []), (b"k", b"c", [])])
    body = plain[HEAD.size :].replace(b"\x00\x02\x02", b"\x00\x02\x04")  # the second says that it is the third
    assert body != plain[HEAD.size :]
    expected = [(0, b"a"), (1, Reason.EVENT_UNDECODABLE), (2, Reason.EVENT_UNDECODABLE)]
    assert expected == told(fetched(rewritten(plain, body), ROOM))


@pytest.mark.parametrize(("records", "expected"), [(1, [b"a", Reason.EVENT_UNDECODABLE]), (9, [b"a", b"b"])])
def test_a_count_that_is_wrong_loses_no_offset(records: int, expected: list[object]) -> None:
    """Fewer than there are, or more."""
    raw = batch(0, [(b"k", b"a", []), (b"k", b"b", [])], records=records)
    assert list(enumerate(expected)) == told(fetched(raw, ROOM))


def test_old_formats_pass_plain_and_are_refused_packed() -> None:
    """An old log can hold them; how large a packed one is, nobody could tell. No broker of today writes either."""
    plain, packed = (LegacyRecordBatchBuilder(1, codec, 2**20) for codec in (0, 1))
    for builder in (plain, packed):
        builder.append(0, 1_700_000_000_000, b"k", b"v" * 500)
    assert [(0, b"v" * 500)] == told(fetched(bytes(plain.build()), ROOM))
    with pytest.raises(UnsupportedForMessageFormatError):
        fetched(bytes(packed.build()), ROOM)


def test_why_a_record_was_not_read_is_told_by_no_value_that_a_producer_can_send() -> None:
    """An empty value and headers of any kind make an ordinary record."""
    raw = batch(0, [(b"k", b"", [("unread", b"event_too_large")])])
    ordinary, unread = fetched(raw + bomb("gzip", 1, base_offset=1), ROOM)
    assert as_record(ordinary).unread is None
    assert Reason.EVENT_TOO_LARGE is as_record(unread).unread
    assert b"" == as_record(unread).value, "no tombstone: that would mean something"


text = st.text(max_size=8)
blob = st.binary(max_size=300)
header = st.tuples(text, st.none() | blob)
records = st.lists(st.tuples(st.none() | blob, st.none() | blob, st.lists(header, max_size=2)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(CODECS)), records.filter(bool)), max_size=4))
def test_whatever_aiokafka_reads_comes_out_unchanged(of: list[tuple[str, Any]]) -> None:
    """Same places, times, keys, values and headers, of any codec."""
    raw, offset = b"", 3
    for codec, each in of:
        plain = batch(0, each, base_offset=offset)
        raw += packed_as(codec, plain)
        offset += len(each)
    assert fetched(raw) == fetched(raw, 2**20)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(CODECS)), records.filter(bool), st.data())
def test_whatever_is_broken_every_offset_comes_out_once_and_in_order(codec: str, of: Any, data: st.DataObject) -> None:
    """Any bytes of the records changed, cut or added to: nothing is raised, no offset is missing or comes twice."""
    good = packed_as(codec, batch(0, of))
    body = bytearray(good[HEAD.size :])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(1, 2 * len(body))) :]
    offsets = [record.offset for record in fetched(rewritten(good, bytes(body)), 2**16)]
    assert sorted(set(offsets)) == offsets
    assert set(range(len(of))) <= set(offsets)


# ------------------------------------------------------------------ put in place
def test_another_aiokafka_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its private names have moved, nothing runs without a bound."""
    kafka_batches.bound(ROOM)  # this one is known
    for name in ("PartitionRecords", "Fetcher"):
        with monkeypatch.context() as moved:
            moved.delattr(fetcher, name)
            kafka_batches._check.cache_clear()
            with pytest.raises(NotBounded, match=aiokafka.__version__):
                kafka_batches.bound(ROOM)
    kafka_batches._check.cache_clear()


def test_an_aiokafka_that_reads_by_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our batches would be in place, and nobody would ask them."""

    class Fetcher:
        async def _proc_fetch_request(self) -> None: ...

    monkeypatch.setattr(fetcher, "Fetcher", Fetcher)
    kafka_batches._check.cache_clear()
    with pytest.raises(NotBounded, match="another way"):
        kafka_batches.bound(ROOM)
    kafka_batches._check.cache_clear()


def test_gzip_of_many_parts_is_bounded_as_a_whole() -> None:
    """A gzip file may go on with another one."""
    good = batch(1, [(b"k", b"v" * 3000, [])])
    raw = rewritten(good, gzip.compress(bytes(ROOM // 2)) * 3)
    assert [(0, Reason.EVENT_TOO_LARGE)] == told(fetched(raw, ROOM))
    assert Head(*HEAD.unpack_from(raw)).records == 1
