"""The hash chain: one way to write a record down, and a digest that nothing escapes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.lifecycle.chain import canonical, canonical_json, digest_of, end_at, link
from stream.ports import Partition
from stream.whose import GENESIS, Head

RECORD = {"topic": "clips.raw", "partition": 3, "offset": 41, "reason": None, "identifiers": {"PERSON": 2, "EMAIL": 1}}
CHAIN = Partition("clips.raw", 3)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
PLAIN = st.none() | st.booleans() | INTEGERS | st.text(st.sampled_from('az"\\\n\x1f\x7fé€\U0001f600'), max_size=4)
EXACT = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.sampled_from("aZ_9"), PLAIN, max_size=3)
RECORDS = st.dictionaries(st.sampled_from(["a", "Zz", "_", "offset", "reason"]), EXACT, max_size=4)


def test_the_example_of_the_standard() -> None:
    """RFC 8785, 3.2.2 and 3.2.3: order of keys, escapes, and characters beyond ASCII as they are."""
    value = {"string": '€$\u000f\nA\'B"\\\\"/', "literals": [None, True, False], "numbers": [333333333, 4, 0, -1]}
    expected = '{"literals":[null,true,false],"numbers":[333333333,4,0,-1],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert expected.encode() == canonical_json(value)


def test_the_first_digest_by_hand() -> None:
    """SHA-256(0x00 || 32 zero bytes || JSON), written out."""
    text = (
        '{"identifiers":{"EMAIL":1,"PERSON":2},"offset":41,"partition":3,"previous":"' + "0" * 64 + '",'
        '"reason":null,"sequence":1,"topic":"clips.raw"}'
    )
    linked, head = link(RECORD, GENESIS)
    assert hashlib.sha256(b"\x00" + bytes(32) + text.encode()).digest() == head.digest
    assert (1, "00" * 32, head.digest.hex()) == (linked["sequence"], linked["previous"], linked["digest"])


@pytest.mark.parametrize("value", [0.5, 1.0, 2**53, -(2**53), b"x", {1: 2}, {"ä": 1}, {1, 2}, "\ud800"])
def test_what_can_be_written_in_two_ways_is_refused(value: Any) -> None:
    """No float, no integer that JavaScript would round, no key whose order depends on the encoding."""
    with pytest.raises(ValueError):
        canonical_json({"field": value})


@given(RECORDS)
def test_canonical_says_all_and_depends_on_no_order(record: dict[str, Any]) -> None:
    """What is read back is what was written; another order of fields is the same record."""
    written = canonical_json(record)
    assert record == json.loads(written)
    assert written == canonical_json(dict(reversed(record.items())))


@given(RECORDS, st.lists(RECORDS, max_size=4))
def test_a_chain_can_be_continued_from_its_last_record(first: dict[str, Any], more: list[dict[str, Any]]) -> None:
    """The end that a record tells is the end that its writer went on from."""
    head = GENESIS
    for sequence, record in enumerate([first, *more], 1):
        linked, head = link({**record, "topic": "clips.raw", "partition": 3}, head)
        assert sequence == head.sequence
        assert head == end_at(json.loads(json.dumps(linked)), CHAIN)


@pytest.mark.parametrize("name", [*RECORD, "sequence", "previous", "digest"])
def test_every_field_is_in_the_digest(name: str) -> None:
    """Any field changed or taken away, and the record is no end of a chain."""
    linked, _ = link(RECORD, Head(6, b"\x07" * 32))
    changed = {**linked, name: 5 if name == "sequence" else "00" * 32}
    with pytest.raises(ValueError):
        end_at(changed, CHAIN)
    with pytest.raises(ValueError):
        end_at({key: value for key, value in linked.items() if key != name}, CHAIN)


@pytest.mark.parametrize("sequence", [0, -1, None, "7"])
def test_a_record_without_a_place_is_no_end(sequence: object) -> None:
    """Although its digest is its own."""
    record = {**RECORD, "sequence": sequence, "previous": "07" * 32}
    digest = digest_of(record, b"\x07" * 32)
    with pytest.raises(ValueError):
        end_at({**record, "digest": digest.hex()}, CHAIN)


@pytest.mark.parametrize("previous", ["", "07" * 31, "07" * 33])
def test_a_digest_before_that_is_not_whole_is_none(previous: str) -> None:
    """Although the record's own digest is over it: a writer of ours has 32 bytes there."""
    record = {**RECORD, "sequence": 7, "previous": previous}
    digest = digest_of(record, bytes.fromhex(previous))
    with pytest.raises(ValueError):
        end_at({**record, "digest": digest.hex()}, CHAIN)


@pytest.mark.parametrize("other", [Partition("clips.raw", 2), Partition("clips.other", 3)])
def test_no_chain_is_continued_from_anothers_record(other: Partition) -> None:
    """A record that is in order, but of another input partition, is refused."""
    linked, head = link(RECORD, GENESIS)
    assert head == end_at(linked, CHAIN)
    with pytest.raises(ValueError):
        end_at(linked, other)


def test_the_digest_depends_on_everything_before() -> None:
    """The same record behind another one has another digest, even if it says the same of what was before it."""
    assert digest_of(RECORD, bytes(32)) != digest_of(RECORD, b"\x01" * 32)


def test_the_digest_is_not_in_what_it_is_over() -> None:
    """A record with and without its digest is the same to the chain."""
    assert canonical(RECORD) == canonical({**RECORD, "digest": "ff"})
