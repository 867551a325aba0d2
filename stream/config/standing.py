"""The settings of who may still be heard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stream.config.base import Seconds, Section


class ConsentSettings(Section):
    """Opt-outs, opt-ins and recalls, beside the consent in the event itself. Recalls are always followed."""

    follow: bool = True
    """Follow the topic `topics.consent`. Without it only the consent in the event counts, and an opt-out after it was \
sent stops nothing."""
    snapshot_file: Path | None = None
    """File that keeps what is known of consent, so that a start takes seconds: on a volume of this instance alone, \
about 16 bytes an account. Without one, every start reads the topic from its beginning. It holds no account id."""
    snapshot_interval_s: Seconds = 300.0
    """Between two snapshots."""
    snapshot_age_s_max: Seconds = 43_200.0
    """An older snapshot is not used; below the topic's `delete.retention.ms`, so that no tombstone is missed."""
    fresh_seconds_max: Seconds = 10.0
    """Before a transaction, how long to wait until everything on the topics is known; then nothing is published."""
    start_seconds_max: Seconds = 900.0
    """How long reading the topics may take at the start."""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.snapshot_file is not None and not self.follow:
            yield "snapshot_file", "is of no use without follow"
        if self.snapshot_interval_s >= self.snapshot_age_s_max:
            yield "snapshot_interval_s", "must be below snapshot_age_s_max"
