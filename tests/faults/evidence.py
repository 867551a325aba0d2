"""What a world left behind, given to a process of its own to be checked: one world's memory at a time, on all cores."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stream.wire.kafka_connection import KafkaConnection
from tests.contract.stand_ins import Topics
from tests.faults.checker import Checker
from tests.faults.judge import Verdict
from tests.faults.stems import Stem


@dataclass(frozen=True)
class Evidence:
    """Of one world. ``offsets`` are the group's at the end."""

    connection: KafkaConnection
    topics: Topics
    partitions: int
    stem: Stem = field(repr=False)
    folder: Path
    began_ms: int
    offsets: Mapping[int, int]
    workers: tuple[Path, ...]
    brokers: tuple[Path, ...]


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    memory_mb: int  # at most, of the process that checked


def judged(evidence: Evidence) -> Judged:
    """In a process of its own."""
    checker = Checker(
        evidence.connection,
        evidence.topics,
        evidence.partitions,
        evidence.stem,
        evidence.folder,
        evidence.began_ms,
    )
    verdict = asyncio.run(checker.topics(evidence.offsets))
    checker.files(evidence.workers, evidence.brokers)
    return Judged(verdict, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
