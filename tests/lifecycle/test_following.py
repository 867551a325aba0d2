"""Followers: a table holds everything that was acknowledged before it was asked, or nobody publishes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from stream.clip import Record
from stream.ports import Broker, BrokerUnavailable, Message, Partition, RegistryUnavailable, StandingUnknown
from stream.wire import kafka_tail
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.local import LocalBroker
from tests.contract.conftest import HalfCommit
from tests.contract.stand_ins import Topics, eventually, send
from tests.kafka.server import KafkaServer
from tests.lifecycle.follow import QUICK, Notes, Values, follower


@dataclass
class Around:
    """A tail around another, to be broken."""

    tail: Any

    async def poll(self, timeout_s: float) -> Sequence[Record]:
        return await self.tail.poll(timeout_s)

    async def positions(self) -> Mapping[int, int]:
        return await self.tail.positions()

    async def ends(self) -> Mapping[int, int]:
        return await self.tail.ends()

    async def written(self) -> Mapping[int, int]:
        return await self.tail.written()

    async def stop(self) -> None:
        await self.tail.stop()


async def test_a_start_reads_everything_that_is_there(broker: Broker, topics: Topics) -> None:
    """It returns when the last record of every partition was applied; what comes later is applied too."""
    await topics.create(broker, 3)
    for number in range(3):
        await send(broker, topics.audit, [b"%d" % index for index in range(100)], number)
    table = Values()
    following = follower(broker, topics.audit, table)
    await following.start(20)
    assert 300 == len(table.values)
    await send(broker, topics.audit, [b"later"], 1)
    await eventually(301, lambda: _length(table))
    await following.stop()


async def test_an_empty_topic_is_read_at_once(broker: Broker, topics: Topics) -> None:
    """Nobody waits for a first record."""
    await topics.create(broker, 2)
    following = follower(broker, topics.audit, Values())
    await asyncio.wait_for(following.start(20), 10)
    assert {0: 0, 1: 0} == following.positions()
    await following.stop()


async def test_what_was_acknowledged_before_is_always_there(broker: Broker, topics: Topics) -> None:
    """A record that was sent before ``fresh`` is called is applied when it returns, time after time."""
    await topics.create(broker, 3)
    table = Values()
    following = follower(broker, topics.audit, table)
    await following.start(20)
    for number in range(60):
        await send(broker, topics.audit, [b"%d" % number], number % 3)
        await following.fresh(10)
        assert b"%d" % number in table.values
    await following.stop()


async def test_a_look_is_cheap_where_nothing_is_new(cluster: KafkaBroker, topics: Topics) -> None:
    """It does not wait behind the fetch that waits for records (half a second)."""
    await topics.create(cluster, 3)
    following = follower(cluster, topics.audit, Values())
    await following.start(20)
    took = []
    for _ in range(30):
        began = time.perf_counter()
        await following.fresh(10)
        took.append(time.perf_counter() - began)
    assert 0.1 > sorted(took)[15], took
    await following.stop()


async def test_callers_at_the_same_time_share_a_look(broker: Broker, topics: Topics) -> None:
    """However many they are: one look for all that came before it began."""
    await topics.create(broker)
    looks = 0

    class Counted(Around):
        async def written(self) -> Mapping[int, int]:
            nonlocal looks
            looks += 1
            return await self.tail.written()

    following = follower(broker, topics.audit, Values(), wrap=Counted)
    await following.start(20)
    looks = 0
    await asyncio.gather(*(following.fresh(10) for _ in range(100)))
    assert 1 == looks
    await following.stop()


async def test_a_look_that_began_before_does_not_count(topics: Topics) -> None:
    """Its answer may be from before the record that the caller knows of: the caller waits for another."""
    broker = LocalBroker()
    await topics.create(broker)
    slow = asyncio.Event()
    began = asyncio.Event()

    class Slow(Around):
        async def written(self) -> Mapping[int, int]:
            answer = await self.tail.written()
            began.set()
            await slow.wait()
            return answer

        async def poll(self, timeout_s: float) -> Sequence[Record]:
            if not slow.is_set():  # nothing comes by itself
                await asyncio.sleep(0.01)
                return []
            await asyncio.sleep(0.1)
            return await self.tail.poll(timeout_s)

    slow.set()
    table = Values()
    following = follower(broker, topics.audit, table, wrap=Slow)
    await following.start(20)
    slow.clear()
    began.clear()
    first = asyncio.create_task(following.fresh(10))
    await began.wait()
    await send(broker, topics.audit, [b"no"])
    second = asyncio.create_task(following.fresh(10))
    await asyncio.sleep(0.05)
    slow.set()
    await first
    await second
    assert [b"no"] == table.values
    await following.stop()


async def test_looks_come_one_after_the_other(topics: Topics) -> None:
    """Whoever asks while one is not answered: a broker that is slow is not asked by everybody at once."""
    broker, answers, under_way, most = LocalBroker(), asyncio.Event(), 0, 0
    await topics.create(broker)

    class Slow(Around):
        async def written(self) -> Mapping[int, int]:
            nonlocal under_way, most
            under_way, most = under_way + 1, max(most, under_way + 1)
            await answers.wait()
            under_way -= 1
            return await self.tail.written()

    answers.set()
    following = follower(broker, topics.audit, Values(), wrap=Slow)
    await following.start(20)
    answers.clear()
    asking = []
    for _ in range(3):
        asking.append(asyncio.create_task(following.fresh(20)))
        await asyncio.sleep(0.02)
    answers.set()
    await asyncio.gather(*asking)
    assert 1 == most
    await following.stop()


async def test_a_look_that_is_never_answered_is_given_up(topics: Topics) -> None:
    """A question that got lost holds up neither who asks nor all who ask later."""
    broker, silent = LocalBroker(), False
    await topics.create(broker)

    class Silent(Around):
        async def written(self) -> Mapping[int, int]:
            nonlocal silent
            if silent:
                silent = False
                await asyncio.Event().wait()
            return await self.tail.written()

    table = Values()
    following = follower(broker, topics.audit, table, wrap=Silent, pace=replace(QUICK, answer_s=0.2))
    await following.start(20)
    silent = True
    await send(broker, topics.audit, [b"no"])
    await following.fresh(20)
    assert (False, [b"no"]) == (silent, table.values)
    await following.stop()


async def test_what_an_open_transaction_hides_is_waited_for(
    broker: Broker, topics: Topics, half_commit: HalfCommit
) -> None:
    """An acknowledged record behind it can't be read yet: ``fresh`` says that nobody knows, not that all is well."""
    await topics.create(broker)
    table = Values()
    following = follower(broker, topics.audit, table)
    await following.start(20)
    await half_commit(Partition(topics.raw, 0), topics.group, [Message(topics.audit, b"k", b"x", None, 0)])
    await send(broker, topics.audit, [b"no"])
    with pytest.raises(StandingUnknown):
        await following.fresh(1)
    assert [] == table.values
    successor = broker.outbox(Partition(topics.raw, 0), topics.group)
    await successor.start()
    await following.fresh(20)
    assert [b"no"] == table.values
    await successor.stop()
    await following.stop()


