"""Objects that hold published audio, in a directory that all processes share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


class ForeignObject(OSError):
    """A URI that does not lead below our directory. It is never told, nor is the URI deleted."""


@dataclass(frozen=True)
class FileObjects:
    """lifecycle.removing.Objects for ``file://`` URIs below ``root``; nothing anywhere else is ever touched.

    Without a ``root`` no object is ours.
    """

    root: Path | None

    async def delete(self, uri: str) -> None:
        """Deletes the file; one that is not there is deleted already. Raises OSError."""
        path = self._path(uri)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    def _path(self, uri: str) -> Path:
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        named = parts.scheme == "file" and parts.netloc in ("", "localhost") and path.name not in ("", ".", "..")
        if not named or self.root is None or not path.parent.resolve().is_relative_to(self.root.resolve()):
            raise ForeignObject("not an object of ours")
        return path
