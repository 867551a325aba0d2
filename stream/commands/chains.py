"""What a partition's audit says when its lane opens: where the chain goes on, and how many of the last were bad."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.clip import Record
    from stream.lifecycle.bulk import BadLimits, BadWatch, Seen
    from stream.ports import Broker, Partition, Schemas
    from stream.whose import Resume

AGAIN_S = 1.0  # between two looks at a partition where nothing seems to have been done
LOOK_S = 30.0  # at the last outcomes of a partition
POLL_S = 0.2
LOOK_BACK_WINDOWS = 100  # where few clips are picked, so far back are bad ones looked for


async def chain_of(broker: Broker, schemas: Schemas, audit_topic: str, group: str, of: Partition) -> Resume:
    """The end of the chain of the input partition ``of``, which ``group`` reads, and where its work goes on.

    Raises CommitFailed where the chain is not what the group's offset says: an emptied topic would begin it anew, and
    an offset that was set back would have inputs told of twice. Somebody has to look at it, so the log says so.
    """
    from stream.ops.log import Event, get
    from stream.ports import BrokerUnavailable, CommitFailed
    from stream.wire.outcomes import resume_at

    try:
        last, committed = await _last_and_committed(broker, audit_topic, group, of)
    except BrokerUnavailable as error:
        raise CommitFailed(str(error)) from None  # the class name of its cause
    try:
        return await resume_at(last, of, schemas, committed)
    except CommitFailed:
        get().error(Event.AUDIT_BROKEN, partition=of.number)
        raise


async def _last_and_committed(broker: Broker, audit_topic: str, group: str, of: Partition) -> tuple[Record | None, int]:
    """The last audit record, and the group's offset. That there is neither is believed once it was said twice: brokers
    that start may say for a moment, without an error, that there is nothing yet, and all would be done again."""

    async def look() -> tuple[Record | None, int]:
        last = await broker.last(audit_topic, of.number)
        return last, (await broker.committed(of.topic, group)).get(of.number, 0)

    found = await look()
    if found != (None, 0):
        return found
    await asyncio.sleep(AGAIN_S)
    return await look()


async def bad_watch_of(
    broker: Broker,
    schemas: Schemas,
    audit_topic: str,
    limits: BadLimits,
    told: Callable[[Partition, int], None],
    of: Partition,
) -> BadWatch:
    """What counts the partition's bad records, as its audit left it: a restart does not let through as many again.

    Raises CommitFailed where the audit can't be read.
    """
    from stream.lifecycle.bulk import BadWatch
    from stream.ports import BrokerUnavailable, CommitFailed, RegistryUnavailable

    watch = BadWatch(limits, of, partial(told, of))
    if limits.off:
        return watch
    width, most = 2 * limits.window, LOOK_BACK_WINDOWS * limits.window  # a transaction's marker takes an offset too
    try:
        while True:
            records, all_there_is = await _last_of(broker, audit_topic, of.number, width)
            rows = [row for record in records if (row := await _seen(record, of, schemas)) is not None]
            watch.restore(rows)
            if all_there_is or width >= most or not watch.wants_more:
                return watch
            width *= 4
    except BrokerUnavailable as error:
        raise CommitFailed(str(error)) from None
    except (RegistryUnavailable, TimeoutError) as error:
        raise CommitFailed(type(error).__name__) from None


async def _last_of(broker: Broker, topic: str, partition: int, width: int) -> tuple[list[Record], bool]:
    """The records of the last ``width`` offsets of a partition, and whether there are no others."""
    ends = await broker.end_offsets(topic)
    end = ends[partition]
    if end == 0:
        return [], True
    first, found = max(0, end - width), []
    tail = await broker.tail(topic, {**ends, partition: first})
    try:
        began = (await tail.positions())[partition]
        async with asyncio.timeout(LOOK_S):
            while (await tail.positions())[partition] < end:
                polled = await tail.poll(POLL_S)
                here = (record for record in polled if record.coordinates.partition == partition)
                found += [record for record in here if record.coordinates.offset < end]
        return found, first == 0 or began > first
    finally:
        await tail.stop()


async def _seen(record: Record, of: Partition, schemas: Schemas) -> Seen | None:
    """What an audit record says became of its input; None for what says nothing of this partition."""
    from stream.clip import Reason, Refusal
    from stream.lifecycle.bulk import Seen
    from stream.wire.audits import row_of

    try:
        row = await row_of(record, schemas)
        if (row["topic"], row["partition"]) != (of.topic, of.number):
            return None
        return Seen(row["offset"], None if row["reason"] is None else Reason(row["reason"]))
    except (Refusal, KeyError, ValueError):
        return None
