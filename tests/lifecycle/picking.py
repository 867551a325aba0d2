"""Clips, keys and a changelog in memory for the tests of the sampler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from stream.clip import Consent, Coordinates, Header, Record
from stream.lifecycle.sampling import PartitionSampler, SamplingRule, SamplingRules, open_sampler
from stream.ports import Message

KEY = bytes(range(32))
NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
LATER_S = (NOON + timedelta(days=400)).timestamp()  # what the sampler takes for now: no clip is from the future
TOPIC = "clips.sampling"
FAMILIES = MappingProxyType({"echo-9": "speaker", "speaker": "speaker", "tv": "tv", "phone": "phone"})
HOUR_OF_NOON = int(NOON.timestamp()) // 3600


def header(
    clip: int | str,
    account: str = "acct-90210",
    *,
    days: float = 0.0,
    hours: float = 0.0,
    locale: str = "en-US",
    model: str = "speaker",
    woken: bool = True,
    wake_score: float | None = 0.9,
) -> Header:
    """A clip recorded so many days and hours after a Tuesday's noon."""
    at = NOON + timedelta(days=days, hours=hours)
    return Header(f"clip-{clip}", account, at, locale, model, Consent(human_review=True), woken, wake_score)


class Changelog:
    """One partition of the compacted topic, in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.read_times = 0

    def append(self, messages: Sequence[Message]) -> None:
        for message in messages:
            coordinates = Coordinates(message.topic, message.partition or 0, len(self.records))
            self.records.append(Record(coordinates, message.value, message.key))

    def compact(self) -> None:
        """As a broker may at any time: of each key the last record, and no tombstones."""
        last = {record.key: record.coordinates.offset for record in self.records}
        self.records = [
            record
            for record in self.records
            if last[record.key] == record.coordinates.offset and record.value is not None
        ]

    async def read(self, topic: str, *, partition: int | None = None) -> AsyncIterator[Record]:
        self.read_times += 1
        for record in self.records:
            if record.coordinates.partition == partition:
                yield record


async def opened(rules: SamplingRules, changelog: Changelog | None = None, key: bytes = KEY) -> PartitionSampler:
    """The sampler of the only partition."""
    return await open_sampler(changelog or Changelog(), rules, key, 0, 1, topic=TOPIC, now_s=lambda: LATER_S)


def rules(rates: dict[str, float] | None = None, **changes: object) -> SamplingRules:
    named = tuple(SamplingRule.named(name, rate) for name, rate in (rates or {}).items())
    return SamplingRules(rules=named, device_families=FAMILIES, **changes)  # type: ignore[arg-type]


def sampler(the: SamplingRules, partition: int = 0, partitions: int = 1) -> PartitionSampler:
    return PartitionSampler(the, KEY, partition, partitions, topic=TOPIC, now_s=lambda: LATER_S)
