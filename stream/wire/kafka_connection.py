"""How to reach a Kafka cluster, and what every client of ours does alike."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class KafkaConnection:
    """Everything that is set explicitly, because aiokafka's own defaults lose or repeat records.

    ``security`` holds aiokafka's own arguments: security_protocol, ssl_context, sasl_mechanism, sasl_plain_username,
    sasl_plain_password, sasl_oauth_token_provider.
    """

    bootstrap_servers: str
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_id: str = "clipveil"
    session_timeout_s: float = 45.0
    heartbeat_interval_s: float = 3.0
    rebalance_timeout_s: float = 120.0
    transaction_timeout_s: float = 120.0
    request_timeout_s: float = 40.0
    max_request_bytes: int = 8 * 2**20
    fetch_bytes_max: int = 32 * 2**20
    batch_bytes_max: int = 64 * 2**20  # of one batch, unpacked
    partition_fetch_bytes: int = 2**20  # read ahead, of each partition; a larger record still comes, alone
    replication_factor_max: int = 3  # of topics that we create; fewer where there are fewer brokers
    stop_timeout_s: float = 4.0

    def client(self) -> dict[str, Any]:
        """Arguments that producers, consumers and the admin client share."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "request_timeout_ms": milliseconds(self.request_timeout_s),
            **self.security,
        }

    def producer(self) -> dict[str, Any]:
        """Idempotent, acknowledged by all replicas, as large as the settings allow."""
        return {
            **self.client(),
            "acks": "all",
            "enable_idempotence": True,
            "max_request_size": self.max_request_bytes,
            "compression_type": None,  # the audio is compressed already
        }

    def consumer(self) -> dict[str, Any]:
        """Committed records only, from the earliest, and never an offset committed behind our back."""
        return {
            **self.client(),
            "isolation_level": "read_committed",
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "fetch_max_bytes": self.fetch_bytes_max,
            "max_partition_fetch_bytes": self.partition_fetch_bytes,
        }


def milliseconds(seconds: float) -> int:
    """As aiokafka takes times."""
    return int(seconds * 1000)


def silence() -> None:
    """At DEBUG aiokafka logs keys, values and whole requests: whatever the configuration says, it starts at WARNING."""
    names = [name for name in logging.Logger.manager.loggerDict if name.startswith("aiokafka.")]
    for name in ("aiokafka", *names):
        logging.getLogger(name).setLevel(logging.WARNING)


async def bounded_stop(stopping: Coroutine[Any, Any, None], timeout_s: float) -> bool:
    """aiokafka's ``stop`` can hang, and can raise what no longer matters: neither goes further than this. Returns
    whether it came to its end."""
    task = asyncio.ensure_future(stopping)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
        ended = task.done() and not task.cancelled()
    finally:
        task.cancel()
    return ended and task.exception() is None
