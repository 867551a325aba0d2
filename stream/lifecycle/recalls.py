"""Which recordings are not published any more, by account: those that were erased, and those near a reported clip."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from stream.clip import Reason
from stream.lifecycle.consent import milliseconds
from stream.whose import Recall

_WINDOW: Final = struct.Struct(">qqq?")  # the key's time, first, last (both inside), in ms since 1970; an erasure?
UNREADABLE_MAX: Final = 1_000


@dataclass(frozen=True)
class RecallChange:
    """One record of the topic: the window of ``account`` that begins at ``first`` is ``recall``, or no more.

    ``account`` None is a record whose key says neither; ``key`` is what it says instead.
    """

    account: bytes | None = field(repr=False)
    first: datetime
    recall: Recall | None
    key: bytes = field(default=b"", repr=False)


class RecallTable:
    """Windows by the account's keyed MAC; an account may have several. They are packed: some 200 bytes an account."""

    def __init__(self) -> None:
        self._windows: dict[bytes, bytes] = {}
        self._unreadable: set[bytes] = set()
        self._uncounted = 0  # 1 once there were too many to remember, for good

    def __len__(self) -> int:
        return sum(map(len, self._windows.values())) // _WINDOW.size

    @property
    def unreadable(self) -> int:
        """Records whose key names no account, and that no tombstone has taken back: whom they erase nobody knows."""
        return len(self._unreadable) + self._uncounted

    def apply(self, changes: Iterable[RecallChange]) -> None:
        """In the order in which they were written."""
        for change in changes:
            if change.account is None:
                self._note(change)
            else:
                self._set(change.account, milliseconds(change.first), change.recall)

    def refusal(self, account: bytes, captured_at: datetime) -> Reason | None:
        """ERASED or RECALLED where a window covers the recording; ERASED where both do.

        An erasure covers everything up to its end, whatever beginning tells its record from another one's: a device
        whose clock was never set is older than all of them.
        """
        moment = milliseconds(captured_at)
        windows = _WINDOW.iter_unpack(self._windows.get(account, b""))
        covering = [erased for _, first, last, erased in windows if (erased or first <= moment) and moment <= last]
        if not covering:
            return None
        return Reason.ERASED if any(covering) else Reason.RECALLED

    def erased_until(self, account: bytes) -> int | None:
        """Milliseconds since 1970 up to which the account was erased; None where it was not."""
        windows = _WINDOW.iter_unpack(self._windows.get(account, b""))
        return max((last for _, _, last, erased in windows if erased), default=None)

    def _set(self, account: bytes, key_ms: int, recall: Recall | None) -> None:
        """Replaces the window whose record has ``key_ms`` in its key."""
        windows = [window for window in _WINDOW.iter_unpack(self._windows.get(account, b"")) if window[0] != key_ms]
        if recall is not None:
            windows.append((key_ms, milliseconds(recall.first), milliseconds(recall.last), recall.erased))
        if windows:
            self._windows[account] = b"".join(_WINDOW.pack(*window) for window in windows)
        else:
            self._windows.pop(account, None)

    def _note(self, change: RecallChange) -> None:
        if change.recall is None:
            self._unreadable.discard(change.key)
        elif len(self._unreadable) < UNREADABLE_MAX:
            self._unreadable.add(change.key)
        else:
            self._uncounted = 1
