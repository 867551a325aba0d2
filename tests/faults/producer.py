"""Whoever sends the clip events: with keys, headers and times, which the service's own producers do not have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.wire.kafka_connection import KafkaConnection, bounded_stop
from tests.faults.events import Event


class Producer:
    """Never sends an event again: one that was not acknowledged may be there all the same, and whoever sends makes
    another in its place."""

    def __init__(self, connection: KafkaConnection, topic: str, partitions: int) -> None:
        self._connection = replace(connection, request_timeout_s=10.0)
        self._topic, self._partitions = topic, partitions
        self._client: AIOKafkaProducer | None = None

    async def send(self, events: Sequence[Event]) -> bool:
        """Whether all were acknowledged."""
        try:
            await self._try(events)
        except (KafkaError, OSError, AssertionError):
            await self.close()
            return False
        return True

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
