"""One run: worlds side by side, struck while they work, and then checked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from tests.faults.arena import Arena, arena
from tests.faults.evidence import Evidence, judged
from tests.faults.results import Results
from tests.faults.scales import Scale
from tests.faults.stems import Stem
from tests.faults.world import Fault, Pace, World

TRIES = 4  # of a strike that found nobody to strike
NUMBERS = 10_000_000  # of events that a world has for itself
LOOK_S = 1.0
TOLD_MAX = 300  # characters of what an exception says


class Run:
    """``results`` are written as they come, so that a run that is cut short still tells something."""

    def __init__(self, scale: Scale, seed: int, folder: Path, out: Path, pace: Pace | None = None) -> None:
        self._scale, self._seed, self._folder, self._out = scale, seed, folder, out
        self._pace = pace or Pace()
        self._committed: dict[str, int] = {}
        self._failures: list[str] = []  # of the run itself
        self._arena_struck = asyncio.Event()  # all that is to be done to brokers and networks was
        self._over = asyncio.Event()  # no world works any more
        self.results = Results(asdict(scale), seed)

    async def go(self) -> Results:
        """What goes wrong with a run is told by its results too: they are written whatever happens."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        try:
            async with arena(self._folder, self._scale.brokers, self._seed) as here:
                worlds = [await self._world(here, number) for number in range(self._scale.worlds)]
                await self._burn(here, worlds)
                await self._check(here, worlds)
        except Exception as failure:
            self._complain("the run itself", failure)
        finally:
            self.results.write(self._out)
        return self.results

    async def _burn(self, here: Arena, worlds: Sequence[World]) -> None:
        began = time.monotonic()
        telling = asyncio.create_task(self._tell(here, worlds))
        striking = asyncio.create_task(self._strike_arena(here, worlds))
        living = [self._live(world, self._scale.of_world(number, self._seed)) for number, world in enumerate(worlds)]
        await asyncio.gather(*living)
        self._over.set()
        await striking
        telling.cancel()
        self.results.seconds = time.monotonic() - began
        self._sum(here, worlds)

    async def _world(self, here: Arena, number: int) -> World:
        world = World(
            name=f"world-{number}",
            connection=here.connection,
            bootstrap=here.bootstrap,
            folder=self._folder / f"world-{number}",
            zygote=here.zygote,
            stem=Stem.of(1000 * self._seed + number),
            pace=self._pace,
            draw=random.Random(f"{self._seed} {number}"),
            next_number=number * NUMBERS,
        )
        await world.create()
        self._committed[world.name] = 0
        return world

    # -------------------------------------------------------------- what is done
    async def _live(self, world: World, plan: Sequence[Fault]) -> None:
        """A world that fails is told of, and the others go on."""
        try:
            async with world.running():
                await self._feed_and_strike(world, plan)
                await world.drain()
                await world.close()
        except Exception as failure:
            self._complain(world.name, failure)

    async def _feed_and_strike(self, world: World, plan: Sequence[Fault]) -> None:
        """At the same time; the strikes are spread over all events."""
        events = self._scale.events // self._scale.worlds
        struck = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(world.feed(events, struck))
            for number, fault in enumerate(plan):
                await self._until(lambda at=number: self._committed[world.name] > at * events // len(plan))
                await self._struck(fault, lambda of=fault: of.strike(world), world.counts)
            await self._arena_struck.wait()  # what is done to networks takes somebody who asks
            struck.set()

    async def _strike_arena(self, here: Arena, worlds: Sequence[World]) -> None:
        plan = self._scale.of_arena(here, self._seed)
        for number, fault in enumerate(plan):
            at = (number + 1) * self._scale.events // (len(plan) + 1)
            await self._until(lambda at=at: self._over.is_set() or sum(self._committed.values()) >= at)
            if self._over.is_set():
                break  # the results tell that it was not all
            world = here.draw.choice(worlds)  # who else asks is struck too
            await self._struck(fault, lambda of=fault, at=world: of.strike(at), here.counts)
        self._arena_struck.set()

    async def _struck(self, fault: Fault, strike: Callable[[], Awaitable[None]], counts: Counter[str]) -> None:
        """Counts what happened. A strike that hit nobody, or met a broker that was away, is done again."""
        for left in reversed(range(TRIES)):
            try:
                await strike()
            except Exception as vain:
                counts["strikes in vain"] += 1
                if not left:
                    self._complain(fault.kind, vain)
            else:
                counts[fault.kind] += 1
                return

    async def _until(self, look: Callable[[], bool]) -> None:
        while not look():
            await asyncio.sleep(0.1)

    # -------------------------------------------------------------- what is told
    def _complain(self, of: str, failure: Exception) -> None:
        traceback.print_exception(failure)
        self._failures.append(f"{of}: {type(failure).__name__}: {str(failure)[:TOLD_MAX]}")
        self.results.complaints.append(self._failures[-1])

    async def _tell(self, here: Arena, worlds: Sequence[World]) -> None:
        began = time.monotonic()
        while True:
            for world in worlds:
                with contextlib.suppress(Exception):  # the brokers are away; whoever needs them will say so
                    done = sum((await world.committed()).values())
                    self._committed[world.name] = max(self._committed[world.name], done)
            self._sum(here, worlds)
            self.results.seconds = time.monotonic() - began
            self.results.write(self._out)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{self._line()}\x1b[K")
            await asyncio.sleep(LOOK_S)

    def _line(self) -> str:
        found, done = self.results, sum(self._committed.values())
        return (
            f"{done:,} of {self._scale.events:,} events, {done / max(1.0, found.seconds):.0f}/s, "
            f"{found.of_kind('kill', 'crash')} kills, {found.of_kind('zombie ')} zombies, "
            f"{found.of_kind('broker', 'leader')} broker restarts, {found.of_kind('network')} network faults"
        )

    def _sum(self, here: Arena, worlds: Sequence[World]) -> None:
        self.results.faults = dict(sum((world.counts for world in worlds), Counter(here.counts)))
        self.results.complaints = [*self._failures, *(told for world in worlds for told in world.complaints)]
        self.results.events_per_s = round(sum(self._committed.values()) / max(1.0, self.results.seconds), 1)

    # -------------------------------------------------------------- what is found
    async def _check(self, here: Arena, worlds: Sequence[World]) -> None:
        """As many worlds at once as there are cores; one that can't be checked is told of."""
        began = time.monotonic()
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), max_tasks_per_child=1) as processes:
            await asyncio.gather(*(self._judge(processes, here, world) for world in worlds))
        self.results.checking_s = time.monotonic() - began
        self.results.close()

    async def _judge(self, processes: Executor, here: Arena, world: World) -> None:
        evidence = Evidence(
            connection=here.connection,
            topics=world.topics,
            partitions=self._pace.partitions,
            stem=world.stem,
            folder=world.folder,
            began_ms=int(world.began * 1000),
            offsets=world.offsets,
            workers=tuple(worker.folder for worker in world.gone),
            brokers=tuple(here.folders),
        )
        try:
            found = await asyncio.get_running_loop().run_in_executor(processes, judged, evidence)
        except Exception as failure:
            self._complain(f"the check of {world.name}", failure)
            return
        self.results.add(found.verdict)
        self.results.checker_mb = max(self.results.checker_mb, found.memory_mb)
        self.results.write(self._out)
