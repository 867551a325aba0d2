"""Keys, clips and a follower for tests of the index and of erasure, before and beside the real ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from stream.clip import Consent, Coordinates, Header, Published
from stream.lifecycle.index import SealedIndex
from stream.lifecycle.keyring import KeyRing, Scope, epoch_of
from stream.wire.index_records import decode_entry, encode_entry

MORNING = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
CHANGE = datetime(2026, 11, 25, tzinfo=UTC)  # of epochs


def ring(campaign: str = "spring") -> KeyRing:
    """Two epochs, which change at CHANGE."""
    first = epoch_of(campaign, "w47", b"a" * 32, until=CHANGE)
    second = epoch_of(campaign, "w48", b"b" * 32, first=CHANGE)
    return KeyRing(campaign, Scope.CLIP, (first, second), b"c" * 32)


class Ring:
    """The ring as of now; set ``keys`` to change it."""

    def __init__(self, keys: KeyRing | None = None) -> None:
        self.keys = keys or ring()

    def __call__(self) -> KeyRing:
        return self.keys


def sealed(keys: Ring | None = None, topic: str = "index") -> SealedIndex:
    return SealedIndex(topic, keys or Ring(), encode_entry, decode_entry)


def header(account: str, after: timedelta = timedelta(0), clip: str = "clip") -> Header:
    return Header(clip, account, MORNING + after, "en-US", "speaker", Consent(human_review=True), woken=True)


def published(token: str, offset: int = 0, topic: str = "raw") -> Published:
    return Published(Coordinates(topic, 0, offset), token, 3_600_000, b"body of " + token.encode())


def tokens(copies: Iterable[object]) -> list[str]:
    return [copy.token for copy in copies]  # type: ignore[attr-defined]
