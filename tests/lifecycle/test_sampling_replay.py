"""Sampling after crashes: what was not committed comes again, and the same clips are picked; also on a real Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from unittest import mock
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.clip import Header, Record
from stream.lifecycle import places
from stream.lifecycle.sampling import PartitionSampler, SamplingRules, open_sampler
from stream.ports import Partition
from stream.wire.kafka import KafkaBroker
from tests.lifecycle.picking import KEY, LATER_S, Changelog, header, opened

IN_FLIGHT = 8
RULES = SamplingRules(rate=0.8, account_per_day_max=2, per_hour_max=2, days_kept=2, accounts_max=3)


@dataclass(frozen=True)
class Round:
    """Clips that are picked, clips that are committed, and what comes then."""

    picked: int
    committed: int
    then: str = "go on"


CLIPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from((0, 0, 0, 1, 1, 2, 4, 9)), st.integers(0, 1)), min_size=20, max_size=70
).map(
    lambda drawn: [
        header(number, f"acct-{account}", days=day, hours=hour) for number, (account, day, hour) in enumerate(drawn)
    ]
)
ROUNDS = st.lists(
    st.builds(
        Round,
        picked=st.integers(1, IN_FLIGHT),
        committed=st.integers(0, IN_FLIGHT),
        then=st.sampled_from(("go on", "compact", "crash", "crash in the next transaction")),
    ),
    max_size=30,
)


@dataclass
class Lane:
    """A lane with its sampler as the worker drives it: picks run ahead of commits, and a crash throws them away."""

    clips: list[Header]
    changelog: Changelog

    async def run(self, rounds: list[Round]) -> list[bool]:
        """Of each clip whether it is picked, as it was committed. After ``rounds`` all goes well to the end."""
        committed: list[bool] = []
        ahead: list[bool] = []
        sampler = await opened(RULES, self.changelog)
        script = iter(rounds)
        while len(committed) < len(self.clips):
            now = next(script, Round(1, 1))
            first = len(committed) + len(ahead)
            room = min(now.picked, IN_FLIGHT - len(ahead))
            ahead += [sampler.pick(of) is None for of in self.clips[first : first + room]]
            if now.committed:  # with all changes so far, also those of clips that are still under way
                self.changelog.append(sampler.changes())
                committed, ahead = committed + ahead[: now.committed], ahead[now.committed :]
            if now.then == "compact":
                self.changelog.compact()
            elif now.then == "crash in the next transaction":
                sampler.changes()
            if now.then.startswith("crash"):
                sampler, ahead = await opened(RULES, self.changelog), []
        return committed


@pytest.mark.parametrize(("remembered", "tombstones"), [(places.REMEMBERED, places.TOMBSTONES_MAX), (IN_FLIGHT + 1, 1)])
@settings(max_examples=300, deadline=None)
@given(CLIPS, ROUNDS)
@example([header(0, "a"), header(1, "b", days=9)], [Round(2, 1, "crash")])
def test_crashes_change_no_pick(remembered: int, tombstones: int, clips: list[Header], rounds: list[Round]) -> None:
    """Whatever crashes when: the committed picks are those of a run without a crash, old days or new, full or not."""
    with mock.patch.multiple(places, REMEMBERED=remembered, TOMBSTONES_MAX=tombstones):
        undisturbed = asyncio.run(Lane(clips, Changelog()).run([]))
        assert undisturbed == asyncio.run(Lane(clips, Changelog()).run(rounds))


class OnePartition:
    """Reads one partition of a broker's topic."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._broker = broker

    async def read(self, topic: str, *, partition: int | None = None) -> AsyncIterator[Record]:
        async for record in self._broker.read(topic):
            if record.coordinates.partition == partition:
                yield record


async def test_on_a_real_kafka_committed_picks_count_and_others_do_not(cluster: KafkaBroker) -> None:
    """Of two partitions each restores its own; a transaction that was not final has left nothing; tombstones drop."""
    run = uuid4().hex[:8]
    raw, topic, group = f"raw-{run}", f"sampling-{run}", f"group-{run}"
    await cluster.create_topics({raw: 2, topic: 2}, compacted=frozenset({topic}))
    rules = SamplingRules(account_per_day_max=2, per_hour_max=8, days_kept=2)
    reader = OnePartition(cluster)

    async def sampler(number: int) -> PartitionSampler:
        return await open_sampler(reader, rules, KEY, number, 2, topic=topic, now_s=lambda: LATER_S)

    for number, clip in ((0, "a"), (1, "b")):
        outbox = cluster.outbox(Partition(raw, number), group)
        await outbox.start()
        picking = await sampler(number)
        assert picking.pick(header(clip)) is None
        await outbox.commit(picking.changes(), 1)
        assert picking.pick(header(f"{clip}-lost")) is None  # never committed
        await outbox.stop()

    for number, clips in ((0, ("c", "a", "b")), (1, ("c", "b", "a"))):
        picking = await sampler(number)
        assert [True, True, False] == [picking.pick(header(clip)) is None for clip in clips]

    with mock.patch.object(places, "REMEMBERED", 0):
        outbox = cluster.outbox(Partition(raw, 0), group)
        await outbox.start()
        picking = await sampler(0)
        assert picking.pick(header("later", days=2)) is None
        await outbox.commit(picking.changes(), 2)
        await outbox.stop()
    last = {record.key: record.value async for record in reader.read(topic, partition=0)}
    assert 2 == sum(value is None for value in last.values())  # the first day's account and hour
    assert 3 == sum(value is not None for value in last.values())
