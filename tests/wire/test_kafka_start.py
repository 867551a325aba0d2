"""How our clients begin while brokers are away or refuse them, and how they end where the library does not."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError
from aiokafka.producer import sender

from stream.ports import ClusterAway, CommitFailed, Partition, SourceLost
from stream.wire import kafka_once, kafka_source
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.kafka_source import KafkaSource
from tests.contract.stand_ins import Topics, eventually
from tests.kafka.server import KafkaServer
from tests.wire.test_kafka import sasl

NOWHERE = KafkaConnection("127.0.0.1:9", rebalance_timeout_s=0.0, stop_timeout_s=0.5)


async def nothing(_: frozenset[Partition]) -> None: ...


# ------------------------------------------------------------------ the start of a source
@dataclass
class Member:
    """A consumer that starts as it is told to."""

    fails: Exception | None = None
    assigns: bool = False
    stopped: bool = False
    listener: Any = None

    def subscribe(self, topics: list[str], listener: Any) -> None:
        self.listener = listener

    async def start(self) -> None:
        if self.assigns:
            await self.listener.on_partitions_assigned(set())
        if self.fails:
            raise self.fails

    async def stop(self) -> None:
        self.stopped = True


@dataclass
class Made:
    """The consumers that a source makes, in their order."""

    members: list[Member]
    source: KafkaSource = field(init=False)

    def __post_init__(self) -> None:
        self._left = iter(self.members)
        self.source = KafkaSource(NOWHERE, "raw", "group")
        self.source._made = lambda: next(self._left)  # type: ignore[method-assign]
        self.source._consumer = next(self._left)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two tries."""
    monkeypatch.setattr(kafka_source, "START_PAUSE_S", 0.0)


@pytest.mark.usefixtures("_at_once")
async def test_brokers_that_start_are_waited_for() -> None:
    """Each try with a consumer of its own; the one that failed is stopped."""
    made = Made([Member(KafkaConnectionError()), Member(KafkaConnectionError()), Member()])
    await made.source.start(nothing, nothing)
    assert [True, True, False] == [each.stopped for each in made.members]
    assert made.source._consumer is made.members[-1]


@pytest.mark.usefixtures("_at_once")
async def test_brokers_that_stay_away_are_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has to look at it then."""
    monkeypatch.setattr(kafka_source, "START_S", 0.1)
    source = KafkaSource(NOWHERE, "raw", "group")
    async with asyncio.timeout(30):
        with pytest.raises(SourceLost):
            await source.start(nothing, nothing)
    await source.stop()


@pytest.mark.parametrize("first", [Member(GroupAuthorizationFailedError()), Member(KafkaConnectionError(), True)])
async def test_what_no_other_try_mends_ends_the_start(first: Member) -> None:
    """Nor does one begin anew that had partitions for a moment: its lanes would be there twice."""
    with pytest.raises(SourceLost):
        await Made([first, Member()]).source.start(nothing, nothing)


async def test_a_worker_starts_before_its_brokers_do(
    kafka: KafkaServer, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics
) -> None:
    """Over a door that opens late."""
    await topics.create(cluster)
    host, port = kafka.bootstrap.split(":")

    async def passes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, behind = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pumped(reader, behind), pumped(beyond, writer))

    reserved = await asyncio.start_server(passes, "127.0.0.1", 0)
    door = reserved.sockets[0].getsockname()[1]
    reserved.close()
    await reserved.wait_closed()
    source = KafkaSource(replace(connection, bootstrap_servers=f"127.0.0.1:{door}"), topics.raw, topics.group)
    starting = asyncio.create_task(source.start(nothing, nothing))
    await asyncio.sleep(0.2)
    assert not starting.done()
    server = await asyncio.start_server(passes, "127.0.0.1", door)
    await asyncio.wait_for(starting, 60)
    assert 0 == await source.seek_to_committed(Partition(topics.raw, 0))
    await source.stop()
    server.close()


async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(2**16):
        writer.write(chunk)
    writer.close()


# ------------------------------------------------------------------ who is refused
async def test_who_is_refused_is_told_so(kafka: KafkaServer, topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated password is no outage: waiting would not end it."""
    monkeypatch.setattr(kafka_source, "START_S", 20.0)  # it is told long before
    cluster = KafkaBroker(replace(sasl(kafka, "wrong-password"), rebalance_timeout_s=0.0))
    outbox = cluster.outbox(Partition(topics.raw, 0), topics.group)
    with pytest.raises(CommitFailed) as failed:
        await outbox.start()
    await outbox.stop()
    assert (False, "SaslAuthenticationFailed") == (isinstance(failed.value, ClusterAway), failed.value.cause)
    source = cluster.source(topics.raw, topics.group)
    with pytest.raises(SourceLost, match="SaslAuthenticationFailed"):
        await source.start(nothing, nothing)
    await source.stop()
    await cluster.close()


