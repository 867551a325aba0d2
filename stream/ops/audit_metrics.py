"""The metrics of ``clipveil audit sign``. No label holds what a record holds."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from stream.ops.registered import Registered


class AuditMetrics(Registered):
    """Everything that is counted of who signs; the gauges are asked whenever the metrics are."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self._records = self._counter("audit_records", "Audit records read, those met again after a start included.")
        self._heads = self._counter("audit_heads", "Heads signed, in the file and on the topic.")
        lag = "Audit records that are not read yet, as of the last round; ends of transactions count."
        self._lag = self._gauge("audit_lag", lag, "topic")
        round_age = "Since a round of signing was complete (since the start, before the first): all that was read is \
signed, but for broken chains."
        self._round_age = self._gauge("audit_round_age_seconds", round_age)
        self._unsigned = self._gauge("audit_unsigned_records", "Audit records read that no signed head vouches for.")
        unsigned_age = "Since the oldest of the unsigned records was decided; 0 where all are signed."
        self._unsigned_age = self._gauge("audit_unsigned_seconds", unsigned_age)
        self._chains = self._gauge("audit_chains", "Chains that are followed, one for each partition of an input.")
        broken = "Chains that are broken and not signed any more: somebody has to look at them."
        self._broken = self._gauge("audit_chains_broken", broken)

    def read(self, records: int) -> None:
        self._records.inc(records)

    def signed(self, heads: int) -> None:
        self._heads.inc(heads)

    def lag(self, topic: str, records: int) -> None:
        self._lag.labels(topic).set(records)

    def rounds_of(self, age_s: Callable[[], float]) -> None:
        """How long ago the last complete round was."""
        self._round_age.set_function(age_s)

    def chains_of(
        self,
        chains: Callable[[], int],
        broken: Callable[[], int],
        unsigned: Callable[[], int],
        unsigned_s: Callable[[], float],
    ) -> None:
        """Where the gauges of the chains come from."""
        self._chains.set_function(chains)
        self._broken.set_function(broken)
        self._unsigned.set_function(unsigned)
        self._unsigned_age.set_function(unsigned_s)
