"""Where objects may lie: URIs, and the prefixes of the settings below which they must.

An event names an object, and never chooses where the service goes: a URI counts only below a prefix of ours, in a form
in which nothing can be read in two ways (no dot segments, no escapes, no query, no port, no user).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

SCHEMES: Final = frozenset({"s3", "gs", "az", "file"})
_URI: Final = re.compile(
    r"(s3|gs|az|file)://([a-z0-9][a-z0-9._-]{1,62})?((?:/[A-Za-z0-9!_.*'()=+@,:$&~-]{1,255}){1,32})", re.ASCII
)
_DOTS: Final = frozenset({".", ".."})


class NoPlace(ValueError):
    """Not a prefix of an object store. Never quotes it."""


@dataclass(frozen=True)
class Place:
    """A prefix; ``folder`` ends with a slash, ``bucket`` is empty for files."""

    scheme: str
    bucket: str = field(repr=False)
    folder: str = field(repr=False)

    @classmethod
    def of(cls, prefix: str) -> Place:
        """From text such as ``s3://bucket/``, ``gs://bucket/clips/``, ``az://container/`` or ``file:///srv/clips/``.
        Raises NoPlace."""
        parts = _parts(f"{prefix}x") if prefix.endswith("/") else None  # a name below it has to be an object's
        if parts is None:
            raise NoPlace("needs a form such as s3://bucket/folder/, with a slash at its end")
        scheme, bucket, path = parts
        if scheme == "file" and path == "/x":
            raise NoPlace("needs a folder: the whole machine is none")
        return cls(scheme, bucket, path[:-1])

    @property
    def prefix(self) -> str:
        return f"{self.scheme}://{self.bucket}{self.folder}"

    def key(self, uri: str) -> str | None:
        """What names the object below the prefix; None for a URI that does not lie there."""
        parts = _parts(uri)
        if parts is None or parts[:2] != (self.scheme, self.bucket) or not parts[2].startswith(self.folder):
            return None
        return parts[2].removeprefix(self.folder)

    def uri(self, key: str) -> str:
        """The object's."""
        return self.prefix + key

    def overlaps(self, other: Place) -> bool:
        """Whether one lies inside the other."""
        return self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)


def _parts(uri: str) -> tuple[str, str, str] | None:
    found = _URI.fullmatch(uri)
    if found is None:
        return None
    scheme, bucket, path = found[1], found[2] or "", found[3]
    if (scheme == "file") == bool(bucket) or _DOTS & set(path.split("/")):
        return None
    return scheme, bucket, path
