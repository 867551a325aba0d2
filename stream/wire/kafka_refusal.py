"""Whether brokers that can't be reached refuse us. aiokafka tries one after the other, and says of none why."""

from __future__ import annotations

import ssl
from typing import Final

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from stream.wire.kafka_connection import KafkaConnection

# Who is refused so is refused again, until somebody changes a setting.
REFUSALS: Final = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    ssl.SSLCertVerificationError,
)


async def refusal_of(connection: KafkaConnection) -> str | None:
    """The class name of what the first broker that answers refuses us with; None where it does not, or none answers."""
    how = {name: value for name, value in connection.client().items() if name != "bootstrap_servers"}
    for host, port, _ in collect_hosts(connection.bootstrap_servers):
        try:
            conn = await create_conn(host, port, **how)
        except REFUSALS as error:
            return type(error).__name__
        except (OSError, KafkaError, TimeoutError):
            continue
        conn.close()
        return None
    return None