async def test_who_finds_nobody_is_not_refused() -> None:
    """That is an outage, which ends."""
    outbox = KafkaBroker(NOWHERE).outbox(Partition("raw", 0), "group")
    with pytest.raises(ClusterAway):
        await outbox.start()
    await outbox.stop()


# ------------------------------------------------------------------ an end that hangs
@pytest.mark.parametrize("copies", [False, True])
async def test_a_stop_that_hangs_leaves_nothing_running(
    kafka: KafkaServer, connection: KafkaConnection, cluster: KafkaBroker, topics: Topics, copies: bool
) -> None:
    """No task and no connection: one of each would stay for every try of an outage."""
    await topics.create(cluster)
    impatient = KafkaBroker(replace(connection, stop_timeout_s=0.5))
    before = asyncio.all_tasks()
    spent = impatient.copier(topics.group) if copies else impatient.outbox(Partition(topics.raw, 0), topics.group)
    await spent.start()
    producer = spent._producer
    await producer.partitions_for(topics.audit)
    await producer.begin_transaction()
    kafka.signal(signal.SIGSTOP)
    try:
        delivery = await asyncio.wait_for(producer.send(topics.audit, b"value", partition=0), 20)
        await asyncio.sleep(0.1)  # it is being sent
        await spent.stop()
        await eventually(set(), lambda: running_but(before))
    finally:
        kafka.signal(signal.SIGCONT)
    assert [] == [conn for conn in producer.client._conns.values() if conn.connected()]
    assert delivery.done()
    delivery.exception()


async def running_but(those: set[asyncio.Task[Any]]) -> set[str]:
    return {task.get_coro().__qualname__ for task in asyncio.all_tasks() - those}  # type: ignore[union-attr]


# ------------------------------------------------------------------ what must not be asked twice
@pytest.fixture
def _unchecked() -> Any:
    kafka_once.check_once.cache_clear()
    yield
    kafka_once.check_once.cache_clear()


@pytest.mark.usefixtures("_unchecked")
def test_the_library_as_it_is_asks_once() -> None:
    """The check passes: what it wraps is there."""
    kafka_once.check_once()


async def _swallowing(self: Any, node: Any) -> bool:
    try:
        await self._sender.client.send(node, self.create_request())
    except Exception:
        return False
    return True


async def _elsewhere(self: Any, node: Any) -> bool:
    return self.create_request() is not None


@pytest.mark.parametrize("changed", [_swallowing, _elsewhere])
@pytest.mark.usefixtures("_unchecked")
async def test_a_library_that_would_ask_twice_ends_the_start(monkeypatch: pytest.MonkeyPatch, changed: Any) -> None:
    """It must not go without: an offset that comes late sets the group back."""
    monkeypatch.setattr(sender.BaseHandler, "do", changed)
    with pytest.raises(kafka_once.NotOnce):
        KafkaBroker(NOWHERE)


@pytest.mark.usefixtures("_unchecked")
async def test_a_library_that_ends_transactions_in_another_way_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at must be what is used."""

    async def another(self: Any, commit_result: Any) -> None: ...

    monkeypatch.setattr(sender.Sender, "_do_txn_commit", another)
    with pytest.raises(kafka_once.NotOnce):
        KafkaBroker(NOWHERE)


def test_a_producer_that_sends_by_another_client_is_not_taken() -> None:
    """Its requests would pass us by."""
    producer = SimpleNamespace(client=object(), _sender=SimpleNamespace(client=object()))
    with pytest.raises(kafka_once.NotOnce):
        kafka_once.ask_once(producer)
