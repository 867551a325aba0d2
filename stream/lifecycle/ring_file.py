"""The file of a key ring: parsed without ever quoting it, and followed while the service runs.

campaign: spring
scope: clip                       # or account
account_key: <base64>             # the same for the whole campaign
epochs:
  - {id: 2026-w48, from: 2026-11-23T00:00:00Z, until: 2026-12-02T00:00:00Z, key: <base64>}
  - {id: 2026-w49, from: 2026-11-30T00:00:00Z, key: <base64>}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stream.lifecycle.keyring import SECRET_BYTES_MIN, Epoch, KeyRing, Scope, derived, epoch_of
from stream.ops.log import Event, get
from stream.plain_yaml import NotYaml, parse

LOOK_EVERY_S = 1.0
FILE_BYTES_MAX = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUOTED = re.compile(r"[A-Za-z0-9._-]{1,32}")  # a key that stands where a name belongs is longer: it is not repeated


class RingBroken(Exception):
    """A ring that can't be used. One line a problem, with the epoch and the field; never a value that may be a key.

    ``listed`` are the epochs that the file names all the same; None where not even that can be read.
    """

    def __init__(self, problems: Iterable[str], listed: frozenset[str] | None = None) -> None:
        self.problems, self.listed = tuple(problems), listed
        super().__init__("\n".join(self.problems))


# ------------------------------------------------------------------ parsing
def parse_ring(text: str) -> KeyRing:
    """A ring from its YAML. Raises RingBroken with everything that is wrong."""
    values = _mapping(text)
    read = _Reading()
    read.only(values, "", ("campaign", "scope", "account_key", "epochs"))
    campaign = read.name("campaign", values.get("campaign"))
    scope = read.scope(values.get("scope", Scope.CLIP.value))
    account_key = read.secret("account_key", values.get("account_key"))
    rows = values.get("epochs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RingBroken([*read.problems, "epochs: needs a list, of an id and a key at least each"])
    if not rows:
        read.problems.append("epochs: has none")
    epochs = tuple(_epoch(read, number, row, campaign) for number, row in enumerate(rows, 1))
    if read.problems:
        raise RingBroken(read.problems, frozenset(str(row.get("id")) for row in rows))
    return KeyRing(campaign, scope, epochs, derived(account_key, "account", campaign))


def _mapping(text: str) -> dict[str, Any]:
    try:
        values = parse(text)
    except NotYaml as broken:
        raise RingBroken([str(broken)]) from None
    if not isinstance(values, dict):
        raise RingBroken(["needs campaign, account_key and epochs"])
    return values


def _epoch(read: _Reading, number: int, row: dict[str, Any], campaign: str) -> Epoch:
    """One row; where it has a problem, what is returned is not used."""
    raw = row.get("id")
    shown = raw if isinstance(raw, str) and _QUOTED.fullmatch(raw) else number
    place = f"epoch {shown}, "
    read.only(row, place, ("id", "from", "until", "key"))
    name = read.name(f"{place}id", raw)
    if name and name in read.names:
        read.problems.append(f"{place}id: is that of another epoch too")
    read.names.add(name)
    first, until = (read.moment(f"{place}{bound}", row.get(bound)) for bound in ("from", "until"))
    if first and until and first >= until:
        read.problems.append(f"{place}until: must be later than from")
    return epoch_of(campaign, name, read.secret(f"{place}key", row.get("key")), first, until)


class _Reading:
    """Fields of a ring one by one; goes on after a problem, so that all are told at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.names: set[str] = set()
        self._secrets: set[bytes] = set()

    def only(self, values: dict[str, Any], place: str, fields: tuple[str, ...]) -> None:
        """A misspelt ``until`` would be an epoch without end."""
        if unknown := [field for field in values if field not in fields]:
            self.problems.append(f"{place}{len(unknown)} unknown fields; there are: {', '.join(fields)}")

    def name(self, place: str, raw: object) -> str:
        if isinstance(raw, str) and _NAME.fullmatch(raw):
            return raw
        self.problems.append(f"{place}: needs 1 to 64 letters, digits, dots, dashes (in quotes where it is a number)")
        return ""

    def scope(self, raw: object) -> Scope:
        if raw in [scope.value for scope in Scope]:
            return Scope(raw)
        self.problems.append("scope: must be clip or account")
        return Scope.CLIP

    def secret(self, place: str, raw: object) -> bytes:
        """No two fields share one: to destroy one would destroy neither."""
        try:
            secret = base64.b64decode("".join(raw.split()) if isinstance(raw, str) else b"", validate=True)
        except (binascii.Error, ValueError):
            self.problems.append(f"{place}: is not base64; make one with: openssl rand -base64 32")
            return b""
        if len(secret) < SECRET_BYTES_MIN:
            self.problems.append(f"{place}: needs base64 of at least {SECRET_BYTES_MIN} random bytes")
        elif secret in self._secrets:
            self.problems.append(f"{place}: is the key of something else in this file too")
        self._secrets.add(secret)
        return secret

    def moment(self, place: str, raw: object) -> datetime | None:
        """YAML reads a time that is not in quotes by itself."""
        moment = raw
        if isinstance(raw, str):
            try:
                moment = datetime.fromisoformat(raw)
            except ValueError:
                moment = None
        if raw is None or (isinstance(moment, datetime) and moment.utcoffset() == timedelta(0)):
            return moment.astimezone(UTC) if isinstance(moment, datetime) else None
        self.problems.append(f"{place}: needs a time in UTC, such as 2026-11-23T00:00:00Z")
        return None


