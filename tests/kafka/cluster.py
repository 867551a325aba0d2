"""Three real brokers: everything is there three times, and a write counts once two of them have it."""

from __future__ import annotations

import base64
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            (found,) = await admin.describe_topics([topic])
        finally:
            await admin.close()
        leaders = [here["leader"] for here in found["partitions"] if here["partition"] == partition]
        return self.nodes[leaders[0] - 1] if leaders and leaders[0] > 0 else None
