"""Requests that their client has given up, and that reach the broker in the middle of the next transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from stream.ports import CommitFailed, Fenced, Message, Outbox, Partition
from stream.wire import kafka_outbox
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, everything
from tests.faults.proxy import Api, Moment, Proxy
from tests.kafka.server import KafkaServer

ALWAYS = 1_000


@pytest.fixture
def proxy(kafka: KafkaServer) -> Iterator[Proxy]:
    """Before the broker of the whole run."""
    proxy = Proxy(kafka.proxy_bootstrap, kafka.proxied)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
async def through(kafka: KafkaServer, connection: KafkaConnection, proxy: Proxy) -> AsyncIterator[KafkaBroker]:
    """The cluster as a client behind the proxy sees it."""
    impatient = {"transaction_timeout_s": 4, "request_timeout_s": 3, "stop_timeout_s": 1}
    broker = KafkaBroker(replace(connection, bootstrap_servers=kafka.proxy_bootstrap, **impatient))
    yield broker
    await broker.close()


async def commit(broker: KafkaBroker, topics: Topics, outbox: Outbox | None, number: int) -> Outbox:
    """Input ``number`` as a lane does it: with the outbox that there is, or a new one from where the group stands."""
    at = Partition(topics.raw, 0)
    while True:
        if outbox is None:
            outbox = broker.outbox(at, topics.group)
            await outbox.start()
            if (await broker.committed(topics.raw, topics.group)).get(0, 0) > number:
                return outbox
        try:
            await outbox.commit([Message(topics.audit, b"-", b"%d" % number, None, 0)], number + 1)
        except (CommitFailed, Fenced):
            await outbox.stop()
            outbox = None
        else:
            return outbox


async def test_an_offset_that_comes_late_does_not_set_the_group_back(
    cluster: KafkaBroker, through: KafkaBroker, topics: Topics, proxy: Proxy
) -> None:
    """Whatever comes from before belongs to an epoch that is over."""
    await topics.create(cluster)
    proxy.delay(Api.TXN_OFFSET_COMMIT, before=Api.END_TXN, passing=1)
    outbox = await commit(through, topics, None, 0)
    outbox = await commit(through, topics, outbox, 1)
    await outbox.stop()
    assert 1 == proxy.struck["late TXN_OFFSET_COMMIT"]
    assert (2, [b"0", b"1"]) == await state(cluster, topics)


async def test_an_end_that_comes_late_publishes_no_half_of_a_transaction(
    cluster: KafkaBroker, through: KafkaBroker, topics: Topics, proxy: Proxy
) -> None:
    """A worker that dies after its outputs, and before its offset, has published nothing, whatever comes late."""
    await topics.create(cluster)
    await end_late(through, topics, proxy)
    assert (1, [b"0"]) == await state(cluster, topics)


async def end_late(through: KafkaBroker, topics: Topics, proxy: Proxy) -> None:
    """The end of the first input's transaction comes when the second's outputs are there, and its offset never is."""
    proxy.delay(Api.END_TXN, before=Api.ADD_OFFSETS_TO_TXN)
    outbox = await commit(through, topics, None, 0)
    proxy.reset(Api.ADD_OFFSETS_TO_TXN, Moment.ASKED, ALWAYS)
    with pytest.raises(CommitFailed):
        await outbox.commit([Message(topics.audit, b"-", b"1", None, 0)], 2)
    await outbox.stop()
    assert 1 == proxy.struck["late END_TXN"]


async def state(cluster: KafkaBroker, topics: Topics) -> tuple[int, list[bytes | None]]:
    """Where the group stands, and what the audit tells of, once nothing is under way: as a next owner would find it."""
    successor = cluster.outbox(Partition(topics.raw, 0), topics.group)
    await successor.start()
    await successor.stop()
    done = (await cluster.committed(topics.raw, topics.group))[0]
    return done, [record.value for record in await everything(cluster, topics.audit)]


async def test_aiokafka_alone_is_set_back(
    cluster: KafkaBroker, through: KafkaBroker, topics: Topics, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap is real: where a request may be sent again, the group stands before what it has done. Where this fails,
    aiokafka has learnt to tell transactions apart, and the workaround may go."""
    monkeypatch.setattr(kafka_outbox, "ask_once", lambda _: None)
    await topics.create(cluster)
    proxy.delay(Api.TXN_OFFSET_COMMIT, before=Api.END_TXN, passing=1)
    outbox = await commit(through, topics, None, 0)
    outbox = await commit(through, topics, outbox, 1)
    await outbox.stop()
    assert (1, [b"0", b"1"]) == await state(cluster, topics)


async def test_aiokafka_alone_publishes_half(
    cluster: KafkaBroker, through: KafkaBroker, topics: Topics, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for an end that comes late."""
    monkeypatch.setattr(kafka_outbox, "ask_once", lambda _: None)
    await topics.create(cluster)
    await end_late(through, topics, proxy)
    assert (1, [b"0", b"1"]) == await state(cluster, topics)


async def test_a_lost_answer_costs_one_transaction_and_no_time(
    cluster: KafkaBroker, through: KafkaBroker, topics: Topics, proxy: Proxy
) -> None:
    """The commit fails at once, and its successor finds whether it was done."""
    await topics.create(cluster)
    for moment in Moment:
        outbox = through.outbox(Partition(topics.raw, 0), topics.group)
        await outbox.start()
        done = dict(await cluster.committed(topics.raw, topics.group)).get(0, 0)
        proxy.reset(Api.END_TXN, moment)
        with pytest.raises(CommitFailed):
            async with asyncio.timeout(3):  # shorter than a transaction may take
                await outbox.commit([Message(topics.audit, b"-", b"%d" % done, None, 0)], done + 1)
        await outbox.stop()
    assert outbox is not None
    outbox = await commit(through, topics, None, 1)
    await outbox.stop()
    assert (2, [b"0", b"1"]) == await state(cluster, topics)
