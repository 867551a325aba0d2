"""Copies of records on the embedded broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from stream.clip import Coordinates, Record
from stream.ports import CommitFailed, Fenced, Message, Partition


class Logs(Protocol):
    """What a copier needs of its broker."""

    def records(self, partition: Partition, position: int) -> Iterator[Record]: ...

    def written(self, partition: Partition) -> int: ...

    def begin_epoch(self, transactional_id: str) -> int: ...

    def epoch(self, transactional_id: str) -> int: ...

    def begin_transaction(self, transactional_id: str) -> Any: ...

    def takes(self, message: Message) -> bool: ...

    def append(self, message: Message, transaction: Any) -> None: ...

    def commit_transaction(self, transactional_id: str) -> None: ...


class LocalCopier:
    """ports.Copier on a LocalBroker, whose records have no headers."""

    def __init__(self, broker: Logs, group: str) -> None:
        self._broker = broker
        self._transactional_id = f"{group}-replay"
        self._epoch = -1
        self._spent = False

    async def start(self) -> None:
        await asyncio.sleep(0)
        self._epoch = self._broker.begin_epoch(self._transactional_id)

    async def copy(
        self, of: Sequence[Coordinates], told: Callable[[Coordinates, Coordinates], Message]
    ) -> Sequence[Coordinates]:
        """Yields to the loop between writes, as an outbox does."""
        if self._spent:
            raise CommitFailed("Spent")
        self._spent = True
        self._check_epoch()
        found = [record for at in of if (record := self._record(at)) is not None]
        transaction = self._broker.begin_transaction(self._transactional_id)
        for record in found:
            at = record.coordinates
            offset = self._broker.written(Partition(at.topic, at.partition))
            copied = Message(at.topic, record.key, record.value, record.timestamp_ms, at.partition)
            self._append(copied, transaction)
            self._append(told(at, Coordinates(at.topic, at.partition, offset)), transaction)
            await asyncio.sleep(0)
            self._check_epoch()
        self._broker.commit_transaction(self._transactional_id)
        self._spent = False
        return [record.coordinates for record in found]

    async def stop(self) -> None:
        await asyncio.sleep(0)

    def _record(self, at: Coordinates) -> Record | None:
        found = next(self._broker.records(Partition(at.topic, at.partition), at.offset), None)
        return found if found is not None and found.coordinates == at else None

    def _append(self, message: Message, transaction: Any) -> None:
        if not self._broker.takes(message):
            raise CommitFailed("MessageRefused")
        self._broker.append(message, transaction)

    def _check_epoch(self) -> None:
        if self._epoch != self._broker.epoch(self._transactional_id):
            raise Fenced("a newer copier was started")
