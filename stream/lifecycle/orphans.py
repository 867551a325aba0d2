"""Objects that no published clip refers to: put for a transaction that never was, or left behind by an erasure.

The worker puts an object before the transaction that refers to it, and gives that up where it takes longer than half a
day; one that is there already is written again once it is older than six hours. So an object that was written more than
a day ago, and that no committed record refers to, is nobody's and will not be anybody's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

AGE_MIN: Final = timedelta(days=1)


class Found(Protocol):
    """An object of the output."""

    @property
    def key(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def modified(self) -> datetime: ...


class Output(Protocol):
    """Where published audio lies. Every method may raise ObjectsUnavailable."""

    def listed(self) -> AsyncIterator[Found]: ...

    async def modified(self, key: str) -> datetime | None: ...

    async def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Swept:
    """What a sweep met: objects, those of them that nobody refers to, and how many bytes these have."""

    objects: int
    orphans: int
    orphan_bytes: int


async def sweep(
    output: Output,
    referred: Callable[[], Awaitable[frozenset[str]]],
    older_than: timedelta,
    *,
    delete: bool,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Swept:
    """Finds orphans, and deletes them if told to. ``referred`` has the keys of all that is published; whatever it
    raises ends the sweep, and nothing was deleted by then.

    The store is listed first, and then it is asked who refers to what is old: the other way round, a clip that is
    published in between would lose its audio.
    """
    if older_than < AGE_MIN:
        raise ValueError("what is younger may still be published")
    before, objects = now() - older_than, 0
    old: list[Found] = []
    async for found in output.listed():
        objects += 1
        if found.modified < before:
            old.append(found)
    kept = await referred() if old else frozenset()
    orphans = [found for found in old if found.key not in kept]
    for orphan in orphans if delete else ():
        written = await output.modified(orphan.key)
        if written is not None and written < before:  # not put again since it was listed
            await output.delete(orphan.key)
    return Swept(objects, len(orphans), sum(orphan.size for orphan in orphans))
