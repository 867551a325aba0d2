"""The settings of sampling: what is inconsistent is told without values; what production should change is said."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from stream.config.base import ConfigError
from stream.config.sampling import SamplingSettings, warnings
from stream.lifecycle.sampling import SamplingRule, SamplingRules
from stream.policy import Policy

FAMILIES = Policy().device_families
PRODUCTION = {"rate": 0.002, "account_per_day_max": 1, "per_hour_max": 100}


def test_a_new_user_may_try_it() -> None:
    """By default every clip with a wake word is picked, nothing is counted, and that is warned of."""
    rules = SamplingSettings().as_rules(FAMILIES)
    assert SamplingRules(device_families=FAMILIES) == rules
    assert not rules.limited
    assert ["rate", "account_per_day_max", "per_hour_max"] == _named(SamplingSettings())


def test_rates_become_rules() -> None:
    """Names are read as the documentation has them, and reach the sampler."""
    settings = SamplingSettings(rates={"en-US/speaker": 0.01, "de": 0.002, "*/tv": 0}, **PRODUCTION)
    rules = settings.as_rules(FAMILIES)
    assert SamplingRule(("en", "us"), "speaker", 0.01) in rules.rules
    assert [0.01, 0.002, 0.0, 0.002] == [
        rules.rate_for(*of) for of in (("en-US", "speaker"), ("de-DE", "phone"), ("de-DE", "tv"), ("fr", "phone"))
    ]
    assert (1, 100) == (rules.account_per_day_max, rules.per_hour_max)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rates": {"canary/": 0.1, "en": 0.1}}, "rates: 1 of the names"),
        ({"rates": {"en_US": 0.1, "EN-us": 0.2}}, "rates: names the same"),
        ({"rates": {"en": 1.5}}, "less than or equal to 1"),
        ({"rates": {"en": math.nan}}, "less than or equal to 1"),
        ({"rate": -1}, "greater than or equal to 0"),
        ({"wake_word_required": False, "wake_score_min": 0.5}, "wake_score_min: needs wake_word_required"),
        ({"days_kept": 1}, "greater than or equal to 2"),
    ],
)
def test_what_is_inconsistent_is_told(changes: dict[str, object], told: str) -> None:
    """Each problem names its setting and never a value."""
    with pytest.raises(ValidationError) as caught:
        SamplingSettings(**changes)  # type: ignore[arg-type]
    assert told in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_family_that_no_device_has_is_told() -> None:
    """A slip in "*/tv" would let televisions be reviewed: it is refused, without repeating it."""
    assert SamplingSettings(rates={"*/other": 0, "*/TV": 0}).as_rules(FAMILIES)
    with pytest.raises(ConfigError, match="1 device families unknown; there are: car, display, other") as caught:
        SamplingSettings(rates={"*/tvs": 0}).as_rules(FAMILIES)
    assert "tvs" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"rates": {"de": 1}}, ["rates"]),
        ({"wake_word_required": False}, ["wake_word_required"]),
        ({"account_per_day_max": 0}, ["account_per_day_max"]),
        ({"per_hour_max": 0}, ["per_hour_max"]),
        ({"rate": 1}, ["rate"]),
    ],
)
def test_production_is_warned_of_what_is_open(changes: dict[str, object], named: list[str]) -> None:
    """One line for each setting that lets more be reviewed than a production deployment should."""
    assert named == _named(SamplingSettings(**PRODUCTION | changes))  # type: ignore[arg-type]


def _named(settings: SamplingSettings) -> list[str]:
    return [line.split(":")[0].removeprefix("sampling.") for line in warnings(settings)]
