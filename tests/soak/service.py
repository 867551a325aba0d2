"""The service under load: a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from tests.soak.feed import GROUP

ROOT = Path(__file__).parents[2]
START_S = 300.0


@dataclass
class Running:
    """A started service."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def family(self) -> tuple[psutil.Process, list[psutil.Process]]:
        """The process itself, and those that it started."""
        parent = psutil.Process(self.process.pid)
        return parent, parent.children(recursive=True)

    def trace(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    async def stop(self) -> int:
        """As an orchestrator does: SIGTERM, and its exit code."""
        if self.lives:
            self.process.terminate()
        try:
            async with asyncio.timeout(60):
                while self.lives:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            self.process.kill()
        return self.process.wait()


async def start(folder: Path, out: Path, bootstrap: str, *, stub: bool, trace: bool) -> Running:
    """Returns once it works; its log is out/service.log."""
    config = folder / "clipveil.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "kafka": {"bootstrap_servers": bootstrap, "group": GROUP},
                "registry": {"folder": str(folder / "registry")},
                "tokens": {"key": base64.b64encode(bytes(range(32))).decode()},
                "engine": {"processes": 1},
                "http": {"port": 0},
            }
        )
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
    command = [sys.executable, "-m", "stream", "run", "-c", str(config)]
    if stub:
        command = [sys.executable, "-m", "tests.soak.stub", str(config), *([str(out / "growth.txt")] if trace else [])]
    log = out / "service.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stderr)
    async with asyncio.timeout(START_S):
        while (port := _port(log)) is None:
            if process.poll() is not None:
                raise RuntimeError(f"the service did not start; see {log}")
            await asyncio.sleep(0.1)
    return Running(process, port)


def _port(log: Path) -> int | None:
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{") and line.endswith("}") and json.loads(line)["event"] == "started":
            return int(json.loads(line)["port"])
    return None
