"""What our Kafka clients ask of aiokafka, and what they make of its answers; a stand-in plays the library.

That a real Kafka does what is asked of it is shown by the contract tests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, MessageSizeTooLargeError, ProducerFenced
from aiokafka.structs import ConsumerRecord

from stream.clip import Coordinates
from stream.ports import CommitFailed, Fenced, Message, Partition, SourceLost
from stream.wire.kafka_connection import KafkaConnection, silence
from stream.wire.kafka_copier import KafkaCopier
from stream.wire.kafka_outbox import KafkaOutbox
from stream.wire.kafka_source import KafkaSource, _Listener

CONNECTION = KafkaConnection("127.0.0.1:9")
HERE = Partition("raw", 3)
NATIVE = TopicPartition("raw", 3)
HEADERS = [("__value_schema_id", b"\x01guid")]


def record(offset: int) -> ConsumerRecord:
    return ConsumerRecord("raw", 3, offset, 1_700_000_000_000, 0, b"key", b"value", None, 3, 5, tuple(HEADERS))


@dataclass
class Producer:
    """Remembers what it was asked; fails as it is told to."""

    refuses: Exception | None = None  # a delivery, once it was sent
    ends: Exception | None = None  # the transaction
    steps: list[Any] = field(default_factory=list)
    _txn_manager: Any = field(default_factory=lambda: SimpleNamespace(wait_for_transaction_end=lambda: None))

    async def begin_transaction(self) -> None:
        self.steps.append("begin")

    async def send(self, topic: str, *what: Any) -> asyncio.Future[Any]:
        self.steps.append((topic, *what))
        loop = asyncio.get_running_loop()
        delivery = loop.create_future()
        told = (delivery.set_exception, self.refuses) if self.refuses else (delivery.set_result, record(90))
        loop.call_later(0.01, *told)
        return delivery

    async def send_offsets_to_transaction(self, offsets: Mapping[Any, Any], group: str) -> None:
        self.steps.append(({here: each.offset for here, each in offsets.items()}, group))

    async def commit_transaction(self) -> None:
        if self.ends:
            raise self.ends
        self.steps.append("commit")


@dataclass
class Consumer:
    """One partition, whose records lie at ``there``."""

    there: Sequence[int] = (7, 8, 10)
    position_at: int = 0
    group_at: int | None = None
    asked: list[tuple[TopicPartition, ...]] = field(default_factory=list)
    sought: list[int] = field(default_factory=list)

    def assign(self, places: Sequence[TopicPartition]) -> None: ...

    def seek(self, here: TopicPartition, offset: int) -> None:
        self.position_at = offset
        self.sought.append(offset)

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1, 2, 3}

    async def position(self, here: TopicPartition) -> int:
        return self.position_at

    async def committed(self, here: TopicPartition) -> int | None:
        return self.group_at

    async def beginning_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(self._known(places), 7)

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(self._known(places), 11)

    def _known(self, places: Sequence[TopicPartition]) -> Sequence[TopicPartition]:
        unknown = [place for place in places if place.partition not in self.partitions_for_topic(place.topic)]
        assert [] == unknown, "the library would wait for them for ever"
        return places

    async def getmany(
        self, *wanted: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        self.asked.append(wanted)
        found = [record(offset) for offset in self.there if offset >= self.position_at][:max_records]
        if found:
            self.position_at = found[-1].offset + 1
        return {NATIVE: found}


# ------------------------------------------------------------------ outboxes
def outbox(producer: Producer) -> KafkaOutbox:
    made = KafkaOutbox(CONNECTION, HERE, "group")
    made._producer = producer
    return made


async def test_a_transaction_is_outputs_offset_and_end() -> None:
    """In this order, and nothing is left out."""
    producer = Producer()
    await outbox(producer).commit([Message("audit", b"k", b"v", 5, 3)], 6)
    assert ["begin", ("audit", b"v", b"k", 3, 5), ({NATIVE: 6}, "group"), "commit"] == producer.steps


async def test_a_delivery_that_is_refused_ends_the_transaction() -> None:
    """The library tells of it later, and only whoever asks."""
    producer = Producer(refuses=MessageSizeTooLargeError())
    with pytest.raises(CommitFailed):
        await outbox(producer).commit([Message("audit", b"k", b"v")], 6)
    assert 2 == len(producer.steps)


@pytest.mark.parametrize("error", [ProducerFenced(), InvalidProducerEpoch()])
async def test_who_is_fenced_knows_it(error: Exception) -> None:
    """It is no failure that may be tried again at once."""
    with pytest.raises(Fenced):
        await outbox(Producer(ends=error)).commit([], 6)
    with pytest.raises(Fenced):
        await copier(Producer(ends=error)).copy([], told)


async def test_owners_of_a_partition_have_one_identity() -> None:
    """By which the broker fences the older one; those of other partitions and groups have others."""
    places = [(HERE, "g"), (HERE, "g"), (Partition("raw", 4), "g"), (HERE, "other")]
    one, same, *others = [identity(KafkaOutbox(CONNECTION, at, group)) for at, group in places]
    assert one == same
    assert 3 == len({one, *others})
    assert identity(KafkaCopier(CONNECTION, "g")) == identity(KafkaCopier(CONNECTION, "g"))


def identity(made: KafkaOutbox | KafkaCopier) -> str:
    return str(made._producer._txn_manager.transactional_id)


# ------------------------------------------------------------------ copiers
def told(at: Coordinates, copy: Coordinates) -> Message:
    return Message("replays", b"-", f"{at.offset} {copy.offset}".encode(), None, 0)


def copier(producer: Producer, consumer: Consumer | None = None) -> KafkaCopier:
    made = KafkaCopier(CONNECTION, "group")
    made._producer, made._consumer = producer, consumer or Consumer()
    return made


async def test_a_copy_is_the_record_with_its_time_and_headers() -> None:
    """One of the headers may name the schema; and the copy is forgotten when the record would have been."""
    producer = Producer()
    assert [Coordinates("raw", 3, 7)] == list(await copier(producer).copy([Coordinates("raw", 3, 7)], told))
    copied = ("raw", b"value", b"key", 3, 1_700_000_000_000, HEADERS)
    assert ["begin", copied, ("replays", b"7 90", b"-", 0, None), "commit"] == producer.steps


@pytest.mark.parametrize("offset", [6, 9, 11, 99])
async def test_what_is_not_there_is_not_copied(offset: int) -> None:
    """Before the beginning, in a gap, at the end and behind it; and nobody waits for it."""
    consumer = Consumer()
    async with asyncio.timeout(20):
        assert [] == list(await copier(Producer(), consumer).copy([Coordinates("raw", 3, offset)], told))
    assert ([offset] if offset == 9 else []) == consumer.sought


async def test_a_partition_that_is_not_there_holds_up_no_other() -> None:
    """The library would wait for it: one record that names it would stop every replay."""
    of = [Coordinates("raw", 999, 7), Coordinates("raw", -5, 7), Coordinates("raw", 3, 8)]
    assert [of[2]] == list(await copier(Producer()).copy(of, told))


# ------------------------------------------------------------------ sources
def source(consumer: Consumer) -> KafkaSource:
    made = KafkaSource(CONNECTION, "raw", "group")
    made._consumer = consumer
    return made


async def nobody(_: frozenset[Partition]) -> None: ...


async def test_records_come_only_of_what_was_sought() -> None:
    """Whatever the library hands out: before the seek they may be a predecessor's."""
    made = source(Consumer())
    assert {} == await made.poll(10, 0.0)
    assert 7 == await made.seek_to_committed(HERE)
    assert [7, 8, 10] == [each.coordinates.offset for each in (await made.poll(10, 0.0))[HERE]]


