"""Worker processes, as a run sees them: to be started, ordered about, and waited for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class WorkerProcess:
    """One of them. ``ended`` has its exit status: negative for the signal that ended it."""

    number: int
    pid: int
    folder: Path
    ended: asyncio.Future[int] = field(repr=False)
    struck: bool = False  # somebody has something in mind for it
    _pipe: int = -1

    @property
    def alive(self) -> bool:
        return not self.ended.done()

    def order(self, what: str, point: str) -> None:
        """Done the next time that it passes the point."""
        os.write(self._pipe, f"{what} {point}\n".encode())

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

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
