"""The service with an engine that hears nothing: everything else is real, and many more records go through it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import tracemalloc
from pathlib import Path

import numpy as np

from stream.clip import AnonymizedClip, Effort, Job, Outcome, Published, Reason, Withheld
from stream.commands.connect import connect
from stream.commands.run import Service
from stream.config import load
from stream.edit import metadata
from stream.inference.process import StartFailed
from stream.ops import log
from stream.ops.metrics import Metrics
from stream.wire.clips import Encoder

SILENCE = np.zeros(1600, np.float32)
EFFORT = Effort(3.0, 2.0, {"decode": 0.01, "find/speakers": 0.02}, {"PERSON": 1})


class Deaf:
    """As much of an InferencePool as the service needs."""

    ready = True

    def __init__(self) -> None:
        self._encoder = Encoder()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def relieve(self) -> None: ...

    async def failed(self) -> StartFailed:
        return await asyncio.get_running_loop().create_future()

    async def run(self, job: Job) -> Outcome:
        await asyncio.sleep(0)
        if job.coordinates.offset % 3 == 0:
            return Withheld(job.coordinates, Reason.NO_MAIN_SPEAKER, "1", effort=EFFORT)
        of = metadata.of_label(job.label, 0)
        body = self._encoder.encode(AnonymizedClip(of, SILENCE, (), (), (), "1"))
        return Published(job.coordinates, of.token, int(of.captured_hour.timestamp() * 1000), body, "1", EFFORT)


class Stub(Service):
    """The service without its inference processes."""

    async def _start_pool(self, stack: contextlib.AsyncExitStack) -> Deaf:  # type: ignore[override]
        self._pool = Deaf()  # type: ignore[assignment]
        return self._pool  # type: ignore[return-value]


async def main(config: Path, traces: Path | None) -> None:
    settings = load(config)
    metrics = Metrics()
    log.configure(settings.log.level, on_dropped=metrics.log_dropped)
    service = Stub(settings, settings.tokens.ring(), metrics, connect)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, service.stop)
    if traces is not None:
        tracemalloc.start(6)
        before = list[tracemalloc.Snapshot]()
        loop.add_signal_handler(signal.SIGUSR1, _trace, traces, before)
    await service.run()


def _trace(to: Path, before: list[tracemalloc.Snapshot]) -> None:
    """The first call remembers, the second writes where memory grew since."""
    now = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
    if before:
        grown = [each for each in now.compare_to(before[0], "traceback") if each.size_diff > 0]
        lines = itertools.chain.from_iterable([str(each), *each.traceback.format()] for each in grown[:30])
        to.write_text("\n".join(lines) + "\n")
    before.append(now)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
