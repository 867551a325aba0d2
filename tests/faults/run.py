"""One run: worlds side by side, struck while they work, and then checked."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.arena import Arena, arena
from tests.faults.checker import Checker
from tests.faults.judge import TOLD_MAX, Verdict
from tests.faults.scales import Scale
from tests.faults.stems import Stem
from tests.faults.world import Fault, Pace, World

TRIES = 4  # of a strike that found nobody to strike
NUMBERS = 10_000_000  # of events that a world has for itself
LOOK_S = 1.0


@dataclass
class Results:
    """Counts of a run so far."""

    scale: dict[str, int]
    seed: int
    faults: dict[str, int] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0.0
    events_per_s: float = 0.0
    checked: bool = False

    @property
    def good(self) -> bool:
        return self.checked and self.verdict.good and not self.complaints

    def of_kind(self, *kinds: str) -> int:
        """How many faults whose kind begins with one of these."""
        return sum(number for kind, number in self.faults.items() if kind.startswith(kinds))

    def add(self, verdict: Verdict) -> None:
        for name, value in asdict(verdict).items():
            setattr(self.verdict, name, getattr(self.verdict, name) + value)
        del self.verdict.problems[TOLD_MAX:]

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps({**asdict(self), "good": self.good}, indent=1, sort_keys=True) + "\n")
        beside.replace(path)


class Run:
    """``results`` are written as they come, so that a run that is cut short still tells something."""

    def __init__(self, scale: Scale, seed: int, folder: Path, out: Path, pace: Pace | None = None) -> None:
        self._scale, self._seed, self._folder, self._out = scale, seed, folder, out
        self._pace = pace or Pace()
        self._committed: dict[str, int] = {}
        self.results = Results(asdict(scale), seed)

    async def go(self) -> Results:
        self._out.parent.mkdir(parents=True, exist_ok=True)
        async with arena(self._folder, self._scale.brokers, self._seed) as here:
            worlds = [await self._world(here, number) for number in range(self._scale.worlds)]
            began = time.monotonic()
            async with asyncio.TaskGroup() as telling:
                ever = telling.create_task(self._tell(here, worlds))
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._strike_arena(here, worlds))
                    for number, world in enumerate(worlds):
                        tasks.create_task(self._live(world, self._scale.of_world(number, self._seed)))
                ever.cancel()
            self.results.seconds = time.monotonic() - began
            self._sum(here, worlds)
            for world in worlds:
                await self._check(here, world)
        self.results.checked = True
        self.results.write(self._out)
        return self.results

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
        """Sends and strikes at the same time; the strikes are spread over all events."""
        events = self._scale.events // self._scale.worlds
        async with world.running():
            struck = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(world.feed(events, struck))
                for number, fault in enumerate(plan):
                    await self._until(lambda at=number: self._committed[world.name] > at * events // len(plan))
                    await self._struck(fault, lambda of=fault: of.strike(world), world.counts)
                struck.set()
            await world.drain()
            await world.close()

    async def _strike_arena(self, here: Arena, worlds: Sequence[World]) -> None:
        plan = self._scale.of_arena(here, self._seed)
        for number, fault in enumerate(plan):
            at = (number + 1) * self._scale.events // (len(plan) + 1)
            await self._until(lambda at=at: sum(self._committed.values()) >= at)
            world = here.draw.choice(worlds)  # who else asks is struck too
            await self._struck(fault, lambda of=fault, at=world: of.strike(at), here.counts)

    async def _struck(self, fault: Fault, strike: Callable[[], Awaitable[None]], counts: Counter[str]) -> None:
        """Counts what happened; a strike that hit nobody is done again."""
        for left in reversed(range(TRIES)):
            try:
                await strike()
            except (TimeoutError, RuntimeError):  # nobody was there, or a broker took very long to come up
                counts["strikes in vain"] += 1
                if not left:
                    raise
            else:
                counts[fault.kind] += 1
                return

    async def _until(self, look: Callable[[], bool]) -> None:
        while not look():
            await asyncio.sleep(0.1)

    # -------------------------------------------------------------- what is told
    async def _tell(self, here: Arena, worlds: Sequence[World]) -> None:
        began = time.monotonic()
        while True:
            for world in worlds:
                self._committed[world.name] = max(self._committed[world.name], sum((await world.committed()).values()))
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
        self.results.complaints = [complaint for world in worlds for complaint in world.complaints]
        self.results.events_per_s = round(sum(self._committed.values()) / max(1.0, self.results.seconds), 1)

    async def _check(self, here: Arena, world: World) -> None:
        began_ms = int(world.began * 1000)
        checker = Checker(here.connection, world.topics, self._pace.partitions, world.stem, world.folder, began_ms)
        verdict = await checker.topics(world.offsets)
        await asyncio.to_thread(checker.files, [worker.folder for worker in world.gone], here.folders)
        self.results.add(verdict)
        self.results.write(self._out)


def summary(results: Results) -> dict[str, Any]:
    """For a terminal."""
    found = asdict(results.verdict)
    return {**found, "complaints": results.complaints, "faults": dict(sorted(results.faults.items()))}
