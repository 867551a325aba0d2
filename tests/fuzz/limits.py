"""What one input may take, and where a child writes down which one it is at.

Time is the processor's: on a busy machine an input waits for its turn, and that says nothing of it. What never ends
without using the processor is told by the clock, generously. Memory is counted since this programme began: what
``getrusage`` tells begins with the peak of whoever started it, so that a large parent hides any growth.
"""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

STATE = struct.Struct("<QQQI")  # inputs begun; the last one's time and processor time (ns; 0 when it ended), its length
STATE_BYTES = STATE.size + 4096
_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True)
class Limits:
    """Of one input; ``growth`` in bytes, over all inputs of a process."""

    cpu_s: float = 10.0
    still_s: float = 120.0
    growth: int = 512 * 2**20

    def text(self) -> str:
        return json.dumps(asdict(self))


class TooLong(Exception):
    """An input that ended, and took more of the processor than it may."""


def timed(run: Callable[[bytes], str], data: bytes, limits: Limits) -> tuple[str, float]:
    """The outcome, and the seconds of processor time of the whole process."""
    began = time.process_time()
    outcome = run(data)
    took = time.process_time() - began
    if took > limits.cpu_s:
        raise TooLong(f"took more than {limits.cpu_s:g} s of processor time")
    return outcome, took


def memory_peak() -> int:
    """Most bytes that were resident at once, since the programme began or the peak was forgotten."""
    found = _PEAK.search(Path("/proc/self/status").read_bytes())
    if found is None:
        raise OSError("the kernel does not tell VmHWM")
    return int(found[1]) * 1024


def forget_peak() -> None:
    """From here on: a test before may have needed more than any input may."""
    Path("/proc/self/clear_refs").write_text("5")
