"""aiokafka's records become ours."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from stream.clip import Coordinates, Record
from stream.wire import avro
from stream.wire.kafka_source import as_record

GUID = UUID("0198c1f4-7c58-7d7a-9a0e-5d8f2c1b3a49")


def polled(value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> ConsumerRecord:
    return ConsumerRecord("clips.raw", 3, 41, 1_700_000_000_000, 0, b"key", value, None, 3, 0, tuple(headers))


def test_a_record_keeps_place_key_time_and_value() -> None:
    """Nothing else of a record is looked at."""
    expected = Record(Coordinates("clips.raw", 3, 41), b"value", b"key", 1_700_000_000_000)
    assert expected == as_record(polled(b"value", [("trace", b"x")]))


def test_a_tombstone_stays_one() -> None:
    """A header does not make a value of none."""
    assert as_record(polled(None, [("__value_schema_id", b"\x01" + GUID.bytes)])).value is None


def test_a_guid_in_the_header_is_put_in_front_of_the_value() -> None:
    """Confluent's header form and its prefix form are read alike."""
    record = as_record(polled(b"body", [("__value_schema_id", b"\x01" + GUID.bytes)]))
    assert record.value is not None
    assert (str(GUID), b"body") == avro.unframe(record.value)


def test_two_guids_in_headers_are_no_schema_that_anyone_knows() -> None:
    """Contradicting headers give a body that doesn't decode, never a guess between them."""
    twice = [("__value_schema_id", b"\x01" + GUID.bytes)] * 2
    record = as_record(polled(b"body", twice))
    assert record.value is not None
    _, body = avro.unframe(record.value)
    assert body == b"\x01" + GUID.bytes + b"body"


def test_a_schema_header_without_a_value_names_no_schema() -> None:
    """Kafka lets a header have none: one such record must not end the worker."""
    assert b"body" == as_record(polled(b"body", [("__value_schema_id", None)])).value
