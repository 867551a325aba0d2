"""One target in a process of its own: ``python -m tests.fuzz.child TARGET INPUTS SECONDS SEED FOLDER``.

Before every input it writes down which it is and when it began, where the parent sees it, so that an input that hangs
or kills the process is known. Guided by coverage where atheris is installed; otherwise seeds are changed at random.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import mmap
import os
import random
import resource
import sys
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

try:
    import atheris
except ImportError:  # no wheel for this Python
    atheris = None

from tests.fuzz.limits import GROWTH_MAX, STATE, STATE_BYTES, resident_peak
from tests.fuzz.target import Target
from tests.fuzz.targets import load

LEAST_S = 1.0  # between two reports


@dataclass
class Child:
    target: Target
    inputs: int
    folder: Path
    until: float
    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    reported: float = 0.0
    peak: int = 0

    def __post_init__(self) -> None:
        state = self.folder / "state"
        state.write_bytes(bytes(STATE_BYTES))
        with state.open("r+b") as file:
            self.state = mmap.mmap(file.fileno(), STATE_BYTES)

    def one(self, data: bytes) -> None:
        data = data[: self.target.length_max]
        self.state[STATE.size : STATE.size + len(data)] = data
        STATE.pack_into(self.state, 0, self.done + 1, time.monotonic_ns(), len(data))
        try:
            self.outcomes[self.target.run(data)] += 1
        except Exception as broken:
            self._violated(broken, data)
        STATE.pack_into(self.state, 0, self.done + 1, 0, len(data))
        self.done += 1
        self.peak = self.peak or resident_peak()
        if resident_peak() - self.peak > GROWTH_MAX:
            self._violated(MemoryError("grew by more than it may"), data)
            self.report()
            os._exit(3)  # the peak never goes down: the next inputs need a new process
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

    def report(self) -> None:
        self.reported = time.monotonic()
        told = {"inputs": self.done, "outcomes": self.outcomes, "violations": self.violations}
        told["growth_mb"] = round((resident_peak() - self.peak) / 2**20) if self.peak else 0
        aside = self.folder / "report.new"
        aside.write_text(json.dumps(told))
        aside.replace(self.folder / "report.json")


def by_chance(child: Child, seed: int) -> None:
    """The seeds as they are, then with a few bytes changed, joined, or none of theirs."""
    draw, seeds = random.Random(seed), child.target.seeds()
    while child.done < child.inputs and time.monotonic() < child.until:
        if child.done < len(seeds):
            child.one(seeds[child.done])
            continue
        if draw.random() < 0.3:
            child.one(draw.randbytes(draw.randrange(child.target.length_max)))
            continue
        data = bytearray(draw.choice(seeds))
        data += draw.randbytes(draw.randrange(40))
        for _ in range(draw.randrange(1, 12)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        child.one(bytes(data))


def by_coverage(child: Child, seed: int) -> None:
    """libFuzzer's way; it ends the process itself."""
    corpus = child.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for data in child.target.seeds():
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    limits = [f"-runs={child.inputs}", f"-max_total_time={max(1, int(child.until - time.monotonic()))}"]
    # A limit is watched by the parent, which goes on afterwards.
    limits += [
        "-timeout=3600",
        "-rss_limit_mb=0",
        f"-max_len={child.target.length_max}",
        f"-seed={seed}",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], child.one)
    atheris.Fuzz()


def main() -> None:
    name, inputs, seconds, seed, folder = sys.argv[1:6]
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with atheris.instrument_imports(include=["stream"]) if atheris else nullcontext():
        target = load(name)
    child = Child(target, int(inputs), Path(folder), time.monotonic() + float(seconds))
    drive = by_coverage if atheris and "plain" not in sys.argv[6:] else by_chance
    drive(child, int(seed))
    child.report()


if __name__ == "__main__":
    main()
