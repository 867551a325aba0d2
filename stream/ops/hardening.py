"""What keeps a process's memory, which holds what people said, from reaching a disk; and who dies first without it."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

_PR_GET_DUMPABLE = 3  # linux/prctl.h
_PR_SET_DUMPABLE = 4


class NotHardened(Exception):
    """What must hold does not: the process must not go on to hear anything."""


def no_core_dumps() -> None:
    """A crash of this process and of what it starts leaves no core file.

    The limit alone is passed over by the kernel where core_pattern is a pipe (core(5)); on Linux the process is made
    undumpable too, which also keeps other processes of the same user from reading its memory.
    Raises NotHardened where the kernel does not say afterwards that it is so.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise NotHardened("this process can still be dumped")
    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise NotHardened("this process may still leave a core file")


def first_to_go() -> None:
    """Where memory runs out all the same, the kernel ends this process and not the one that talks to Kafka.

    To be called before ``no_core_dumps``, which gives the file to root.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
