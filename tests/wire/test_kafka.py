"""What only a real Apache Kafka can show: each trap of the client library, and its way round."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import replace
from types import MappingProxyType

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.ports import BrokerUnavailable, CommitFailed, Fenced, Message, NotDelivered, Partition, SourceLost
from stream.wire import kafka_source
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.kafka_connection import bounded_stop
from tests.contract.stand_ins import (
    Topics,
    WishEngine,
    event,
    eventually,
    everything,
    offsets,
    send,
    until_committed,
    worker,
)
from tests.kafka.server import PASSWORD, USER, KafkaServer


async def small_topic(connection: KafkaConnection, name: str) -> None:
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "2000"})])
    await admin.close()


async def test_a_message_that_only_the_broker_refuses_fails_the_commit(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """The client takes it, the broker's answer comes later: every delivery is awaited before the offset is sent."""
    await cluster.create_topics({topics.raw: 1, topics.anonymized: 1})
    await small_topic(connection, topics.audit)
    outbox = cluster.outbox(Partition(topics.raw, 0), topics.group)
    await outbox.start()
    with pytest.raises(CommitFailed):
        await outbox.commit([Message(topics.anonymized, b"t", b"good"), Message(topics.audit, b"-", bytes(5000))], 1)
    await outbox.stop()
    successor = cluster.outbox(Partition(topics.raw, 0), topics.group)
    await successor.start()
    assert [] == await everything(cluster, topics.anonymized)
    assert {} == dict(await cluster.committed(topics.raw, topics.group))
    await successor.stop()


async def test_an_outbox_that_is_fenced_between_two_sends_is_fenced(
    cluster: KafkaBroker, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is sent once the answer to the first has ended the transaction: no operation was illegal."""
    await cluster.create_topics({topics.raw: 1, topics.anonymized: 1, topics.audit: 1})
    outbox, rival = (cluster.outbox(Partition(topics.raw, 0), topics.group) for _ in range(2))
    await outbox.start()
    await rival.start()
    send = outbox._producer.send

    async def slowly(topic: str, *what: object) -> object:
        delivery = await send(topic, *what)
        await asyncio.wait([delivery])
        return delivery

    monkeypatch.setattr(outbox._producer, "send", slowly)
    with pytest.raises(Fenced):
        await outbox.commit([Message(topics.anonymized, b"t", b"one"), Message(topics.audit, b"-", b"two")], 1)
    await outbox.stop()
    await rival.stop()


async def test_a_plain_send_goes_on_after_a_refused_message(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """What only the broker refuses is an error too, and the next message is not refused because of it."""
    await small_topic(connection, topics.raw)
    await send(cluster, topics.raw, [b"one"])
    with pytest.raises(NotDelivered):
        await send(cluster, topics.raw, [b"canary" * 1000])
    await send(cluster, topics.raw, [b"two"])
    assert [b"one", b"two"] == [record.value for record in await everything(cluster, topics.raw)]


async def test_a_cluster_that_comes_up_later_is_reached(kafka: KafkaServer, topics: Topics) -> None:
    """A failed start leaves no client behind that never works."""
    host, port = kafka.bootstrap.split(":")
    doors: list[asyncio.Task[None]] = []

    async def pass_on(inward: asyncio.StreamReader, outward: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        doors.extend(asyncio.create_task(copy(*ends)) for ends in ((inward, back), (there, outward)))

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(2**16):
            target.write(chunk)

    reserved = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    door = reserved.sockets[0].getsockname()[1]
    reserved.close()
    await reserved.wait_closed()
    cluster = KafkaBroker(KafkaConnection(f"127.0.0.1:{door}"))
    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            await cluster.create_topics({topics.raw: 1})
        with pytest.raises(NotDelivered):
            await send(cluster, topics.raw, [b"early"])
    server = await asyncio.start_server(pass_on, "127.0.0.1", door)
    await cluster.create_topics({topics.raw: 1})
    await send(cluster, topics.raw, [b"late"])
    assert {0: 1} == dict(await cluster.end_offsets(topics.raw))
    await cluster.close()
    server.close()
    for task in doors:
        task.cancel()


async def test_nothing_is_logged_of_what_is_sent(
    connection: KafkaConnection, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where the log is set to DEBUG beforehand: the library would write keys, values and requests."""
    for name in ("", "aiokafka", "aiokafka.producer.producer", "aiokafka.conn"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        cluster = KafkaBroker(connection)
        await topics.create(cluster)
        await send(cluster, topics.raw, [event(0), b"canary-value"])
        one = worker(cluster, topics, WishEngine())
        running = asyncio.create_task(one.run())
        await until_committed(cluster, topics)
        one.stop()
        await running
        await everything(cluster, topics.raw)
        await cluster.close()
        assert [] == [record for record in caplog.records if record.name.startswith("aiokafka") and record.levelno < 30]
        assert "canary" not in caplog.text
    finally:
        logging.getLogger().setLevel(logging.WARNING)


async def test_secrets_are_not_shown(kafka: KafkaServer) -> None:
    """A connection can be printed."""
    assert "hunter2" not in repr(KafkaConnection(kafka.bootstrap, MappingProxyType({"sasl_plain_password": "hunter2"})))


def sasl(kafka: KafkaServer, password: str) -> KafkaConnection:
    security = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": USER,
        "sasl_plain_password": password,
    }
    return KafkaConnection(kafka.sasl_bootstrap, security, session_timeout_s=6, heartbeat_interval_s=1)


async def test_the_whole_way_with_sasl(kafka: KafkaServer, topics: Topics) -> None:
    """Producers, sources, outboxes and the admin client all present the name and password."""
    cluster = KafkaBroker(sasl(kafka, PASSWORD))
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(0), event(1, "refuse")])
    one = worker(cluster, topics, WishEngine())
    running = asyncio.create_task(one.run())
    await until_committed(cluster, topics)
    one.stop()
    await running
    assert {0: [0, 1]} == offsets(await everything(cluster, topics.audit))
    await cluster.close()


