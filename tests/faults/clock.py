"""A clock that jumps, for processes that are started with it: a library of our own shifts what they take for the time.

It covers time.time, datetime.now, gettimeofday and their like, of Python, C and Java. Clocks that only count, by which
time-outs are measured, stay as they are, as they do where somebody sets a machine's clock. The kernel's own stamps, on
files for example, and waits until a time of day are not covered. (libfaketime can't be told to leave the counting
clocks alone without breaking sleep.)
"""

from __future__ import annotations

import asyncio
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World

HOUR_S = 3600
SOURCE = Path(__file__).with_name("clock.c")
SHIFT = struct.Struct("=q")


class Clock:
    """Start processes with ``environment``, then let their clock ``jump``. It takes a C compiler."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._library, self._shift = folder / "clock.so", folder / "shift"
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        self._shift.write_bytes(SHIFT.pack(0))

    @property
    def environment(self) -> Mapping[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT_FILE": str(self._shift)}

    def jump(self, seconds: int) -> None:
        """To so many seconds from the true time, at once. Written in place: the processes have it mapped."""
        with self._shift.open("r+b") as shift:
            shift.write(SHIFT.pack(seconds))


@dataclass(frozen=True)
class ClockJump:
    """The clock is wrong for a while, and then right again: two jumps, one each way."""

    clock: Clock = field(repr=False)
    seconds: int = HOUR_S
    lasting_s: float = 3.0

    @property
    def kind(self) -> str:
        return "clock forwards" if self.seconds > 0 else "clock backwards"

    async def strike(self, world: World) -> None:
        await self.run()

    async def run(self) -> None:
        self.clock.jump(self.seconds)
        try:
            await asyncio.sleep(self.lasting_s)
        finally:
            self.clock.jump(0)
