"""The pool's end of the process that owns a GPU: started before all others, replaced when it ends."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from stream.inference.frames import Start
from stream.inference.process import OWNER, Process

BUILDER = "stream.inference.parts:build_speakers"
TOLD = ("speakers", "policy")

Launch = Callable[[Start, str, int | None], Awaitable[Process]]  # what, as which module, and how often it is tried


class Owner:
    """One owner after the other, all at the same Unix socket in a folder that nobody else may read."""

    def __init__(self, start: Start, launch: Launch, builder: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="clipveil-"))
        self.path = str(self._folder / "owner")
        told = {name: start.settings[name] for name in TOLD if name in start.settings}
        self._start = replace(start, builder=builder, owner=self.path, settings=told)
        self._launch = launch
        self._process: Process | None = None

    async def start(self) -> None:
        """Returns once it listens. Raises StartFailed."""
        self._process = await self._launch(self._start, OWNER, 1)

    async def keep(self, tell_replaced: Callable[[str, Process], None]) -> None:
        """Replaces it whenever it ends, for ever. Raises StartFailed where it can't be replaced any more."""
        while self._process is not None:
            ended = self._process
            await ended.wait()
            await ended.kill()
            self._process = await self._launch(self._start, OWNER, None)
            tell_replaced("died", ended)

    async def stop(self) -> None:
        """Ends it, and leaves nothing behind."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.shield(process.kill())
        shutil.rmtree(self._folder, ignore_errors=True)
