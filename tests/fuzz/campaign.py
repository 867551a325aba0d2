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

import psutil

from tests.fuzz.engines import GREW
from tests.fuzz.limits import STATE, Limits

CHILD_INPUTS_MAX = 100_000  # then a new process, which begins with the corpus that this one left
STUCK_MAX = 5  # children of one target that died; then it is given up
START_S_MAX = 1_800.0
WAITS = frozenset({psutil.STATUS_SLEEPING, psutil.STATUS_DISK_SLEEP, psutil.STATUS_STOPPED})


@dataclass
class Result:
    """What became of one target's inputs."""

    inputs: int = 0
    seconds: float = 0.0
    children: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    growth_mb: int = 0
    slowest_s: float = 0.0

    def told(self) -> dict[str, object]:
        return {**vars(self), "seconds": round(self.seconds, 1)}


@dataclass(frozen=True)
class Campaign:
    """One target by one engine. What is done is on disk after every child, and a child's own count every second."""

    name: str
    engine: str
    folder: Path
    seed: int = 1
    limits: Limits = field(default_factory=Limits)
    stuck_max: int = STUCK_MAX

    def run(self, inputs: int, seconds: float) -> Result:
        """So many inputs, those counted that were done before, or as many as the time allows."""
        self.folder.mkdir(parents=True, exist_ok=True)
        result, stuck, until = self._before(), 0, time.monotonic() + seconds
        while result.inputs < inputs and (left := until - time.monotonic()) > 0 and stuck < self.stuck_max:
            before, began = result.inputs, time.monotonic()
            ended = self._child(min(inputs - before, CHILD_INPUTS_MAX), left, self.seed + 7919 * result.children)
            self._add(result)
            result.children += 1
            result.seconds += time.monotonic() - began
            if ended:
                self._blame(result, ended)
            stuck += bool(ended) or result.inputs == before
            self._save(result)
        return result

    def _before(self) -> Result:
        """What was done until the last run was cut off."""
        result = Result()
        kept = self.folder / "result.json"
        if kept.exists():
            told = json.loads(kept.read_text())
            counted = {name: Counter(told.pop(name)) for name in ("outcomes", "violations")}
            result = Result(**told, **counted)
        if (self.folder / "report.json").exists():
            self._add(result)
            result.children += 1
            self._save(result)
        return result

    def _save(self, result: Result) -> None:
        aside = self.folder / "result.new"
        aside.write_text(json.dumps(result.told(), indent=1))
        aside.replace(self.folder / "result.json")

    def _child(self, inputs: int, seconds: float, seed: int) -> str:
        """How it ended, where it should not have ended so."""
        (self.folder / "state").unlink(missing_ok=True)
        told = (self.name, self.engine, str(inputs), str(seconds), str(seed), str(self.folder), self.limits.text())
        with (self.folder / "stderr").open("wb") as stderr:
            command = [sys.executable, "-m", "tests.fuzz.child", *told]
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr, env=_environment())
            ended = self._watched(process)
        code = process.returncode
        return ended or (f"ended with {code}" if code not in (0, GREW) else "")

    def _watched(self, process: subprocess.Popen[bytes]) -> str:
        """Waits for the end; says what an input did that took too long, whose stack then stands in the stderr."""
        began, seen = time.monotonic(), psutil.Process(process.pid)
        while process.poll() is None:
            time.sleep(0.2)
            wrong = self._wrong(seen, time.monotonic() - began)
            if wrong:
                process.send_signal(signal.SIGABRT)
                process.wait()
                return wrong
        return ""

    def _wrong(self, seen: psutil.Process, alive_s: float) -> str:
        number, since_ns, cpu_ns = self._state()
        if number == 0:
            return "never began" if alive_s > START_S_MAX else ""
        try:
            used, waits = seen.cpu_times(), seen.status() in WAITS
        except psutil.Error:  # it has just ended
            return ""
        if since_ns == 0 or (number, since_ns, cpu_ns) != self._state():
            return ""  # another input by now: the time used is not this one's
        if used.user + used.system - cpu_ns / 1e9 > self.limits.cpu_s:
            return f"took more than {self.limits.cpu_s:g} s of processor time"
        if waits and time.monotonic() - since_ns / 1e9 > self.limits.still_s:
            return f"stood still for {self.limits.still_s:g} s"
        return ""

    def _state(self) -> tuple[int, int, int]:
        state = self.folder / "state"
        raw = state.read_bytes()[: STATE.size] if state.exists() else b""
        return STATE.unpack(raw)[:3] if len(raw) == STATE.size else (0, 0, 0)

    def _add(self, result: Result) -> None:
        report = self.folder / "report.json"
        if not report.exists():
            return
        told = json.loads(report.read_text())
        report.unlink()  # counted once
        result.inputs += told["inputs"]
        result.outcomes.update(told["outcomes"])
        result.violations.update(told["violations"])
        result.growth_mb = max(result.growth_mb, told["growth_mb"])
        result.slowest_s = max(result.slowest_s, told["slowest_s"])

    def _blame(self, result: Result, what: str) -> None:
        """The input that was being looked at when the child ended; each is kept."""
        result.violations[what] += 1
        name = f"violation-{what.replace(' ', '-')}-{result.children}"
        state = self.folder / "state"
        if state.exists():
            raw = state.read_bytes()
            (self.folder / name).write_bytes(raw[STATE.size :][: STATE.unpack_from(raw)[3]])
        shutil.copy(self.folder / "stderr", self.folder / f"{name}.txt")


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
