"""Worker processes, as a run sees them: to be started, ordered about, and waited for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOLD_MAX = 300  # characters of a log's last line


@dataclass(eq=False)
class WorkerProcess:
    """One of them. ``ended`` has its exit status: negative for the signal that ended it."""

    number: int
    pid: int
    folder: Path
    ended: asyncio.Future[int] = field(repr=False)
    struck: bool = False  # somebody has something in mind for it
    _pipe: int = -1
    _joined: bool = False

    @property
    def joined(self) -> bool:
        """Whether it ever was a member of the group. Its log is asked until it says so."""
        self._joined = self._joined or "partitions_assigned" in self.log()
        return self._joined

    @property
    def alive(self) -> bool:
        return not self.ended.done()

    def order(self, what: str, point: str) -> None:
        """Done the next time that it passes the point."""
        os.write(self._pipe, f"{what} {point}\n".encode())

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and nobody has told us yet
                os.kill(self.pid, number)

    async def leave(self, grace_s: float) -> str:
        """Tells it to end. What is to be said against how it did; nothing where it ended with 0, in time."""
        self.struck = True
        self.signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self.ended], timeout=grace_s)
        if not done:
            self.signal(signal.SIGKILL)
            await self.ended
            return f"a worker still ran {grace_s:g} s after SIGTERM; {self.last_line()}"
        status = self.ended.result()
        return f"a worker ended with {status} after SIGTERM; {self.last_line()}" if status else ""

    def last_line(self) -> str:
        """Of its log, in words for a complaint."""
        lines = [line for line in self.log().splitlines() if line.strip()]
        return f"{self.folder.name}'s log ends with: {lines[-1][:TOLD_MAX] if lines else 'nothing'}"

    def deeds(self, *kinds: str) -> list[dict[str, Any]]:
        try:
            lines = (self.folder / "deeds").read_text().splitlines()
        except FileNotFoundError:
            return []
        found = [json.loads(line) for line in lines]
        return [deed for deed in found if deed["deed"] in kinds]

    def log(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def port(self) -> int | None:
        """Of its metrics."""
        for line in self.log().splitlines():
            if '"started"' in line:
                return int(json.loads(line)["port"])
        return None

    def forget(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


class Zygote:
    """The process that workers are forked from. Whatever ends it ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]

    async def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "zygote.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.zygote"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=environment,
            )
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            raise RuntimeError((self._folder / "zygote.log").read_text())
        self._reading = asyncio.create_task(self._read())

    async def spawn(self, settings: dict[str, Any], *orders: tuple[str, str]) -> WorkerProcess:
        """``orders`` (what, point) are known to the worker before it begins."""
        number = next(self._numbers)
        folder = self._folder / f"worker-{number}"
        (folder / "tmp").mkdir(parents=True)
        os.mkfifo(folder / "orders")
        pipe = os.open(folder / "orders", os.O_RDWR | os.O_NONBLOCK)
        for what, point in orders:
            os.write(pipe, f"{what} {point}\n".encode())
        asked = {
            "id": number,
            "settings": settings,
            "folder": str(folder / "tmp"),
            "log": str(folder / "log"),
            "pipe": str(folder / "orders"),
            "deeds": str(folder / "deeds"),
        }
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(asked) + "\n").encode())
        pid = await answer
        return WorkerProcess(number, pid, folder, self._end_of(pid), _pipe=pipe)

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()
        self._reading.cancel()

    def _end_of(self, pid: int) -> asyncio.Future[int]:
        return self._ends.setdefault(pid, asyncio.get_running_loop().create_future())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "status" in told:
                ended = self._end_of(told["pid"])
                if not ended.done():
                    ended.set_result(told["status"])
            else:
                self._ends.pop(told["pid"], None)  # of a process that had the same number
                self._end_of(told["pid"])
                self._asked.pop(told["id"]).set_result(told["pid"])
