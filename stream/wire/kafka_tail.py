"""Following a topic without a group, and finding its last record."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.clip import Record
from stream.ports import BrokerUnavailable
from stream.wire.kafka_connection import KafkaConnection, bounded_stop, milliseconds
from stream.wire.kafka_refusal import unavailable
from stream.wire.kafka_source import as_record

METADATA_S = 10.0  # how soon a partition that was added is noticed
STALLED_S = 30.0
LOOK_BACK = 8  # offsets that the first look for a last record goes back
POLL_MS = 200
T = TypeVar("T")


async def answered(answer: Awaitable[T], of: str = "") -> T:
    """Errors of the library can name what was asked for: only their class goes on, and a right that is missing, on
    ``of`` where they don't say on what."""
    try:
        return await answer
    except KafkaError as error:
        raise unavailable(error, of) from None


class KafkaTail:
    """ports.Tail. Make it with ``open``.

    ``reader`` and ``onlooker`` are asked for ends and never assigned anything: a broker answers one connection's
    requests in their order, so that behind a fetch that waits for records the answer would take half a second.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        partitions: Sequence[TopicPartition],
        reader: AIOKafkaConsumer,
        onlooker: AIOKafkaConsumer,
    ) -> None:
        self._connection = connection
        self._partitions = partitions
        self._reader = reader
        self._onlooker = onlooker
        self._consumer = AIOKafkaConsumer(**connection.consumer(), metadata_max_age_ms=milliseconds(METADATA_S))

    async def open(self, start: Mapping[int, int]) -> None:
        """From ``start`` where that is still there, else from the beginning. Raises BrokerUnavailable."""
        self._consumer.assign(self._partitions)
        await answered(self._consumer.start())
        beginnings = await answered(self._reader.beginning_offsets(self._partitions))
        ends = await answered(self._onlooker.end_offsets(self._partitions))
        for here in self._partitions:
            wanted = start.get(here.partition, -1)
            there = beginnings[here] <= wanted <= ends[here]  # beyond the end it is another log of the same name
            self._consumer.seek(here, wanted if there else beginnings[here])

    async def poll(self, timeout_s: float) -> Sequence[Record]:
        self._check_partitions()
        found = await answered(self._consumer.getmany(*self._partitions, timeout_ms=milliseconds(timeout_s)))
        return [as_record(record) for here in sorted(found) for record in found[here]]

    async def positions(self) -> Mapping[int, int]:
        return {here.partition: await answered(self._consumer.position(here)) for here in self._partitions}

    async def ends(self) -> Mapping[int, int]:
        self._check_partitions()
        ends = await answered(self._reader.end_offsets(self._partitions))
        return {here.partition: ends[here] for here in self._partitions}

    async def written(self) -> Mapping[int, int]:
        self._check_partitions()
        ends = await answered(self._onlooker.end_offsets(self._partitions))
        return {here.partition: ends[here] for here in self._partitions}

    async def stop(self) -> None:
        await bounded_stop(self._consumer.stop(), self._connection.stop_timeout_s)

    def _check_partitions(self) -> None:
        """Those that were added since are not followed: whoever follows has to open another tail."""
        known = self._consumer.partitions_for_topic(self._partitions[0].topic)
        if known is not None and not known <= {here.partition for here in self._partitions}:
            raise BrokerUnavailable("PartitionsAdded")


class Patience:
    """A partition whose leader stays away brings nothing and no error: reading it does not wait for ever."""

    def __init__(self) -> None:
        self._position, self._since = -1, time.monotonic()

    def check(self, position: int) -> None:
        """Raises BrokerUnavailable where the position has not moved for STALLED_S."""
        if position != self._position:
            self._position, self._since = position, time.monotonic()
        elif time.monotonic() - self._since > STALLED_S:
            raise BrokerUnavailable("Stalled")


async def last_record(consumer: AIOKafkaConsumer, here: TopicPartition) -> Record | None:
    """The last committed record of the one partition that ``consumer`` is assigned.

    What lies before the end may be control records, aborted ones, or gaps of compaction: the look goes back further,
    twice as far each time.
    """
    beginning = (await answered(consumer.beginning_offsets([here])))[here]
    end = high = (await answered(consumer.end_offsets([here])))[here]
    width, patience = LOOK_BACK, Patience()
    while high > beginning:
        low = max(beginning, end - width)
        consumer.seek(here, low)
        last = None
        while (position := await answered(consumer.position(here))) < high:
            patience.check(position)
            found = await answered(consumer.getmany(here, timeout_ms=POLL_MS))
            inside = [record for record in found.get(here, ()) if record.offset < high]
            last = inside[-1] if inside else last
        if last is not None:
            return as_record(last)
        high, width = low, 2 * width
    return None
