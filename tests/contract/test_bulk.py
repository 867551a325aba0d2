"""A producer that is broken, on both brokers: the worker stops, restarts let nothing more through, and people can."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path

import pytest

from stream.commands.chains import bad_watch_of
from stream.lifecycle.bulk import BadLimits, BadWatch, TooManyBad
from stream.ops import log
from stream.ports import Broker, Partition
from stream.whose import Resume
from stream.wire.outcomes import resume_at
from stream.worker import Worker
from tests.contract.audited import Clips, Deployment
from tests.contract.stand_ins import Tally, Topics, everything, office, send, until_committed, worker

LIMITS = BadLimits(window=20, share_max=0.5, least=5)
CANARY = b"\x09canary-of-a-broken-producer"


@pytest.fixture
async def deployment(broker: Broker, topics: Topics, tmp_path: Path) -> Deployment:
    made = Deployment(broker, topics, tmp_path)
    await made.create()
    return made


async def watched(of: Deployment, limits: BadLimits = LIMITS, meter: Tally | None = None) -> Worker:
    """A worker with a real audit, which its watch is restored from."""
    registry, writer = of.registry, await of.writer()

    async def chain(partition: Partition) -> Resume:
        return await resume_at(await of.broker.last(of.topics.audit, partition.number), partition, registry)

    shared = replace(office(of.topics, Clips()), writer=writer, chain=chain)
    one = worker(of.broker, of.topics, Clips(), meter=meter, of=shared)
    one.watch = partial(bad_watch_of, of.broker, registry, of.topics.audit, limits, lambda _, __: None)
    return one


async def finish(one: Worker, of: Deployment) -> None:
    running = asyncio.create_task(one.run())
    await until_committed(of.broker, of.topics)
    one.stop()
    await running


async def withheld(of: Deployment) -> int:
    return len(await everything(of.broker, of.topics.withheld))


async def test_restarts_do_not_drain_the_topic_into_withheld(deployment: Deployment) -> None:
    """Sixty bad records and six starts: four are withheld in all, the rest waits, and the log says where."""
    lines = StringIO()
    log.configure("INFO", lines)
    await deployment.send({0: [f"publish {number}" for number in range(4)]})
    await send(deployment.broker, deployment.topics.raw, [CANARY] * 60)
    for _ in range(6):
        with pytest.raises(TooManyBad) as caught:
            await (await watched(deployment)).run()
        assert "canary" not in str(caught.value)
    assert {0: 8} == dict(await deployment.broker.committed(deployment.topics.raw, deployment.topics.group))
    assert 4 == await withheld(deployment)
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    stops = [line for line in told if line["event"] == "too_many_bad"]
    assert [(0, 5, 4)] * 6 == [(line["partition"], line["records"], line["offset"]) for line in stops]
    assert "canary" not in lines.getvalue()


async def test_bad_records_that_were_accepted_are_withheld(deployment: Deployment) -> None:
    """Once somebody names the offset the worker goes through; with the setting taken back it stays through."""
    await send(deployment.broker, deployment.topics.raw, [CANARY] * 30)
    with pytest.raises(TooManyBad):
        await (await watched(deployment)).run()
    await finish(await watched(deployment, replace(LIMITS, accepted={0: 29})), deployment)
    assert 30 == await withheld(deployment)
    await deployment.send({0: [f"publish {number}" for number in range(5)]})
    await finish(await watched(deployment), deployment)
    assert 30 == await withheld(deployment)


async def test_a_good_topic_is_not_stopped(deployment: Deployment) -> None:
    """A bad record in five, over two starts."""
    for _ in range(2):
        for _batch in range(10):
            await deployment.send({0: [f"publish {index}" for index in range(4)]})
            await send(deployment.broker, deployment.topics.raw, [CANARY])
        await finish(await watched(deployment), deployment)
    assert 20 == await withheld(deployment)


async def test_a_watch_is_restored_over_other_partitions_and_aborted_records(deployment: Deployment) -> None:
    """What lies between its own last outcomes, control records first, does not shorten what it remembers."""
    await deployment.send({1: [f"publish {number}" for number in range(40)]})
    await send(deployment.broker, deployment.topics.raw, [CANARY] * 4)
    one = await watched(deployment)
    one.limits = replace(one.limits, batch_records=1)
    await finish(one, deployment)
    told: list[int] = []
    audit, registry = deployment.topics.audit, deployment.registry
    limits = replace(LIMITS, window=5)
    here = Partition(deployment.topics.raw, 0)
    watch: BadWatch = await bad_watch_of(
        deployment.broker, registry, audit, limits, lambda _, number: told.append(number), here
    )
    assert [4] == told[-1:]
    assert watch.wants_more  # there are no more than these