async def test_trouble_passes(topics: Topics) -> None:
    """Tails that can't be opened or break are opened anew, where the table ends: nothing is lost."""
    broker = LocalBroker()
    await topics.create(broker)
    await send(broker, topics.audit, [b"a"])
    trouble = 3

    class Broken(Around):
        async def poll(self, timeout_s: float) -> Sequence[Record]:
            nonlocal trouble
            found = await self.tail.poll(0.05)
            if found and trouble:
                trouble -= 1
                raise BrokerUnavailable("NodeNotReadyError")  # what was found is lost with it
            return found

    table, notes = Values(), Notes()
    following = follower(broker, topics.audit, table, notes, Broken)
    await following.start(20)
    await send(broker, topics.audit, [b"b"])
    trouble = 2
    await following.fresh(20)
    assert [b"a", b"b"] == table.values
    assert ["BrokerUnavailable"] * 5 == notes.errors
    await following.stop()


async def test_records_wait_for_the_registry(topics: Topics) -> None:
    """While nobody can decode them, ``fresh`` fails; then they are applied, each in its place."""
    broker = LocalBroker()
    await topics.create(broker)
    table, answers = Values(), False

    async def apply(records: Sequence[Record]) -> None:
        if not answers:
            raise RegistryUnavailable("status 503")
        await table.apply(records)

    await send(broker, topics.audit, [b"a", b"b"])
    following = follower(broker, topics.audit, table, apply=apply)
    with pytest.raises(StandingUnknown):
        await following.start(0.3)
    answers = True
    await following.fresh(20)
    assert [b"a", b"b"] == table.values
    await following.stop()


