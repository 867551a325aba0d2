"""One target in a process of its own: ``python -m tests.fuzz.child TARGET ENGINE INPUTS SECONDS SEED FOLDER LIMITS``.

Before every input it writes down which it is and when it began, where the parent sees it, so that an input that hangs
or kills the process is known.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import mmap
import os
import resource
import sys
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

try:
    import atheris
except ImportError:  # no wheel for this Python
    atheris = None

from tests.fuzz.chances import inputs
from tests.fuzz.engines import COVERAGE, GREW, HYPOTHESIS
from tests.fuzz.limits import STATE, STATE_BYTES, Limits, memory_peak, timed
from tests.fuzz.target import Target
from tests.fuzz.targets import load

LEAST_S = 1.0  # between two reports
ROUND = 500  # examples that Hypothesis remembers


@dataclass
class Child:
    target: Target
    inputs: int
    folder: Path
    until: float
    limits: Limits
    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    reported: float = 0.0
    slowest: float = 0.0

    def __post_init__(self) -> None:
        state = self.folder / "state"
        state.write_bytes(bytes(STATE_BYTES))
        with state.open("r+b") as file:
            self.state = mmap.mmap(file.fileno(), STATE_BYTES)
        self.target.run(self.target.seeds()[0])  # the first one loads what is needed
        self.before = self.peak = memory_peak()

    def over(self) -> bool:
        return self.done >= self.inputs or time.monotonic() >= self.until

    def one(self, data: bytes) -> None:
        data = data[: self.target.length_max]
        self.state[STATE.size : STATE.size + len(data)] = data
        STATE.pack_into(self.state, 0, self.done + 1, time.monotonic_ns(), time.process_time_ns(), len(data))
        try:
            outcome, took = timed(self.target.run, data, self.limits)
            self.outcomes[outcome] += 1
            self.slowest = max(self.slowest, took)
        except Exception as broken:
            self._violated(broken, data)
        STATE.pack_into(self.state, 0, self.done + 1, 0, 0, len(data))
        self.done += 1
        self.peak = memory_peak()
        if self.peak - self.before > self.limits.growth:
            self._violated(MemoryError("grew by more than it may"), data)
            os._exit(GREW)  # the next inputs need a new process
        if self.done >= self.inputs or time.monotonic() - self.reported > LEAST_S:
            self.report()

    def _violated(self, broken: Exception, data: bytes) -> None:
        frames = traceback.extract_tb(broken.__traceback__)
        where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
        key = f"{type(broken).__name__} {str(broken)[:120]} at {where}"
        self.violations[key] += 1
        if self.violations[key] == 1:
            name = hashlib.sha256(key.encode()).hexdigest()[:12]
            (self.folder / f"violation-{name}").write_bytes(data)
            (self.folder / f"violation-{name}.txt").write_text("".join(traceback.format_exception(broken)))
        self.report()

    def report(self) -> None:
        self.reported = time.monotonic()
        told = {"inputs": self.done, "outcomes": self.outcomes, "violations": self.violations}
        told["growth_mb"] = round((self.peak - self.before) / 2**20)
        told["slowest_s"] = round(self.slowest, 3)
        aside = self.folder / "report.new"
        aside.write_text(json.dumps(told))
        aside.replace(self.folder / "report.json")


def by_hypothesis(child: Child, number: int) -> None:
    """The seeds as they are, then rounds of what Hypothesis makes of them."""
    for data in child.target.seeds():
        if not child.over():
            child.one(data)
    while not child.over():
        _round(child, number)
        number += 1_000_003


def _round(child: Child, number: int) -> None:
    @settings(
        max_examples=min(ROUND, child.inputs - child.done),
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @seed(number)
    @given(inputs(child.target))
    def hostile(data: bytes) -> None:
        if not child.over():
            child.one(data)

    hostile()


def by_coverage(child: Child, number: int) -> None:
    """libFuzzer's way; it ends the process itself."""
    corpus = child.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for data in child.target.seeds():
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    limits = [f"-runs={child.inputs}", f"-max_total_time={max(1, int(child.until - time.monotonic()))}"]
    # A limit is watched by the parent, which goes on afterwards.
    limits += [
        "-timeout=360000",
        "-rss_limit_mb=0",
        f"-max_len={child.target.length_max}",
        f"-seed={number}",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], child.one)
    atheris.Fuzz()


def main() -> None:
    name, engine, most, seconds, number, folder, limits = sys.argv[1:]
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with atheris.instrument_imports(include=["stream"]) if engine == COVERAGE else nullcontext():
        target = load(name)
    child = Child(target, int(most), Path(folder), time.monotonic() + float(seconds), Limits(**json.loads(limits)))
    {COVERAGE: by_coverage, HYPOTHESIS: by_hypothesis}[engine](child, int(number))
    child.report()


if __name__ == "__main__":
    main()
