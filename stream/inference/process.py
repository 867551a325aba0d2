"""The pool's end of one inference process: start it, ask it under a time limit, kill it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from stream.clip import Job, Outcome
from stream.find import QUIET
from stream.inference import frames
from stream.ops import memory

CHILD, OWNER = "stream.inference.child", "stream.inference.owner"
# All that a process may know of our environment. Above all not CLIPVEIL_*, which may hold the brokers' passwords.
PASSED_ON = frozenset(
    {
        "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
    }
)  # fmt: skip
# One thread a process: more were measured to be many times slower. And no library may call anybody.
SET = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    **QUIET,
}


class StartFailed(Exception):
    """A process could not load what it needs. Told before it heard any clip, so the message may be shown."""


class Died(Exception):
    """The process ended, or does not speak as agreed."""


class Process:
    """One inference process; ``served`` counts its clips, ``resident_at_first`` is its memory before them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self.served = 0
        self.retired = asyncio.Event()  # set where it is to be replaced as soon as it is idle
        self.resident_at_first = 0

    @classmethod
    async def launch(cls, start: frames.Start, limit_s: float, module: str = CHILD) -> Process:
        """A process of ``module`` that is ready for clips. Raises StartFailed; never leaves one behind."""
        try:
            started = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # a library's last words may quote a clip
                env=_environment(),
                start_new_session=True,  # Ctrl-C at a terminal goes to the pool alone
            )  # fmt: skip
        except OSError as error:  # no memory, no descriptors, too many processes
            raise StartFailed(f"no inference process can be started: {error.strerror}") from None
        process = cls(started)
        try:
            async with asyncio.timeout(limit_s):
                await process._write(frames.start_frame(start, os.getpid()))
                answer = await process._read()
        except TimeoutError:
            await process.kill()
            raise StartFailed(f"an inference process was not ready after {limit_s:g} s") from None
        except Died:
            code = await process.kill()
            raise StartFailed(f"an inference process ended while it started (exit code {code})") from None
        except BaseException:
            await process.kill()
            raise
        if not answer.header.get("ready"):
            await process.kill()
            raise StartFailed(f"{answer.header.get('error', '')}: {answer.header.get('message', '')}")
        process.resident_at_first = process.resident
        return process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def resident(self) -> int:
        """Bytes of memory of its own; 0 where it is gone."""
        own, _ = memory.resident(self._process.pid)
        return own

    async def ask(self, job: Job, limit_s: float) -> Outcome:
        """The outcome of one job. Raises TimeoutError or Died; the process must be killed then."""
        async with asyncio.timeout(limit_s):
            await self._write(frames.job_frame(job))
            answer = await self._read()
        self.served += 1
        try:
            return frames.outcome_of(answer, job.coordinates)
        except frames.MalformedFrame:
            raise Died from None

    async def wait(self) -> int:
        """Until it ends, by itself or not."""
        return await self._process.wait()

    async def stop(self, grace_s: float = 2.0) -> None:
        """Let it end by itself, which an idle one does at once; otherwise kill it."""
        self._stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        await self.kill()

    async def kill(self) -> int:
        """End it and whatever it started, now; returns its exit code."""
        if self._process.returncode is None:  # otherwise its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        ended = asyncio.ensure_future(self._process.wait())
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            await ended  # soon: it was killed; whoever cancels us must find it gone
            raise

    async def _write(self, frame: frames.Frame) -> None:
        try:
            self._stdin.write(frame.pack())
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise Died from None

    async def _read(self) -> frames.Frame:
        try:
            header, body = frames.lengths(await self._stdout.readexactly(frames.PREFIX.size))
            return frames.unpack(await self._stdout.readexactly(header), await self._stdout.readexactly(body))
        except (asyncio.IncompleteReadError, ConnectionResetError, frames.MalformedFrame):
            raise Died from None


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in PASSED_ON}
    return kept | SET | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
