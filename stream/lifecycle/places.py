"""Who has a place: the clips picked so far, of each account and day and of each hour, as quota and cap need it.

State of one input partition. A pick takes a place in two buckets, of its account's day and of its hour; a bucket is
the digests of the clips that are in it, so that a clip that comes again after a crash finds its place and takes none
anew. What changes goes to a compacted topic, in the transaction of the outcomes:

    key    b"a", day (int32), MAC of account and day (16 bytes)     value  version, 8 bytes a clip
    key    b"h", hour (int32), number of the chunk (uint16)         value  version, 8 bytes a clip
    key    b"f"                                                     value  version, day (int32)

All big-endian; days and hours are counted from 1970, UTC. The last one is the floor: earlier days take nobody any
more. It rises with the newest day of a pick, so it is a matter of the records and of no clock.

Picks are made ahead of the transaction that tells of them, so a changelog may hold clips that are not committed, and
that come again. That changes no pick: those clips find their places, a full bucket stays full, a floor never falls.
Places are therefore kept for a while below the floor too, for longer than records are in flight.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from stream.clip import Reason, Record
from stream.ports import Message

DIGEST_BYTES: Final = 8
MAC_BYTES: Final = 16
CHUNK: Final = 512  # clips of an hour in one record, so that a large hour is not written whole with every pick
REMEMBERED: Final = 4096  # picks asked for before a day below the floor is dropped; a lane holds far fewer records
TOMBSTONES_MAX: Final = 512  # in one transaction; days have many more buckets
_ACCOUNT: Final = struct.Struct(f">ci{MAC_BYTES}s")
_HOUR: Final = struct.Struct(">ciH")
_FLOOR: Final = b"f"
_DAY: Final = struct.Struct(">i")
_VERSION: Final = b"\1"
_LONG_AGO: Final = -(2**31)


class Unreadable(Exception):
    """The changelog holds what this version can't read: nobody knows who has a place."""


class Place(NamedTuple):
    """What a clip asks for. ``hour`` is of its recording, since 1970, UTC; both byte strings are keyed."""

    clip: bytes
    account: bytes
    hour: int

    @property
    def day(self) -> int:
        return self.hour // 24


@dataclass
class _Day:
    """``records`` is what the changelog has of the day, by key; ``hours`` the same of hours, to look clips up."""

    records: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    hours: dict[int, set[bytes]] = field(default_factory=dict, repr=False)
    accounts: int = 0


