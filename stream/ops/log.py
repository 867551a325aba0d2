"""The log: JSON lines of a closed list of events and keys, each key with a rule for its values.

What is not listed is dropped and counted, so that a careless log call loses a line and leaks nothing. Exceptions are
told by class name and place in our code, never by message or traceback, since both may quote a clip. Loggers of
libraries are told by name and level only: at DEBUG some of them print whole records.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, MutableMapping
from enum import StrEnum
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, TextIO

import structlog

LEVELS = MappingProxyType({"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40})
LIBRARY_LEVEL = logging.WARNING
NOT_TOLD = "(what a library says is not told)"
TEXT_MAX = 249  # of any value; a topic's name is the longest that is allowed


class Event(StrEnum):
    """All that a log line can be about."""

    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    WAITING_FOR_BROKER = "waiting_for_broker"
    PARTITIONS_ASSIGNED = "partitions_assigned"
    PARTITIONS_REVOKED = "partitions_revoked"
    PARTITION_FENCED = "partition_fenced"
    COMMIT_FAILED = "commit_failed"
    INFERENCE_STARTED = "inference_started"
    INFERENCE_REPLACED = "inference_replaced"
    INFERENCE_START_FAILED = "inference_start_failed"
    SCHEMA_REGISTERED = "schema_registered"
    REGISTRY_UNAVAILABLE = "registry_unavailable"  # records wait until it answers
    OBJECTS_UNAVAILABLE = "objects_unavailable"  # clips wait until the object store answers
    LIBRARY_MESSAGE = "library_message"
    UNCAUGHT = "uncaught"
    TOO_MANY_FAULTS = "too_many_faults"  # clip after clip withheld because of the machinery: the worker stops
    TOO_MANY_BAD = "too_many_bad"  # so much of a partition can't be read that its records wait: the worker stops
    RECORDS_GONE = "records_gone"  # deleted by their topic's retention before anybody read them
    STANDING_UNKNOWN = "standing_unknown"  # nothing is published until somebody can say who has opted out
    STANDING_UNREACHABLE = "standing_unreachable"  # consent or recalls are not followed for now: tried again
    STANDING_UNREADABLE = "standing_unreadable"  # records that count as an opt-out, or a recall
    SNAPSHOT_UNUSABLE = "snapshot_unusable"  # the consent topic is read from its beginning
    SNAPSHOT_FAILED = "snapshot_failed"
    STOP_HANGS = "stop_hangs"  # a connection that does not close is left behind
    AUDIT_SIGNED = "audit_signed"  # a round of heads
    AUDIT_RESENT = "audit_resent"  # heads that the topic lacked and the file has
    AUDIT_BROKEN = "audit_broken"  # a chain that is not signed any more: somebody has to look at it
    REQUEST_WAITS = "request_waits"  # for erasure, or a report: it is not lost, something it needs does not answer
    REQUEST_FAILED = "request_failed"  # refused because of a fault of ours
    LATE_COPY = "late_copy"  # of an account that was recalled before: it is asked for again
    KEY_RING_LOADED = "key_ring_loaded"  # anew: its file has changed
    KEY_RING_LAPSED = "key_ring_lapsed"  # no key is for now: clips wait for the next epoch
    KEY_RING_REFUSED = "key_ring_refused"  # the new file is broken: the old keys stay, but for those that it lacks
    MEMORY_SHEDDING = "memory_shedding"  # near the limit: nothing more is polled until some has come back
    MEMORY_RELIEVED = "memory_relieved"
    MEMORY_STUCK = "memory_stuck"  # nothing is in flight and no memory comes back: somebody has to look at it
    MEMORY_UNLIMITED = "memory_unlimited"  # neither a setting nor a cgroup has a limit: nothing is shed
    CERTIFICATES_RENEWED = "certificates_renewed"  # their files have changed: new connections use them
    CERTIFICATES_UNUSABLE = "certificates_unusable"  # the new ones: those that were there before stay in force
    TRACES_LOST = "traces_lost"  # the collector does not take them; clips go on without
    UNLISTED = "unlisted"  # an event that this list does not have


Rule = Callable[[object], bool]


def _number(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _matching(pattern: str) -> Rule:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and len(value) <= TEXT_MAX and compiled.fullmatch(value) is not None


_NAME = _matching(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")  # of a class, a module, a logger

_EVENTS = frozenset(Event)

KEYS: Mapping[str, Rule] = MappingProxyType(
    {
        # where, and how much
        "topic": _matching(r"[A-Za-z0-9._-]{1,249}"),  # comes from the settings, not from a record
        "brokers": _matching(r"[A-Za-z0-9._:,\[\]-]{1,249}"),  # so do they
        "partition": _number,
        "partitions": _number,
        "offset": _number,
        "records": _number,
        "seconds": _number,
        "attempt": _number,
        "attempts": _number,
        # who says so, and what went wrong
        "error": _NAME,
        "where": _matching(r"stream[a-z_.]*:[0-9]{1,5}"),
        "logger": _matching(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"),
        "source_level": _NAME,
        "cause": _matching("recycled|memory|timed_out|died"),  # of a process's end
        "suppressed": _number,
        "right": _matching(
            r"(Create|Describe|DescribeConfigs|Read|Write) on "
            r"(a )?(topic|group|transactional-id)( [A-Za-z0-9._-]{1,249}(, [A-Za-z0-9._-]{1,249})*)?"
        ),  # that we lack; the names come from the settings
        # the service
        "port": _number,
        "pid": _number,
        "processes": _number,
        "schema_id": _number,
        "used_bytes": _number,
        "limit_bytes": _number,
        # the audit
        "sequence": _number,
        "heads": _number,
        # traces: of reasons only those of the machinery, which say nothing of a clip
        "outcome": _matching("published|withheld"),
        "reason": _matching("timed_out|inference_died|detector_failed|internal_error"),
        "status": _number,
        # its keys
        "epochs": _number,
        "problems": _number,
    }
)


class Logger(Protocol):
    """What the rest of the service logs with."""

    def debug(self, event: str, **values: object) -> object: ...

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...

    def error(self, event: str, **values: object) -> object: ...


def configure(
    level: str = "INFO", stream: TextIO | None = None, on_dropped: Callable[[int], None] | None = None
) -> None:
    """Make every log line of this process, ours and the libraries', go through the allow-list to ``stream`` (stderr).

    ``on_dropped`` is told how many keys or events were dropped from a line.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _AllowList(on_dropped or (lambda _: None)),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_libraries()
    _route_uncaught()


