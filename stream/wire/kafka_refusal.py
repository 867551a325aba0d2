"""What brokers refuse, and to whom. aiokafka tries one broker after the other, and says of none why it did not answer;
of a right that is missing it says for what, or not even that, and never which: whoever asked knows that.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from stream.ports import BrokerUnavailable, NoRight
from stream.wire.kafka_connection import KafkaConnection

# Who is refused so is refused again, until somebody changes a setting.
REFUSALS: Final = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    ssl.SSLError,  # a certificate that we don't believe, or the broker does not
)
_WRITE: Final = "Write"
# By error: on what a right is missing, as kafka-acls.sh calls it, and which, unless whoever asked says another.
_MISSING: Final = MappingProxyType(
    {
        ClusterAuthorizationFailedError: ("topic", _WRITE),  # so is told who may not write to a single topic
        GroupAuthorizationFailedError: ("group", "Read"),
        TopicAuthorizationFailedError: ("topic", "Read"),
        TransactionalIdAuthorizationFailed: ("transactional-id", _WRITE),
    }
)
NO_RIGHT: Final = tuple(_MISSING)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")  # of a topic, a group, a transactional id: of ours, from the settings


def said(error: BaseException, of: str = "", operation: str = "") -> str:
    """The class of an error and, where a right is missing, which: to do ``operation`` on ``of``, or on what the error
    names, such as ``(Read on topic clips.raw)``.

    Never a message: it can quote what was sent.
    """
    name = type(error).__name__
    if not isinstance(error, NO_RIGHT):
        return name
    kind, usual = next(right for each, right in _MISSING.items() if isinstance(error, each))
    named = ", ".join(sorted(_named(error))) or of
    return f"{name} ({operation or usual} on {kind} {named})" if named else f"{name} ({operation or usual} on a {kind})"


def written(error: BaseException) -> str:
    """``said`` of an error in writing."""
    return said(error, operation=_WRITE if isinstance(error, TopicAuthorizationFailedError) else "")


def unavailable(error: KafkaError, of: str = "", operation: str = "") -> BrokerUnavailable:
    """What callers of ours are told of an error of the library's."""
    return (NoRight if isinstance(error, NO_RIGHT) else BrokerUnavailable)(said(error, of, operation))


def _named(error: KafkaError) -> Iterator[str]:
    for argument in error.args:
        names = [argument] if isinstance(argument, str) else argument if isinstance(argument, (set, list)) else []
        yield from (name for name in names if isinstance(name, str) and _NAME.fullmatch(name))


async def refusal_of(connection: KafkaConnection) -> str | None:
    """The class name of what the first broker that answers refuses us with; None where it does not, or none answers."""
    how = {name: value for name, value in connection.client().items() if name != "bootstrap_servers"}
    for host, port, _ in collect_hosts(connection.bootstrap_servers):
        try:
            conn = await create_conn(host, port, **how)
        except (OSError, KafkaError, TimeoutError) as error:
            for cause in (error, error.__cause__):  # what a broker thinks of our certificate comes after the handshake
                if isinstance(cause, REFUSALS):
                    return type(cause).__name__
            continue
        conn.close()
        return None
    return None
