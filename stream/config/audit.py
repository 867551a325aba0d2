"""The settings of who signs the audit, and how it is checked."""

from __future__ import annotations

from pathlib import Path

from stream.config.base import Seconds, Section


class AuditSettings(Section):
    """Signing and checking of the audit. `clipveil audit sign` belongs to somebody who can't write the audit topics."""

    signing_key_file: Path | None = None
    """Private key that signs heads (PEM): `openssl genpkey -algorithm ed25519`. Only the signer has it."""
    public_key_file: Path | None = None
    """Public keys (PEM, one or several) of all who signed heads: `openssl pkey -in key.pem -pubout`. The signer's own \
need not be among them where it signs."""
    heads_file: Path | None = None
    """All signed heads, outside Kafka: `clipveil audit sign` appends to it, `clipveil audit verify` reads it."""
    sign_interval_s: Seconds = 60.0
    """Between two rounds of signing: what is changed within it is not found by heads."""
    unsigned_seconds_max: Seconds = 600.0
    """An audit record that no head vouches for after this long is told by `clipveil audit verify`."""
