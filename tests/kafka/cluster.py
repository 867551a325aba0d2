"""Three real brokers: everything is there three times, and a write counts once two of them have it."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from tests.kafka.properties import THREE_NODES, free_addresses
from tests.kafka.server import KafkaServer

HEAP_MB = 192  # three of them run beside everything else


class KafkaCluster:
    """``start`` it, reach it at ``bootstrap``, ``stop`` it. Its ``nodes`` die and come back one by one; node ``n`` of
    Kafka is ``nodes[n - 1]``."""

    def __init__(self, folder: Path) -> None:
        addresses = [free_addresses() for _ in range(THREE_NODES)]
        self.nodes: list[KafkaServer] = []
        for number in range(1, THREE_NODES + 1):
            home = folder / f"node-{number}"
            home.mkdir()
            self.nodes.append(KafkaServer(home, addresses, number, heap_mb=HEAP_MB))
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes)

    def start(self, timeout_s: float = 120.0) -> None:
        """Returns when all three take connections; they need each other to come up."""
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda node: node.format(cluster), self.nodes))
        for node in self.nodes:
            node.launch()
        deadline = time.monotonic() + timeout_s
        for node in self.nodes:
            node.until_up(deadline - time.monotonic())

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    async def leader(self, topic: str, partition: int = 0) -> KafkaServer | None:
        """Who leads a partition now; None while nobody does."""
        leader = (await self._partitions(topic))[partition]["leader"]
        return self.nodes[leader - 1] if leader > 0 else None

    async def until_whole(self, topic: str, timeout_s: float = 60.0) -> None:
        """Until all three have all that was written: only then may the next one be lost."""
        async with asyncio.timeout(timeout_s):
            while any(len(here["isr"]) < THREE_NODES for here in (await self._partitions(topic)).values()):
                await asyncio.sleep(0.2)

    async def _partitions(self, topic: str) -> dict[int, dict[str, Any]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            (found,) = await admin.describe_topics([topic])
        finally:
            await admin.close()
        return {here["partition"]: here for here in found["partitions"]}
