"""Parts for inference processes in tests: the event's body says what happens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    Clip,
    ClipEvent,
    Job,
    Reason,
    Receipt,
    Refusal,
    Samples,
    SpeakerEvidence,
    Transcript,
    WakeWord,
    WordEvidence,
)
from stream.config import Settings
from stream.policy import Policy
from stream.ports import Hearing, Parts, SpeakerFinder
from stream.wire.clips import Decoder


def _said(job: Job) -> str:
    """The body itself, or the intent of a whole clip event."""
    return job.body.decode() if job.writer_schema == "{}" else Decoder(Policy()).event(job).intent


KEPT: list[bytes] = []


def _told(order: str, rest: str) -> None:
    """Where "keep" says so, keeps so many bytes for as long as the process lives, and takes a while over it; where
    "pid" does, tells it, after so many seconds, by the class name of a fault."""
    if order == "keep":
        KEPT.append(b"\x01" * int(rest))
        time.sleep(0.05)
    if order == "pid":
        time.sleep(float(rest or 0))
        raise type(f"Pid{os.getpid()}", (Exception,), {})


class ObedientDecoder:
    """Does what the body of the job says; refusing for want of consent counts as a good answer."""

    def event(self, job: Job) -> ClipEvent:
        order, _, rest = _said(job).partition(" ")
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
        _told(order, rest)
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


class FragileFinder:
    """Hears nobody; the loudest sample of a clip says what else it does with the batch that the clip is in."""

    KILL, RAISE = 0.5, 0.25

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        [found] = self.find_many([Hearing(samples, wake_word, transcript)])
        return found

    def find_many(self, hearings: Sequence[Hearing]) -> Sequence[SpeakerEvidence]:
        for hearing in hearings:
            if hearing.samples.max() == self.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            if hearing.samples.max() == self.RAISE:
                raise MemoryError("canary")
        time.sleep(0.05)  # so that others come together meanwhile
        receipt = Receipt("speakers", f"Pid{os.getpid()}", complete=True)
        return [SpeakerEvidence((), None, len(hearing.samples) / SAMPLE_RATE_HZ, receipt) for hearing in hearings]


def fragile(settings: Settings) -> FragileFinder:
    """What an owner is made of that breaks on command."""
    return FragileFinder()


class AskingDecoder(ObedientDecoder):
    """Asks the owner about a clip whose loudest sample is the body of the job."""

    def __init__(self, speakers: SpeakerFinder) -> None:
        self.speakers = speakers

    def event(self, job: Job) -> ClipEvent:
        found = self.speakers.find(np.full(1600, float(job.body), np.float32), None, None)
        raise type(found.receipt.version, (Exception,), {})


def asking(settings: Settings, speakers: SpeakerFinder) -> Parts:
    """Parts that tell who the owner is, by the class name of a fault."""
    return Parts(AskingDecoder(speakers), Nothing(), Nothing(), Nothing())  # type: ignore[arg-type]
