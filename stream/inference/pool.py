"""The engine: a bounded pool of inference processes, each of which hears one clip at a time.

A clip that takes too long or kills its process costs that clip alone; the process is replaced. A process that dies
while idle costs nothing. Models that can't be loaded end the pool with a clear error, not in a loop of new processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from stream.clip import Job, Outcome, Reason, Withheld
from stream.config import Settings
from stream.inference import owning
from stream.inference.frames import Start
from stream.inference.owning import Owner
from stream.inference.process import CHILD, Died, Process, StartFailed
from stream.ops import log

BUILDER = "stream.inference.parts:build_parts"
TOLD = ("speakers", "names", "recogniser", "policy")  # the sections that an inference process is made of


class Counter(Protocol):
    """Who counts processes."""

    def processes_ready(self, number: int) -> None: ...

    def process_replaced(self, cause: str) -> None: ...


@dataclass(frozen=True)
class PoolLimits:
    """Everything that the pool bounds."""

    processes: int = 1
    clip_s: float = 30.0
    start_s: float = 180.0
    starts_in_a_row: int = 3  # of a replacement, before the pool gives up
    recycle_clips: int = 2000
    recycle_growth_bytes: int = 2**30
    retry_s: float = 1.0  # after a failed start; doubles with each


def make_pool(settings: Settings, counter: Counter | None = None, builder: str = BUILDER) -> InferencePool:
    """A pool as the settings say; its processes are told nothing but what they need."""
    engine = settings.engine
    limits = PoolLimits(
        processes=engine.processes,
        clip_s=engine.clip_seconds_max,
        start_s=engine.start_seconds_max,
        starts_in_a_row=engine.start_attempts_max,
        recycle_clips=engine.recycle_clips,
        recycle_growth_bytes=engine.recycle_growth_bytes,
    )
    told = settings.without_secrets().model_dump(mode="json", include=set(TOLD))
    owner = owning.BUILDER if settings.speakers.device != "cpu" else ""
    return InferencePool(Start(builder, told), limits, settings.policy.version, counter, owner)


class InferencePool:
    """An Engine on processes of its own. ``start`` it, ``run`` jobs, ``stop`` it; all on one event loop.

    ``owner`` is the builder (``module:function``) of the speaker finder of one process more, which owns the GPU and is
    asked by all others; "" for none.
    """

    def __init__(
        self, start: Start, limits: PoolLimits, policy_version: str, counter: Counter | None = None, owner: str = ""
    ) -> None:
        self._start, self._limits, self._counter = start, limits, counter
        self._owner_builder = owner
        self._owner: Owner | None = None
        self._policy_version = policy_version
        self._jobs: dict[asyncio.Future[Outcome], Job] = {}  # a clip that nobody waits for any more is kept nowhere
        self._turns: asyncio.Queue[asyncio.Future[Outcome]] = asyncio.Queue()
        self._slots: list[asyncio.Task[None]] = []
        self._ready: dict[int, Process] = {}
        self._all_ready = asyncio.Event()
        self._failed = asyncio.Event()
        self._failure: StartFailed | None = None

    @property
    def ready(self) -> bool:
        """Whether at least one process can take clips."""
        return bool(self._ready) and self._failure is None

    async def start(self) -> None:
        """Returns when every process is ready. Raises StartFailed, and leaves no process behind."""
        if self._owner_builder:
            self._owner = Owner(self._start, self._launch, self._owner_builder)
            try:
                await self._owner.start()
            except BaseException:
                await self._owner.stop()
                raise
            self._start = replace(self._start, owner=self._owner.path)
            self._slots.append(asyncio.create_task(self._unless_it_fails(self._owner.keep(self._tell_replaced))))
        slots = range(self._limits.processes)
        self._slots += [asyncio.create_task(self._unless_it_fails(self._slot(number))) for number in slots]
        waits = {asyncio.create_task(self._all_ready.wait()), asyncio.create_task(self._failed.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._failure is not None:
            await self.stop()
            raise self._failure

    async def run(self, job: Job) -> Outcome:
        """The outcome of one job, in its turn. When the pool has failed it waits to be cancelled: whoever runs the
        service watches ``failed``, and a clip must not be withheld because a model is missing."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._jobs[outcome] = job
        self._turns.put_nowait(outcome)
        try:
            return await outcome
        finally:
            del self._jobs[outcome]

    async def failed(self) -> StartFailed:
        """Waits until processes can't be replaced any more, which may be never; the reason."""
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    def relieve(self) -> None:
        """Replaces the process that has grown most once it is idle; only one at a time, so that others go on."""
        if self._replacing or any(process.retired.is_set() for process in self._ready.values()):
            return
        max(self._ready.values(), key=lambda process: process.resident).retired.set()

    async def stop(self) -> None:
        """Ends all processes, busy or not. Jobs that wait get no outcome."""
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        if self._owner is not None:
            await self._owner.stop()

    # -------------------------------------------------------------- one slot, one process after the other
    async def _unless_it_fails(self, kept: Coroutine[Any, Any, None]) -> None:
        """A slot that ended unnoticed would leave clips waiting for ever."""
        try:
            await kept
        except Exception as fault:  # noqa: BLE001 - told to whoever runs the service
            failure = fault if isinstance(fault, StartFailed) else StartFailed(type(fault).__name__)
            self._failure = self._failure or failure
            self._failed.set()

    async def _slot(self, number: int) -> None:
        process: Process | None = None
        first = True
        try:
            while True:
                process = await self._launch(self._start, CHILD, attempts=1 if first else None)
                first = False
                self._mark(number, process)
                cause = await self._serve(process)
                self._mark(number, None)
                await (process.stop() if cause in ("recycled", "memory") else process.kill())
                self._tell_replaced(cause, process)
        finally:
            self._mark(number, None)
            if process is not None:
                await process.kill()

    async def _launch(self, start: Start, module: str, attempts: int | None = None) -> Process:
        """Raises StartFailed after so many ``attempts``, by default those of a replacement."""
        began = time.monotonic()
        attempts = attempts or self._limits.starts_in_a_row
        for attempt in range(1, attempts + 1):
            try:
                process = await Process.launch(start, self._limits.start_s, module)
            except StartFailed:
                log.get().error(log.Event.INFERENCE_START_FAILED, attempt=attempt, attempts=attempts)
                if attempt == attempts:
                    raise
                await asyncio.sleep(self._limits.retry_s * 2.0 ** (attempt - 1))
            else:
                break
        log.get().info(log.Event.INFERENCE_STARTED, pid=process.pid, seconds=round(time.monotonic() - began, 3))
        return process

    async def _serve(self, process: Process) -> str:
        """Jobs, one at a time, until the process must be replaced; why it must."""
        ended, retired = asyncio.create_task(process.wait()), asyncio.create_task(process.retired.wait())
        try:
            while not (cause := self._recycled(process)):
                taking = asyncio.create_task(self._turns.get())
                try:
                    await asyncio.wait({taking, ended, retired}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not taking.done():
                        taking.cancel()
                if not taking.done():
                    if ended.done():
                        return "died"
                    continue
                outcome = taking.result()
                job = self._jobs.get(outcome)
                if job is None or outcome.done():  # nobody waits for it any more
                    continue
                if reason := await self._answer(process, job, outcome):
                    return "timed_out" if reason is Reason.TIMED_OUT else "died"
            return cause
        finally:
            ended.cancel()
            retired.cancel()

    def _recycled(self, process: Process) -> str:
        """Why an idle process is to be replaced, "" where it is not."""
        if process.retired.is_set():
            return "memory"
        if self._replacing:
            return ""
        if process.served >= self._limits.recycle_clips:
            return "recycled"
        grown = process.resident - process.resident_at_first
        return "memory" if grown > self._limits.recycle_growth_bytes else ""

    @property
    def _replacing(self) -> bool:
        """Whether some process is being replaced: then the others are not recycled, so that one is always ready."""
        return len(self._ready) < self._limits.processes

    async def _answer(self, process: Process, job: Job, outcome: asyncio.Future[Outcome]) -> Reason | None:
        """Gives ``outcome`` its result; the reason where it is the process's fault."""
        reason: Reason | None = None
        try:
            result = await process.ask(job, self._limits.clip_s)
        except TimeoutError:
            reason = Reason.TIMED_OUT
        except Died:
            reason = Reason.INFERENCE_DIED
        if reason is not None:
            result = Withheld(job.coordinates, reason, self._policy_version)
        if not outcome.done():
            outcome.set_result(result)
        return reason

    def _mark(self, number: int, process: Process | None) -> None:
        if process is None:
            self._ready.pop(number, None)
        else:
            self._ready[number] = process
        if len(self._ready) == self._limits.processes:
            self._all_ready.set()
        if self._counter is not None:
            self._counter.processes_ready(len(self._ready))

    def _tell_replaced(self, cause: str, process: Process) -> None:
        if self._counter is not None:
            self._counter.process_replaced(cause)
        log.get().info(log.Event.INFERENCE_REPLACED, cause=cause, pid=process.pid, records=process.served)
