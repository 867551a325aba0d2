"""What a producer must not ask twice.

Where the answer to a request is lost, aiokafka sends it again, over another connection. The broker may then get the
first one late, in the middle of the next transaction, and takes it for a part of that one: producer and epoch are the
same. An offset that comes late sets the group back behind what is published; an end that comes late publishes half a
transaction. Brokers tell such stragglers apart only where the epoch grows with every transaction, which aiokafka does
not know. So these two are sent once: without an answer the producer is spent, and its successor has a newer epoch.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import aiokafka
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, NodeNotReadyError, RequestTimedOutError
from aiokafka.producer import sender
from aiokafka.protocol.transaction import EndTxnRequest, TxnOffsetCommitRequest

ONCE = (TxnOffsetCommitRequest, EndTxnRequest)


class AnswerLost(Exception):
    """No KafkaError, after which aiokafka would ask again: this one ends the producer."""


class NotOnce(RuntimeError):
    """This aiokafka does not send where we look at it: it would ask twice."""


def ask_once(producer: AIOKafkaProducer) -> None:
    """Call it before the producer starts. Raises NotOnce."""
    check_once()
    if producer._sender.client is not producer.client:
        raise NotOnce(f"aiokafka {aiokafka.__version__} sends by another client")
    _wrap(producer)


def _wrap(producer: Any) -> None:
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


@cache
def check_once() -> None:
    """Whether what aiokafka must not ask twice still passes by us, and ends there. Its names are private, and may move.
    Raises NotOnce."""
    try:
        asked = [
            _asked(
                sender.TxnOffsetCommitHandler, {TopicPartition("none", 0): SimpleNamespace(offset=0, metadata="")}, ""
            ),
            _asked(sender.EndTxnHandler, True),
        ]
        used = {name for each in vars(sender.Sender).values() for name in _names(each)}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is another library than the one we know
        raise NotOnce(f"aiokafka {aiokafka.__version__}: {type(error).__name__}") from None
    if asked != [[kind] for kind in ONCE] or not {"TxnOffsetCommitHandler", "EndTxnHandler"} <= used:
        raise NotOnce(f"aiokafka {aiokafka.__version__} ends transactions in another way")


def _asked(handler: Any, *of: Any) -> list[type]:
    """What aiokafka's own way of asking sends when the answer is lost, until it gives up."""
    sent: list[type] = []

    async def send(_node: Any, request: Any, **_how: Any) -> Any:
        sent.append(type(request))
        raise RequestTimedOutError

    transaction = SimpleNamespace(transactional_id="none", producer_id=0, producer_epoch=0)
    producer = SimpleNamespace(client=SimpleNamespace(send=send), _txn_manager=transaction, _retry_backoff=0.0)
    _wrap(producer)
    asking = handler(producer, *of).do(0)
    try:
        asking.send(None)  # nothing in it waits, unless it is to ask again
    except AnswerLost:
        return sent
    finally:
        asking.close()
    raise NotOnce("it asks again")


def _names(of: Any) -> tuple[str, ...]:
    code = getattr(of, "__code__", None)
    return code.co_names if code else ()
