"""The linkage attack: who has all inputs but their sound, and all outputs, tries to say which input an output was.

    python -m tests.leak.linkage [--clips 100000]

He knows of every input account, time, locale, device, partition, place in the order, and exact duration; of every
output its key, partition, place in the order, metadata, length of the audio, and when its last word ends. For each
output he names the likeliest input. The figure is how many times more often that is right than a name drawn from all
inputs of the day. What was said, and the waveform itself, are left out: who has both sides of them can always join
them, whatever is done to the rest.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stream.clip import Precision
from stream.lifecycle.anonymity import Value
from tests.leak.order import Place, known_hours, trailing
from tests.leak.population import (
    PARTITIONS,
    Inputs,
    Output,
    Released,
    clipveil,
    exact_values,
    inputs,
    ladders,
    naive,
)

LIVE_S = 10.0  # how well a moment of arrival tells when a clip came in
SAMPLE = 300  # outputs for the attacks that weigh every input
Field = Callable[[Value], Hashable]
FIELDS: Mapping[str, Field] = {
    "time of the recording (record timestamp)": lambda value: (value.precision, value.began),
    "language": lambda value: value.language,
    "device family": lambda value: value.device_family,
    "length of the audio": lambda value: value.seconds,
    "all fields together": lambda value: value,
}


@dataclass(frozen=True, eq=False)
class Attack:
    """Both sides, as the attacker has them."""

    day: Inputs
    released: Released

    def figures(self) -> dict[str, float]:
        """Attack -> how many times better than chance its best guess is."""
        ways = self._ways()
        alone = {name: self._by_field(ways, field) for name, field in FIELDS.items()}
        together = alone.pop("all fields together")
        return {
            "record key": self._by_key(),
            "partition": self._by_partition(),
            **alone,
            "all these fields together": together,
            "place in the order of its partition": self._weighed(order=True),
            "all fields and the order": self._weighed(ways, order=True),
            "end of the last word": self._weighed(words=True),
            "all fields, the order, the end of the last word": self._weighed(ways, order=True, words=True),
            "moment of arrival, watched live": self._watched(),
            "all fields, by who knows what was published and replays the rule": self._replayed(),
        }

    def fewest_accounts(self) -> int:
        """Of all outputs that tell hour or day: the smallest number of accounts that one could be of."""
        owners: dict[Value, set[int]] = {}
        for account, steps in zip(self.day.account.tolist(), self._ways(), strict=True):
            for step in steps:
                owners.setdefault(step, set()).add(account)
        told = [output.value for output in self.released.outputs if output.value.precision is not Precision.YEAR]
        return min(len(owners[value]) for value in told)

    def _ways(self) -> list[tuple[Value, ...]]:
        """What each input could have been published as."""
        rule = self.released.rule
        return [(value,) for value in exact_values(self.day)] if rule is None else list(ladders(self.day, rule))

    # -------------------------------------------------------------- what fits, and what does not
    def _by_field(self, ways: list[tuple[Value, ...]], field: Field) -> float:
        """All inputs fit that could have been published so; one of them is drawn."""
        fitting: Counter[Hashable] = Counter()
        for steps in ways:
            fitting.update({field(step) for step in steps})
        return self._better(1 / fitting[field(output.value)] for output in self.released.outputs)

    def _by_key(self) -> float:
        """Hashes without a key, of everything that the attacker knows of a clip."""
        known = {
            hashlib.new(name, text.encode()).hexdigest()[:32]
            for number in range(len(self.day))
            for text in (f"clip-28-{number}", f"acct-{self.day.account[number]}", str(number))
            for name in ("md5", "sha1", "sha256", "blake2b")
        }
        chance = 1 / len(self.day)
        return self._better(1.0 if output.key in known else chance for output in self.released.outputs)

    def _by_partition(self) -> float:
        """The likeliest input partition of each output partition, learnt from one half of the outputs."""
        outputs, sizes = self.released.outputs, Counter(self.day.partition.tolist())
        seen = Counter((output.partition, int(self.day.partition[output.of])) for output in outputs[::2])
        guess = {
            mine: max(range(PARTITIONS), key=lambda theirs: seen[mine, theirs] / sizes[theirs])
            for mine in range(PARTITIONS)
        }
        named = [(guess[output.partition], int(self.day.partition[output.of])) for output in outputs[1::2]]
        return self._better((theirs == truth) / sizes[theirs] for theirs, truth in named)

    def _replayed(self) -> float:
        """Who knows all inputs in their order, which of them were published (the audit says so), and the rule, can
        compute what each was published as: those with equal values are left."""
        alike = Counter(output.value for output in self.released.outputs)
        return self._better(1 / alike[output.value] for output in self.released.outputs)

    def _watched(self) -> float:
        """Who sees an output when it is written knows when its input came in, whatever the record says."""
        came = self.day.at_s[[output.of for output in self.released.outputs]]
        first, after = np.searchsorted(self.day.at_s, [came - LIVE_S / 2, came + LIVE_S / 2])
        return self._better(1 / (after - first))

    def _better(self, right: Iterable[float]) -> float:
        return float(np.mean(list(right))) * len(self.day)

    # -------------------------------------------------------------- what is likelier
    def _weighed(
        self, ways: list[tuple[Value, ...]] | None = None, *, order: bool = False, words: bool = False
    ) -> float:
        return self._better(share for share, _ in self.guesses(ways, order=order, words=words))

    def guesses(
        self, ways: list[tuple[Value, ...]] | None = None, *, order: bool = False, words: bool = False
    ) -> Iterator[tuple[float, float]]:
        """Every input has a weight for every output; the guess is the heaviest. How often it should be right, which is
        its share of all weight, and whether it is (of several guesses the share that is)."""
        fitting: dict[Value, list[int]] = {}
        for number, steps in enumerate(ways or []):
            for step in set(steps):
                fitting.setdefault(step, []).append(number)
        for output, place in self._sampled():
            candidates = np.array(fitting[output.value]) if ways is not None else np.arange(len(self.day))
            weights = np.ones(len(candidates))
            if order:
                weights = weights * place.likelihood(candidates, self.day)
            if words:
                weights = weights * trailing(self.day.duration_s[candidates] - output.last_word_s)
            if weights.sum() == 0:  # a neighbour was taken for one of another hour
                yield 0.0, 0.0
                continue
            best = candidates[weights == weights.max()]
            yield float(weights.max() / weights.sum()), float((best == output.of).sum() / len(best))

    def _sampled(self) -> Iterator[tuple[Output, Place]]:
        """Outputs of one partition, evenly, with where they lie in it."""
        mine = [output for output in self.released.outputs if output.partition == 0]
        hours = known_hours([output.value for output in mine])
        kept = self.released.rule is None
        for index in np.linspace(0, len(mine) - 1, min(SAMPLE, len(mine))).astype(int):
            yield mine[index], Place(int(index), len(mine), hours, same_partition=kept)


# ------------------------------------------------------------------ the table
def sides(clips: int) -> dict[str, tuple[Inputs, Released]]:
    """Column -> what came in on a day of so many clips, and what went out."""
    before, day = inputs(clips, seed=1), inputs(clips, seed=2)
    columns = {
        "clipveil, every clip picked": clipveil(day, before, 1.0),
        "clipveil, 1 in 100 picked": clipveil(day, before, 0.01),
        "naive": naive(day, 1.0),
    }
    return {name: (day, released) for name, released in columns.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--clips", type=int, default=100_000, help="inputs of the day")
    clips = arguments.parse_args().clips
    attacks = {name: Attack(day, released) for name, (day, released) in sides(clips).items()}
    columns = {name: attack.figures() for name, attack in attacks.items()}
    print(f"Times better than chance (1 in {clips:,}) that the best guess names the input of an output.\n")
    print("| joined by | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for attack in next(iter(columns.values())):
        print(f"| {attack} | " + " | ".join(f"{figures[attack]:,.1f}" for figures in columns.values()) + " |")
    told = ", ".join(f"{name} {attack.fewest_accounts()}" for name, attack in attacks.items())
    print(f"\nFewest accounts that an output's fields fit, where hour or day are told: {told}.")


if __name__ == "__main__":
    main()
