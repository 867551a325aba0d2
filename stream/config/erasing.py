"""The settings of erasure and reports."""

from __future__ import annotations

from pathlib import Path

from stream.config.base import Count, Seconds, Section

ABORT_CHECK_S = 10.0  # a broker looks this often for transactions that have been open too long
MARGIN_S = 5.0


class ErasingSettings(Section):
    """`clipveil erase`: requests for erasure, and reports of annotators."""

    signing_key_file: Path | None = None
    """Ed25519 private key (PEM, no password) that signs receipts: `openssl genpkey -algorithm ed25519`."""
    report_window_seconds: Seconds = 600.0
    """Clips of the same account that were recorded so long before or after a reported one are taken back too."""
    settle_seconds: Seconds | None = None
    """How long to go on looking for clips that were in flight, before a receipt is signed. Default: \
`kafka.transaction_timeout_s` and 15 s, by when every transaction of then has ended or is aborted. Less is not safe."""
    requests_in_flight_max: Count = 1000
    """Most requests of one partition that are worked on at once; each takes as long as `settle_seconds`."""
    roll_seconds: Seconds = 3600.0
    """So often an empty record is written to every partition of `topics.anonymized` and `topics.index`: without one, \
Kafka never compacts the end of a partition to which nothing is published."""
    objects_folder: Path | None = None
    """Directory of the published audio, where it does not lie in the records."""

    def settle_s(self, transaction_timeout_s: float) -> float:
        """Seconds from a recall to when nothing is published any more that a worker had let through before it."""
        return self.settle_seconds or transaction_timeout_s + ABORT_CHECK_S + MARGIN_S
