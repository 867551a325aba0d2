"""Copies that turn up after everything in flight should have ended are asked for again, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from stream.clip import Coordinates, Reason
from stream.lifecycle.index import Copy
from stream.lifecycle.sweeping import Sweep
from stream.whose import IndexEntry
from tests.lifecycle.stand_ins import MORNING

ACCOUNT, ANOTHER = b"account", b"another"


@dataclass
class Around:
    """An index, recalls of one account, and whoever is asked again; ``looks`` counts looks at the index."""

    tokens: set[str] = field(default_factory=set)
    again: list[tuple[str, Reason, str]] = field(default_factory=list)
    looks: int = 0

    def refusal(self, account: bytes, captured_at: datetime) -> Reason | None:
        return Reason.ERASED if account == ACCOUNT else None

    def __contains__(self, token: str) -> bool:
        self.looks += 1
        return token in self.tokens

    async def ask(self, entry: IndexEntry, reason: Reason, request_id: str) -> None:
        self.again.append((entry.token, reason, request_id))
        self.tokens.discard(entry.token)

    def meet(self, sweep: Sweep, token: str, account: bytes) -> None:
        self.tokens.add(token)
        entry = IndexEntry(token, "account", MORNING, Coordinates("raw", 0, 0), "spring", "w47")
        sweep.met(Copy(token, account, MORNING), entry)

    @asynccontextmanager
    async def swept(self, sweep: Sweep) -> AsyncIterator[None]:
        running = asyncio.create_task(sweep.run(self))  # type: ignore[arg-type]
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def looked(self, times: int) -> None:
        """Or as long as a thousand looks take: what then is not so, the test tells."""
        for _ in range(1_000):
            if self.looks >= times:
                return
            await asyncio.sleep(0.01)


def sweeping(world: Around, patience_s: float) -> Sweep:
    return Sweep(world, world.ask, patience_s, look_s=0.01)


async def test_a_copy_of_a_recalled_account_is_asked_for_by_its_request() -> None:
    """By its own where the account's is not known any more; a copy of nobody who was recalled stays."""
    world = Around()
    sweep = sweeping(world, 0.0)
    world.meet(sweep, "t1", ACCOUNT)
    sweep.asked(ACCOUNT, "r1")
    world.meet(sweep, "t2", ANOTHER)
    async with world.swept(sweep):
        await world.looked(2)
    assert [("t1", Reason.ERASED, "r1")] == world.again
    unknown = sweeping(world, 0.0)
    world.meet(unknown, "t3", ACCOUNT)
    async with world.swept(unknown):
        await world.looked(4)
    assert ("t3", Reason.ERASED, "late-t3") == world.again[-1]


async def test_what_is_gone_by_then_is_not_asked_for() -> None:
    """The request that recalled it has taken it back."""
    world = Around()
    sweep = sweeping(world, 0.0)
    world.meet(sweep, "t1", ACCOUNT)
    world.tokens.clear()
    async with world.swept(sweep):
        await asyncio.sleep(0.1)
    assert [] == world.again
    assert not sweep._met


async def test_what_is_under_way_has_its_time() -> None:
    """A request that is being answered takes it back by itself."""
    world = Around()
    sweep = sweeping(world, 3600.0)
    world.meet(sweep, "t1", ACCOUNT)
    async with world.swept(sweep):
        await asyncio.sleep(0.1)
    assert [] == world.again