@pytest.mark.parametrize(("committed", "begins"), [(None, 7), (0, 7), (9, 9), (11, 11)])
async def test_it_begins_where_the_group_stands(committed: int | None, begins: int) -> None:
    """Where nothing was committed, or it is there no more, at the beginning of what there is."""
    consumer = Consumer(group_at=committed)
    assert begins == await source(consumer).seek_to_committed(HERE)
    assert [begins] == consumer.sought


async def test_behind_the_end_it_does_not_begin() -> None:
    """The library would begin at the beginning, and all would be published again."""
    consumer = Consumer(group_at=12)
    with pytest.raises(CommitFailed):
        await source(consumer).seek_to_committed(HERE)
    assert [] == consumer.sought


async def test_what_comes_again_ends_the_membership() -> None:
    """A log that lost its end is read from the beginning by the library."""
    consumer = Consumer()
    made = source(consumer)
    await made.seek_to_committed(HERE)
    await made.poll(10, 0.0)
    consumer.position_at = 7
    with pytest.raises(SourceLost):
        await made.poll(10, 0.0)


async def test_records_that_the_log_forgot_are_counted() -> None:
    """Those between the group's offset and the beginning; the gap at 9 is none of them."""
    made = source(Consumer(group_at=3))
    await made.seek_to_committed(HERE)
    await made.poll(10, 0.0)
    assert {HERE: 4} == dict(await made.gone())


async def test_what_is_paused_is_not_asked_for() -> None:
    """Then the library keeps what it has fetched."""
    consumer = Consumer()
    made = source(consumer)
    await made.seek_to_committed(HERE)
    made.pause(HERE)
    await made.poll(10, 0.0)
    made.resume(HERE)
    await made.poll(10, 0.0)
    assert [(TopicPartition("raw", -1),), (NATIVE,)] == consumer.asked


async def test_what_is_revoked_is_forgotten() -> None:
    """Until it is sought anew nothing of it is taken, by whichever owner."""
    made = source(Consumer())
    await made.seek_to_committed(HERE)
    await _Listener(made, nobody, nobody).on_partitions_revoked({NATIVE})
    assert {} == await made.poll(10, 0.0)


# ------------------------------------------------------------------ all of them
def test_only_committed_records_are_read() -> None:
    """And no offset is committed behind our back."""
    asked = CONNECTION.consumer()
    assert ("read_committed", False) == (asked["isolation_level"], asked["enable_auto_commit"])


def test_the_library_says_nothing_of_records() -> None:
    """At DEBUG it logs whole requests."""
    library = logging.getLogger("aiokafka.conn")
    before = library.level
    library.setLevel(logging.DEBUG)
    try:
        silence()
        assert not library.isEnabledFor(logging.INFO)
    finally:
        library.setLevel(before)
