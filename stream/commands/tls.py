"""TLS whose files are read again: a certificate that was renewed is in force for the next connection."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream.ops import log


@dataclass(frozen=True)
class Files:
    """Where certificates lie, as PEM: who may vouch for the other side, and our own."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Callable[[], str] = field(
        default=lambda: "", repr=False
    )  # without one, OpenSSL would ask the terminal

    def context(self) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError too) where they are of no use."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key, self.key_password)
        return context

    def contents(self) -> tuple[bytes | None, ...]:
        """By which it shows whether they have changed; renewals keep sizes, and some keep times. Raises OSError."""
        return tuple(None if path is None else path.read_bytes() for path in (self.ca, self.certificate, self.key))


class Renewed(ssl.SSLContext):
    """A context for clients that is as the files are when a connection begins.

    asyncio takes all that it needs of a context from ``wrap_bio``. Files that are of no use, such as a certificate
    whose key is not there yet, leave what was in force in force, and the log says so.
    """

    def __new__(cls, files: Files) -> Renewed:  # noqa: ARG004 - of ``__init__``
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, files: Files) -> None:
        """Raises OSError where the files are of no use to begin with."""
        self._files = files
        self._read = files.contents()
        self._now = files.context()

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self._look()
        return self._now.wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self._look()
        return self._now.wrap_socket(*args, **kwargs)

    def _look(self) -> None:
        try:
            found = self._files.contents()
            if found == self._read:
                return
            self._now = self._files.context()
            self._read = found
            log.get().info(log.Event.CERTIFICATES_RENEWED)
        except OSError as error:
            log.get().warning(log.Event.CERTIFICATES_UNUSABLE, error=type(error).__name__)
