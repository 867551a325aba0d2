"""What producers of transactions do alike: one transaction, its failures, and an end that leaves nothing running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, InvalidProducerEpoch, KafkaError, ProducerClosed, ProducerFenced

from stream.ports import CommitFailed, Fenced
from stream.wire.kafka_connection import bounded_stop
from stream.wire.kafka_refusal import written


@asynccontextmanager
async def transaction(producer: AIOKafkaProducer, timeout_s: float) -> AsyncIterator[None]:
    """What is sent inside is one transaction. Raises Fenced where a newer owner exists, CommitFailed otherwise.

    It never aborts: after an error aiokafka's abort tells the broker nothing, and the same epoch would go on with what
    was half sent. Without it, the producer refuses every further transaction, and its successor ends this one.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await producer.begin_transaction()
            yield
            await producer.commit_transaction()
    except (KafkaError, IllegalOperation, TimeoutError, AssertionError) as error:  # aiokafka asserts its own states
        cause = _ended_by(producer) or error
        if isinstance(cause, (ProducerFenced, InvalidProducerEpoch)):
            raise Fenced("a newer owner was started") from None
        raise CommitFailed(written(cause)) from None


def _ended_by(producer: AIOKafkaProducer) -> BaseException | None:
    """Where a transaction ends between two sends, whoever sends next is told of an illegal operation, which is no
    KafkaError and names no reason: the end of the transaction knows it."""
    ended = producer._txn_manager.wait_for_transaction_end()
    return ended.exception() if ended is not None and ended.done() and not ended.cancelled() else None


async def end(producer: AIOKafkaProducer, timeout_s: float) -> None:
    """Stops it. Where that hangs, whatever it left running is ended: the task that sends, what waits for deliveries,
    and the connections, one of which would otherwise go on for every outbox of a bad hour."""
    if await bounded_stop(producer.stop(), timeout_s):
        return
    sending = producer._sender.sender_task
    if sending is not None:
        sending.cancel()
    await bounded_stop(producer.client.close(), timeout_s)  # which ends what is being asked, and waited for
    if sending is not None:
        await asyncio.wait({sending}, timeout=timeout_s)
    producer._message_accumulator.fail_all(ProducerClosed())  # else its ``close`` waits for ever
