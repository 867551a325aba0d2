"""How much is done in a run, in which order: all of it known from the seed."""

from __future__ import annotations

import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

from tests.faults.arena import Arena, brokers_struck, networks_struck
from tests.faults.disk import TemporaryDirectoryFull
from tests.faults.orders import OPENING, WORKING, ZOMBIE
from tests.faults.strikes import KillAnyTime, KillAt, Rebalance, Terminate, Zombie
from tests.faults.world import Fault

T = TypeVar("T")


@dataclass(frozen=True)
class Scale:
    """Of all worlds together."""

    events: int
    kills: int
    zombies: int
    restarts: int  # of brokers
    network: int
    rebalances: int
    ends: int  # by SIGTERM, under load
    crashes: int  # by SIGSEGV
    full: int  # temporary directories, for a while
    worlds: int
    brokers: int = 1

    def of_world(self, number: int, seed: int) -> list[Fault]:
        """What is done to the workers of one world."""
        named = [KillAt(point) for point in (*WORKING, *OPENING)]
        plan: list[Fault] = [
            *_share(self._cycled([*named, KillAnyTime()], self.kills), number, self.worlds),
            *_share(self._cycled([Zombie(point) for point in ZOMBIE], self.zombies), number, self.worlds),
            *_share([Rebalance()] * self.rebalances, number, self.worlds),
            *_share([Terminate()] * self.ends, number, self.worlds),
            *_share([KillAnyTime(signal.SIGSEGV)] * self.crashes, number, self.worlds),
            *_share([TemporaryDirectoryFull()] * self.full, number, self.worlds),
        ]
        random.Random(f"world {number} {seed}").shuffle(plan)
        return plan

    def of_arena(self, here: Arena, seed: int) -> list[Fault]:
        """What is done to brokers and networks, which all worlds have in common."""
        brokers, networks = brokers_struck(here), networks_struck(here)
        plan = [*self._cycled(brokers, self.restarts), *self._cycled(networks, self.network)]
        random.Random(f"arena {seed}").shuffle(plan)
        return plan

    @staticmethod
    def _cycled(of: Sequence[T], number: int) -> list[T]:
        return list(islice(cycle(of), number))


def _share(faults: Sequence[Fault], number: int, worlds: int) -> Sequence[Fault]:
    return faults[number::worlds]


SCALES = {
    "smoke": Scale(1_000, 9, 2, 1, 3, 1, 1, 1, 1, worlds=1),
    "short": Scale(20_000, 30, 10, 6, 20, 6, 3, 2, 2, worlds=2),
    "three": Scale(20_000, 30, 10, 12, 20, 6, 3, 2, 2, worlds=2, brokers=3),
    "long": Scale(1_000_000, 1_000, 200, 100, 500, 200, 50, 50, 20, worlds=4),
}
