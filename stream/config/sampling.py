"""The settings of which clips are picked for review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from stream.config.base import ConfigError, Count, Section
from stream.lifecycle.sampling import ANY, OTHER, SamplingRule, SamplingRules

Share = Annotated[float, Field(ge=0, le=1)]

PER_HOUR_MAX = 50_000  # a pick is remembered for days, in some 100 bytes


class SamplingSettings(Section):
    """Which clips may be reviewed at all. It is decided by a key, before a clip is decoded or heard."""

    rate: Share = 1.0
    """Share of the clips that is picked. In production a very small one: 0.002 is one clip in 500."""
    rates: dict[str, Share] = Field(default_factory=dict)
    """Other rates, by locale and device family: `{"en-US/speaker": 0.01, "de": 0.002, "*/tv": 0}`. A locale may be a \
language alone; families are those of `policy.device_families`, or `other`. The most specific one counts; where one \
names more of the locale and another the family, the lower one. JSON in the environment."""
    account_per_day_max: Annotated[int, Field(ge=0, le=1000)] = 0
    """Most picks of one account and day (UTC, when it was recorded), so that nobody is reviewed often; 0 is no limit. \
Exact where the raw topic's key keeps all clips of an account in one partition, otherwise per partition."""
    per_hour_max: Annotated[int, Field(ge=0, le=PER_HOUR_MAX)] = 0
    """Most picks of an hour (when it was recorded) in the whole deployment; 0 is no limit. Every input partition has \
its share, so fewer are picked where clips come unevenly."""
    wake_word_required: bool = True
    """Withhold clips that report no wake word: nobody is known to have spoken to the device."""
    wake_score_min: Share = 0.0
    """Withhold clips whose wake word has a lower score; above 0 also those that report no score."""
    days_kept: Annotated[int, Field(ge=2, le=400)] = 3
    """Days whose picks are remembered, up to the newest one, where there is a limit. Clips recorded earlier are \
withheld as `quota_reached` (`cap_reached` without a quota): nobody knows any more how many were picked."""
    accounts_max: Count = 200_000
    """Most accounts, counted once a day, that are remembered for one input partition (some 150 bytes each). Where \
there are more, the oldest day is forgotten early; where all are of one day, further accounts are withheld."""

    def problems(self) -> Iterator[tuple[str, str]]:
        named = [_rule(name, rate) for name, rate in self.rates.items()]
        rules = [rule for rule in named if rule is not None]
        if len(rules) < len(named):
            yield "rates", f"{len(named) - len(rules)} of the names are no locale, locale/family or */family"
        if len({(rule.subtags, rule.family) for rule in rules}) < len(rules):
            yield "rates", "names the same locale and family twice"
        if self.wake_score_min > 0 and not self.wake_word_required:
            yield "wake_score_min", "needs wake_word_required"

    def as_rules(self, device_families: Mapping[str, str]) -> SamplingRules:
        """The rules that the sampler takes; ``device_families`` is the policy's. Raises ConfigError where a rate is for
        a family that no device model has: it would never count, and nobody would notice."""
        rules = tuple(SamplingRule.named(name, rate) for name, rate in self.rates.items())
        known = {family.lower() for family in device_families.values()} | {OTHER}
        if unknown := {rule.family for rule in rules} - known - {ANY}:
            families = ", ".join(sorted(known))
            raise ConfigError(f"sampling.rates: {len(unknown)} device families unknown; there are: {families}")
        rest = self.model_dump(exclude={"rates"})
        return SamplingRules(rules=rules, device_families=MappingProxyType(dict(device_families)), **rest)


def _rule(name: str, rate: float) -> SamplingRule | None:
    try:
        return SamplingRule.named(name, rate)
    except ValueError:
        return None


def warnings(settings: SamplingSettings) -> list[str]:
    """What should not stay so in production, in plain words, one line each; names of settings, no values."""
    found = []
    if max([settings.rate, *settings.rates.values()]) >= 1.0:
        where = "sampling.rate" if settings.rate >= 1.0 else "sampling.rates"
        found.append(f"{where}: every clip may be reviewed; set the small share that is needed")
    if not settings.account_per_day_max:
        found.append("sampling.account_per_day_max: no quota, one person may be reviewed all day long")
    if not settings.per_hour_max:
        found.append("sampling.per_hour_max: no cap, the more clips arrive the more are reviewed")
    if not settings.wake_word_required:
        found.append("sampling.wake_word_required: clips that nobody meant for the device may be reviewed")
    return found
