"""Which recordings are not published any more, by account: those that were erased, and those near a reported clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from stream.clip import Reason
from stream.lifecycle.consent import milliseconds
from stream.whose import Recall

Window = tuple[int, int, bool]  # first and last, in ms since 1970, both inside; and whether it was an erasure
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
    """Windows by the account's keyed MAC; an account may have several."""

    def __init__(self) -> None:
        self._windows: dict[bytes, dict[int, Window]] = {}
        self._unreadable: set[bytes] = set()
        self._uncounted = 0  # 1 once there were too many to remember, for good

    def __len__(self) -> int:
        return sum(map(len, self._windows.values()))

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
        """ERASED or RECALLED where a window covers the recording; ERASED where both do."""
        moment = milliseconds(captured_at)
        windows = self._windows.get(account, {}).values()
        covering = [erased for first, last, erased in windows if first <= moment <= last]
        if not covering:
            return None
        return Reason.ERASED if any(covering) else Reason.RECALLED

    def _set(self, account: bytes, first_ms: int, recall: Recall | None) -> None:
        if recall is not None:
            window = (milliseconds(recall.first), milliseconds(recall.last), recall.erased)
            self._windows.setdefault(account, {})[first_ms] = window
        elif account in self._windows:
            self._windows[account].pop(first_ms, None)
            if not self._windows[account]:
                del self._windows[account]

    def _note(self, change: RecallChange) -> None:
        if change.recall is None:
            self._unreadable.discard(change.key)
        elif len(self._unreadable) < UNREADABLE_MAX:
            self._unreadable.add(change.key)
        else:
            self._uncounted = 1