class Places:
    """The buckets of one input partition. Bounded: so many days, so many accounts (counted once a day)."""

    def __init__(self, topic: str, partition: int, days_kept: int, accounts_max: int) -> None:
        self._topic = topic
        self._partition = partition
        self._days_kept = days_kept
        self._accounts_max = accounts_max
        self._days: dict[int, _Day] = {}
        self._floor = _LONG_AGO
        self._asked = 0
        self._below: dict[int, int] = {}  # day below the floor -> picks asked for when that was seen
        self._changed: dict[bytes, int] = {}  # key -> day

    def take(self, place: Place, quota: int, cap: int | None) -> Reason | None:
        """None where the clip has its places, old or new; else why it has none, and then nothing has changed.

        ``quota`` clips of an account and day (0: any number), ``cap`` of the hour (None: any number).
        """
        self._asked += 1
        key = _ACCOUNT.pack(b"a", place.day, place.account)
        day = self._days.get(place.day) or _Day()
        of_account, of_hour = day.records.get(key, b""), day.hours.get(place.hour, set())
        in_account = not quota or _holds(of_account, place.clip)
        in_hour = cap is None or place.clip in of_hour
        if in_account and in_hour:
            return None
        if place.day < self._floor:  # its buckets may be gone: nobody knows how many it had
            return Reason.QUOTA_REACHED if quota else Reason.CAP_REACHED
        if not in_account and (len(of_account) >= quota * DIGEST_BYTES or (not of_account and self._full(place.day))):
            return Reason.QUOTA_REACHED
        if cap is not None and not in_hour and len(of_hour) >= cap:
            return Reason.CAP_REACHED
        self._add(place, None if in_account else key, in_hour)
        return None

    def _full(self, day: int) -> bool:
        """Whether a further account of that day has no room: an older day would have to go, and there is none."""
        live = self._live()
        return sum(self._days[number].accounts for number in live) >= self._accounts_max and day <= min(live)

    def _live(self) -> list[int]:
        return [number for number, day in self._days.items() if number >= self._floor and day.accounts]

    def _add(self, place: Place, key: bytes | None, in_hour: bool) -> None:
        self._raise_floor(place.day - self._days_kept + 1)
        day = self._days.setdefault(place.day, _Day())
        if key is not None:
            if key not in day.records:
                self._make_room(place.day)
                day.accounts += 1
            day.records[key] = day.records.get(key, b"") + place.clip
            self._changed[key] = place.day
        if not in_hour:
            of_hour = day.hours.setdefault(place.hour, set())
            chunk = _HOUR.pack(b"h", place.hour, len(of_hour) // CHUNK)
            day.records[chunk] = day.records.get(chunk, b"") + place.clip
            of_hour.add(place.clip)
            self._changed[chunk] = place.day

    def _make_room(self, day: int) -> None:
        """For one account more: the oldest days go early, never ``day`` itself."""
        while (live := self._live()) and min(live) < day:
            if sum(self._days[number].accounts for number in live) < self._accounts_max:
                return
            self._raise_floor(min(live) + 1)

    def _raise_floor(self, floor: int) -> None:
        if floor > self._floor:
            self._floor = floor
            self._changed[_FLOOR] = floor

    # -------------------------------------------------------------- the changelog
    def changes(self) -> Sequence[Message]:
        """The buckets that changed since the last call, as they are now, and tombstones for what is dropped."""
        changed, self._changed = self._changed, {}
        written = [self._message(key, _VERSION + self._value(key, day)) for key, day in changed.items()]
        return written + [self._message(key, None) for key in self._dropped()]

    def _value(self, key: bytes, day: int) -> bytes:
        return _DAY.pack(day) if key == _FLOOR else self._days[day].records[key]

    def _message(self, key: bytes, value: bytes | None) -> Message:
        return Message(self._topic, key, value, partition=self._partition)

    def _dropped(self) -> Iterator[bytes]:
        """Keys of days long enough below the floor, a bounded number of them; they are forgotten here."""
        left = TOMBSTONES_MAX
        for number in sorted(number for number in self._days if number < self._floor):
            if self._asked - self._below.setdefault(number, self._asked) < REMEMBERED:
                continue
            records = self._days[number].records
            keys = list(islice(records, left))
            for key in keys:
                del records[key]
            left -= len(keys)
            if not records:
                del self._days[number], self._below[number]
            yield from keys

    def restore(self, record: Record) -> None:
        """One record of the changelog; give them in order, before anything else. Raises Unreadable."""
        key, value = record.key or b"", record.value
        if value is not None and value[:1] != _VERSION:
            raise Unreadable("a value of another version")
        digests = value[1:] if value is not None else None
        if key == _FLOOR and digests is not None and len(digests) == _DAY.size:
            self._floor = int(_DAY.unpack(digests)[0])
        elif key[:1] == b"a" and len(key) == _ACCOUNT.size:
            self._restore(key, digests, int(_ACCOUNT.unpack(key)[1]), None)
        elif key[:1] == b"h" and len(key) == _HOUR.size:
            hour = int(_HOUR.unpack(key)[1])
            self._restore(key, digests, hour // 24, hour)
        else:
            raise Unreadable("a record that is of no bucket")

    def _restore(self, key: bytes, digests: bytes | None, number: int, hour: int | None) -> None:
        day = self._days.setdefault(number, _Day())
        if digests is None:  # whole days go, in one transaction or several
            day.accounts -= hour is None and key in day.records
            day.records.pop(key, None)
            day.hours.pop(hour if hour is not None else _LONG_AGO, None)
            if not day.records:
                del self._days[number]
            return
        if not digests or len(digests) % DIGEST_BYTES:
            raise Unreadable("a bucket that is cut off")
        day.accounts += hour is None and key not in day.records
        day.records[key] = digests
        if hour is not None:
            day.hours.setdefault(hour, set()).update(_each(digests))


def _each(digests: bytes) -> Iterator[bytes]:
    return (digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES))


def _holds(digests: bytes, clip: bytes) -> bool:
    """Whole digests only: a plain search would also find one across the border of two."""
    return any(digest == clip for digest in _each(digests))
