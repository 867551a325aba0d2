"""Where an audit chain goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.ports import Broker, Partition, Schemas
    from stream.whose import Head


async def chain_of(broker: Broker, schemas: Schemas, audit_topic: str, group: str, of: Partition) -> Head:
    """The end of the chain of the input partition ``of``, which ``group`` reads.

    Raises CommitFailed where the chain is not what the group's offset says: an emptied topic would begin it anew, and
    an offset that was set back would have inputs told of twice. Somebody has to look at it, so the log says so.
    """
    from stream.ops.log import Event, get
    from stream.ports import BrokerUnavailable, CommitFailed
    from stream.wire.outcomes import head_of

    try:
        last = await broker.last(audit_topic, of.number)
        committed = (await broker.committed(of.topic, group)).get(of.number, 0)
    except BrokerUnavailable as error:
        raise CommitFailed(f"the end of the audit can't be read ({error})") from None
    try:
        return await head_of(last, of, schemas, committed)
    except CommitFailed:
        get().error(Event.AUDIT_BROKEN, partition=of.number)
        raise