async def test_a_wrong_password_is_told_without_it(kafka: KafkaServer, topics: Topics) -> None:
    """Every way in fails, and says no more than the class of the error."""
    cluster = KafkaBroker(sasl(kafka, "wrong-password"))
    source = cluster.source(topics.raw, topics.group)
    with pytest.raises(SourceLost) as lost:
        await source.start(nothing, nothing)
    await source.stop()
    outbox = cluster.outbox(Partition(topics.raw, 0), topics.group)
    with pytest.raises(CommitFailed) as failed:
        await outbox.start()
    await outbox.stop()
    with pytest.raises(BrokerUnavailable) as unavailable:
        await cluster.end_offsets(topics.raw)
    for caught in (lost, failed, unavailable):
        assert "wrong-password" not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert caught.value.__suppress_context__
    await cluster.close()


async def test_a_topic_that_is_missing_is_told(connection: KafkaConnection, topics: Topics) -> None:
    """A worker on a misspelt topic does not wait for ever."""
    cluster = KafkaBroker(replace(connection, request_timeout_s=2))
    source = cluster.source(topics.raw, topics.group)
    with pytest.raises(SourceLost):
        await source.start(nothing, nothing)
    await source.stop()


async def test_nothing_is_polled_during_a_seek(
    cluster: KafkaBroker, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll that runs while the committed offset is asked for brings nothing of the partition: it comes afterwards."""
    monkeypatch.setattr(kafka_source, "LOOK_S", 2.0)  # one look, begun before the seek
    await topics.create(cluster)
    partition = Partition(topics.raw, 0)
    source = cluster.source(topics.raw, topics.group)
    await source.start(nothing, nothing)
    await source.seek_to_committed(partition)
    polling = asyncio.create_task(source.poll(10, 2))
    await asyncio.sleep(0.1)
    ask = source._consumer.committed

    async def slowly(here: object) -> object:
        await asyncio.sleep(1)
        return await ask(here)

    source._consumer.committed = slowly
    seeking = asyncio.create_task(source.seek_to_committed(partition))
    await asyncio.sleep(0.1)
    await send(cluster, topics.raw, [b"a", b"b"])
    await asyncio.sleep(0.5)
    assert not polling.done()
    await seeking
    polled = [await polling, await source.poll(10, 1)]
    assert [b"a", b"b"] == [record.value for batch in polled for record in batch.get(partition, ())]
    await source.stop()


async def test_a_commit_does_not_wait_for_ever(kafka: KafkaServer, connection: KafkaConnection, topics: Topics) -> None:
    """It fails in the time that a transaction may take, whatever the client would still try."""
    cluster = KafkaBroker(replace(connection, transaction_timeout_s=2, stop_timeout_s=1))
    await topics.create(cluster)
    outbox = cluster.outbox(Partition(topics.raw, 0), topics.group)
    await outbox.start()
    kafka.signal(signal.SIGSTOP)
    try:
        with pytest.raises(CommitFailed):
            await asyncio.wait_for(outbox.commit([Message(topics.audit, b"-", b"x")], 1), 20)
    finally:
        kafka.signal(signal.SIGCONT)
    await outbox.stop()
    await cluster.close()


async def test_a_stop_that_hangs_is_left_behind() -> None:
    """The library's stop can hang, or raise: ours returns."""

    async def hang() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise RuntimeError

    await asyncio.wait_for(bounded_stop(hang(), 0.05), 10)
    await asyncio.wait_for(bounded_stop(fail(), 0.05), 10)


async def test_a_broker_that_freezes_repeats_nothing(
    kafka: KafkaServer, connection: KafkaConnection, topics: Topics
) -> None:
    """While it stands still, requests time out and transactions fail; afterwards every input is there exactly once."""
    impatient = replace(connection, request_timeout_s=2, transaction_timeout_s=3, stop_timeout_s=1)
    cluster = KafkaBroker(impatient)
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(number) for number in range(400)])
    engine = WishEngine(before=lambda _: asyncio.sleep(0.02))
    one = worker(cluster, topics, engine)
    running = asyncio.create_task(one.run())
    await eventually(True, lambda: some(cluster, topics), 30)
    kafka.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(5)
    finally:
        kafka.signal(signal.SIGCONT)
    await until_committed(cluster, topics)
    one.stop()
    await running
    assert {0: list(range(400))} == offsets(await everything(cluster, topics.audit))
    await cluster.close()


async def test_stopping_while_the_broker_is_frozen_returns(
    kafka: KafkaServer, connection: KafkaConnection, topics: Topics
) -> None:
    """Neither a worker's drain nor its leaving the group can wait for a broker that does not answer."""
    cluster = KafkaBroker(replace(connection, stop_timeout_s=1))
    await topics.create(cluster)
    await send(cluster, topics.raw, [event(number) for number in range(10)])
    one = worker(cluster, topics, WishEngine())
    running = asyncio.create_task(one.run())
    await until_committed(cluster, topics)
    kafka.signal(signal.SIGSTOP)
    try:
        one.stop()
        await asyncio.wait_for(running, 20)
    finally:
        kafka.signal(signal.SIGCONT)
    await cluster.close()


async def nothing(_: object) -> None: ...


async def some(cluster: KafkaBroker, topics: Topics) -> bool:
    return sum((await cluster.committed(topics.raw, topics.group)).values()) > 20
