"""Audio that lies in no record: fetched only for clips that may be heard, put before what refers to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from stream.clip import AudioObject, Job, Outcome, Published, Reason, Refusal, Withheld
from stream.intake import Office
from stream.intake_audio import Audio
from stream.lane import Lane
from stream.ports import CommitFailed, ObjectsUnavailable
from tests.contract.stand_ins import Everybody, WishEngine, office, until
from tests.test_intake import TOPICS, opened, reason_of, record

SOUND = b"sound" * 100


@dataclass
class Objects:
    """ports.Objects whose answers a test gives: what ``fetch`` raises, by URI, and what ``publish`` does."""

    fetched: int = 0
    asked: list[str] = field(default_factory=list)
    trouble: Callable[[str], Exception | None] = lambda uri: None
    away: int = 0  # puts that fail
    put: list[str] = field(default_factory=list)

    async def fetch(self, audio: AudioObject) -> bytes:
        self.asked.append(audio.uri)
        await asyncio.sleep(0)
        if error := self.trouble(audio.uri):
            raise error
        self.fetched += 1
        return SOUND

    async def publish(self, outcome: Published) -> Published:
        if self.away:
            self.away -= 1
            raise ObjectsUnavailable("GenericError")
        self.put.append(outcome.token)
        return replace(outcome, body=b"referring", uris=(f"s3://out/{outcome.token}",))


class Keeping(WishEngine):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Job] = []

    async def run(self, job: Job) -> Outcome:
        self.jobs.append(job)
        return await super().run(job)


@pytest.fixture
def everybody() -> Everybody:
    return Everybody(TOPICS.index)


@pytest.fixture
def engine() -> Keeping:
    return Keeping()


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def shared(everybody: Everybody, engine: Keeping, objects: Objects) -> Office:
    """Every event names an object, by its number."""
    audio = Audio(objects, lambda _, body: AudioObject(body.decode().split()[1], "ab" * 32))
    return replace(office(TOPICS, engine, everybody=everybody), audio=audio, registry_retry_s=0.001)


async def test_the_engine_gets_what_was_fetched(shared: Office, engine: Keeping) -> None:
    """Beside the event, which stays as it is."""
    await (await opened(shared)).finish(record(0))
    assert [(b"publish 0", SOUND)] == [(job.body, job.audio) for job in engine.jobs]


@pytest.mark.parametrize("why", ["no consent", "opted out", "not picked", "no key"])
async def test_nothing_is_fetched_of_a_clip_that_may_not_be_heard(
    shared: Office, everybody: Everybody, objects: Objects, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where its audio lies is read: the consent of event and account, and the sample, come first."""

    def refuse(*_: object) -> None:
        raise Refusal(Reason.KEY_MISSING)

    of = shared
    if why == "no consent":
        whole = shared.header
        denied = lambda *given: replace(whole(*given), consent=replace(whole(*given).consent, human_review=False))  # noqa: E731
        of = replace(shared, header=denied)
    elif why == "opted out":
        everybody.refused["account-0"] = Reason.OPTED_OUT
    elif why == "not picked":
        monkeypatch.setattr(everybody, "pick", lambda header, offset: Reason.NOT_SAMPLED)
    else:
        monkeypatch.setattr(everybody, "label", refuse)
    looked: list[bytes] = []
    told = Audio(objects, lambda _, body: looked.append(body))
    outcome = await (await opened(replace(of, audio=told))).finish(record(0))
    assert isinstance(outcome, Withheld)
    assert ([], []) == (looked, objects.asked)


async def test_a_clip_waits_for_a_store_that_is_away(shared: Office, objects: Objects, engine: Keeping) -> None:
    """However often it does not answer; meanwhile the partition says that it waits, and nothing is withheld."""
    intake = await opened(shared)
    objects.trouble = lambda uri: ObjectsUnavailable("GenericError")
    done = asyncio.create_task(intake.finish(record(0)))

    async def asked_often() -> bool:
        return done.done() or len(objects.asked) > 8

    await until(asked_often)
    assert (True, False) == (intake.waiting, done.done())
    objects.trouble = lambda uri: None
    assert isinstance(await done, Published)
    assert not intake.waiting


