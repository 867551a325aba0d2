"""What the order of outputs, and the end of their words, say of which input they are: likelihoods for ``linkage``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from stream.clip import Precision
from stream.lifecycle.anonymity import Value
from tests.leak.population import TRAIL_S, Floats, Inputs, Ints


@dataclass(frozen=True, eq=False)
class Place:
    """Number ``index`` of ``of`` outputs in a partition, in the order of the inputs. ``hours`` are, by output, the
    earliest and latest hour that its neighbours allow, since records around it tell theirs."""

    index: int
    of: int
    hours: Ints
    same_partition: bool  # outputs lie in the partition of their inputs, and the attacker knows

    def likelihood(self, candidates: Ints, day: Inputs) -> Floats:
        """How likely it is that the picks made each candidate this very one: what is picked is unknown, so that this
        is the distribution of an order statistic (negative hypergeometric). Where the hour is known, within the hour.
        """
        first, last = self.hours[self.index]
        hour = (day.at_s // 3600).astype(int)
        within = (hour >= first) & (hour <= last)
        if self.same_partition:
            within &= day.partition == 0
        if first == last:
            mine = np.flatnonzero((self.hours[:, 0] == first) & (self.hours[:, 1] == last))
            number, picks, block = self.index - mine[0], len(mine), within
        else:
            number, picks = self.index, self.of
            block = day.partition == 0 if self.same_partition else np.ones(len(day), dtype=bool)
        rank = np.cumsum(block) - 1
        likely = np.exp(order_statistic(rank[candidates], int(block.sum()), number, picks))
        return np.where(within[candidates], likely, 0.0)


def order_statistic(rank: Ints, total: int, number: int, picks: int) -> Floats:
    """Log probability that item ``rank`` of ``total`` is pick ``number`` of ``picks`` drawn without replacement; all
    count from 0."""

    def choose(n: Ints | int, k: int) -> Floats:
        fits = np.asarray(n) >= k
        safe = np.where(fits, n, k)
        return np.where(fits, gammaln(safe + 1) - gammaln(k + 1) - gammaln(safe - k + 1), -np.inf)

    return choose(rank, number) + choose(total - 1 - rank, picks - 1 - number) - choose(total, picks)


def known_hours(values: Sequence[Value]) -> Ints:
    """Of each output the earliest and latest hour of the day that it may be of: (output, 2)."""
    told = [(value.began % 86_400) // 3600 if value.precision is Precision.HOUR else None for value in values]
    bounds, earliest, latest = np.zeros((len(values), 2), dtype=int), 0, 23
    for index, hour in enumerate(told):
        earliest = bounds[index, 0] = earliest if hour is None else hour
    for index, hour in reversed(list(enumerate(told))):
        latest = bounds[index, 1] = latest if hour is None else hour
    return bounds


def trailing(seconds: Floats) -> Floats:
    """How likely so much of a recording comes after its last word."""
    least, mean = TRAIL_S
    return np.where(seconds >= least - 1e-9, np.exp(-(seconds - least) / mean), 0.0)
