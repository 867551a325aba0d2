"""What brokers refuse, and to whom. aiokafka tries one broker after the other, and says of none why it did not answer;
of rights it says which is missing, or nothing at all."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
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
NO_RIGHT: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")  # of a topic, a group, a transactional id: of ours, from the settings


def said(error: BaseException, of: str = "") -> str:
    """The class of an error and, where a right is missing, for what: ``of``, or what the error names.

    Never a message: it can quote what was sent.
    """
    name = type(error).__name__
    if not isinstance(error, NO_RIGHT):
        return name
    named = of or ", ".join(sorted(_named(error)))
    return f"{name} ({named})" if named else name


def unavailable(error: KafkaError, of: str = "") -> BrokerUnavailable:
    """What callers of ours are told of an error of the library's."""
    return (NoRight if isinstance(error, NO_RIGHT) else BrokerUnavailable)(said(error, of))


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
