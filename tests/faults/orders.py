"""What a worker is told from outside: to end, or to stand still, the next time that it passes a named point.

An order is a line such as ``kill after_send``; it comes through a pipe, so that a worker that holds an order needs no
more of whoever gave it. A deed is a line of a file, written before it is done.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from stream.ports import Partition
from stream.wire.kafka import KafkaBroker
from stream.wire.kafka_connection import KafkaConnection
from stream.wire.kafka_outbox import KafkaOutbox
from stream.wire.kafka_source import KafkaSource

OPENING = ("before_fence", "after_fence", "before_seek")
WORKING = ("before_send", "after_send", "after_offsets", "during_commit", "after_commit")
ZOMBIE = ("after_send", "after_offsets")  # a transaction is open, and what is left of it is still to be tried
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Orders:
    """Of one worker process."""

    def __init__(self, pipe: Path, deeds: Path) -> None:
        self._pipe = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._deeds = os.open(deeds, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._wanted: dict[str, str] = {}
        self.read()

    def listen(self) -> None:
        """On the running loop."""
        asyncio.get_running_loop().add_reader(self._pipe, self.read)

    def read(self) -> None:
        try:
            lines = os.read(self._pipe, 4096).decode().splitlines()
        except BlockingIOError:
            return
        for line in lines:
            what, point = line.split()
            self._wanted[point] = what

    def wants(self, point: str) -> bool:
        return point in self._wanted

    def passed(self, point: str, partition: int, following: int = -1) -> bool:
        """Does what is ordered for this point. True for whoever was stopped, and goes on."""
        what = self._wanted.pop(point, "")
        if not what:
            return False
        self.tell(what, point=point, partition=partition, following=following)
        os.kill(os.getpid(), SIGNALS[what])
        return True

    def tell(self, deed: str, **values: Any) -> None:
        os.write(self._deeds, (json.dumps({"deed": deed, **values}) + "\n").encode())


class StruckBroker(KafkaBroker):
    """Kafka, as a worker sees it that may be struck between any two calls."""

    def __init__(self, orders: Orders, connection: KafkaConnection) -> None:
        super().__init__(connection)
        self._orders = orders

    def source(self, topic: str, group: str) -> KafkaSource:
        return StruckSource(self._orders, self._connection, topic, group)

    def outbox(self, partition: Partition, group: str) -> KafkaOutbox:
        return StruckOutbox(self._orders, self._connection, partition, group)


class StruckSource(KafkaSource):
    def __init__(self, orders: Orders, connection: KafkaConnection, topic: str, group: str) -> None:
        super().__init__(connection, topic, group)
        self._orders = orders

    async def seek_to_committed(self, partition: Partition) -> int:
        self._orders.passed("before_seek", partition.number)
        return await super().seek_to_committed(partition)


class StruckOutbox(KafkaOutbox):
    def __init__(self, orders: Orders, connection: KafkaConnection, partition: Partition, group: str) -> None:
        super().__init__(connection, partition, group)
        self._struck = StruckProducer(self._producer, orders, partition.number)
        self._producer = self._struck

    async def commit(self, messages: Any, next_offset: int) -> None:
        self._struck.following = next_offset
        await super().commit(messages, next_offset)


class StruckProducer:
    """aiokafka's, with the points that a transaction passes."""

    def __init__(self, real: Any, orders: Orders, partition: int) -> None:
        self._real, self._orders, self._partition = real, orders, partition
        self._zombie = False
        self._trying: set[asyncio.Task[None]] = set()  # what a zombie has no answer to yet
        self.following = -1  # the offset that a transaction commits

    def __getattr__(self, name: str) -> Any:
        """Whatever else of it an outbox looks at."""
        return getattr(self._real, name)

    async def start(self) -> None:
        self._passed("before_fence")
        await self._real.start()
        self._passed("after_fence")

    async def begin_transaction(self) -> None:
        await self._real.begin_transaction()
        self._passed("before_send")

    async def send(self, *message: Any) -> Any:
        return await self._real.send(*message)

    async def send_offsets_to_transaction(self, *offsets: Any) -> None:
        self._passed("after_send")
        await self._tried("offsets", self._real.send_offsets_to_transaction(*offsets))
        self._passed("after_offsets")

    async def commit_transaction(self) -> None:
        if self._orders.wants("during_commit"):
            committing = asyncio.ensure_future(self._real.commit_transaction())
            await asyncio.sleep(0.001)  # the request is out, and nobody knows what becomes of it
            self._passed("during_commit")
            await committing
        await self._tried("commit", self._real.commit_transaction())
        self._passed("after_commit")

    async def stop(self) -> None:
        """A zombie's lane may be gone before the broker has answered: without its producer there would be no answer."""
        if self._trying:
            await asyncio.wait(self._trying)
        await self._real.stop()

    def _passed(self, point: str) -> None:
        self._zombie |= self._orders.passed(point, self._partition, self.following)

    async def _tried(self, call: str, answer: Coroutine[Any, Any, None]) -> None:
        """A zombie tries to the end, also where its lane has noticed meanwhile that the partition is another's: what
        must stop it is the broker, not its own good behaviour."""
        if not self._zombie:
            await answer
            return
        trying = asyncio.create_task(self._told(call, answer))
        self._trying.add(trying)
        trying.add_done_callback(self._trying.discard)
        await asyncio.shield(trying)

    async def _told(self, call: str, answer: Coroutine[Any, Any, None]) -> None:
        try:
            await answer
        except Exception as refused:
            self._orders.tell("refused", call=call, error=type(refused).__name__, partition=self._partition)
            raise
        if call == "commit":
            self._orders.tell("came_through", call=call, partition=self._partition)
