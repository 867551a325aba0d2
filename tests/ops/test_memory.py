"""The limit and the use as the kernel tells them, and what is done near the limit."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import structlog

from stream.ops import log, memory
from stream.ops.memory import Marks, Use, Watch, family, own_cgroups, reader, resident, used_by

V1 = {"memory.limit_in_bytes": "1000\n", "memory.usage_in_bytes": "800\n"}
V1_STAT = "cache 1\ninactive_file 9\ntotal_active_file 50\ntotal_inactive_file 150\ntotal_rss 500\n"
V2 = {"memory.max": "1000\n", "memory.current": "800\n"}
V2_STAT = "anon 500\nactive_file 50\ninactive_file 100\nslab_reclaimable 50\nslab 70\n"


def level(folder: Path, files: dict[str, str], stat: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (files | {"memory.stat": stat}).items():
        (folder / name).write_text(text)


def proc(folder: Path, mount: Path, kind: str, path: str) -> Path:
    """A /proc/self of a process in cgroup ``path`` below ``mount``."""
    folder.mkdir()
    options = "rw" if kind == "cgroup2" else "rw,memory"
    others = "25 24 0:22 / /proc rw - proc proc rw\n29 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    (folder / "mountinfo").write_text(f"{others}30 24 0:27 / {mount} rw shared:9 - {kind} cgroup {options}\n")
    told = f"0::{path}\n" if kind == "cgroup2" else f"5:cpu,cpuacct:/else\n4:memory:{path}\n0::/\n"
    (folder / "cgroup").write_text(told)
    return folder


@pytest.mark.parametrize(("kind", "files", "stat"), [("cgroup", V1, V1_STAT), ("cgroup2", V2, V2_STAT)])
def test_both_versions_tell_limit_and_use(tmp_path: Path, kind: str, files: dict[str, str], stat: str) -> None:
    """The page cache is no use: at the limit the kernel takes it back before it kills."""
    level(tmp_path / "mount" / "pod" / "ours", files, stat)
    groups = own_cgroups(proc(tmp_path / "proc", tmp_path / "mount", kind, "/pod/ours"))
    assert [Use(600, 1000)] == [use for group in groups if (use := group.use())]


@pytest.mark.parametrize(("kind", "files", "stat"), [("cgroup", V1, V1_STAT), ("cgroup2", V2, V2_STAT)])
def test_a_container_sees_its_own_group_as_the_mount(
    tmp_path: Path, kind: str, files: dict[str, str], stat: str
) -> None:
    """Without a cgroup namespace the path is the host's, and what is mounted is ours already."""
    level(tmp_path / "mount", files, stat)
    groups = own_cgroups(proc(tmp_path / "proc", tmp_path / "mount", kind, "/kubepods/pod1/ours"))
    assert [Use(600, 1000)] == [use for group in groups if (use := group.use())]


def test_a_limit_of_an_ancestor_counts(tmp_path: Path) -> None:
    """A pod's limit binds a container that has none, with what all of the pod uses."""
    level(tmp_path / "mount" / "pod" / "ours", {"memory.max": "max\n", "memory.current": "9\n"}, V2_STAT)
    level(tmp_path / "mount" / "pod", V2, V2_STAT)
    groups = own_cgroups(proc(tmp_path / "proc", tmp_path / "mount", "cgroup2", "/pod/ours"))
    assert [None, Use(600, 1000), None] == [group.use() for group in groups]


def test_the_tightest_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a container that has room in a pod that has none left: the pod's."""
    level(tmp_path / "mount" / "pod" / "ours", V2 | {"memory.max": "100000\n"}, V2_STAT)
    level(tmp_path / "mount" / "pod", V2, V2_STAT)
    groups = own_cgroups(proc(tmp_path / "proc", tmp_path / "mount", "cgroup2", "/pod/ours"))
    for seen in (groups, groups[::-1]):
        monkeypatch.setattr(memory, "own_cgroups", lambda seen=seen: seen)
        assert Use(600, 1000) == reader(0)()


@pytest.mark.parametrize("limit", ["9223372036854771712", "max", "-1", "0", "", "much"])
def test_no_limit_is_none(tmp_path: Path, limit: str) -> None:
    """Each way of the kernel to say "no limit", and what nobody can read, turns shedding off."""
    level(tmp_path / "mount", V1 | {"memory.limit_in_bytes": limit}, V1_STAT)
    [group] = own_cgroups(proc(tmp_path / "proc", tmp_path / "mount", "cgroup", "/"))
    assert group.use() is None


def test_no_controller_is_no_group(tmp_path: Path) -> None:
    """Where there is no /proc, or no memory controller, no limit is known."""
    assert () == own_cgroups(tmp_path)
    assert () == own_cgroups(proc(tmp_path / "proc", tmp_path / "mount", "tmpfs", "/"))


