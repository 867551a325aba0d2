"""Sampling: what is picked is a matter of the key, the clip and the rules, and of a wake word."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from stream.clip import Reason
from stream.lifecycle.sampling import PartitionSampler, SamplingRule, chosen
from tests.lifecycle.picking import KEY, Changelog, header, opened, rules, sampler


# ------------------------------------------------------------------ the rate
@pytest.mark.parametrize(
    ("locale", "model", "rate"),
    [
        ("en-US", "echo-9", 0.01),  # locale and family
        ("EN_us", "Echo-9", 0.01),  # whatever case and hyphen
        ("en-US", "phone", 0.2),  # the locale on any other family
        ("en-GB", "phone", 0.3),  # its language
        ("en-US-x-home", "speaker", 0.01),  # what a locale begins with
        ("de-AT", "speaker", 0.002),
        ("de-AT", "tv", 0.0),  # one names more of the locale, the other the family: the lower
        ("es-ES", "tv", 0.0),
        ("es-ES", "no such model", 0.5),  # the family "other"
        ("es-ES", "phone", 0.9),  # the default
        ("", "phone", 0.9),
        ("english", "phone", 0.9),  # no language begins a subtag
    ],
)
def test_the_most_specific_rate_counts(locale: str, model: str, rate: float) -> None:
    """The rule that names more of locale and family wins; where neither of two does, the lower rate."""
    named = {"en-US/speaker": 0.01, "en_us": 0.2, "EN": 0.3, "de": 0.002, "*/TV": 0.0, "*/other": 0.5}
    assert rate == rules(named, rate=0.9).rate_for(locale, model)
    assert 0.1 == rules({"de": 0.1, "*/tv": 0.8}).rate_for("de-DE", "tv")


@pytest.mark.parametrize("name", ["", "*", "/tv", "en-", "-en", "en/", "en/*", "en/tv/x", "english1234", "e n", "*-US"])
def test_a_rate_for_nothing_is_refused(name: str) -> None:
    """A name that is no locale, locale/family or */family is told, not passed over."""
    with pytest.raises(ValueError):
        SamplingRule.named(name, 0.5)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan, math.inf])
def test_a_rate_is_a_share(rate: float) -> None:
    """No rate outside 0..1 gets into the rules, neither as default nor by name."""
    with pytest.raises(ValueError):
        rules(rate=rate)
    with pytest.raises(ValueError):
        SamplingRule.named("en", rate)


@pytest.mark.parametrize("rate", [0.0, 0.002, 0.05, 0.5, 1.0])
def test_the_realised_rate_is_within_binomial_bounds(rate: float) -> None:
    """Of 100,000 clips as many are picked as chance allows: within four standard deviations."""
    count = 100_000
    picked = sum(chosen(KEY, f"clip-{number}", rate) for number in range(count))
    assert abs(picked - rate * count) <= 4 * math.sqrt(count * rate * (1 - rate))


def test_another_key_picks_others_and_a_higher_rate_picks_more() -> None:
    """Picks of two keys agree by chance alone; those of a lower rate are among those of a higher one."""
    ids = [f"clip-{number}" for number in range(20_000)]
    few, many = ({each for each in ids if chosen(KEY, each, rate)} for rate in (0.1, 0.2))
    others = {each for each in ids if chosen(bytes(32), each, 0.1)}
    assert few < many
    assert abs(len(few & others) - 200) < 4 * math.sqrt(200)


def test_only_rates_need_no_state() -> None:
    """Without quota and cap nothing is written, and the changelog is not even read."""
    changelog = Changelog()
    only = asyncio.run(opened(rules(rate=0.5), changelog))
    reasons = {only.pick(header(number)) for number in range(50)}
    assert {None, Reason.NOT_SAMPLED} == reasons
    assert ([], 0) == (list(only.changes()), changelog.read_times)


# ------------------------------------------------------------------ the wake word
@pytest.mark.parametrize(
    ("woken", "score", "least", "reason"),
    [
        (True, 0.9, 0.5, None),
        (True, 0.5, 0.5, None),
        (True, None, 0.0, None),
        (False, None, 0.0, Reason.NO_WAKE_WORD),
        (False, 0.9, 0.0, Reason.NO_WAKE_WORD),
        (True, 0.49, 0.5, Reason.NO_WAKE_WORD),
        (True, None, 0.5, Reason.NO_WAKE_WORD),
        (True, math.nan, 0.0, Reason.NO_WAKE_WORD),
    ],
)
def test_accidental_activations_are_refused(
    woken: bool, score: float | None, least: float, reason: Reason | None
) -> None:
    """No wake word, a low score, or none where one is asked for: refused, and it takes no place."""
    picking = sampler(rules(wake_score_min=least, account_per_day_max=1))
    assert reason == picking.pick(header(1, woken=woken, wake_score=score))
    assert (reason is None) == bool(picking.changes())


def test_a_wake_word_can_be_waived() -> None:
    """Where the settings say so, clips without one are picked too."""
    assert sampler(rules(wake_word_required=False)).pick(header(1, woken=False, wake_score=None)) is None


@pytest.mark.parametrize("changes", [{"days_kept": 1}, {"accounts_max": 0}, {"per_hour_max": -1}])
def test_limits_that_make_no_sense_are_refused(changes: dict[str, int]) -> None:
    """A day must have a day before it, since devices' clocks differ; limits are not negative."""
    with pytest.raises(ValueError):
        replace(rules(), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("key", "partition"), [(KEY[:31], 0), (KEY, 1), (KEY, -1)])
def test_a_short_key_or_a_partition_that_is_not_there_is_refused(key: bytes, partition: int) -> None:
    """Mistakes in wiring are told at once."""
    with pytest.raises(ValueError):
        PartitionSampler(rules(), key, partition, 1)
