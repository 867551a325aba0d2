"""How much memory the service may use, how much it uses, and what is done before the kernel does something.

The limit is a setting, or that of our cgroup, the tightest of its ancestors' where several have one. Above the high
mark nothing more is polled and the largest inference process is replaced, which gives back what it kept; below the low
mark the work goes on. Where that does not help the service says so, is not ready, and after a while not live.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from stream.ops import log

UNLIMITED = 2**60  # version 1 says "no limit" with the largest number of pages that it can count
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
    """Bytes."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        return self.used / self.limit


@dataclass(frozen=True)
class Cgroup:
    """One level of the memory controller, of either version."""

    folder: Path
    limit_file: str
    use_file: str
    cache: frozenset[str]  # of memory.stat

    def use(self) -> Use | None:
        """None where it has no limit, or is gone.

        The whole page cache is taken off, the active one too: at the limit the kernel takes it back before it kills,
        and no work that we leave undone would give it back.
        """
        try:
            limit = (self.folder / self.limit_file).read_text().strip()
            if not limit.isdigit() or not 0 < int(limit) < UNLIMITED:
                return None
            used = int((self.folder / self.use_file).read_text())
            lines = (self.folder / "memory.stat").read_text().splitlines()
            counts = (line.split() for line in lines)
            cached = sum(int(count) for name, count in counts if name in self.cache)
        except (OSError, ValueError):
            return None
        return Use(max(0, used - cached), int(limit))


def own_cgroups(proc: Path = Path("/proc/self")) -> tuple[Cgroup, ...]:
    """Ours and its ancestors, as far as they can be seen; empty where there is no memory controller."""
    try:
        mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
        groups = [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]
    except OSError:
        return ()
    found: list[Cgroup] = []
    for mount in mounts:
        kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
        if kind == "cgroup2":
            paths = [path for number, _, path in groups if number == "0"]
            names = ("memory.max", "memory.current", frozenset({"active_file", "inactive_file", "slab_reclaimable"}))
        elif kind == "cgroup" and "memory" in options:
            paths = [path for _, controllers, path in groups if "memory" in controllers.split(",")]
            totals = frozenset({"total_active_file", "total_inactive_file"})
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", totals)
        else:
            continue
        top = Path(mount[4])
        found += [Cgroup(folder, *names) for path in paths for folder in _upwards(top, path) if folder.is_dir()]
    return tuple(found)


def _upwards(top: Path, path: str) -> Iterator[Path]:
    """From our own folder to the mount. In a container the mount may be our own already, and the path a host's."""
    below = top / path.strip("/")
    while below != top and top in below.parents:
        yield below
        below = below.parent
    yield top


def resident(pid: int) -> tuple[int, int]:
    """Bytes of a process that are its own, and that it may share with others: files, and shared memory; (0, 0) where
    it is gone. Of what others may read of a process that is not dumpable there is no more."""
    told = _text(Path(f"/proc/{pid}/statm")).split()
    if not told:
        return 0, 0
    _, pages, shared, *_ = told
    return (int(pages) - int(shared)) * PAGE_BYTES, int(shared) * PAGE_BYTES


def family(proc: Path = Path("/proc")) -> set[int]:
    """This process and what it started, which starts nothing itself; those that load their models yet too."""
    lists = (proc / "self" / "task").glob("*/children")
    return {os.getpid(), *(int(pid) for each in lists for pid in _text(each).split())}


def used_by(pids: Iterable[int]) -> int:
    """Bytes of processes that run the same programs: what they share counts once, as much as one has of it."""
    each = [resident(pid) for pid in pids]
    return sum(own for own, _ in each) + max((shared for _, shared in each), default=0)


def _text(path: Path) -> str:
    """ "" where the process that it tells of is gone."""
    try:
        return path.read_text()
    except OSError:
        return ""


def reader(limit_bytes: int) -> Callable[[], Use | None]:
    """What tells the use: of our processes against ``limit_bytes``, or where that is 0, of our cgroup against its
    limit. None where nobody knows a limit."""
    if limit_bytes:
        return lambda: Use(used_by(family()), limit_bytes)
    groups = own_cgroups()

    def tightest() -> Use | None:
        return max((use for group in groups if (use := group.use())), key=lambda use: use.share, default=None)

    return tightest


class Gauges(Protocol):
    """Who is told."""

    def memory(self, used: int, limit: int, shedding: bool, shed_s: float) -> None:
        """``shed_s``: seconds of shedding since the last call."""


@dataclass(frozen=True)
class Marks:
    """When to shed, and how often to look."""

    high: float = 0.9
    low: float = 0.8
    look_s: float = 0.25
    relief_s: float = 30.0  # between two attempts to get memory back
    stuck_s: float = 60.0  # above the low mark, with nothing in flight, for so long: shedding does not help


class Watch:
    """Looks at the use again and again. ``relieve`` gives memory back if it can; ``idle``: nothing is in flight."""

    def __init__(
        self,
        read: Callable[[], Use | None],
        relieve: Callable[[], object],
        gauges: Gauges,
        marks: Marks | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._relieve, self._gauges = read, relieve, gauges
        self._marks, self._clock = marks or Marks(), clock
        self._since: float | None = None  # shedding
        self._idle_since: float | None = None
        self._relieved_at = self._looked_at = clock()
        self.stuck = False

    @property
    def shedding(self) -> bool:
        """Whether nothing more may be begun."""
        return self._since is not None

    @property
    def stuck_s(self) -> float:
        """For how long nothing was in flight, and the memory did not come back; 0 where it is not stuck."""
        return self._clock() - self._idle_since if self.stuck and self._idle_since is not None else 0.0

    async def run(self, idle: Callable[[], bool]) -> None:
        """Until cancelled. Where nobody knows a limit at its beginning, it says once that nothing will be shed."""
        if self._read() is None:
            log.get().warning(log.Event.MEMORY_UNLIMITED)
        while True:
            self.look(idle())
            await asyncio.sleep(self._marks.look_s)

    def look(self, idle: bool) -> None:
        """Begins to shed, goes on, or ends; tells of each once."""
        now, use = self._clock(), self._read()
        shed_s = now - self._looked_at if self.shedding else 0.0
        self._looked_at = now
        if not idle or not self.shedding:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        if self._since is None:
            if use and use.share >= self._marks.high:
                self._since = now
                log.get().warning(log.Event.MEMORY_SHEDDING, used_bytes=use.used, limit_bytes=use.limit)
                self._try(now)
        elif use is None or use.share < self._marks.low or (use.share < self._marks.high and self._tried(now)):
            log.get().info(log.Event.MEMORY_RELIEVED, seconds=round(now - self._since, 3))
            self._since, self.stuck = None, False
        else:
            self._go_on(now, use)
        if use:
            self._gauges.memory(use.used, use.limit, self.shedding, shed_s)

    def _tried(self, now: float) -> bool:
        """Whether all was done and nothing is in flight: fresh processes may need more than the low mark alone."""
        return self._idle_since is not None and now - self._idle_since >= self._marks.relief_s

    def _go_on(self, now: float, use: Use) -> None:
        idle_s = 0.0 if self._idle_since is None else now - self._idle_since
        if not self.stuck and idle_s >= self._marks.stuck_s:
            self.stuck = True
            log.get().error(log.Event.MEMORY_STUCK, used_bytes=use.used, limit_bytes=use.limit)
        if now - self._relieved_at >= self._marks.relief_s:
            self._try(now)

    def _try(self, now: float) -> None:
        self._relieved_at = now
        self._relieve()
