"""What the pool takes from a process: outcomes built field by field, for the job that was asked, or nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from stream.clip import Coordinates, CriticalKind, Effort, Job, Precision, Published, Reason, Withheld
from stream.inference.frames import (
    HEADER_BYTES_MAX,
    PREFIX,
    Frame,
    MalformedFrame,
    Start,
    job_frame,
    job_of,
    lengths,
    not_ready_frame,
    outcome_frame,
    outcome_of,
    start_frame,
    start_of,
    unpack,
)
from tests.values import HOUR, LABEL

HERE = Coordinates("clips.raw", 3, 7)
EFFORT = Effort(8.0, 3.5, {"decode": 0.25}, {"PERSON": 2})


def through(frame: Frame) -> Frame:
    """The frame as the other side reads it."""
    packed = frame.pack()
    header, body = lengths(packed[: PREFIX.size])
    return unpack(packed[PREFIX.size : PREFIX.size + header], packed[-body:] if body else b"")


@pytest.mark.parametrize(
    "outcome",
    [
        Published(HERE, "f00d", 1_780_000_000_000, b"\x00body", "7", EFFORT, length=2),
        Withheld(HERE, Reason.NO_CONSENT, "7", effort=EFFORT),
        Withheld(HERE, Reason.INTERNAL_ERROR, "7", "ValueError"),
        Published(HERE, "f00d", 0, b"body", "7", critical=(CriticalKind.FINANCIAL, CriticalKind.HEALTH)),
        Withheld(HERE, Reason.CRITICAL, "7", critical=(CriticalKind.CHILDREN,)),
        Withheld(HERE, Reason.CRITICAL, "7", critical=(CriticalKind.DISTRESS,), escalated=True),
    ],
)
def test_outcomes_come_through(outcome: Published | Withheld) -> None:
    """Every field arrives."""
    assert outcome == outcome_of(through(outcome_frame(outcome)), HERE)


def test_jobs_and_starts_come_through() -> None:
    """What a process is told arrives."""
    by_length = ((1.0, HOUR), (60.0, replace(HOUR, precision=Precision.DAY, seconds=60.0)))
    job = Job(HERE, '{"type": "string"}', b"\x00body", replace(LABEL, by_length=by_length, account_token="a" * 32))
    assert job == job_of(through(job_frame(job)))
    for audio in (b"RIFF", b""):  # of a store; what is empty was fetched all the same
        fetched = replace(job, audio=audio)
        assert fetched == job_of(through(job_frame(fetched)))
    start = Start("module:function", {"policy": {"version": "7"}}, "/run/owner")
    assert (start, 42) == start_of(through(start_frame(start, 42)))


def test_an_outcome_is_for_the_job_that_was_asked() -> None:
    """A process can't answer for another record: it does not name coordinates at all."""
    elsewhere = Coordinates("clips.raw", 0, 0)
    assert elsewhere == outcome_of(outcome_frame(Withheld(HERE, Reason.NO_CONSENT, "7")), elsewhere).coordinates


GOOD = dict(outcome_frame(Withheld(HERE, Reason.NO_CONSENT, "7", effort=EFFORT)).header)


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "canary"},
        {"reason": ["no_consent"]},
        {"audio_seconds": "canary"},
        {"stage_seconds": ["canary"]},
        {"stage_seconds": {"decode": "canary"}},
        {"identifiers": {"PERSON": "canary"}},
        {"audio_seconds": math.nan},
        {"kept_seconds": -1.0},
        {"stage_seconds": {"decode": math.inf}},
        {"stage_seconds": {"decode": math.nan}},
        {"stage_seconds": {"decode": 1e300}},
        {"identifiers": {"PERSON": -1}},
        {"identifiers": None},
        {"critical": ["canary"]},
        {"critical": "canary"},
        {"critical": None},
        {"critical": [["health"]]},
        {"critical": ["health"]},  # and the reason is another
        {"escalated": True},
        {"escalated": "canary"},
        {"escalated": 0},
        {"stage_seconds": {"gate": float("inf")}},  # so does whoever lays the stages of a trace out
        {"stage_seconds": {"gate": "1"}},
        {"reason": "critical"},  # of no kind
        {"reason": "critical", "escalated": True},
    ],
)
def test_what_is_no_outcome_is_refused(change: dict[str, Any]) -> None:
    """The reason is one of the list and numbers are numbers; the refusal quotes nothing."""
    with pytest.raises(MalformedFrame) as caught:
        outcome_of(Frame(GOOD | change), HERE)
    assert "canary" not in repr(caught.value) + str(caught.value.__cause__)


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_an_outcome_without_a_field_is_refused(missing: str) -> None:
    """Nothing is filled in."""
    with pytest.raises(MalformedFrame):
        outcome_of(Frame({name: value for name, value in GOOD.items() if name != missing}), HERE)


def test_a_fault_is_a_class_name_or_nothing() -> None:
    """A message in its place does not get through."""
    withheld = outcome_of(Frame(GOOD | {"fault": "heard canary"}), HERE)
    assert isinstance(withheld, Withheld)
    assert "" == withheld.fault


@pytest.mark.parametrize("header", [b"canary", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_header_that_is_no_object_is_refused(header: bytes) -> None:
    """Neither bad JSON nor another value."""
    with pytest.raises(MalformedFrame):
        unpack(header, b"")


def test_a_frame_beyond_the_bounds_is_refused() -> None:
    """A length is believed only within bounds: it decides how much memory is taken."""
    with pytest.raises(MalformedFrame):
        lengths(PREFIX.pack(HEADER_BYTES_MAX + 1, 0))
    with pytest.raises(MalformedFrame):
        lengths(b"\xff" * PREFIX.size)


def test_why_a_process_is_not_ready_is_told_in_bounds() -> None:
    """Class and the beginning of the message: no clip was heard yet."""
    header = not_ready_frame(ValueError("x" * 10_000)).header
    assert ("ValueError", 500) == (header["error"], len(header["message"]))


def test_frames_print_nothing_of_what_they_hold() -> None:
    """repr of frames and starts has no content."""
    start = Start("m:f", {"x": "canary"})
    assert "canary" not in repr([Frame({"schema": "canary"}, b"canary"), start])
    assert json.dumps({"reason": "no_consent"}) not in repr(Frame(GOOD))
