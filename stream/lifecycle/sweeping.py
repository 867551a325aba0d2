"""What turns up late: a copy of an account that was recalled, after everything that was in flight should have ended.

It can happen where a worker stood still between its last look at the recalls and its transaction. Nobody waits for such
a copy any more, so it is asked for once more, as if by a new request: the same way, and its own record in the audit.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from stream.clip import Reason
from stream.lifecycle.index import Copy, PublishedIndex
from stream.lifecycle.removing import patiently
from stream.ops.log import Event, get
from stream.whose import IndexEntry

REQUESTS_REMEMBERED_MAX = 100_000


class Recalls(Protocol):
    """What is recalled, as far as it is known now."""

    def refusal(self, account: bytes, captured_at: datetime) -> Reason | None:
        """ERASED or RECALLED where a clip of the account that was recorded then may not be published."""


class _Met(NamedTuple):
    account: bytes
    entry: IndexEntry
    reason: Reason
    since: float


class Sweep:
    """Give ``met`` to the index, ``asked`` to the erasures, and ``run`` it.

    ``again`` is told of each copy that is still there ``patience_s`` after it was met and was recalled by then, with
    the reason, and the id of the request that the account's erasure went by, where that is still known.
    """

    def __init__(
        self,
        recalls: Recalls,
        again: Callable[[IndexEntry, Reason, str], Awaitable[None]],
        patience_s: float,
        look_s: float = 1.0,
    ) -> None:
        self._recalls, self._again, self._patience_s, self._look_s = recalls, again, patience_s, look_s
        self._met: dict[str, _Met] = {}
        self._requests: OrderedDict[bytes, str] = OrderedDict()

    def asked(self, account: bytes, request_id: str) -> None:
        """An account's erasure goes by this request."""
        self._requests[account] = request_id
        self._requests.move_to_end(account)
        if len(self._requests) > REQUESTS_REMEMBERED_MAX:
            self._requests.popitem(last=False)

    def met(self, copy: Copy, entry: IndexEntry) -> None:
        """An entry that has come into the index."""
        reason = self._recalls.refusal(copy.account, entry.captured_at)
        if reason is not None:
            self._met[entry.token] = _Met(copy.account, entry, reason, time.monotonic())

    async def run(self, index: PublishedIndex) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._look_s)
            for token, met in tuple(self._met.items()):
                if token not in index:
                    del self._met[token]
                elif time.monotonic() - met.since >= self._patience_s:
                    get().warning(Event.LATE_COPY)
                    await patiently(partial(self._again, met.entry, met.reason, self._request_id(met)))
                    self._met[token] = met._replace(since=time.monotonic())

    def _request_id(self, met: _Met) -> str:
        return self._requests.get(met.account, f"late-{met.entry.token}")
