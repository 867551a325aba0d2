"""The process that owns a GPU, here on the CPU: each clip gets the evidence that it would get alone, come what may."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stream.clip import (
    SAMPLE_RATE_HZ,
    Reason,
    Receipt,
    Refusal,
    Segment,
    SpeakerEvidence,
    Transcript,
    Turn,
    WakeWord,
    Word,
)
from stream.find.speakers.builtin import BuiltinFinder
from stream.inference import owner
from stream.inference.frames import Frame, MalformedFrame, Start
from stream.inference.hearings import NotHeard, evidence_frame, evidence_of, hearing_frame, hearing_of, receive, send
from stream.inference.owner import BATCH_CLIPS_MAX, BATCH_SAMPLES_MAX, Asked, gather
from stream.inference.owning import Owner
from stream.inference.process import OWNER, Process, StartFailed
from stream.inference.remote import OwnerGone, RemoteFinder
from stream.policy import SAFE
from stream.ports import Hearing
from tests.inference.parts import FragileFinder
from tests.inference.test_pool import Count, children, eventually, make, running

TRANSCRIPT = Transcript((Word("canary", Segment(0.5, 0.9)), Word("canary")))
EVIDENCE = SpeakerEvidence((Turn(Segment(0.0, 1.0), "main"),), "main", 0.5, Receipt("speakers", "1", complete=True))

TOLD = dict(evidence_frame(EVIDENCE, "q").header)


def _hearing(seconds: float, loudest: float = 0.1) -> Hearing:
    samples = np.random.default_rng(1).uniform(-loudest, loudest, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)
    samples[0] = loudest
    return Hearing(samples, WakeWord(Segment(0.1, 0.4), 0.9), TRANSCRIPT)


@asynccontextmanager
async def owned(builder: str, folder: Path) -> AsyncIterator[str]:
    """An owner without a pool; yields its socket."""
    path = str(folder / "owner")
    process = await Process.launch(Start(builder, {}, path), 120.0, OWNER)
    try:
        yield path
    finally:
        await process.kill()


async def test_every_clip_gets_the_evidence_that_it_would_get_alone(tmp_path: Path) -> None:
    """The real model, many clips of all lengths at once: main speaker, turns and confidence are those of one by one."""
    hearings = [_hearing(seconds) for seconds in (0.7, 1.0, 1.0, 2.3, 4.0, 1.37)]
    alone = [BuiltinFinder(SAFE).find(one.samples, one.wake_word, one.transcript) for one in hearings]

    def ask(hearing: Hearing) -> SpeakerEvidence:
        return RemoteFinder(path).find(hearing.samples, hearing.wake_word, hearing.transcript)

    async with owned("stream.inference.parts:build_speakers", tmp_path) as path:
        with ThreadPoolExecutor(len(hearings)) as threads:
            together = await asyncio.gather(
                *(asyncio.get_running_loop().run_in_executor(threads, ask, one) for one in hearings)
            )
    assert [one.main for one in alone] == [one.main for one in together]
    assert [one.turns for one in alone] == [one.turns for one in together]
    assert [one.confidence for one in together] == pytest.approx([one.confidence for one in alone], abs=1e-4)


@pytest.mark.parametrize("fault", [MalformedFrame, MemoryError])
async def test_an_answer_that_comes_too_late_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """Where a clip fails between question and answer, the next one does not get the answer that was left behind."""

    def failing(connection: socket.socket) -> Frame:
        raise fault

    async with owned("tests.inference.parts:fragile", tmp_path) as path:
        remote = RemoteFinder(path)
        with monkeypatch.context() as broken:
            broken.setattr("stream.inference.remote.receive", failing)
            with pytest.raises(fault):
                await asyncio.to_thread(remote.find, _hearing(0.2).samples, None, None)
        assert 0.3 == (await asyncio.to_thread(remote.find, _hearing(0.3).samples, None, None)).confidence


async def test_a_refusal_and_a_fault_come_back_as_what_they_are(tmp_path: Path) -> None:
    """A refusal as itself, a fault by its class name alone; and the next clip is heard."""
    async with owned("tests.inference.parts:fragile", tmp_path) as path:
        remote = RemoteFinder(path)
        with pytest.raises(NotHeard, match=r"^MemoryError$"):
            await asyncio.to_thread(remote.find, _hearing(0.2, FragileFinder.RAISE).samples, None, None)
        assert (await asyncio.to_thread(remote.find, _hearing(0.2).samples, None, None)).receipt.complete
    (tmp_path / "real").mkdir()
    async with owned("stream.inference.parts:build_speakers", tmp_path / "real") as path:
        with pytest.raises(Refusal) as refused:
            await asyncio.to_thread(RemoteFinder(path).find, _hearing(0.05).samples, None, None)
    assert Reason.AUDIO_TOO_SHORT == refused.value.reason


async def test_a_clip_that_ends_the_owner_costs_itself_alone() -> None:
    """Those in a batch with it are asked for again, each alone, and answered by the owner's replacement."""
    count = Count()
    pool = make("asking", count, owner="tests.inference.parts:fragile", processes=3)
    async with running(pool) as order:
        before = await order("0.1")
        poisoned, *others = await asyncio.gather(order(str(FragileFinder.KILL)), order("0.1"), order("0.1"))
        after = await order("0.1")
    assert (Reason.INTERNAL_ERROR, "OwnerGone") == (poisoned.reason, poisoned.fault)
    assert all(one.fault.startswith("Pid") for one in (before, *others, after))
    assert before.fault != after.fault
    assert {"died"} == set(count.replaced)