async def test_a_follower_that_died_is_told_at_once(topics: Topics) -> None:
    """Nobody waits for the time-out, and nobody is told that all is well; nothing of a record is quoted."""
    broker = LocalBroker()
    await topics.create(broker)
    notes = Notes()

    async def apply(records: Sequence[Record]) -> None:
        raise ValueError(records[0].value)

    following = follower(broker, topics.audit, Values(), notes, apply=apply)
    await following.start(20)
    await send(broker, topics.audit, [b"canary"])
    for _ in range(2):
        with pytest.raises(StandingUnknown) as unknown:
            await asyncio.wait_for(following.fresh(60), 10)
        assert "canary" not in f"{unknown.value!r} {unknown.value.__context__!r}"
    assert ["ValueError"] == notes.errors
    await following.stop()


async def test_after_the_stop_nothing_is_known(broker: Broker, topics: Topics) -> None:
    """A stopped follower never says that all is well; nor does one that was not started."""
    await topics.create(broker)
    following = follower(broker, topics.audit, Values())
    with pytest.raises(StandingUnknown):
        await following.fresh(10)
    await following.start(20)
    await following.stop()
    with pytest.raises(StandingUnknown):
        await following.fresh(10)


async def test_what_is_covered_is_not_read_again(broker: Broker, topics: Topics) -> None:
    """A follower begins at the offsets that it is given."""
    await topics.create(broker)
    await send(broker, topics.audit, [b"a", b"b", b"c"])
    table = Values()
    following = follower(broker, topics.audit, table, start={0: 2})
    await following.start(20)
    assert ([b"c"], 0) == (table.values, table.discarded)
    await following.stop()


@pytest.mark.parametrize("start", [{0: 4, 1: 0}, {0: 1}, {0: 1, 1: 0, 2: 0}], ids=["ahead", "fewer", "more"])
async def test_offsets_that_the_topic_does_not_have_are_not_trusted(
    broker: Broker, topics: Topics, start: dict[int, int]
) -> None:
    """Ahead of its end, or of other partitions: the table is emptied, and the topic read from its beginning."""
    await topics.create(broker, 2)
    await send(broker, topics.audit, [b"a", b"b", b"c"])
    table = Values([b"of another topic"])
    following = follower(broker, topics.audit, table, start=start)
    await following.start(20)
    assert ([b"a", b"b", b"c"], 1) == (table.values, table.discarded)
    await following.stop()


async def test_partitions_that_are_added_are_followed(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as the client hears of them; from their beginning."""
    monkeypatch.setattr(kafka_tail, "METADATA_S", 0.5)
    await topics.create(cluster)
    table, notes = Values(), Notes()
    following = follower(cluster, topics.audit, table, notes)
    await following.start(20)
    admin = AIOKafkaAdminClient(**connection.client())
    await admin.start()
    await admin.create_partitions({topics.audit: NewPartitions(total_count=3)})
    await admin.close()
    await send(cluster, topics.audit, [b"new"], 2)
    await eventually([b"new"], lambda: _values(table), 20)
    assert {0, 1, 2} == following.positions().keys()
    assert table.discarded == 0
    await following.stop()


async def test_a_frozen_broker_is_told_and_comes_back(
    kafka: KafkaServer, connection: KafkaConnection, topics: Topics
) -> None:
    """While it stands still nobody knows, and the age grows; afterwards everything is there."""
    cluster = KafkaBroker(replace(connection, request_timeout_s=2, stop_timeout_s=1))
    await topics.create(cluster)
    table = Values()
    following = follower(cluster, topics.audit, table, pace=replace(QUICK, look_s=0.5))
    await following.start(20)
    kafka.signal(signal.SIGSTOP)
    try:
        with pytest.raises(StandingUnknown):
            await asyncio.wait_for(following.fresh(2), 5)
        await asyncio.sleep(1)
        assert following.age_s() > 2
    finally:
        kafka.signal(signal.SIGCONT)
    await send(cluster, topics.audit, [b"no"])
    await following.fresh(30)
    assert [b"no"] == table.values
    assert following.age_s() < 2
    await following.stop()
    await cluster.close()


async def _length(table: Values) -> int:
    return len(table.values)


async def _values(table: Values) -> list[bytes | None]:
    return list(table.values)
