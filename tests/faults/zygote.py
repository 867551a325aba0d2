"""Starts workers by forking a process that has everything imported already: a restart costs milliseconds.

One JSON line on stdin asks for a worker, one on stdout tells of each that began (``pid``) or ended (``status``). It has
one thread and no event loop, so that a fork takes nothing along that was half done.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from stream.commands.failure import CommandFailed
from tests.faults import service


def main() -> None:
    """Until stdin ends; then all workers end too."""
    service.preload()
    signal.signal(signal.SIGCHLD, lambda *_: None)
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write)
    _say({"ready": os.getpid()})
    import select

    pending = b""
    while True:
        ready, _, _ = select.select([0, read], [], [])
        if read in ready:
            os.read(read, 4096)
            _reap()
        if 0 in ready:
            more = os.read(0, 65536)
            if not more:
                return
            *lines, pending = (pending + more).split(b"\n")
            for line in lines:
                _spawn(json.loads(line))


def _spawn(asked: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(_be_worker(asked))
    _say({"id": asked["id"], "pid": pid})


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say({"pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(line: dict[str, Any]) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


def _be_worker(asked: dict[str, Any]) -> int:
    """In a folder of its own, with stderr as its log; the exit code is that of the command."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # with its parent
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for old, new in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(old, new)
    os.chdir(asked["folder"])
    os.environ["TMPDIR"] = asked["folder"]
    try:
        service.work(asked["settings"], Path(asked["pipe"]), Path(asked["deeds"]))
    except CommandFailed as failure:
        sys.stderr.write(f"clipveil: {failure}\n")
        return failure.code
    except BaseException:  # what Python would print at the end of a command
        sys.excepthook(*sys.exc_info()) if sys.excepthook is not sys.__excepthook__ else traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main()
