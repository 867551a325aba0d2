"""Whoever sends the clip events: with keys, headers and times, which the service's own producers do not have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.wire.kafka_connection import KafkaConnection, bounded_stop
from tests.faults.events import Event

PATIENCE_S = 180.0


class Producer:
    """Sends again what was not acknowledged: an event may then be there twice, as two records of the input."""

    def __init__(self, connection: KafkaConnection, topic: str, partitions: int) -> None:
        self._connection = replace(connection, request_timeout_s=10.0)
        self._topic, self._partitions = topic, partitions
        self._client: AIOKafkaProducer | None = None

    async def send(self, events: Sequence[Event]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                await self._try(events)
                return
            except (KafkaError, OSError, AssertionError):
                if time.monotonic() > deadline:
                    raise
            await self.close()
            await asyncio.sleep(0.3)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await bounded_stop(client.stop(), 4.0)

    async def _try(self, events: Sequence[Event]) -> None:
        if self._client is None:
            self._client = AIOKafkaProducer(**self._connection.producer())
            await self._client.start()
        sending = [
            await self._client.send(
                self._topic,
                event.value,
                event.key,
                event.number % self._partitions,
                event.timestamp_ms,
                list(event.headers),
            )
            for event in events
        ]
        done = await asyncio.gather(*sending, return_exceptions=True)
        for failed in done:
            if isinstance(failed, BaseException):
                raise failed
