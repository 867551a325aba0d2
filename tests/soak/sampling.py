"""One look at the service: memory, descriptors, threads, tasks, lag and how many clips went through."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx
import psutil

from stream.ports import Broker, BrokerUnavailable
from tests.soak.feed import GROUP, TOPICS
from tests.soak.service import Running

MIB = 2**20


@dataclass(frozen=True)
class Sample:
    """Memory in MiB, resident and unique (nobody else has a part in it); ``inference_*`` is of all that hear clips."""

    seconds: float
    parent_rss: float
    parent_uss: float
    inference_rss: float
    inference_uss: float
    inference_pid: int
    parent_descriptors: int
    inference_descriptors: int
    parent_threads: int
    inference_threads: int
    tasks: int
    lag: int
    clips: int
    replaced: int
    shedding: int


class Sampler:
    """Takes samples of a running service."""

    def __init__(self, running: Running, broker: Broker) -> None:
        self._running, self._broker = running, broker
        self._began = time.monotonic()
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=20.0)

    async def sample(self) -> Sample | None:
        """None where no inference process runs just now, or somebody does not answer in time: there is another look."""
        try:
            told = _values((await self._client.get("/metrics")).text)
            ends, done = await self._broker.end_offsets(TOPICS.raw), await self._broker.committed(TOPICS.raw, GROUP)
            parent, inference = self._running.family()
            if told.get("clipveil_inference_processes", 0) and not inference:
                return None
            of_parent, of_inference = _look(parent), [_look(process) for process in inference]
        except (psutil.NoSuchProcess, httpx.HTTPError, BrokerUnavailable):
            return None
        rss, uss, descriptors, threads = (sum(column) for column in zip((0, 0, 0, 0), *of_inference, strict=True))
        return Sample(
            seconds=round(time.monotonic() - self._began, 1),
            parent_rss=round(of_parent[0] / MIB, 2),
            parent_uss=round(of_parent[1] / MIB, 2),
            inference_rss=round(rss / MIB, 2),
            inference_uss=round(uss / MIB, 2),
            inference_pid=inference[0].pid if inference else 0,
            parent_descriptors=of_parent[2],
            inference_descriptors=descriptors,
            parent_threads=of_parent[3],
            inference_threads=threads,
            tasks=int(told["clipveil_tasks"]),
            lag=sum(ends.values()) - sum(done.values()),
            clips=int(told["clipveil_published_total"] + told["clipveil_withheld_total"]),
            replaced=int(told["clipveil_inference_replaced_total"]),
            shedding=int(told["clipveil_memory_shedding"]),
        )


def _look(process: psutil.Process) -> tuple[int, int, int, int]:
    """Resident and unique bytes, descriptors, threads."""
    with process.oneshot():
        memory = process.memory_full_info()
        return memory.rss, memory.uss, process.num_fds(), process.num_threads()


def _values(text: str) -> dict[str, float]:
    """Of each metric, the sum over its labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found
