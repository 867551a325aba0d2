"""Parts for inference processes in tests: the event's body says what happens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from stream.clip import Clip, ClipEvent, Job, Reason, Refusal, Samples, WordEvidence
from stream.config import Settings
from stream.ports import Parts


class ObedientDecoder:
    """Does what the body of the job says; refusing for want of consent counts as a good answer."""

    def event(self, job: Job) -> ClipEvent:
        order, _, rest = job.body.decode().partition(" ")
        if order == "raise":
            raise ValueError(rest)
        if order == "print":
            sys.stdout.write(rest)
            sys.stderr.write(rest)
            os.write(1, rest.encode())
        if order == "babble":  # on every pipe that this process has, the one of the frames too
            for descriptor in range(3, 20):
                with contextlib.suppress(OSError):
                    os.write(descriptor, b"\xff" * 64)
        if order == "hang":
            if rest:
                Path(rest).touch()  # so that a test sees that it began
            time.sleep(3600)
        if order == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "exit":
            raise SystemExit(3)
        if order == "pid":
            raise type(f"Pid{os.getpid()}", (Exception,), {})
        if order == "dumpable":
            raise type(f"Dumpable{ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)}", (Exception,), {})  # PR_GET_DUMPABLE
        if order == "environment":
            names = [name for name in os.environ if name.startswith("CLIPVEIL_")]
            raise type(f"Found{len(names)}Threads{os.environ['OMP_NUM_THREADS']}", (Exception,), {})
        raise Refusal(Reason.NO_CONSENT)

    def samples(self, event: ClipEvent) -> Samples:
        raise AssertionError


class Nothing:
    """The parts that no test gets to."""

    def find(self, clip: Clip) -> WordEvidence:
        raise AssertionError


def obedient(settings: Settings) -> Parts:
    """Parts that do as the event says."""
    return Parts(ObedientDecoder(), Nothing(), Nothing(), Nothing())  # type: ignore[arg-type]


def unloadable(settings: Settings) -> Parts:
    """Parts that can't be made."""
    raise ValueError("the model is not the one that was pinned")


def dying(settings: Settings) -> Parts:
    """Parts whose making kills the process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def slow(settings: Settings) -> Parts:
    """Parts that take for ever."""
    time.sleep(3600)
    raise AssertionError


def once(settings: Settings) -> Parts:
    """Parts that can be made once only, as if the model's volume went away."""
    marker = settings.speakers.model
    try:
        with open(marker, "x"):  # noqa: PTH123
            return obedient(settings)
    except FileExistsError:
        raise ValueError("gone") from None


def telling(settings: Settings) -> Parts:
    """Says in its refusal which models it was told of."""
    raise ValueError(f"{settings.speakers.model} {settings.names.model} {settings.recogniser.directory}")
