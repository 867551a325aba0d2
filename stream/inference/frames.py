"""What the pool and its processes say to each other: a JSON header and bytes, both length-prefixed and bounded.

Nothing is pickled. The pool takes only what ``outcome_of`` builds, field by field, and gives it the coordinates of
the job itself, so that a process can't answer for another clip.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stream.clip import (
    Coarse,
    Coordinates,
    CriticalKind,
    Effort,
    Job,
    Label,
    Outcome,
    Precision,
    Published,
    Reason,
    Withheld,
)

PREFIX = struct.Struct(">II")
HEADER_BYTES_MAX = 8 * 1024 * 1024
BODY_BYTES_MAX = 512 * 1024 * 1024
AMOUNT_MAX = 1e9  # of seconds, or of identifiers, in one clip


class MalformedFrame(Exception):
    """The other side does not speak as agreed; carries nothing of what it said."""


@dataclass(frozen=True)
class Frame:
    """One message; ``header`` is JSON."""

    header: Mapping[str, Any] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def pack(self) -> bytes:
        header = json.dumps(self.header).encode()
        return PREFIX.pack(len(header), len(self.body)) + header + self.body


@dataclass(frozen=True)
class Start:
    """How a process is made: ``builder`` is ``module:function`` and gets ``settings`` (JSON-like, no secrets).

    ``owner`` is the Unix socket of the process that owns the GPU, "" where each process hears for itself.
    """

    builder: str
    settings: Mapping[str, Any] = field(repr=False)
    owner: str = ""


def lengths(prefix: bytes) -> tuple[int, int]:
    """Of header and body. Raises MalformedFrame above the bounds."""
    header, body = PREFIX.unpack(prefix)
    if header > HEADER_BYTES_MAX or body > BODY_BYTES_MAX:
        raise MalformedFrame
    return header, body


def unpack(header: bytes, body: bytes) -> Frame:
    """A frame from its two parts. Raises MalformedFrame."""
    try:
        values = json.loads(header)
    except (ValueError, RecursionError):
        raise MalformedFrame from None
    if not isinstance(values, dict):
        raise MalformedFrame
    return Frame(values, body)


# ------------------------------------------------------------------ start
def start_frame(start: Start, parent_pid: int) -> Frame:
    """The first frame that a process gets. No frame has a key in it."""
    told = {"builder": start.builder, "settings": dict(start.settings), "owner": start.owner}
    return Frame(told | {"parent_pid": parent_pid})


def start_of(frame: Frame) -> tuple[Start, int]:
    """The start, and the pid of the pool's process."""
    values = frame.header
    return Start(values["builder"], values["settings"], values["owner"]), values["parent_pid"]


def ready_frame() -> Frame:
    """The models are loaded and have run once."""
    return Frame({"ready": True})


def not_ready_frame(error: BaseException) -> Frame:
    """No clip has been heard yet, so the message may be told."""
    return Frame({"ready": False, "error": type(error).__name__, "message": str(error)[:500]})


# ------------------------------------------------------------------ job
def job_frame(job: Job) -> Frame:
    """A clip event to be de-identified."""
    at = job.coordinates
    told = {"at": [at.topic, at.partition, at.offset], "schema": job.writer_schema, "label": _label(job.label)}
    fetched = None if job.audio is None else len(job.body)  # where the audio begins that is no part of the event
    return Frame(told | {"audio_at": fetched}, job.body + (job.audio or b""))


def job_of(frame: Frame) -> Job:
    """The job in a frame of ``job_frame``: the pool's word is taken as it is."""
    told, at = frame.header, frame.header["audio_at"]
    body, audio = (frame.body, None) if at is None else (frame.body[:at], frame.body[at:])
    return Job(Coordinates(*told["at"]), told["schema"], body, _label_of(told["label"]), audio)


def _label(label: Label) -> dict[str, Any]:
    lengths = [
        [seconds, of.captured.isoformat(), of.precision.value, of.language, of.device_family, of.seconds]
        for seconds, of in label.by_length
    ]
    told = {"token": label.token, "campaign": label.campaign, "epoch": label.key_epoch, "by_length": lengths}
    return told | {"account_token": label.account_token}


def _label_of(told: Mapping[str, Any]) -> Label:
    by_length = tuple(
        (up_to, Coarse(datetime.fromisoformat(captured), Precision(precision), language, family, seconds))
        for up_to, captured, precision, language, family, seconds in told["by_length"]
    )
    return Label(told["token"], told["campaign"], told["epoch"], by_length, told["account_token"])


# ------------------------------------------------------------------ outcome
def outcome_frame(outcome: Outcome) -> Frame:
    """The outcome without its coordinates: the pool knows them better."""
    effort = outcome.effort
    header: dict[str, Any] = {
        "policy_version": outcome.policy_version,
        "audio_seconds": effort.audio_seconds,
        "kept_seconds": effort.kept_seconds,
        "stage_seconds": dict(effort.stage_seconds),
        "identifiers": dict(effort.identifiers),
        "critical": list(outcome.critical),
    }
    if isinstance(outcome, Published):
        told = {"token": outcome.token, "timestamp_ms": outcome.timestamp_ms, "length": outcome.length}
        return Frame(header | told, outcome.body)
    return Frame(header | {"reason": outcome.reason.value, "fault": outcome.fault, "escalated": outcome.escalated})


def outcome_of(frame: Frame, coordinates: Coordinates) -> Outcome:
    """The outcome of the job at ``coordinates``. Raises MalformedFrame."""
    values = frame.header
    try:
        effort = Effort(
            _amount(values["audio_seconds"]),
            _amount(values["kept_seconds"]),
            {str(stage): _amount(seconds) for stage, seconds in values["stage_seconds"].items()},
            {str(entity_type): int(_amount(found)) for entity_type, found in values["identifiers"].items()},
        )
        version = str(values["policy_version"])
        critical = tuple(kind for kind in CriticalKind if kind in {CriticalKind(told) for told in values["critical"]})
        if "reason" in values:
            reason, fault, escalated = Reason(values["reason"]), _class_name(values["fault"]), values["escalated"]
            if (
                not isinstance(escalated, bool)
                or (reason is Reason.CRITICAL) != bool(critical)
                or escalated > bool(critical)
            ):
                raise MalformedFrame
            return Withheld(coordinates, reason, version, fault, effort, critical, escalated)
        token, timestamp_ms, length = str(values["token"]), int(values["timestamp_ms"]), int(values["length"])
        return Published(coordinates, token, timestamp_ms, frame.body, version, effort, length, critical)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise MalformedFrame from None


def _amount(told: object) -> float:
    """What is counted after the commit must not fail there: counters take nothing negative, and clocks no infinity."""
    if not isinstance(told, int | float) or not 0 <= told <= AMOUNT_MAX:  # nor is what is no number
        raise MalformedFrame
    return float(told)


def _class_name(fault: object) -> str:
    return fault if isinstance(fault, str) and fault.isidentifier() and len(fault) <= 100 else ""
