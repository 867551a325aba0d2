"""What keeps a process's memory, which holds what people said, from reaching a disk."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def no_core_dumps() -> None:
    """A crash of this process and of what it starts leaves no core file.

    The limit alone is passed over by the kernel where core_pattern is a pipe (core(5)); on Linux the process is made
    undumpable too, which also keeps other processes of the same user from reading its memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
