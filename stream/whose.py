"""What flows beside the clips: consent, requests, recalls, index entries, the chain of the audit. All frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from stream.clip import Coordinates


# ------------------------------------------------------------------ consent, and what overrides it
@dataclass(frozen=True)
class ConsentChange:
    """An account's word on human review; the newest by ``changed_at`` counts, and "no" where two are as new."""

    account_id: str = field(repr=False)
    human_review: bool
    changed_at: datetime


@dataclass(frozen=True)
class Recall:
    """Clips of an account recorded from ``first`` to ``last`` are not published any more.

    ``account`` is its keyed MAC (16 bytes): the topic names nobody. ``erased`` tells an erasure from the
    neighbourhood of a reported clip.
    """

    account: bytes = field(repr=False)
    first: datetime
    last: datetime
    erased: bool


# ------------------------------------------------------------------ requests
@dataclass(frozen=True)
class ErasureRequest:
    """Erase everything published of an account that was recorded up to ``requested_at``."""

    request_id: str
    account_id: str = field(repr=False)
    requested_at: datetime
    campaign: str = ""  # "" for the one that the keys are of


@dataclass(frozen=True)
class Report:
    """An annotator says "critical, move on" of a published clip."""

    token: str
    reported_at: datetime


# ------------------------------------------------------------------ the index of what was published
@dataclass(frozen=True)
class IndexEntry:
    """What leads from a published token back to its account, sealed wherever it is stored."""

    token: str
    account_id: str = field(repr=False)
    captured_at: datetime
    coordinates: Coordinates
    campaign: str
    key_epoch: str
    uris: tuple[str, ...] = ()  # of objects that hold its audio


# ------------------------------------------------------------------ audit
class Head(NamedTuple):
    """The end of a chain: how many records it has, and the hash of the last one (32 zero bytes before the first)."""

    sequence: int
    digest: bytes


GENESIS = Head(0, bytes(32))


class Resume(NamedTuple):
    """Where the work on an input partition goes on: after this head, at this offset or later."""

    head: Head
    offset: int  # behind the last input that was audited; 0 where none was


AuditRecord = dict[str, Any]  # as the schema ``audit`` has it
