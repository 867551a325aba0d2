"""One inference process: ``python -m stream.inference.child``, started by the pool, spoken to over stdin and stdout.

It hears clips, so it keeps to itself: no core dumps, no output but frames, nothing in its environment that it does not
need, and it ends when the pool does.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from stream.clip import Job, Outcome
from stream.config import Settings
from stream.inference import frames
from stream.ops.hardening import first_to_go, no_core_dumps
from stream.ports import Parts

PARENT_CHECK_S = 1.0


def main() -> int:
    """Until stdin ends. The exit code is 0, or 1 where the process could not start."""
    inbox, outbox = secluded()
    try:
        first = read(inbox)
        if first is None:
            return 0
        try:
            answer = _prepare(first)
        except Exception as error:  # noqa: BLE001 - whatever keeps a model from loading is told to the pool
            write(outbox, frames.not_ready_frame(error))
            return 1
        write(outbox, frames.ready_frame())
        while (frame := read(inbox)) is not None:
            write(outbox, frames.outcome_frame(answer(frames.job_of(frame))))
    except BrokenPipeError:
        pass  # the pool is gone
    return 0


def _prepare(first: frames.Frame) -> Callable[[Job], Outcome]:
    start, parent_pid = frames.start_of(first)
    end_with(parent_pid)
    from stream.pipeline import deidentify  # after the environment is settled: imports numpy

    settings = Settings.model_validate(start.settings)
    parts = _build(start, settings)
    policy = settings.policy.as_policy()

    def answer(job: Job) -> Outcome:
        return deidentify(job, parts, policy)

    return answer


def _build(start: frames.Start, settings: Settings) -> Parts:
    """The parts; who speaks when is asked of the owner of a GPU where there is one."""
    builder: Callable[..., Parts] = builder_of(start.builder)
    if not start.owner:
        return builder(settings)
    from stream.inference.remote import RemoteFinder

    return builder(settings, speakers=RemoteFinder(start.owner))


def builder_of(name: str) -> Callable[..., Any]:
    """The function that ``module:function`` names."""
    module, _, function = name.partition(":")
    builder: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return builder


def secluded() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for frames alone, in a process that leaves no core file and lets the pool say when it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the pool, which lets us finish
        signal.signal(number, signal.SIG_IGN)
    first_to_go()
    no_core_dumps()
    return _private_pipes()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for frames alone: what a library prints or reads goes nowhere."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return inbox, outbox


def end_with(parent_pid: int) -> None:
    """Ends this process within a second of the pool's, even in the middle of a clip."""

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(PARENT_CHECK_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def read(inbox: BinaryIO) -> frames.Frame | None:
    """The next frame, None at the end."""
    prefix = inbox.read(frames.PREFIX.size)
    if len(prefix) < frames.PREFIX.size:
        return None
    header, body = frames.lengths(prefix)
    return frames.unpack(inbox.read(header), inbox.read(body))


def write(outbox: BinaryIO, frame: frames.Frame) -> None:
    """Raises BrokenPipeError where the pool is gone."""
    outbox.write(frame.pack())
    outbox.flush()


if __name__ == "__main__":
    sys.exit(main())
