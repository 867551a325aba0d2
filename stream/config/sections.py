"""The settings by section. What each one means is written beside it and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stream.config.audit import AuditSettings
from stream.config.base import Count, Port, Seconds, Section
from stream.config.detecting import NameSettings, PolicySettings, RecogniserSettings, SpeakerSettings
from stream.config.erasing import ErasingSettings
from stream.config.labelling import AnonymitySettings
from stream.config.objects import ObjectsSettings
from stream.config.outside import KafkaSettings, RegistrySettings, TopicSettings
from stream.config.sampling import SamplingSettings
from stream.config.standing import ConsentSettings
from stream.config.tokens import TokenSettings
from stream.config.traces import TraceSettings

Share = Annotated[float, Field(gt=0, le=1)]


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class EngineSettings(Section):
    """The processes that hear the clips."""

    processes: Count = Field(default_factory=_cores)
    """Inference processes of one thread each. Default: one a core; set it where a container's CPU limit is lower."""
    clip_seconds_max: Seconds = 30.0
    """A clip that takes longer is withheld, and its process killed and replaced."""
    start_seconds_max: Seconds = 180.0
    """A process that has not loaded its models by then has failed to start."""
    start_attempts_max: Count = 3
    """After this many failed starts in a row of a replacement process the service stops with an error."""
    recycle_clips: Count = 2000
    """A process is replaced after this many clips, so that no memory keeps what it heard for long."""
    recycle_growth_bytes: Count = 1024 * 1024 * 1024
    """A process that has grown by more than this since its models were loaded is replaced after its clip."""


class WorkerSettings(Section):
    """How much the worker holds, and when it gives up."""

    partition_records_max: Count = 16
    """Most records of one partition between poll and commit."""
    records_in_flight_max: Count = 32
    """Most records held at once, over all partitions; a drain has to wait for so many."""
    bytes_in_flight_max: Count = 256 * 1024 * 1024
    """Most bytes of events held at once, over all partitions."""
    batch_records_max: Count = 32
    """Most records in one transaction."""
    event_bytes_max: Count = 8 * 1024 * 1024
    """Larger events are withheld."""
    faults_in_a_row_max: Count = 20
    """After so many clips in a row that were withheld because of the machinery, the worker stops with an error."""
    bad_share_max: Share = 0.5
    """The worker stops, and what comes next waits, where this share of a partition's last records can't be read \
(schema, Avro, size; of heard clips the audio): the producer is broken, or something of ours. 1 never stops it."""
    bad_window: Count = 200
    """So many last records of a partition count for `bad_share_max`."""
    bad_records_min: Count = 50
    """Fewer bad records than these never stop the worker."""
    bad_accepted: dict[int, int] = Field(default_factory=dict)
    """Partition -> last offset up to which bad records are withheld and don't count: for whoever has looked at them. \
JSON in the environment."""
    commit_failures_in_a_row_max: Count = 10
    """After so many failed transactions of one partition in a row, the worker stops with an error. Brokers that do not
    answer are waited for, however long."""
    drain_seconds_max: Seconds = 20.0
    """After SIGTERM, how long clips that were begun may take to be committed; the rest is done again by others."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.bad_records_min > self.bad_window:
            yield "bad_records_min", "must be at most bad_window"


class MemorySettings(Section):
    """What the whole service may use, its inference processes included; see docs/resources.md."""

    bytes_max: Annotated[int, Field(ge=0)] = 0
    """The limit; 0: that of the service's cgroup, which is what a container's memory limit is. None there: no limit."""
    high_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Above this share of the limit nothing more is polled, and the largest inference process is replaced."""
    low_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Below this share it goes on."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.low_share > self.high_share:
            yield "low_share", "must be at most high_share"


class HttpSettings(Section):
    """The small HTTP server for probes and metrics."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` in a container. Neither probes nor metrics hold content."""
    port: Port = 8080
    """Port to listen on; 0 takes a free one."""
    stalled_seconds_max: Seconds = 300.0
    """/livez fails when clips are waiting and none has been finished for this long, or when for this long memory was
    short with nothing in flight. What waits for consent, the registry or a key fails /readyz instead."""


class LogSettings(Section):
    """The log: JSON lines on stderr, of a closed list of events and keys."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is written. No level writes content."""


class Settings(Section):
    """All settings."""

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    registry: RegistrySettings = RegistrySettings()
    speakers: SpeakerSettings = SpeakerSettings()
    names: NameSettings = NameSettings()
    recogniser: RecogniserSettings = RecogniserSettings()
    policy: PolicySettings = PolicySettings()
    consent: ConsentSettings = ConsentSettings()
    sampling: SamplingSettings = SamplingSettings()
    tokens: TokenSettings = TokenSettings()
    anonymity: AnonymitySettings = AnonymitySettings()
    erasing: ErasingSettings = ErasingSettings()
    objects: ObjectsSettings = ObjectsSettings()
    engine: EngineSettings = EngineSettings()
    worker: WorkerSettings = WorkerSettings()
    memory: MemorySettings = MemorySettings()
    audit: AuditSettings = AuditSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    traces: TraceSettings = TraceSettings()

    def without_secrets(self) -> Settings:
        """What an inference process is told: nothing with which it could reach a broker or make a token."""
        return Settings(speakers=self.speakers, names=self.names, recogniser=self.recogniser, policy=self.policy)
