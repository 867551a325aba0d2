"""The two brokers of the contract suite: the embedded one, and a real Apache Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from stream.ports import Broker, Message, Partition
from stream.wire.local import LocalBroker
from tests.contract.stand_ins import Topics

HalfCommit = Callable[[Partition, str, Sequence[Message]], Awaitable[None]]


@pytest.fixture(params=["embedded"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """A cluster; tests keep apart by their topics."""
    embedded = LocalBroker()
    yield embedded
    await embedded.close()


@pytest.fixture
def topics() -> Topics:
    """Topic and group names that no other test uses."""
    return Topics()


@pytest.fixture
def half_commit(broker: Broker) -> HalfCommit:
    """Writes messages in the transaction of a partition's outbox, and dies before the commit."""

    async def write(partition: Partition, group: str, messages: Sequence[Message]) -> None:
        transactional_id = f"{group}-{partition.topic}-{partition.number}"
        assert isinstance(broker, LocalBroker)
        broker.begin_epoch(transactional_id)
        transaction = broker.begin_transaction(transactional_id)
        for message in messages:
            broker.append(message, transaction)

    return write
