"""What is done to workers: deaths at named points and at any time, zombies, rebalances, and orderly ends under load."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.orders import OPENING
from tests.faults.workers import WorkerProcess
from tests.faults.world import World

FENCED = frozenset({"ProducerFenced", "InvalidProducerEpoch"})  # what the lane calls Fenced, and nothing else
PASSING_S = 30.0  # in which a worker with something to do passes every point
GRACE_S = 60.0  # drain_seconds_max, and what it takes to leave brokers that may be away


@dataclass(frozen=True)
class KillAt:
    """kill -9 of whichever worker passes the point next."""

    point: str

    @property
    def kind(self) -> str:
        return f"kill {self.point}"

    async def strike(self, world: World) -> None:
        deadline = time.monotonic() + 3 * PASSING_S
        while time.monotonic() < deadline:
            worker = await self._ordered(world)
            await asyncio.wait([worker.ended], timeout=PASSING_S)
            if deeds := worker.deeds("kill"):
                assert -signal.SIGKILL == await worker.ended
                world.counts["kills in a transaction"] += deeds[0]["point"] in ("after_send", "after_offsets")
                return
            worker.signal(signal.SIGKILL)  # it had nothing to do: another one is asked
            await worker.ended
            world.counts["kill at any time"] += 1
        raise TimeoutError(f"nobody passed {self.point}")

    async def _ordered(self, world: World) -> WorkerProcess:
        """Points of opening are passed by whoever comes new, and brings the others a rebalance."""
        if self.point in OPENING:
            worker = await world.hire(("kill", self.point))
        else:
            worker = await world.victim()
            worker.order("kill", self.point)
        worker.struck = True
        return worker


@dataclass(frozen=True)
class KillAnyTime:
    """``number`` is SIGKILL, or SIGSEGV for a crash that would leave a core file."""

    number: signal.Signals = signal.SIGKILL

    @property
    def kind(self) -> str:
        return "kill at any time" if self.number is signal.SIGKILL else "crash at any time"

    async def strike(self, world: World) -> None:
        worker = await world.victim()
        worker.struck = True
        await asyncio.sleep(world.draw.uniform(0.0, 0.5))
        worker.signal(self.number)
        await worker.ended


@dataclass(frozen=True)
class Zombie:
    """A worker that stands still in mid-transaction until another one has done its work, and then goes on: the broker
    must refuse what is left of its transaction.

    One that had nothing to try, or got no answer (its process ended, or the broker did), proves nothing: it is counted
    apart, and another one is made."""

    point: str

    @property
    def kind(self) -> str:
        return f"zombie {self.point}"

    async def strike(self, world: World) -> None:
        deadline = time.monotonic() + 6 * PASSING_S
        while time.monotonic() < deadline:
            if await self._made(world):
                return
        raise TimeoutError(f"no zombie {self.point} was answered")

    async def _made(self, world: World) -> bool:
        """Whether there was one that the broker answered."""
        worker = await world.victim()
        worker.struck = True
        world.wanted += 1  # somebody has to take over
        try:
            worker.order("stop", self.point)
            return await _appears(worker, "stop") and await self._answered(world, worker)
        finally:
            world.wanted -= 1
            await _end(worker)

    async def _answered(self, world: World, worker: WorkerProcess) -> bool:
        stopped = worker.deeds("stop")[0]
        moved_on = time.monotonic() + world.pace.patience_s
        while (await world.committed()).get(stopped["partition"], 0) < stopped["following"]:
            if time.monotonic() > moved_on:
                raise TimeoutError("nobody took a zombie's partition over")
            await asyncio.sleep(0.1)
        worker.signal(signal.SIGCONT)
        await _appears(worker, "refused", "came_through")
        answer = answer_to(worker.deeds("refused", "came_through"))
        if answer == "came_through":
            world.complaints.append(f"a zombie was not fenced {self.point}")
        elif answer in FENCED:
            world.counts["zombies fenced"] += 1
            world.counts[f"zombies refused by {answer}"] += 1
        else:
            world.counts[f"unanswered zombies: {answer or 'nothing tried'}"] += 1
            return False
        return True


def answer_to(deeds: Sequence[Mapping[str, Any]]) -> str:
    """What a zombie was told: the name of the error by which it was refused, or that it came through, which is worse
    than anything else. Empty where it was told nothing."""
    if any(deed["deed"] == "came_through" for deed in deeds):
        return "came_through"
    return next((str(deed["error"]) for deed in deeds), "")


@dataclass(frozen=True)
class Rebalance:
    """One worker more for a while, and then one less."""

    kind: str = "rebalance"

    async def strike(self, world: World) -> None:
        joined = await world.hire()
        joined.struck = True
        await world.until(lambda: joined.joined or not joined.alive)
        await asyncio.sleep(world.draw.uniform(0.0, 0.6))
        await _leave(world, joined)


@dataclass(frozen=True)
class Terminate:
    """SIGTERM under load: it ends with 0, and in time."""

    kind: str = "terminate"

    async def strike(self, world: World) -> None:
        worker = await world.victim()
        await _leave(world, worker)


async def _leave(world: World, worker: WorkerProcess) -> None:
    """One that has ended by itself is counted as such, and another one has to do it."""
    if not worker.alive:
        world.counts[f"workers that ended with {worker.ended.result()}"] += 1
        raise RuntimeError("a worker ended before it was told to")
    if complaint := await worker.leave(GRACE_S):
        world.complaints.append(complaint)
    else:
        world.counts["left with 0 after SIGTERM"] += 1


async def _appears(worker: WorkerProcess, *deeds: str) -> bool:
    """Whether the worker tells of one of them."""
    deadline = time.monotonic() + PASSING_S
    while worker.alive and not worker.deeds(*deeds) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return bool(worker.deeds(*deeds))


async def _end(worker: WorkerProcess) -> None:
    worker.signal(signal.SIGKILL)
    await worker.ended