async def test_an_idle_owner_that_is_killed_costs_nothing() -> None:
    """The pool makes a new one, and the processes find it; when the pool stops nothing is left of it."""
    there, count = children(), Count()
    pool = make("asking", count, owner="tests.inference.parts:fragile")
    async with running(pool) as order:
        before = await order("0.1")
        os.kill(int(before.fault.removeprefix("Pid")), signal.SIGKILL)
        await eventually(lambda: count.replaced == ["died"])
        after = await order("0.1")
        folder = Path(pool._owner.path).parent  # type: ignore[union-attr]
        assert 0o700 == folder.stat().st_mode & 0o777
    assert after.fault.startswith("Pid")
    assert before.fault != after.fault
    assert not folder.exists()
    assert there == children()


async def test_an_owner_that_cant_load_ends_the_start() -> None:
    """With its reason, as any model that can't be loaded, and nothing is left."""
    before = children()
    with pytest.raises(StartFailed, match="the model is not the one that was pinned"):
        await make("asking", owner="tests.inference.parts:unloadable").start()
    assert before == children()


def test_an_owner_that_does_not_come_back_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip is withheld in the end, not held for ever."""
    monkeypatch.setattr("stream.inference.remote.CONNECT_S", 0.1)
    with pytest.raises(OwnerGone):
        RemoteFinder(str(tmp_path / "nobody")).find(_hearing(0.2).samples, None, None)


def test_an_answer_to_another_question_is_refused(tmp_path: Path) -> None:
    """Were two clips' answers ever swapped, neither would get the other's evidence."""
    listener = owner.listen(str(tmp_path / "owner"))

    def answer_another() -> None:
        connection, _ = listener.accept()
        receive(connection)
        send(connection, evidence_frame(EVIDENCE, "another"))

    thread = threading.Thread(target=answer_another)
    thread.start()
    with pytest.raises(MalformedFrame):
        RemoteFinder(str(tmp_path / "owner")).find(_hearing(0.2).samples, None, None)
    thread.join(60)


def test_what_is_no_question_is_not_heard() -> None:
    """The owner ends the connection; it does not fall over it."""
    with pytest.raises(MalformedFrame):
        hearing_of(Frame({"wake": [1.0]}))


def test_words_stay_where_they_were_said() -> None:
    """The owner learns when a word is said, not which."""
    frame = hearing_frame(_hearing(1.0), "q", alone=True)
    assert b"canary" not in frame.pack()
    hearing, alone, question = hearing_of(frame)
    assert (True, "q") == (alone, question)
    assert [word.segment for word in TRANSCRIPT.words] == [word.segment for word in hearing.transcript.words]  # type: ignore[union-attr]
    assert WakeWord(Segment(0.1, 0.4), 0.9) == hearing.wake_word
    assert np.array_equal(_hearing(1.0).samples, hearing.samples)


def test_evidence_comes_back_as_it_was_given() -> None:
    """Through the frame, every field."""
    assert EVIDENCE == evidence_of(evidence_frame(EVIDENCE, "q"))
    assert replace(EVIDENCE, main=None) == evidence_of(evidence_frame(replace(EVIDENCE, main=None), "q"))


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"refused": "no reason"},
        TOLD | {"turns": None},
        TOLD | {"turns": [[1.0, 0.5, "main"]]},
        TOLD | {"turns": [[1.0, float("inf"), "main"]]},
        TOLD | {"confidence": 1e9},
        TOLD | {"confidence": float("nan")},
        TOLD | {"receipt": ["speakers", "1", "false"]},
    ],
)
def test_what_is_no_evidence_is_not_taken_for_it(header: dict[str, object]) -> None:
    """An owner that does not speak as agreed fails the clip."""
    with pytest.raises(MalformedFrame):
        evidence_of(Frame(header))


def _waiting(*hearings: tuple[float, bool]) -> tuple[Asked, queue.Queue[Asked]]:
    """The first, and a queue of the rest, of (seconds, alone)."""
    waiting: queue.Queue[Asked] = queue.Queue()
    connection = socket.socket()
    for seconds, alone in hearings:
        waiting.put(Asked(_hearing(seconds), alone, "q", connection))
    return waiting.get(), waiting


def test_a_batch_is_what_waits_within_bounds() -> None:
    """So many clips, so many samples as padded to the longest, and none that wants to be alone."""
    batch, left = gather(*_waiting(*[(0.1, False)] * (BATCH_CLIPS_MAX + 3)))
    assert (BATCH_CLIPS_MAX, None) == (len(batch), left)
    batch, left = gather(*_waiting((0.1, False), (0.1, True), (0.1, False)))
    assert 1 == len(batch)
    assert left is not None
    assert left.alone
    batch, left = gather(*_waiting((0.1, True), (0.1, False)))
    assert (1, None) == (len(batch), left)
    longest = BATCH_SAMPLES_MAX / SAMPLE_RATE_HZ / 2
    batch, left = gather(*_waiting((0.1, False), (0.1, False), (longest, False)))
    assert 2 == len(batch)
    assert left is not None


def test_a_batch_that_fails_is_heard_clip_by_clip() -> None:
    """Memory that does not do for all does for one; only the clip at fault gets the fault."""
    answers = owner.hear(FragileFinder(), [_hearing(0.2), _hearing(0.2, FragileFinder.RAISE), _hearing(0.3)])
    assert [SpeakerEvidence, NotHeard, SpeakerEvidence] == [type(answer) for answer in answers]
    assert "canary" not in repr(answers)


def test_an_owner_that_hangs_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every clip would time out for ever, with a process that looks alive."""
    gave_up, go_on = threading.Event(), threading.Event()

    class Hanging(FragileFinder):
        def find_many(self, hearings: Sequence[Hearing]) -> Sequence[SpeakerEvidence]:
            go_on.wait(60)
            raise KeyboardInterrupt

    monkeypatch.setattr(owner, "BATCH_S_MAX", 0.05)
    first, waiting = _waiting((0.1, False))
    waiting.put(first)

    def serve() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            owner.serve(Hanging(), waiting, lambda code: gave_up.set())

    served = threading.Thread(target=serve)
    served.start()
    assert gave_up.wait(60)
    go_on.set()
    served.join(60)
    assert not served.is_alive()


