"""Where audit records and heads are: topics or files, and the keys that vouch for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stream.commands.failure import WRONG_INPUT, CommandFailed
from stream.config import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Audited(NamedTuple):
    """An input topic, who works on it, and the topic of its audit."""

    topic: str
    group: str
    audit_topic: str


def audited(settings: Settings) -> tuple[Audited, ...]:
    """All that is audited: clips, requests for erasure, reports."""
    of, group = settings.topics, settings.kafka.group
    return (
        Audited(of.raw, group, of.audit),
        Audited(of.erasure, f"{group}-erasure", of.erasure_audit),
        Audited(of.reports, f"{group}-report", of.reports_audit),
    )


def signing_key_of(settings: Settings) -> Ed25519PrivateKey:
    """Raises CommandFailed where the settings name none, or a file that holds none."""
    from stream.lifecycle.heads import signing_key

    file = settings.audit.signing_key_file
    if file is None:
        raise CommandFailed("audit.signing_key_file: needed to sign", WRONG_INPUT)
    try:
        return signing_key(_bytes(file))
    except ValueError as error:
        raise CommandFailed(f"audit.signing_key_file: {error} (openssl genpkey -algorithm ed25519)", 2) from None


def public_keys_of(files: Sequence[Path], settings: Settings | None) -> dict[str, Ed25519PublicKey]:
    """Of ``files``, or else of the settings. Raises CommandFailed where there is none."""
    from stream.lifecycle.heads import public_keys

    if not files and settings is not None and settings.audit.public_key_file is not None:
        files = [settings.audit.public_key_file]
    if not files:
        raise CommandFailed("--public-key or audit.public_key_file: needed, to know who may vouch", WRONG_INPUT)
    try:
        return public_keys(map(_bytes, files))
    except ValueError as error:
        raise CommandFailed(f"public key: {error} (openssl pkey -in key.pem -pubout)", WRONG_INPUT) from None


@contextmanager
def files_told() -> Iterator[None]:
    """Files that can't be used become a CommandFailed."""
    try:
        yield
    except OSError as error:
        raise CommandFailed(f"{error.filename or 'a file'} can't be used: {error.strerror}", WRONG_INPUT) from None


def _bytes(file: Path) -> bytes:
    with files_told():
        return file.read_bytes()
