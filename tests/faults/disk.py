"""A disk that is small enough to be filled."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kafka.server import KafkaServer

if TYPE_CHECKING:
    from tests.faults.world import World

FULL_S = 3.0


class Disk:
    """``size_mb`` at ``folder``, in memory. ``mount`` takes root: without it tests fail, they are never skipped."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        self._size_mb = size_mb
        self._ballast = folder / "ballast"

    def mount(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size_mb}m", "tmpfs", str(self.folder)]
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode:
            raise RuntimeError(f"a disk to be filled takes root and CAP_SYS_ADMIN: {mounted.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True, capture_output=True)

    def fill(self) -> None:
        """Until not one byte more can be written."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (2**20, 2**12, 1):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError:
                    continue

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@dataclass(frozen=True)
class BrokerDiskFull:
    """The broker can write nothing more and gives up; somebody makes room and starts it again."""

    server: KafkaServer = field(repr=False)
    disk: Disk = field(repr=False)
    kind: str = "broker disk full"

    async def strike(self, world: World) -> None:
        await self.run()

    async def run(self, timeout_s: float = 60.0) -> None:
        try:
            await asyncio.to_thread(self.disk.fill)
            async with asyncio.timeout(timeout_s):
                while self.server.alive:
                    await asyncio.sleep(0.1)
        finally:
            await asyncio.to_thread(self.disk.free)
        await asyncio.to_thread(self.server.restart)


@dataclass(frozen=True)
class TemporaryDirectoryFull:
    """A worker finds no room for temporary files for a while."""

    kind: str = "temporary directory full"

    async def strike(self, world: World) -> None:
        worker = await world.victim()
        disk = Disk(worker.folder / "tmp", 1)
        await asyncio.to_thread(disk.mount)
        try:
            await asyncio.to_thread(disk.fill)
            await asyncio.sleep(FULL_S)
        finally:
            await asyncio.to_thread(disk.unmount)
