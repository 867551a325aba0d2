"""The log lets listed events and fitting values through, and nothing else, whoever logs."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.ops import log
from stream.ops.log import KEYS, Event
from stream.wire.avro import frame

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log of this process, put back as it was afterwards."""
    root, hooks = logging.getLogger(), (sys.excepthook, sys.unraisablehook)
    handlers, level, last = list(root.handlers), root.level, logging.lastResort
    factory = logging.getLogRecordFactory()
    import threading

    thread_hook = threading.excepthook
    written = io.StringIO()
    log.configure("INFO", written)
    yield written
    import structlog

    structlog.reset_defaults()
    root.handlers[:], logging.lastResort = handlers, last
    root.setLevel(level)
    logging.setLogRecordFactory(factory)
    logging.captureWarnings(False)
    sys.excepthook, sys.unraisablehook = hooks
    threading.excepthook = thread_hook


def records(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_no_careless_call_leaks() -> None:
    """Content in events, keys, exceptions, foreign loggers at DEBUG, warnings, threads, tasks and destructors."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.ops.log_with_canaries"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "canary" not in done.stdout + done.stderr.replace("log_with_canaries", "")
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"unlisted", "started", "failed", "library_message", "uncaught"} <= {line["event"] for line in told}
    assert {"aiokafka", "presidio-analyzer", "asyncio", "early"} <= {line.get("logger") for line in told}
    assert ["RuntimeError"] == [line["error"] for line in told if line["event"] == "uncaught"][-1:]


def test_a_handler_that_somebody_adds_later_has_nothing_to_print(lines: io.StringIO) -> None:
    """Neither message nor arguments, exception or stack, at any level."""
    printed = io.StringIO()
    library = logging.getLogger("aiokafka.conn")
    handler = logging.StreamHandler(printed)
    library.addHandler(handler)
    library.setLevel(logging.DEBUG)
    try:
        library.debug("record %s", "canary")
        library.error("canary", exc_info=ValueError("canary"), stack_info=True)
    finally:
        library.removeHandler(handler)
        library.setLevel(logging.NOTSET)
    assert [log.NOT_TOLD, log.NOT_TOLD] == printed.getvalue().splitlines()


def test_listed_keys_come_through(lines: io.StringIO) -> None:
    """A good line says all that it was given."""
    given = {"topic": "clips.raw", "partition": 3, "error": "KeyError", "cause": "timed_out", "seconds": 0.25}
    log.get().info(Event.INFERENCE_REPLACED, **given)
    (line,) = records(lines)
    assert given | {"event": "inference_replaced", "level": "info"} == {
        k: v for k, v in line.items() if k != "timestamp"
    }


def test_what_is_dropped_is_counted() -> None:
    """Dropped keys are told in the line and to whoever counts."""
    dropped: list[int] = []
    written = io.StringIO()
    log.configure("INFO", written, dropped.append)
    log.get().info(Event.STARTED, name="x", body="y", port=1)
    assert [2] == dropped
    assert 2 == records(written)[0]["dropped"]


def test_levels_below_the_chosen_one_are_silent(lines: io.StringIO) -> None:
    """INFO writes no DEBUG."""
    log.get().debug(Event.STARTED)
    assert "" == lines.getvalue()


@pytest.mark.parametrize("key", sorted(KEYS))
def test_no_key_takes_a_sentence(key: str, lines: io.StringIO) -> None:
    """No rule lets through what somebody might have said, nor anything long, nor an object."""
    for said in ("call my sister Ann", "x" * 1000, "line\nbreak", ["a"], {"a": 1}, b"bytes"):
        log.get().info(Event.STARTED, **{key: said})
    assert all(key not in line for line in records(lines))


def test_a_library_that_repeats_itself_does_not_flood(lines: io.StringIO) -> None:
    """The 1st, 2nd, 4th, 8th ... message of a logger is told, with the number of those before it."""
    for _ in range(100):
        logging.getLogger("noisy").warning("again")
    assert [0, 1, 3, 7, 15, 31, 63] == [line["suppressed"] for line in records(lines)]


def test_an_exception_is_told_by_class_and_place(lines: io.StringIO) -> None:
    """``fault`` names the innermost line of ours."""
    try:
        log.configure("no such level", lines)
    except KeyError as error:
        told = log.fault(error)
    assert "KeyError" == told["error"]
    assert re.fullmatch(r"stream\.ops\.log:\d+", str(told["where"]))


def test_the_place_of_an_exception_is_one_of_ours() -> None:
    """Although a library raised it: the line that called it is told."""
    with pytest.raises(ValueError) as caught:
        frame("no GUID", b"")
    assert re.fullmatch(r"stream\.wire\.avro:\d+", str(log.fault(caught.value)["where"]))


def test_a_value_that_is_too_long_is_dropped(lines: io.StringIO) -> None:
    """However well it fits otherwise."""
    log.get().warning(Event.UNCAUGHT, where=f"stream{'.a' * 150}:1")
    assert [("uncaught", 1)] == [(line["event"], line["dropped"]) for line in records(lines)]


def test_a_library_that_keeps_its_lines_to_itself_is_routed_too(lines: io.StringIO) -> None:
    """One that has a handler of its own, and lets nothing through to the root."""
    library = logging.getLogger("of_its_own")
    own = io.StringIO()
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    log.configure("INFO", lines)
    library.warning("canary")
    assert [("library_message", "of_its_own")] == [(line["event"], line["logger"]) for line in records(lines)]
    assert "" == own.getvalue()


def test_every_event_that_the_service_logs_is_listed() -> None:
    """Log calls name events through Event, and only keys that the list has."""
    calls = [
        (path.name, call)
        for path in (ROOT / "stream").rglob("*.py")
        for call in re.findall(r"log\.get\(\)\.\w+\(([^()]*(?:\([^()]*\)[^()]*)*)\)", path.read_text(encoding="utf-8"))
        + re.findall(r"(?<![.\w])get\(\)\.\w+\(([^()]*(?:\([^()]*\)[^()]*)*)\)", path.read_text(encoding="utf-8"))
    ]
    assert calls
    unlisted = [
        (file, call)
        for file, call in calls
        if not re.match(r"\s*(log\.)?Event\.[A-Z_]+", call) or set(re.findall(r"(?:^|[\s,])(\w+)=", call)) - KEYS.keys()
    ]
    assert [] == unlisted


def test_every_listed_event_is_logged_somewhere() -> None:
    """The list is what an operator may meet: nothing on it is left over."""
    said = {
        name
        for path in (ROOT / "stream").rglob("*.py")
        for name in re.findall(r"\bEvent\.([A-Z_]+)", path.read_text(encoding="utf-8"))
    }
    assert set(Event.__members__) == said