# ------------------------------------------------------------------ following
class RingFile:
    """The ring of a mounted file, current without a restart.

    What decides is the file's content, since a mounted secret is a link that is replaced. A file that is broken, or has
    another campaign, scope or account key than at the start, changes nothing: keys that others went by must not change
    under them. But an epoch that it does not list any more is forgotten all the same: its key is meant to be destroyed.
    A file that is missing or can't be read as a list of epochs says nothing of that, and everything is kept until a
    restart, which fails.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises RingBroken where there is no ring to start with."""
        self._path, self._clock = path, clock
        self._looked_at = clock()
        content = self._content()
        if not content:
            raise RingBroken(["can't be read, or is empty"])
        self._seen = _digest(content)
        self._ring = _parsed(content)

    def current(self) -> KeyRing:
        """Looks at the file at most once a second. Never raises."""
        now = self._clock()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._look()
        return self._ring

    def _look(self) -> None:
        content = self._content()
        if _digest(content) == self._seen:
            return
        self._seen = _digest(content)
        try:
            self._ring = self._successor(_parsed(content))
        except RingBroken as broken:
            if broken.listed is not None:
                self._ring = self._ring.only(broken.listed)
            get().error(Event.KEY_RING_REFUSED, problems=len(broken.problems), epochs=len(self._ring.epochs))
        else:
            get().info(Event.KEY_RING_LOADED, epochs=len(self._ring.epochs))

    def _successor(self, ring: KeyRing) -> KeyRing:
        """The ring itself. Raises RingBroken where it is no later version of the one that we have."""
        old = self._ring
        same = (old.campaign, old.scope, old.account_key) == (ring.campaign, ring.scope, ring.account_key)
        if not same:
            told = "campaign, scope and account_key may change with a restart only"
            raise RingBroken([told], frozenset(epoch.id for epoch in ring.epochs))
        known = {epoch.id: epoch for epoch in old.epochs}
        changed = {epoch.id for epoch in ring.epochs if epoch.id in known and _keys(epoch) != _keys(known[epoch.id])}
        if changed:  # one clip would get two tokens, and entries that were sealed before would not open
            told = "the key of an epoch never changes: a new key is a new epoch"
            raise RingBroken([told], frozenset(epoch.id for epoch in ring.epochs) - changed)
        return ring

    def _content(self) -> bytes:
        """Nothing where it can't be read, or not to its end: of a part nobody knows what it lacks."""
        try:
            with self._path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except OSError:
            return b""
        return content if len(content) <= FILE_BYTES_MAX else b""


def _parsed(content: bytes) -> KeyRing:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise RingBroken(["holds bytes that are no text"]) from None
    return parse_ring(text)


def _keys(of: Epoch) -> tuple[object, bytes]:
    return of.token_key, of.seal_key


def _digest(content: bytes) -> bytes:
    """The text itself has keys in it, and is not kept."""
    return hashlib.sha256(content).digest()
