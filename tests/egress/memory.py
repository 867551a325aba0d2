"""Searches the memory of a running process, as root may."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_PART = 16 * 2**20
_MAPPED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")


def occurrences(pid: int, canaries: Sequence[bytes]) -> Counter[bytes]:
    """How often each of ``canaries`` lies in writable memory; one that lies across two parts is passed over."""
    counted: Counter[bytes] = Counter(dict.fromkeys(canaries, 0))
    mapped = [
        (int(match[1], 16), int(match[2], 16))
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
        if (match := _MAPPED.match(line))
    ]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in mapped:
            for place in range(start, end, _PART):
                try:
                    memory.seek(place)
                    content = memory.read(min(_PART, end - place))
                except (OSError, OverflowError):  # a guard page, or what the kernel keeps to itself
                    continue
                for canary in canaries:
                    counted[canary] += content.count(canary)
    return counted
