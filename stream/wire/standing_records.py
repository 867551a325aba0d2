"""Consent and recalls as records: what the key says, and the Avro value under it.

Nothing that can't be read passes in silence. A consent record that can't be decoded is a "no" of the account that its
key names, newer than any word, until a tombstone forgets the account; where its key is no text that an event's account
could be, it concerns no clip. A recall that can't be decoded recalls everything of the account that its key names,
until another record with the same key replaces it; where the key names nobody, the table notes it, and nothing is
published.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stream.clip import Record, Refusal
from stream.lifecycle.consent import Change
from stream.lifecycle.recalls import RecallChange
from stream.ports import Message, Schemas
from stream.whose import ConsentChange, Recall
from stream.wire import avro
from stream.wire.fields import NAME_CHARS_MAX, milliseconds
from stream.wire.outcomes import Destination

CONSENT_SCHEMA: Final = "consent"
RECALL_SCHEMA: Final = "recall"
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
MAC_BYTES: Final = 16

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_MS: Final = milliseconds(EARLIEST)
_LATEST_MS: Final = milliseconds(LATEST)
_RECALL_KEY: Final = re.compile(rb"([0-9a-f]{32})@([0-9]{1,13})")


# ------------------------------------------------------------------ reading
@dataclass(frozen=True)
class StandingRecords:
    """Records of the two topics as the tables take them. ``unreadable`` is told how many could not be decoded.

    Both methods raise RegistryUnavailable: then nothing is known of the records, and nothing of them may be applied.
    """

    schemas: Schemas
    unreadable: Callable[[int], None]

    async def consent(self, records: Sequence[Record]) -> list[Change]:
        changes: list[Change] = []
        unreadable = 0
        for record in records:
            account = _account(record.key)
            if account is None:
                unreadable += 1
            elif record.value is None:
                changes.append((account, None))
            else:
                change = await self._consent_change(account, record.value)
                unreadable += change is None
                changes.append((account, change or ConsentChange(account, False, LATEST)))
        self._tell(unreadable)
        return changes

    async def recalls(self, records: Sequence[Record]) -> list[RecallChange]:
        changes = []
        unreadable = 0
        for record in records:
            named = _RECALL_KEY.fullmatch(record.key or b"")
            first = None if named is None else _moment(int(named[2]))
            account = None if named is None or first is None else bytes.fromhex(named[1].decode())
            recall = None
            if record.value is not None:
                recall = None if account is None or first is None else await self._recall(account, first, record.value)
                unreadable += recall is None
                recall = recall or Recall(account or b"", EARLIEST, LATEST, False)
            changes.append(RecallChange(account, first or EARLIEST, recall, record.key or b""))
        self._tell(unreadable)
        return changes

    async def _consent_change(self, account: str, value: bytes) -> ConsentChange | None:
        try:
            raw = await self._read(CONSENT_SCHEMA, value)
        except Refusal:
            return None
        changed_at = _moment(raw["changed_at"])
        return None if changed_at is None else ConsentChange(account, raw["human_review"] is True, changed_at)

    async def _recall(self, account: bytes, first: datetime, value: bytes) -> Recall | None:
        try:
            raw = await self._read(RECALL_SCHEMA, value)
        except Refusal:
            return None
        last = _moment(raw["last"])
        if last is None or last < first or _moment(raw["first"]) != first:
            return None
        return Recall(account, first, last, raw["erased"] is True)

    async def _read(self, name: str, value: bytes) -> Mapping[str, Any]:
        reference, body = avro.unframe(value)
        return avro.read(await self.schemas.writer_schema(reference), name, body)

    def _tell(self, unreadable: int) -> None:
        if unreadable:
            self.unreadable(unreadable)


def _account(key: bytes | None) -> str | None:
    """None where no event can have such an account."""
    try:
        text = (key or b"").decode()
    except UnicodeDecodeError:
        return None
    return text if text.strip() and len(text) <= NAME_CHARS_MAX else None


def _moment(ms: int) -> datetime | None:
    return _EPOCH + timedelta(milliseconds=ms) if _EARLIEST_MS <= ms <= _LATEST_MS else None


# ------------------------------------------------------------------ writing
@dataclass(frozen=True)
class ConsentWriter:
    """Messages for the consent topic; ``now`` gives seconds since 1970."""

    to: Destination
    now: Callable[[], float] = time.time

    def change(self, change: ConsentChange) -> Message:
        """Raises ValueError for an account or a time that would not be read again."""
        record = {"human_review": change.human_review, "changed_at": _checked_ms(change.changed_at)}
        value = avro.frame(self.to.schema, avro.write(CONSENT_SCHEMA, record))
        return Message(self.to.topic, account_key(change.account_id), value, int(self.now() * 1000))

    def forget(self, account_id: str) -> Message:
        """The tombstone: nothing is known of the account any more."""
        return Message(self.to.topic, account_key(account_id), None, int(self.now() * 1000))


@dataclass(frozen=True)
class RecallWriter:
    """Messages for the recall topic; ``now`` gives seconds since 1970."""

    to: Destination
    now: Callable[[], float] = time.time

    def recall(self, recall: Recall) -> Message:
        """Raises ValueError for an account or times that would not be read again."""
        first_ms, last_ms = _checked_ms(recall.first), _checked_ms(recall.last)
        if last_ms < first_ms:
            raise ValueError("a recall ends before it begins")
        record = {"first": first_ms, "last": last_ms, "erased": recall.erased}
        value = avro.frame(self.to.schema, avro.write(RECALL_SCHEMA, record))
        return Message(self.to.topic, recall_key(recall.account, recall.first), value, int(self.now() * 1000))

    def end(self, account: bytes, first: datetime) -> Message:
        """The tombstone of the recall that begins at ``first``."""
        return Message(self.to.topic, recall_key(account, first), None, int(self.now() * 1000))


def account_key(account_id: str) -> bytes:
    """The record key of an account. Raises ValueError where no event could have such an account."""
    key = account_id.encode(errors="replace")
    if _account(key) != account_id:
        raise ValueError("no account id")
    return key


def recall_key(account: bytes, first: datetime) -> bytes:
    """The record key of one window of an account. Raises ValueError."""
    if len(account) != MAC_BYTES:
        raise ValueError(f"the MAC of an account has {MAC_BYTES} bytes")
    return b"%s@%d" % (account.hex().encode(), _checked_ms(first))


def _checked_ms(moment: datetime) -> int:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("not between 2000 and 2100")
    return milliseconds(moment)
