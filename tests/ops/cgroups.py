"""A cgroup with a memory limit for a test, of whichever version the machine has."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.ops.memory import own_cgroups


class NotAllowed(Exception):
    """This machine lets us make none."""


@contextmanager
def limited(limit_bytes: int) -> Iterator[Path]:
    """Below our own cgroup, so that whatever limits us limits it too; gone at the end. Raises NotAllowed."""
    own = next(iter(own_cgroups()), None)
    if own is None:
        raise NotAllowed("no memory controller")
    folder = own.folder / f"clipveil-test-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
        try:
            (folder / own.limit_file).write_text(str(limit_bytes))
        except OSError:
            folder.rmdir()
            raise
    except OSError as error:
        raise NotAllowed(error.strerror) from None
    try:
        yield folder
    finally:
        _remove(folder)


def enter(folder: Path) -> None:
    """For ``preexec_fn``: the process, and all that it starts, belongs to the group."""
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def kills(folder: Path) -> int:
    """How often the kernel has killed somebody in it for want of memory."""
    events = next(file for file in (folder / "memory.events", folder / "memory.oom_control") if file.exists())
    counts = dict(line.split() for line in events.read_text().splitlines())
    return int(counts["oom_kill"])


def _remove(folder: Path) -> None:
    """What is left in it is killed; a group is empty only a moment after its last process."""
    for _ in range(100):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), 9)
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.1)
        else:
            return
