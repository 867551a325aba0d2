"""The pool on real processes: what a clip does costs that clip, and nothing of it comes back."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from stream.clip import Coordinates, Job, Outcome, Reason, Withheld
from stream.config import Settings
from stream.inference.frames import Start
from stream.inference.pool import InferencePool, PoolLimits, make_pool
from stream.inference.process import Process, StartFailed, _environment
from stream.ops.memory import resident
from tests.values import LABEL


class Count:
    """Counts what the pool tells."""

    def __init__(self) -> None:
        self.ready: list[int] = []
        self.replaced: list[str] = []

    def processes_ready(self, number: int) -> None:
        self.ready.append(number)

    def process_replaced(self, cause: str) -> None:
        self.replaced.append(cause)


def make(
    builder: str = "obedient", count: Count | None = None, model: str = "builtin", owner: str = "", **limits: float
) -> InferencePool:
    settings = {"speakers": {"model": model, "sha256": "0" * 64 if model != "builtin" else ""}}
    start = Start(f"tests.inference.parts:{builder}", settings)
    bounds = {"processes": 1, "clip_s": 20.0, "start_s": 60.0, "retry_s": 0.01} | limits
    return InferencePool(start, PoolLimits(**bounds), "7", count, owner)  # type: ignore[arg-type]


@asynccontextmanager
async def running(pool: InferencePool) -> AsyncIterator[Callable[[str], Awaitable[Withheld]]]:
    """A started pool; yields a way to give it orders."""
    offset = itertools.count()

    async def order(body: str) -> Withheld:
        job = Job(Coordinates("clips.raw", 3, next(offset)), "{}", body.encode(), LABEL)
        async with asyncio.timeout(60):  # what hangs for ever fails here, and not by a limit of the whole run
            outcome: Outcome = await pool.run(job)
        assert isinstance(outcome, Withheld)
        return outcome

    await pool.start()
    try:
        yield order
    finally:
        await pool.stop()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def test_a_job_gets_its_own_outcome() -> None:
    """Every outcome has the coordinates of its job, however many run at once."""
    async with running(make(processes=2)) as order:
        outcomes = await asyncio.gather(*[order("refuse") for _ in range(20)])
    assert {Reason.NO_CONSENT} == {outcome.reason for outcome in outcomes}
    assert {Coordinates("clips.raw", 3, number) for number in range(20)} == {o.coordinates for o in outcomes}


async def test_an_exception_comes_back_as_its_class_name() -> None:
    """The message of an exception stays in the process; its class name is told."""
    async with running(make()) as order:
        outcome = await order("raise canary")
    assert (Reason.INTERNAL_ERROR, "ValueError") == (outcome.reason, outcome.fault)
    assert "canary" not in repr(outcome)


async def test_what_a_library_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """Prints of a process reach neither our output nor the frames."""
    async with running(make()) as order:
        outcome = await order("print canary")
        again = await order("refuse")
    assert (Reason.NO_CONSENT, Reason.NO_CONSENT) == (outcome.reason, again.reason)
    assert "canary" not in "".join(capfd.readouterr())


async def test_a_clip_that_hangs_is_withheld_and_its_process_replaced() -> None:
    """A time limit ends the clip, and the next one gets a new process."""
    count = Count()
    async with running(make(count=count, clip_s=1.0)) as order:
        before = await order("pid")
        hung = await order("hang")
        after = await order("pid")
    assert (Reason.TIMED_OUT, "7") == (hung.reason, hung.policy_version)
    assert before.fault != after.fault
    assert ["timed_out"] == count.replaced


@pytest.mark.parametrize("way", ["kill", "exit"])
async def test_a_clip_that_ends_its_process_costs_itself_alone(way: str) -> None:
    """The clip in the process is withheld, those that wait are answered."""
    count = Count()
    async with running(make(count=count)) as order:
        outcomes = await asyncio.gather(order("refuse"), order(way), order("refuse"))
    assert [Reason.NO_CONSENT, Reason.INFERENCE_DIED, Reason.NO_CONSENT] == [outcome.reason for outcome in outcomes]
    assert ["died"] == count.replaced


async def test_a_process_that_does_not_speak_as_agreed_is_replaced() -> None:
    """Garbage on the pipe costs the clip and the process; it is never taken for an outcome."""
    count = Count()
    async with running(make(count=count)) as order:
        outcomes = [await order("babble"), await order("refuse")]
    assert [Reason.INFERENCE_DIED, Reason.NO_CONSENT] == [outcome.reason for outcome in outcomes]
    assert ["died"] == count.replaced


async def test_an_idle_process_that_is_killed_costs_nothing() -> None:
    """Killing an idle process from outside makes a new one and no clip is withheld for it."""
    count = Count()
    async with running(make(count=count)) as order:
        before = await order("pid")
        os.kill(int(before.fault.removeprefix("Pid")), signal.SIGKILL)
        await eventually(lambda: count.replaced == ["died"] and count.ready[-1] == 1)
        after = await order("pid")
    assert Reason.INTERNAL_ERROR == after.reason
    assert before.fault != after.fault


async def test_processes_are_recycled() -> None:
    """After its share of clips a process is replaced, so that memory does not keep them."""
    count = Count()
    async with running(make(count=count, recycle_clips=2)) as order:
        pids = [(await order("pid")).fault for _ in range(5)]
    assert [pids[0], pids[2], pids[4]] == [pids[1], pids[3], pids[4]]
    assert 3 == len(set(pids))
    assert ["recycled", "recycled"] == count.replaced


async def test_processes_of_a_pool_are_not_recycled_all_at_once() -> None:
    """While one is replaced the other goes on, so that a process is ready at any time."""
    count = Count()
    async with running(make(count=count, processes=2, recycle_clips=3)) as order:
        for _ in range(12):
            await order("refuse")
        after_start = count.ready[count.ready.index(2) :]
    assert 0 not in after_start
    assert 1 in after_start


async def test_every_clip_is_answered_while_processes_are_recycled() -> None:
    """Far more clips than a process may hear, all at once: none is lost, none has another's outcome, none is withheld
    for a process that went away."""
    count = Count()
    outcomes: list[Withheld] = []
    async with running(make(count=count, processes=2, recycle_clips=3)) as order:
        while len(count.replaced) < 2:
            outcomes += await asyncio.gather(*[order("pid 0.02") for _ in range(20)])
        after_start = count.ready[count.ready.index(2) :]
    assert {Reason.INTERNAL_ERROR} == {outcome.reason for outcome in outcomes}, "as its pid is told, no death"
    assert list(range(len(outcomes))) == [outcome.coordinates.offset for outcome in outcomes]
    assert {"recycled"} == set(count.replaced)
    assert 0 not in after_start, "a clip never waits for want of any process"


async def test_a_process_that_grows_is_replaced_after_its_clip() -> None:
    """Memory that a process keeps ends with it; those that do not grow stay."""
    count = Count()
    async with running(make(count=count, recycle_growth_bytes=64 * 2**20)) as order:
        pids = [(await order("pid")).fault for _ in range(3)]
        grown = await order(f"keep {100 * 2**20}")
        after = (await order("pid")).fault
    assert Reason.NO_CONSENT == grown.reason
    assert 1 == len(set(pids))
    assert after not in pids
    assert ["memory"] == count.replaced


async def test_relief_replaces_the_largest_process_alone() -> None:
    """An idle one at once and a busy one after its clip, which is answered; one at a time."""
    count = Count()
    pool = make(count=count, processes=2)
    async with running(pool) as order:
        await order(f"keep {50 * 2**20}")
        before = {outcome.fault for outcome in await asyncio.gather(order("pid 0.5"), order("pid 0.5"))}
        large = max(before, key=lambda fault: resident(int(fault.removeprefix("Pid"))))
        pool.relieve()
        assert 1 == sum(process.retired.is_set() for process in pool._ready.values())
        await eventually(lambda: count.ready[-1] == 1)
        pool.relieve()
        assert [False] == [process.retired.is_set() for process in pool._ready.values()]
        await eventually(lambda: count.ready[-1] == 2)
        assert ["memory"] == count.replaced
        after = {outcome.fault for outcome in await asyncio.gather(order("pid 0.5"), order("pid 0.5"))}
        assert ({large}, 2) == (before - after, len(after))
        busy = [asyncio.ensure_future(order("pid 0.5")) for _ in range(2)]
        await asyncio.sleep(0.1)
        pool.relieve()
        assert after == {outcome.fault for outcome in await asyncio.gather(*busy)}
        await eventually(lambda: count.replaced == ["memory", "memory"])


@pytest.mark.parametrize(
    ("builder", "limits", "message"),
    [
        ("unloadable", {}, "ValueError: the model is not the one that was pinned"),
        ("missing", {}, "AttributeError"),
        ("dying", {}, "ended while it started"),
        ("slow", {"start_s": 2.0}, "was not ready after 2 s"),
    ],
)
async def test_a_model_that_cant_be_loaded_ends_the_start(builder: str, limits: dict[str, float], message: str) -> None:
    """Start-up fails once, with its reason, and leaves no process behind."""
    before = children()
    pool = make(builder, processes=2, **limits)
    with pytest.raises(StartFailed, match=message):
        async with asyncio.timeout(60):
            await pool.start()
    assert not pool.ready
    assert before == children()


async def test_a_system_that_gives_no_process_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses counts as a failed start; the pool does not wait for ever for a slot that is gone."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with asyncio.timeout(30):
        with pytest.raises(StartFailed, match="No such file"):
            await make().start()


async def test_a_replacement_that_cant_start_ends_the_pool_and_withholds_nothing(tmp_path: Path) -> None:
    """When the model goes away while running, the pool says so; clips wait, to be done after a restart."""
    pool = make("once", model=str(tmp_path / "marker"), recycle_clips=1)
    async with running(pool) as order:
        await order("refuse")
        waiting = asyncio.ensure_future(order("refuse"))
        failure = await pool.failed()
        assert "gone" in str(failure)
        assert not pool.ready
        assert not waiting.done()
        waiting.cancel()


async def test_an_unforeseen_error_in_a_slot_ends_the_pool() -> None:
    """A slot does not end unnoticed, with clips waiting for it; the error is told by its class alone."""

    class Miscounting(Count):
        def process_replaced(self, cause: str) -> None:
            raise ValueError("canary")

    pool = make(count=Miscounting(), recycle_clips=1)
    async with running(pool) as order, asyncio.timeout(30):
        await order("refuse")
        assert "ValueError" == str(await pool.failed())


async def test_a_cancelled_job_does_not_disturb_the_next() -> None:
    """A caller that goes away, in the queue or in the middle of its clip, leaves the pool working."""
    count = Count()
    async with running(make(count=count)) as order:
        begun, queued = asyncio.ensure_future(order("refuse")), asyncio.ensure_future(order("kill"))
        await asyncio.sleep(0)
        begun.cancel()
        queued.cancel()
        outcome = await order("refuse")
    assert Reason.NO_CONSENT == outcome.reason
    assert [] == count.replaced, "what nobody waits for is not begun"


async def test_the_kernel_ends_an_inference_process_first() -> None:
    """Where memory runs out all the same, a clip is lost to its process, and not the connection to Kafka."""
    async with running(make()) as order:
        pid = (await order("pid")).fault.removeprefix("Pid")
        theirs = int(Path(f"/proc/{pid}/oom_score_adj").read_text())
    assert 500 == theirs > int(Path("/proc/self/oom_score_adj").read_text())


async def test_a_clip_that_nobody_waits_for_is_kept_nowhere() -> None:
    """Clips of lanes that were given up do not fill the memory while every process is busy."""

    async def given_up(pool: InferencePool, number: int) -> weakref.ref[Job]:
        job = Job(Coordinates("clips.raw", 3, number), "{}", b"refuse", LABEL)
        waiting = asyncio.ensure_future(pool.run(job))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return weakref.ref(job)

    pool = make()
    async with running(pool) as order:
        busy = asyncio.ensure_future(order("pid 3"))
        await asyncio.sleep(0.1)
        kept = [await given_up(pool, number) for number in range(10)]
        await asyncio.sleep(0.01)
        assert not busy.done()
        gc.collect()
        assert [None] * 10 == [reference() for reference in kept]
        await busy
        assert Reason.NO_CONSENT == (await order("refuse")).reason


async def test_a_process_knows_no_secret_of_ours_and_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a process has neither our settings nor room for several threads."""
    monkeypatch.setenv("CLIPVEIL_KAFKA__SASL_PASSWORD", "canary")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    async with running(make()) as order:
        outcome = await order("environment")
    assert "Found0Threads1" == outcome.fault


