"""What keeps a process's memory, which holds what people said, from reaching a disk; and who dies first without it."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def no_core_dumps() -> None:
    """A crash of this process and of what it starts leaves no core file.

    The limit alone is passed over by the kernel where core_pattern is a pipe (core(5)); on Linux the process is made
    undumpable too, which also keeps other processes of the same user from reading its memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def first_to_go() -> None:
    """Where memory runs out all the same, the kernel ends this process and not the one that talks to Kafka.

    To be called before ``no_core_dumps``, which gives the file to root.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
