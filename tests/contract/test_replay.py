"""The whole way of a replay, on both brokers: withheld, appended anew, heard again, and audited both times."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stream.clip import Coordinates, Job, Outcome, Reason, Withheld
from stream.commands.failure import CommandFailed
from stream.commands.replay import Replayer, Result
from stream.config import Settings
from stream.lifecycle.replaying import Wish
from stream.ports import Broker
from stream.wire.replay_records import ReplayRecords
from tests.contract import audited
from tests.contract.audited import Clips, Deployment
from tests.contract.stand_ins import Topics, everything

DIED = Reason.INFERENCE_DIED


@dataclass
class Sick(Clips):
    """An engine that dies on everything while it is sick."""

    sick: bool = True
    heard: list[str] = field(default_factory=list)

    async def run(self, job: Job) -> Outcome:
        self.heard.append(job.body.decode())
        if self.sick:
            return Withheld(job.coordinates, DIED, "p1")
        return await super().run(job)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Sick:
    """Of every worker of the deployment."""
    made = Sick()
    monkeypatch.setattr(audited, "Clips", lambda: made)
    return made


@pytest.fixture
async def deployment(broker: Broker, topics: Topics, tmp_path: Path, engine: Sick) -> Deployment:
    """Six clips were withheld because inference died, and two for what they are."""
    made = Deployment(broker, topics, tmp_path)
    await made.create()
    await broker.create_topics({settings_of(made).topics.replays: 2}, frozenset({settings_of(made).topics.replays}))
    await made.send({0: [f"publish {number}" for number in range(4)], 1: ["publish 4", "publish 5"]})
    await made.work()
    engine.sick = False
    await made.send({1: ["refuse 6", "refuse 7"]})
    await made.work()
    return made


def settings_of(of: Deployment) -> Settings:
    settings = of.settings()
    topics = settings.topics.model_copy(update={"replays": f"replays-{of.topics.run}"})
    return settings.model_copy(update={"topics": topics})


async def replay(of: Deployment, wish: Wish | None = None) -> Result:
    return await Replayer(settings_of(of), of.broker, of.registry).run(wish or Wish())


async def published(of: Deployment) -> list[str]:
    return sorted((record.key or b"").decode() for record in await everything(of.broker, of.topics.anonymized))


async def raw(of: Deployment) -> int:
    return len(await everything(of.broker, of.topics.raw))


async def test_what_was_withheld_in_passing_is_published_once(deployment: Deployment, engine: Sick) -> None:
    """Six of eight come out, with the tokens that they would have had, and the audit holds and has both."""
    result = await replay(deployment)
    assert ({DIED: 6}, {DIED: 6}, {}) == (dict(result.chosen), dict(result.replayed), dict(result.gone))
    assert [] == await published(deployment), "a replay publishes nothing by itself"
    await deployment.work()
    assert [f"token-{number}" for number in range(6)] == await published(deployment)
    assert () == await deployment.sign()
    verification = await deployment.verify()
    assert [] == verification.problems
    assert (6, 8) == (verification.counts.published, verification.counts.withheld)


async def test_a_second_replay_appends_nothing(deployment: Deployment) -> None:
    """Not before the worker has seen the copies, and not after."""
    for work in (False, True):
        await replay(deployment)
        assert 14 == await raw(deployment)
        if work:
            await deployment.work()
            result = await replay(deployment)
            assert (6, 0) == (result.before[DIED], sum(result.replayed.values()))
    assert 14 == await raw(deployment)


async def test_counting_does_nothing(deployment: Deployment) -> None:
    """A dry run tells what would be replayed, and neither appends nor fences a run that is under way."""
    of = settings_of(deployment)
    copier = deployment.broker.copier(of.kafka.group)
    await copier.start()
    result = await Replayer(of, deployment.broker, deployment.registry).count(Wish())
    assert ({DIED: 6}, {}) == (dict(result.chosen), dict(result.replayed))
    assert 8 == await raw(deployment)
    await copier.copy([], lambda at, copy: pytest.fail("nothing to tell"))
    await copier.stop()


async def test_named_records_are_replayed_alone(deployment: Deployment, engine: Sick) -> None:
    """By their coordinates; and again, where somebody insists."""
    engine.heard.clear()
    wish = Wish(at=frozenset({(0, 2), (1, 1)}))
    await replay(deployment, wish)
    await deployment.work()
    assert ["publish 2", "publish 5"] == sorted(engine.heard)
    await replay(deployment, Wish(at=frozenset({(0, 2)}), again=True))
    await deployment.work()
    assert ["publish 2", "publish 2", "publish 5"] == sorted(engine.heard)


async def test_a_refusal_does_nothing(deployment: Deployment) -> None:
    """One record of two was not withheld: exit 2, and the other is not replayed either."""
    with pytest.raises(CommandFailed, match="1:77 is not among the withheld") as caught:
        await replay(deployment, Wish(at=frozenset({(0, 0), (1, 77)})))
    assert 2 == caught.value.code
    assert 8 == await raw(deployment)


async def test_a_forged_withheld_record_replays_nothing(deployment: Deployment) -> None:
    """Of a clip that was published, of one that was withheld for another reason, and of one that never came in: the
    audit does not say so, whatever is asked for; they are counted and told, and the others are replayed."""
    await deployment.send({0: ["publish 8"]})
    await deployment.work()
    assert ["token-8"] == await published(deployment)
    writer, forged = await deployment.writer(), [(0, 4), (1, 2), (1, 900)]
    places = [Coordinates(deployment.topics.raw, *place) for place in forged]
    await deployment.broker.send([writer.withheld(Withheld(at, DIED, "p1")) for at in places])
    for wish, rest in ((Wish(at=frozenset(forged)), 0), (Wish(), 6)):
        result = await replay(deployment, wish)
        assert (rest, 3) == (sum(result.replayed.values()), result.unaudited[DIED])
        assert ["3 records were not withheld so by the audit, and are left alone"] == result.problems()
    assert 9 + 6 == await raw(deployment)


async def test_an_event_that_is_withheld_every_time_is_given_up(deployment: Deployment, engine: Sick) -> None:
    """Its copies are withheld too: after three replays it is left alone, and the history says so."""
    engine.sick = True
    for _ in range(3):
        assert 6 == sum((await replay(deployment)).replayed.values())
        await deployment.work()
    result = await replay(deployment)
    assert (0, 6) == (sum(result.replayed.values()), result.too_often[DIED])
    reading, topic = ReplayRecords(deployment.registry), settings_of(deployment).topics.replays
    replays = [await reading.replay(record) for record in await everything(deployment.broker, topic)]
    assert [1] * 6 + [2] * 6 + [3] * 6 == sorted(replay.times for replay in replays)
    assert {(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)} == {(each.at.partition, each.first) for each in replays}


async def test_two_replays_at_once_append_everything_once(deployment: Deployment) -> None:
    """The newer one fences the older one, and begins where that one was stopped."""
    ends = await asyncio.gather(*(replay(deployment) for _ in range(3)), return_exceptions=True)
    assert {Result, CommandFailed} >= {type(end) for end in ends}
    await replay(deployment)
    assert 14 == await raw(deployment)
    await deployment.work()
    assert [f"token-{number}" for number in range(6)] == await published(deployment)
