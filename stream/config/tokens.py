"""The settings of the keys behind tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from stream.config.base import ConfigError, Section, read_secret
from stream.lifecycle.keyring import SECRET_BYTES_MIN, KeyRing, Scope, single_ring
from stream.lifecycle.ring_file import RingBroken, RingFile

_OF_A_SINGLE_KEY = ("key", "key_file", "campaign", "epoch", "scope")


class TokenSettings(Section):
    """The tokens that stand in for clip ids. Without the key nobody can make or match them."""

    ring_file: Path | None = None
    """File with the keys of a campaign, one for each epoch (its form is in docs/privacy.md). Followed while the \
service runs: an epoch that is added counts within a second, one that is taken out is forgotten. In production use \
this, and replace it in one step."""
    key: SecretStr | None = None
    """In place of a ring: one key for all times, base64 of at least 32 random bytes (`openssl rand -base64 32`). One \
a campaign and annotator domain."""
    key_file: Path | None = None
    """File that holds the key as base64 text, in place of `key`."""
    campaign: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "default"
    """The purpose that the clips are annotated for; tokens of two campaigns never match. A ring says its own."""
    epoch: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "1"
    """Number or date of the key; change both together. A ring has its own."""
    scope: Literal["clip", "account"] = "clip"
    """`account` adds a token to the output that clips of one account and epoch have in common; with `clip` nobody can \
tell them to be of one account. A ring says its own."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.key is not None and self.key_file is not None:
            yield "key", "excludes key_file"
        if self.ring_file is not None and self.model_fields_set.intersection(_OF_A_SINGLE_KEY):
            yield "ring_file", f"excludes {', '.join(_OF_A_SINGLE_KEY)}"

    def ring(self) -> Callable[[], KeyRing]:
        """Gives the keys as they are now. Raises ConfigError where there are none, or none that can be used."""
        if self.ring_file is not None:
            try:
                return RingFile(self.ring_file).current
            except RingBroken as broken:
                raise ConfigError(*(f"tokens.ring_file: {problem}" for problem in broken.problems)) from None
        ring = single_ring(self.campaign, self.epoch, self._secret(), Scope(self.scope))
        return lambda: ring

    def _secret(self) -> bytes:
        name = "tokens.key" if self.key_file is None else "tokens.key_file"
        if self.key_file is not None:
            text = read_secret(name, self.key_file)
        elif self.key is not None:
            text = self.key.get_secret_value()
        else:
            raise ConfigError("tokens.key: needed (or tokens.ring_file); make one with: openssl rand -base64 32")
        try:
            secret = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(f"{name}: is not base64; make one with: openssl rand -base64 32") from None
        if len(secret) < SECRET_BYTES_MIN:
            raise ConfigError(f"{name}: has fewer than {SECRET_BYTES_MIN} bytes")
        return secret
