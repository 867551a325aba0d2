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
RULES = SamplingRules(rate=0.8, account_per_day_max=2, per_hour_max=3, days_kept=2, accounts_max=3)

CLIPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=70).map(
    lambda drawn: [
        header(number, f"acct-{account}", days=day, hours=hour) for number, (account, day, hour) in enumerate(drawn)
    ]
)
STEPS = st.lists(
    st.sampled_from(["pick", "pick", "pick", "commit", "crash", "crash mid-commit", "compact"]), max_size=300
)


@dataclass
class Lane:
    """A lane with its sampler as the worker drives it: picks run ahead of commits, and a crash throws them away."""

    clips: list[Header]
    changelog: Changelog

    async def run(self, steps: list[str]) -> list[bool]:
        """Of each clip whether it is picked, as it was committed. After ``steps`` all goes well to the end."""
        committed: list[bool] = []
        ahead: list[bool] = []
        sampler = await opened(RULES, self.changelog)
        remaining = iter(steps)
        while len(committed) < len(self.clips):
            step = next(remaining, "pick" if len(committed) + len(ahead) < len(self.clips) else "commit")
            if step == "pick" and len(ahead) < IN_FLIGHT and len(committed) + len(ahead) < len(self.clips):
                ahead.append(sampler.pick(self.clips[len(committed) + len(ahead)]) is None)
            elif step == "commit" or len(ahead) == IN_FLIGHT:
                number = len(ahead) // 2 + 1  # the later half is still under way
                self.changelog.append(sampler.changes())
                committed += ahead[:number]
                ahead = ahead[number:]
            elif step.startswith("crash"):
                if step == "crash mid-commit":
                    sampler.changes()  # in a transaction that is never final
                sampler, ahead = await opened(RULES, self.changelog), []
            elif step == "compact":
                self.changelog.compact()
        return committed


@pytest.mark.parametrize(("remembered", "tombstones"), [(places.REMEMBERED, places.TOMBSTONES_MAX), (IN_FLIGHT + 1, 1)])
@settings(max_examples=300, deadline=None)
@given(CLIPS, STEPS)
@example([header(0, "a"), header(1, "b", days=9)], ["pick", "pick", "commit", "crash"])
def test_crashes_change_no_pick(remembered: int, tombstones: int, clips: list[Header], steps: list[str]) -> None:
    """Whatever crashes when: the committed picks are those of a run without a crash, old days or new, full or not."""
    with mock.patch.multiple(places, REMEMBERED=remembered, TOMBSTONES_MAX=tombstones):
        undisturbed = asyncio.run(Lane(clips, Changelog()).run([]))
        assert undisturbed == asyncio.run(Lane(clips, Changelog()).run(steps))


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