async def test_two_that_wait_are_two(shared: Office, objects: Objects) -> None:
    """The first that has its audio does not say that nobody waits any more."""
    intake = await opened(shared)
    objects.trouble = lambda uri: ObjectsUnavailable("GenericError")
    both = [asyncio.create_task(intake.finish(record(number))) for number in range(2)]

    async def asked_often() -> bool:
        return both[0].done() or ({"0", "1"} == set(objects.asked) and len(objects.asked) > 4)

    await until(asked_often)
    objects.trouble = lambda uri: ObjectsUnavailable("GenericError") if uri == "1" else None
    await both[0]
    assert intake.waiting
    objects.trouble = lambda uri: None
    await both[1]
    assert not intake.waiting


async def test_one_object_does_not_hold_up_its_partition(shared: Office, objects: Objects) -> None:
    """Where others can be read, it is the object: its clip is withheld, and can be replayed."""
    intake = await opened(shared)

    def trouble(uri: str) -> Exception | None:
        if uri == "1":
            return None
        return ObjectsUnavailable("TimeoutError") if objects.asked.count("0") < 30 else ValueError("asked for ever")

    objects.trouble = trouble
    outcomes = await asyncio.gather(*(intake.finish(record(number)) for number in range(2)))
    assert [Reason.AUDIO_NOT_FETCHED, None] == list(map(reason_of, outcomes))
    assert objects.asked.count("0") >= 5


@pytest.mark.parametrize(
    "reason", [Reason.AUDIO_ELSEWHERE, Reason.AUDIO_MISSING, Reason.AUDIO_CHANGED, Reason.AUDIO_TOO_LARGE]
)
async def test_what_will_not_pass_is_withheld(
    shared: Office, objects: Objects, engine: Keeping, reason: Reason
) -> None:
    """Asked once, told by its reason, and heard by nobody."""
    objects.trouble = lambda uri: Refusal(reason)
    assert reason is reason_of(await (await opened(shared)).finish(record(0)))
    assert (["0"], []) == (objects.asked, engine.jobs)


async def test_what_was_fetched_counts_for_what_is_held(shared: Office, engine: Keeping, everybody: Everybody) -> None:
    """From the download until its outcome is there; the lane adds it to the size of its records."""
    intake = await opened(shared)
    done = asyncio.create_task(intake.finish(record(0, "hold")))

    async def heard() -> bool:
        return bool(engine.jobs)

    await until(heard)
    lane = Lane.__new__(Lane)
    lane._intake, lane._pending = intake, ()  # type: ignore[assignment]
    assert (len(SOUND), len(SOUND)) == (intake.held, lane.size)
    engine.release.set()
    await done
    assert 0 == intake.held


async def test_what_is_referred_to_is_there_first(shared: Office, objects: Objects) -> None:
    """A put that fails is made again, before anything of the clip can be committed."""
    intake, objects.away = await opened(shared), 3
    outcome = await intake.finish(record(0))
    assert (["token-0"], ("s3://out/token-0",)) == (objects.put, getattr(outcome, "uris", None))
    published = (await intake.settle([outcome])).messages[0]
    assert b"referring" == published.value


async def test_nothing_is_put_of_what_is_withheld(shared: Office, objects: Objects) -> None:
    """Only what the gate let through."""
    await (await opened(shared)).finish(record(0, "refuse"))
    assert [] == objects.put


async def test_an_object_that_a_sweep_may_have_taken_is_not_referred_to(shared: Office) -> None:
    """A clip whose commit comes too late is done again, from its event."""
    intake = await opened(replace(shared, audio=replace(shared.audio, stored_s_max=-1.0)))
    outcome = await intake.finish(record(0))
    with pytest.raises(CommitFailed):
        await intake.settle([outcome])


async def test_an_opt_out_after_the_put_stops_the_clip(shared: Office, everybody: Everybody) -> None:
    """The object stays behind, for a sweep; nobody is told of it."""
    intake = await opened(shared)
    outcome = await intake.finish(record(0))
    everybody.refused["account-0"] = Reason.OPTED_OUT
    settled = await intake.settle([outcome])
    assert [Reason.OPTED_OUT] == list(map(reason_of, settled.outcomes))
    assert not any(b"s3://" in (message.value or b"") for message in settled.messages)
