"""Watches the child processes: none may take longer than it may over one input, and what kills one is a finding."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.limits import INPUT_S_MAX, STATE

CHILD_INPUTS_MAX = 200_000  # then a new process, which begins with the corpus that this one left
STUCK_MAX = 5  # children of one target that died; then it is given up
START_S_MAX = 240.0


@dataclass
class Result:
    """What became of one target's inputs."""

    inputs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    growth_mb: int = 0

    def told(self) -> dict[str, object]:
        return {**vars(self), "seconds": round(self.seconds, 1)}


def run(
    name: str, inputs: int, seconds: float, folder: Path, seed: int = 1, options: tuple[str, ...] = (),
    input_s_max: float = INPUT_S_MAX,
    stuck_max: int = STUCK_MAX,
) -> Result:  # fmt: skip
    """So many inputs of one target, or as many as the time allows."""
    folder.mkdir(parents=True, exist_ok=True)
    result, began, stuck = Result(), time.monotonic(), 0
    while result.inputs < inputs and (left := began + seconds - time.monotonic()) > 0 and stuck < stuck_max:
        part = min(inputs - result.inputs, CHILD_INPUTS_MAX)
        (folder / "report.json").unlink(missing_ok=True)
        (folder / "state").unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.child",
            name,
            str(part),
            str(left),
            str(seed),
            str(folder),
            *options,
        ]
        with (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr, env=_environment())
            hung = _watched(process, folder, input_s_max)
        before = result.inputs
        _add(result, folder)
        if hung or process.returncode != 0:
            stuck += 1
            _blame(result, folder, f"took more than {input_s_max:g} s" if hung else f"exit {process.returncode}")
        elif result.inputs == before:
            stuck += 1
        seed += 1
    result.seconds = time.monotonic() - began
    return result


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _watched(process: subprocess.Popen[bytes], folder: Path, input_s_max: float) -> bool:
    """Waits for the end; True where an input took too long, whose stack then stands in the child's stderr."""
    began = time.monotonic()
    while process.poll() is None:
        time.sleep(0.2)
        state = folder / "state"
        raw = state.read_bytes()[: STATE.size] if state.exists() else b""
        number, since_ns, _ = STATE.unpack(raw) if len(raw) == STATE.size else (0, 0, 0)
        late = number == 0 and time.monotonic() - began > START_S_MAX
        if late or (since_ns and time.monotonic() - since_ns / 1e9 > input_s_max):
            process.send_signal(signal.SIGABRT)
            process.wait()
            return True
    return False


def _add(result: Result, folder: Path) -> None:
    report = folder / "report.json"
    if not report.exists():
        return
    told = json.loads(report.read_text())
    result.inputs += told["inputs"]
    result.outcomes.update(told["outcomes"])
    result.violations.update(told["violations"])
    result.growth_mb = max(result.growth_mb, told["growth_mb"])


def _blame(result: Result, folder: Path, what: str) -> None:
    """The input that was being looked at when the child ended."""
    result.violations[what] += 1
    state = folder / "state"
    if state.exists():
        raw = state.read_bytes()
        (folder / f"violation-{what.replace(' ', '-')}").write_bytes(raw[STATE.size :][: STATE.unpack_from(raw)[2]])
    shutil.copy(folder / "stderr", folder / f"violation-{what.replace(' ', '-')}.txt")