def test_a_process_is_told_the_settings_that_it_needs_alone() -> None:
    """No password of ours, and no section that has nothing to do with models."""
    settings = Settings.model_validate({"kafka": {"sasl_password": "canary"}, "engine": {"processes": 2}})
    told = make_pool(settings)._start.settings
    assert {"speakers", "names", "recogniser", "policy"} == told.keys()
    assert "canary" not in str(told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYANNOTE_METRICS_ENABLED", "0"),
        ("HF_HUB_OFFLINE", "1"),
        ("HF_HUB_DISABLE_TELEMETRY", "1"),
        ("TRANSFORMERS_OFFLINE", "1"),
        ("OMP_NUM_THREADS", "1"),
    ],
)
def test_no_library_of_a_process_may_call_anybody(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Whatever our own environment says of it."""
    monkeypatch.setenv(name, "otherwise")
    assert value == _environment()[name]


async def test_signals_to_the_group_do_not_end_a_clip() -> None:
    """Processes are in sessions of their own and ignore what is meant for the pool."""
    async with running(make()) as order:
        pid = int((await order("pid")).fault.removeprefix("Pid"))
        assert os.getpgid(pid) != os.getpgid(0)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        outcome = await order("pid")
    assert f"Pid{pid}" == outcome.fault


async def test_processes_leave_no_core_dumps() -> None:
    """A process has a core limit of zero."""
    async with running(make()) as order:
        pid = int((await order("pid")).fault.removeprefix("Pid"))
        assert (0, 0) == psutil.Process(pid).rlimit(psutil.RLIMIT_CORE)


@pytest.mark.skipif(sys.platform != "linux", reason="the flag is Linux's own")
async def test_processes_can_not_be_dumped() -> None:
    """The limit alone does not hold where the kernel pipes dumps to a program."""
    async with running(make()) as order:
        assert "Dumpable0" == (await order("dumpable")).fault


async def test_processes_end_with_the_pool_even_in_the_middle_of_a_clip(tmp_path: Path) -> None:
    """When the service is killed outright, no process goes on hearing."""
    program = (
        "import asyncio\n"
        "from tests.inference.test_pool import make\n"
        "from stream.clip import Coordinates, Job\n"
        "from tests.values import LABEL\n"
        "async def main():\n"
        "    pool = make()\n"
        "    await pool.start()\n"
        f"    await pool.run(Job(Coordinates('t', 0, 0), '{{}}', b'hang {tmp_path / 'begun'}', LABEL))\n"
        "asyncio.run(main())\n"
    )
    service = psutil.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    try:
        await eventually((tmp_path / "begun").exists)
        (process,) = service.children()
    finally:
        service.kill()
    await eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


async def test_stopping_ends_busy_processes() -> None:
    """After stop no process is left, whatever it was doing."""
    before = children()
    async with running(make(processes=2)) as order:
        hanging = asyncio.ensure_future(order("hang"))
        await asyncio.sleep(0.1)
    assert before == children()
    hanging.cancel()


async def test_every_model_of_the_settings_reaches_the_process() -> None:
    """A names model or a recogniser that is set but not loaded would find less than the settings promise."""
    pinned = {"sha256": "0" * 64}
    settings = Settings.model_validate(
        {
            "speakers": {"model": "/models/speakers"} | pinned,
            "names": {"model": "/models/names"} | pinned,
            "recogniser": {"directory": "/models/whisper"} | pinned,
        }
    )
    pool = make_pool(settings, builder="tests.inference.parts:telling")
    with pytest.raises(StartFailed, match="/models/speakers /models/names /models/whisper"):
        await pool.start()


async def test_a_process_that_can_not_even_begin_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Before it has put its own output away, Python's is put away by the pool."""
    with pytest.raises(StartFailed):
        await Process.launch(Start("", {}), 60.0, "tests.inference.no_such_module")
    assert "" == capfd.readouterr().err
