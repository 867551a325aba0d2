"""A day of clips of a population with its skews, and what is published of them: by clipveil, and by a naive service.

No sound and no models: which clips are published is drawn. What is told of them comes from the real labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
from aiokafka.partitioner import murmur2

from stream.clip import Consent, Header
from stream.lifecycle.anonymity import Anonymity, Value, own_of, value_of
from stream.lifecycle.keyring import single_ring
from stream.lifecycle.labels import EpochLabels
from stream.policy import Policy

DAY = datetime(2026, 5, 28, tzinfo=UTC)
DAY_S = 86_400.0
PARTITIONS = 6
PUBLISHED_SHARE = 0.6  # of the clips that are picked; the others are withheld for what they hold
BATCH = 16  # clips in a transaction: only then do they count for how rare values are
FRAME_S = 0.02  # devices record in frames of a codec
TRAIL_S = (0.3, 0.5)  # from the last word to the end of a recording: at least, and on average more
CLIPS_PER_ACCOUNT = 6
LANGUAGES = {"en-US": 0.60, "en-GB": 0.12, "es-US": 0.16, "de-DE": 0.07, "fr-FR": 0.03, "it-IT": 0.015, "nl-NL": 0.005}
MODELS = {"speaker": 50, "display": 20, "phone": 14, "tv": 9, "car": 4, "wearable": 2, "prototype-7": 0.6, "toy": 0.4}
BY_HOUR = (2, 1, 1, 1, 1, 3, 8, 12, 10, 8, 7, 7, 9, 8, 7, 7, 9, 12, 14, 15, 14, 11, 7, 4)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Inputs:
    """The clips of one day, in the order in which they come in: a column each."""

    account: Ints
    locale: Texts
    model: Texts
    at_s: Floats  # since the day began
    duration_s: Floats
    last_word_s: Floats  # where the last word ends
    partition: Ints

    def __len__(self) -> int:
        return len(self.account)

    def header(self, number: int, day: datetime) -> Header:
        captured_at = day + timedelta(seconds=float(self.at_s[number]))
        locale, model, account = str(self.locale[number]), str(self.model[number]), f"acct-{self.account[number]}"
        clip_id = f"clip-{day:%d}-{number}"
        return Header(clip_id, account, captured_at, locale, model, Consent(human_review=True), woken=True)


@dataclass(frozen=True)
class Output:
    """One published record, as its readers see it; ``of`` is which input it truly is."""

    of: int
    key: str
    partition: int
    value: Value
    last_word_s: float


@dataclass(frozen=True)
class Released:
    """All outputs of the day, in the order in which they were written; ``rule`` says what each input could be published
    as, None where everything is told as it is."""

    outputs: tuple[Output, ...]
    rule: Anonymity | None


def inputs(clips: int, seed: int, accounts_seed: int = 7) -> Inputs:
    """Accounts, their languages and devices are those of ``accounts_seed``; what they say when, of ``seed``."""
    people, rng = np.random.default_rng(accounts_seed), np.random.default_rng(seed)
    accounts = max(1, clips // CLIPS_PER_ACCOUNT)
    activity = people.lognormal(0.0, 1.2, accounts)
    locale, model = (_drawn(people, shares, accounts) for shares in (LANGUAGES, MODELS))
    account = rng.choice(accounts, clips, p=activity / activity.sum())
    hour = rng.choice(24, clips, p=np.array(BY_HOUR) / sum(BY_HOUR))
    at_s = np.sort(hour * 3600.0 + rng.uniform(0, 3600, clips))
    spoken = rng.lognormal(np.log(2.6), 0.6, clips)
    trail = TRAIL_S[0] + rng.exponential(TRAIL_S[1], clips)
    duration = np.clip(np.ceil((spoken + trail) / FRAME_S) * FRAME_S, 0.6, 60.0)
    last_word = np.clip(duration - trail, 0.1, None)
    return Inputs(account, locale[account], model[account], at_s, duration, last_word, account % PARTITIONS)


def _drawn(rng: np.random.Generator, shares: Mapping[str, float], number: int) -> Texts:
    weights = np.array(list(shares.values()))
    return rng.choice(np.array(list(shares)), number, p=weights / weights.sum())


# ------------------------------------------------------------------ what is published of them
def clipveil(day: Inputs, before: Inputs, rate: float, rule: Anonymity | None = None, seed: int = 1) -> Released:
    """By real labels; ``before`` is the day before, so that the window is full when the day begins."""
    rule, policy, ring = rule or Anonymity(), Policy(), single_ring("spring", "1", b"k" * 32)
    now = [0.0]
    labels = EpochLabels(lambda: ring, policy, rule, lambda: now[0], lambda: DAY + timedelta(seconds=now[0]))
    rng, outputs = np.random.default_rng(seed), list[Output]()
    for began, clips in ((DAY - timedelta(days=1), before), (DAY, day)):
        outputs, waiting = [], []
        for number in _published(rng, clips, rate):
            header = clips.header(number, began)
            now[0] = (began - DAY).total_seconds() + float(clips.at_s[number])
            label = labels.label(header)
            length = next(n for n, (up_to, _) in enumerate(label.by_length) if clips.duration_s[number] <= up_to)
            waiting.append((header, label, length))
            partition = (murmur2(label.token.encode()) & 0x7FFFFFFF) % PARTITIONS
            value = value_of(label.by_length[length][1])
            outputs.append(Output(number, label.token, partition, value, float(clips.last_word_s[number])))
            if len(waiting) == BATCH:
                for one in waiting:
                    labels.emitted(*one)
                waiting.clear()
    return Released(tuple(outputs), rule)


def naive(day: Inputs, rate: float, seed: int = 1) -> Released:
    """Tokens and no names, and all else as it was: hour, family, exact duration, the input's partition."""
    outputs = []
    for number, value in zip(range(len(day)), exact_values(day), strict=True):
        outputs.append(Output(number, f"{number:032x}", int(day.partition[number]), value, day.last_word_s[number]))
    chosen = _published(np.random.default_rng(seed), day, rate)
    return Released(tuple(outputs[number] for number in chosen), None)


def _published(rng: np.random.Generator, clips: Inputs, rate: float) -> list[int]:
    return [int(number) for number in np.flatnonzero(rng.uniform(size=len(clips)) < rate * PUBLISHED_SHARE)]


# ------------------------------------------------------------------ what they could be published as
def exact_values(day: Inputs) -> Iterator[Value]:
    """Hour, language, family and duration of each clip."""
    for steps, duration in zip(ladders(day, Anonymity()), day.duration_s, strict=True):
        yield steps[0]._replace(seconds=round(float(duration), 2))


def ladders(day: Inputs, rule: Anonymity) -> Iterator[tuple[Value, ...]]:
    """All that each clip may be published as by the rule."""
    policy, known = Policy(), dict[tuple[object, ...], tuple[Value, ...]]()
    lengths = np.searchsorted(rule.lengths, day.duration_s)
    for at_s, locale, model, length in zip(day.at_s // 3600, day.locale, day.model, lengths, strict=True):
        kind = (at_s, locale, model, length)
        if kind not in known:
            family = policy.device_families.get(str(model), "other")
            own = own_of(DAY + timedelta(hours=float(at_s)), str(locale).split("-")[0], family)
            known[kind] = (*rule.steps(own, rule.lengths[length]), rule.last(rule.lengths[length], DAY))
        yield known[kind]