def get() -> Logger:
    """The logger. Pass an ``Event`` and keys of ``KEYS``; all else is dropped."""
    logger: Logger = structlog.get_logger()
    return logger


def fault(error: BaseException) -> dict[str, object]:
    """The keys that tell of an exception: class name, and the innermost line of ours. Never its message."""
    values: dict[str, object] = {"error": type(error).__name__}
    place = _place(error.__traceback__)
    return values | ({"where": place} if place else {})


def missing(error: object) -> dict[str, object]:
    """The right that an error of ours, or its text, names in its brackets, if it does (``ports.NoRight``)."""
    found = re.search(r"\(([^()]+ on [^()]+)\)$", str(error))
    return {} if found is None else {"right": found[1]}


def _place(traceback: TracebackType | None) -> str | None:
    place = None
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.split(".")[0] == "stream":
            place = f"{module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


class _AllowList:
    """The processor that lets only listed keys with fitting values through."""

    def __init__(self, on_dropped: Callable[[int], None]) -> None:
        self._on_dropped = on_dropped

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        kept = {key: line[key] for key in ("level", "timestamp") if key in line}
        kept |= {key: value for key, value in line.items() if key in KEYS and KEYS[key](value)}
        dropped = len(line.keys() - kept.keys() - {"event"})
        event = line.get("event")
        if isinstance(event, str) and event in _EVENTS:
            kept["event"] = str(event)
        else:
            kept["event"] = Event.UNLISTED.value
            dropped += 1
        if dropped:
            kept["dropped"] = dropped
            self._on_dropped(dropped)
        return kept


class _NameOnly(logging.Handler):
    """Tells that a library logged something, and how severe it was; what it said may be a record."""

    def __init__(self) -> None:
        super().__init__(LIBRARY_LEVEL)
        self._seen: dict[tuple[str, str], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        said = (record.name, record.levelname)
        count = self._seen[said] = self._seen.get(said, 0) + 1
        if count & (count - 1):  # the 1st, 2nd, 4th, 8th ... time only
            return
        get().warning(Event.LIBRARY_MESSAGE, logger=record.name, source_level=record.levelname, suppressed=count - 1)


def _nothing_said(*given: Any, **named: Any) -> logging.LogRecord:
    """A record of a library without what it said, also for handlers added later; ``extra`` comes after us."""
    record = logging.LogRecord(*given, **named)
    record.msg, record.args, record.exc_info, record.exc_text, record.stack_info = NOT_TOLD, (), None, None, None
    return record


def _route_libraries() -> None:
    logging.setLogRecordFactory(_nothing_said)
    root = logging.getLogger()
    root.handlers[:] = [_NameOnly()]
    root.setLevel(LIBRARY_LEVEL)
    for name in list(logging.root.manager.loggerDict):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.NOTSET)
    logging.captureWarnings(True)
    warnings.simplefilter("ignore")
    logging.lastResort = None


def _route_uncaught() -> None:
    """Exceptions that nobody caught: Python prints their message and source lines, we print the class name."""

    def tell(error: BaseException | None) -> None:
        get().error(Event.UNCAUGHT, **(fault(error) if error is not None else {}))

    sys.excepthook = lambda _kind, error, _traceback: tell(error)
    threading.excepthook = lambda arguments: tell(arguments.exc_value)
    sys.unraisablehook = lambda arguments: tell(arguments.exc_value)
