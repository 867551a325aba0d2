"""The settings of how finely the output tells when, on what and how long a clip was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stream.clip import Precision
from stream.config.base import ConfigError, Lengths, Seconds, Section
from stream.lifecycle.anonymity import Anonymity

_DEFAULT = Anonymity()


class AnonymitySettings(Section):
    """How many accounts must share what is told of a clip; what fewer share is made coarse."""

    k: Annotated[int, Field(ge=1, le=1000)] = _DEFAULT.k
    """So many accounts share every hour, length, device family and language that is published; 1 turns it off."""
    window_seconds: Seconds = _DEFAULT.window_s
    """Accounts count for so long after their clip was published. In memory: after a restart more is made coarse."""
    precision: Literal["hour", "day"] = "hour"
    """The finest that is told of when a clip was recorded."""
    lengths: Lengths = _DEFAULT.lengths
    """Clips are filled up with silence to one of these lengths, in seconds, ascending; the last one holds the longest \
clip of `policy.audio_seconds_max`."""
    coarse_lengths: Lengths = _DEFAULT.coarse_lengths
    """The same for clips of a rare length: fewer, and with the same last one."""

    def problems(self) -> Iterator[tuple[str, str]]:
        for setting, lengths in (("lengths", self.lengths), ("coarse_lengths", self.coarse_lengths)):
            if not lengths or list(lengths) != sorted(set(lengths)):
                yield setting, "needs one or more, ascending"
        if self.lengths[-1:] != self.coarse_lengths[-1:]:
            yield "coarse_lengths", "must end with the last one of lengths"

    def as_rule(self, audio_seconds_max: float) -> Anonymity:
        """The rule that labels are made by. Raises ConfigError where the policy's longest clip is longer than all."""
        if self.lengths[-1] < audio_seconds_max:
            raise ConfigError("anonymity.lengths: the last one must be at least policy.audio_seconds_max")
        return Anonymity(self.k, self.window_seconds, self.lengths, self.coarse_lengths, Precision(self.precision))