def test_a_limit_of_the_settings_counts_our_processes() -> None:
    """With a limit of our own the use is that of this process and what it started, and of nobody else."""
    before = reader(10**12)()
    assert before is not None
    hog = "x = bytearray(100_000_000); print('ready', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", hog], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        after = reader(10**12)()
        assert after is not None
        assert {os.getpid(), child.pid} <= family()
        assert 90_000_000 < after.used - before.used < 150_000_000
    finally:
        child.communicate(b"\n")
    assert (0, 0) == resident(child.pid)
    assert child.pid not in family()


def test_what_processes_share_counts_once() -> None:
    """Two that run the same programs do not have their libraries twice."""
    own, shared = resident(os.getpid())
    assert 0 < own
    assert 0 < shared
    assert used_by([os.getpid(), os.getpid()]) < 2 * own + 2 * shared


class World:
    """A clock, a use and what the watch did."""

    def __init__(self, marks: Marks | None = None) -> None:
        self.now, self.used, self.limit = 0.0, 50, 100
        self.relieved: list[float] = []
        self.told: list[tuple[int, int, bool, float]] = []
        self.watch = Watch(self.read, self.relieve, self, marks or Marks(), lambda: self.now)

    def read(self) -> Use | None:
        return Use(self.used, self.limit) if self.limit else None

    def relieve(self) -> None:
        self.relieved.append(self.now)

    def memory(self, used: int, limit: int, shedding: bool, shed_s: float) -> None:
        self.told.append((used, limit, shedding, shed_s))

    def at(self, now: float, used: int, *, idle: bool = False) -> tuple[bool, bool]:
        self.now, self.used = now, used
        self.watch.look(idle)
        return self.watch.shedding, self.watch.stuck


def test_it_sheds_above_the_high_mark_until_below_the_low_one() -> None:
    """Between the marks it stays as it is, so that it does not go to and fro."""
    world = World()
    seen = [world.at(*step)[0] for step in [(0, 85), (1, 90), (2, 85), (3, 80), (4, 79), (5, 85), (6, 95)]]
    assert [False, True, True, True, False, False, True] == seen
    assert [1, 6] == world.relieved, "once an episode, at its beginning"
    assert 3.0 == sum(shed_s for *_, shed_s in world.told)


def test_memory_that_does_not_come_back_is_tried_again_and_told() -> None:
    """Busy, it waits; idle, it is relieved again and again, and after a while says that this does not help."""
    world = World()
    assert (True, False) == world.at(0, 95)
    assert (True, False) == world.at(100, 95), "what is in flight goes on"
    assert (True, False) == world.at(101, 95, idle=True)
    assert (True, False) == world.at(160, 95, idle=True)
    assert (True, True) == world.at(161, 95, idle=True)
    assert [0, 100, 160] == world.relieved
    world.now = 461
    assert 360.0 == world.watch.stuck_s
    assert (False, False) == world.at(462, 70, idle=True)
    assert 0.0 == world.watch.stuck_s


def test_fresh_processes_that_need_more_than_the_low_mark_go_on() -> None:
    """Where all was done that can be done, and the high mark is not reached, waiting would be for ever."""
    world = World()
    assert (True, False) == world.at(0, 95)
    assert (True, False) == world.at(10, 85)
    assert (True, False) == world.at(11, 85, idle=True)
    assert (False, False) == world.at(41, 85, idle=True)


def test_without_a_limit_nothing_is_shed() -> None:
    """Nor where it goes away in the middle of an episode."""
    world = World()
    world.limit = 0
    assert (False, False) == world.at(0, 10**12)
    world.limit = 100
    assert (True, False) == world.at(1, 99)
    world.limit = 0
    assert (False, False) == world.at(2, 99)


def test_an_episode_is_logged_once() -> None:
    """One line where it begins, one where nothing helps, one where it ends; nothing is dropped from them."""
    lines, dropped = StringIO(), list[int]()
    log.configure("INFO", lines, dropped.append)
    world = World()
    for now, used in [(0, 50), (1, 95), (2, 96), (100, 97), (200, 97), (201, 98), (202, 50), (203, 50)]:
        world.at(now, used, idle=True)
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert ["memory_shedding", "memory_stuck", "memory_relieved"] == [line["event"] for line in told]
    assert (95, 100, 201.0) == (told[0]["used_bytes"], told[0]["limit_bytes"], told[2]["seconds"])
    assert [] == dropped


@pytest.mark.parametrize(("limit", "told"), [(0, ["memory_unlimited"]), (100, [])])
async def test_no_limit_is_told_once(limit: int, told: list[str]) -> None:
    """Whoever forgot the limit of a container finds it in the log, and not at every look."""
    world, looks = World(Marks(look_s=0)), iter(range(5))
    world.limit = limit

    def idle() -> bool:
        if next(looks, None) is None:
            raise asyncio.CancelledError
        return True

    with structlog.testing.capture_logs() as lines, pytest.raises(asyncio.CancelledError):
        await world.watch.run(idle)
    assert told == [line["event"] for line in lines]