def test_an_owner_that_hears_nobody_any_more_gives_up() -> None:
    """A GPU that is broken for this process alone would withhold every clip for ever."""
    first, waiting = _waiting(*[(0.1, False)] * 10)
    waiting.put(first)
    gave_up: list[int] = []

    class Broken(FragileFinder):
        def find_many(self, hearings: Sequence[Hearing]) -> Sequence[SpeakerEvidence]:
            raise RuntimeError

    alone = queue.Queue[Asked]()
    for asked in list(waiting.queue):
        alone.put(replace(asked, alone=True))
    served = threading.Thread(target=owner.serve, args=(Broken(), alone, gave_up.append), daemon=True)
    served.start()
    served.join(30)
    assert not served.is_alive(), "it waits for more"
    assert [1] == gave_up
    assert 10 - owner.FAILED_MAX == alone.qsize()


async def test_the_owner_is_told_no_more_than_it_needs() -> None:
    """It may unpickle a checkpoint."""
    starts: list[Start] = []

    async def launch(start: Start, module: str, attempts: int | None) -> Process:
        starts.append(start)
        raise StartFailed

    settings = {"speakers": {"model": "builtin"}, "names": {"model": "/models/names"}}
    made = Owner(Start("", settings), launch, "tests.inference.parts:fragile")
    with pytest.raises(StartFailed):
        await made.start()
    await made.stop()
    [start] = starts
    assert {"speakers": {"model": "builtin"}} == start.settings
