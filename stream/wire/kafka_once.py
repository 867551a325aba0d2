"""What a producer must not ask twice.

Where the answer to a request is lost, aiokafka sends it again, over another connection. The broker may then get the
first one late, in the middle of the next transaction, and takes it for a part of that one: producer and epoch are the
same. An offset that comes late sets the group back behind what is published; an end that comes late publishes half a
transaction. Brokers tell such stragglers apart only where the epoch grows with every transaction, which aiokafka does
not know. So these two are sent once: without an answer the producer is spent, and its successor has a newer epoch.
"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.protocol.transaction import EndTxnRequest, TxnOffsetCommitRequest

ONCE = (TxnOffsetCommitRequest, EndTxnRequest)


class AnswerLost(Exception):
    """No KafkaError, after which aiokafka would ask again: this one ends the producer."""


def ask_once(producer: AIOKafkaProducer) -> None:
    """Call it before the producer starts."""
    send = producer.client.send

    async def once(node: Any, request: Any, **how: Any) -> Any:
        try:
            return await send(node, request, **how)
        except NodeNotReadyError:
            raise  # there was no connection: nothing was sent
        except KafkaError as error:
            if isinstance(request, ONCE):
                raise AnswerLost(type(error).__name__) from None
            raise

    producer.client.send = once
