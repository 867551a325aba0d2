"""Sampling: what is picked is a matter of the key and the rules; quota and cap hold; nothing but digests is written."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.clip import Coordinates, Header, Reason, Record
from stream.lifecycle import places
from stream.lifecycle.sampling import PartitionSampler, SamplingRule, SamplingRules, chosen, share
from stream.ports import CommitFailed, Message
from tests.lifecycle.picking import KEY, LATER_S, NOON, TOPIC, Changelog, header, opened

FAMILIES = MappingProxyType({"echo-9": "speaker", "speaker": "speaker", "tv": "tv", "phone": "phone"})
HOUR_OF_NOON = int(NOON.timestamp()) // 3600


def rules(rates: dict[str, float] | None = None, **changes: object) -> SamplingRules:
    named = tuple(SamplingRule.named(name, rate) for name, rate in (rates or {}).items())
    return SamplingRules(rules=named, device_families=FAMILIES, **changes)  # type: ignore[arg-type]


def sampler(the: SamplingRules, partition: int = 0, partitions: int = 1) -> PartitionSampler:
    return PartitionSampler(the, KEY, partition, partitions, topic=TOPIC, now_s=lambda: LATER_S)


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


# ------------------------------------------------------------------ quota and cap
CLIPS = st.lists(
    st.builds(
        lambda clip, account, day, hour: header(clip, f"acct-{account}", days=day, hours=hour),
        st.integers(0, 400),
        st.integers(0, 2),
        st.integers(0, 6),
        st.integers(-12, 11),
    ),
    max_size=60,
    unique_by=lambda of: of.clip_id,
)


@settings(max_examples=150, deadline=None)
@given(CLIPS, st.integers(1, 3), st.integers(0, 3))
def test_quota_and_cap_hold_in_any_order(clips: list[Header], quota: int, cap: int) -> None:
    """However clips arrive in a partition, no account and day and no hour has more picks than it may."""
    picking = sampler(rules(account_per_day_max=quota, per_hour_max=cap))
    picked = [of for of in clips if picking.pick(of) is None]
    for of in picked:
        same_day = [p for p in picked if (p.account_id, p.captured_at.date()) == (of.account_id, of.captured_at.date())]
        same_hour = [p for p in picked if p.captured_at == of.captured_at]
        assert len(same_day) <= quota
        assert len(same_hour) <= cap or not cap


def test_a_clip_that_one_limit_refuses_takes_no_place_in_the_other() -> None:
    """The cap refuses, the quota stays free, and the other way round."""
    picking = sampler(rules(account_per_day_max=1, per_hour_max=1))
    assert picking.pick(header(1, "a")) is None
    assert Reason.CAP_REACHED == picking.pick(header(2, "b"))
    assert picking.pick(header(3, "b", hours=1)) is None  # clip 2 left b's place free
    assert Reason.QUOTA_REACHED == picking.pick(header(4, "b", hours=2))
    assert picking.pick(header(5, "c", hours=2)) is None  # clip 4 left the hour's place free


def test_a_clip_that_comes_again_is_picked_again() -> None:
    """It finds its places, also when both buckets are full, and also with another clip in between."""
    picking = sampler(rules(account_per_day_max=2, per_hour_max=2))
    both = [header(1), header(2)]
    assert [None, None, Reason.QUOTA_REACHED] == [picking.pick(of) for of in (*both, header(3))]
    assert [None, None, Reason.QUOTA_REACHED] == [picking.pick(of) for of in (*both, header(3))]


def test_one_id_for_all_clips_does_not_get_past_the_quota() -> None:
    """A clip is known by its id, its account and its time: a producer's constant id is no way round."""
    picking = sampler(rules(account_per_day_max=1, per_hour_max=2))
    assert picking.pick(header("same")) is None
    assert Reason.QUOTA_REACHED == picking.pick(header("same", hours=1))
    assert picking.pick(header("same", "b")) is None
    assert Reason.CAP_REACHED == picking.pick(header("same", "c"))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(-(10**6), 10**6))
def test_the_shares_of_the_cap_sum_to_it(cap: int, partitions: int, hour: int) -> None:
    """For every number of partitions and every hour; no two shares differ by more than one."""
    shares = [share(cap, partition, partitions, hour) for partition in range(partitions)]
    assert cap == sum(shares)
    assert max(shares) - min(shares) <= 1


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 39))
def test_a_small_cap_reaches_every_partition(cap: int, partitions: int, partition: int) -> None:
    """In as many hours as there are partitions each one gets the same sum, the cap."""
    assert cap == sum(share(cap, partition % partitions, partitions, hour) for hour in range(partitions))


def test_each_partition_keeps_to_its_share() -> None:
    """Three partitions without a word between them pick ten clips of an hour whose cap is ten."""
    each = [sampler(rules(per_hour_max=10), number, 3) for number in range(3)]
    picked = [sum(one.pick(header(f"{n}-{clip}")) is None for clip in range(30)) for n, one in enumerate(each)]
    assert 10 == sum(picked)
    assert [share(10, number, 3, HOUR_OF_NOON) for number in range(3)] == picked


# ------------------------------------------------------------------ days, and what is bounded
def test_late_clips_are_refused_and_old_buckets_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a day is below the floor nobody else gets in, its own clips do for a while, then it gets tombstones."""
    monkeypatch.setattr(places, "REMEMBERED", 10)
    changelog = Changelog()
    picking = sampler(rules(account_per_day_max=2, days_kept=2))
    assert [None, None] == [picking.pick(header(1)), picking.pick(header(2, days=2))]
    assert [Reason.QUOTA_REACHED, None] == [picking.pick(header(3)), picking.pick(header(1))]
    changelog.append(picking.changes())
    assert [True] * 3 == [record.value is not None for record in changelog.records]
    for _ in range(10):
        picking.pick(header(2, days=2))
    (tombstone,) = picking.changes()
    assert (changelog.records[1].key, None) == (tombstone.key, tombstone.value)  # the first is the floor
    assert Reason.QUOTA_REACHED == picking.pick(header(1))  # nobody knows it any more


def test_without_a_quota_late_clips_count_as_over_the_cap() -> None:
    """The reason names the limit that there is."""
    picking = sampler(rules(per_hour_max=5, days_kept=2))
    assert [None, Reason.CAP_REACHED] == [picking.pick(header(1, days=2)), picking.pick(header(2))]


def test_tombstones_come_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day's buckets do not all go in one transaction, and in the end they are all gone."""
    monkeypatch.setattr(places, "REMEMBERED", 0)
    monkeypatch.setattr(places, "TOMBSTONES_MAX", 3)
    picking, changelog = sampler(rules(account_per_day_max=2, days_kept=2)), Changelog()
    for account in range(8):
        picking.pick(header(account, f"acct-{account}", days=account % 2))
    changelog.append(picking.changes())
    picking.pick(header(9, days=3))
    assert [5, 3, 2, 0] == [len(changes) for changes in _appended(picking, changelog, 4)]  # 2 of them are no tombstones
    again = asyncio.run(opened(rules(account_per_day_max=2, days_kept=2), changelog))
    assert not again.changes()  # what has its tombstone does not come back
    changelog.compact()
    assert 2 == len(changelog.records)


def _appended(picking: PartitionSampler, changelog: Changelog, times: int) -> list[list[Message]]:
    found = [list(picking.changes()) for _ in range(times)]
    for messages in found:
        changelog.append(messages)
    return found


def test_a_clock_that_is_wrong_shuts_nobody_out() -> None:
    """A clip from the future is refused and does not raise the floor; tomorrow's may be a matter of clocks."""
    picking = PartitionSampler(rules(account_per_day_max=2), KEY, 0, 1, now_s=NOON.timestamp)
    assert Reason.QUOTA_REACHED == picking.pick(header(1, days=2))
    assert Reason.QUOTA_REACHED == picking.pick(header(2, days=3650))
    assert [None, None] == [picking.pick(header(3, days=1)), picking.pick(header(4))]


def test_the_number_of_accounts_is_bounded() -> None:
    """When there is no room the oldest day goes; when there is no older day, a further account is refused."""
    picking = sampler(rules(account_per_day_max=2, per_hour_max=9, accounts_max=3))
    assert [None] * 3 == [picking.pick(header(n, f"acct-{n}", days=n > 1)) for n in (0, 1, 2)]
    assert picking.pick(header(3, "acct-3", days=1)) is None
    assert Reason.QUOTA_REACHED == picking.pick(header(4, "acct-4"))  # the first day went for acct-3
    assert picking.pick(header(5, "acct-5", days=1)) is None
    assert Reason.QUOTA_REACHED == picking.pick(header(6, "acct-6", days=1))
    assert picking.pick(header(7, "acct-5", days=1)) is None  # known accounts go on
    assert picking.pick(header(8, "acct-8", days=2)) is None  # and so does the next day
    assert Reason.QUOTA_REACHED == picking.pick(header(9, "acct-5", days=1))


def test_the_number_of_accounts_is_bounded_after_a_restart_too() -> None:
    """Accounts that come back from the changelog count, once each however often they were written."""
    changelog, few = Changelog(), rules(account_per_day_max=2, accounts_max=3)
    picking = sampler(few)
    for number in range(4):
        picking.pick(header(number, f"acct-{number % 2}"))
        changelog.append(picking.changes())
    again = asyncio.run(opened(few, changelog))
    assert again.pick(header(5, "acct-2")) is None
    assert Reason.QUOTA_REACHED == again.pick(header(6, "acct-3"))


def test_a_clip_is_not_found_across_two_others() -> None:
    """Digests side by side hold further ones across their borders, and those are nobody's places."""
    quota = places.Places(TOPIC, 0, days_kept=3, accounts_max=10)
    clips = [b"xxxxAAAA", b"BBBByyyy", b"AAAABBBB"]
    asked = [quota.take(places.Place(clip, bytes(16), HOUR_OF_NOON), 2, None) for clip in clips]
    assert [None, None, Reason.QUOTA_REACHED] == asked


# ------------------------------------------------------------------ the changelog
def test_what_is_written_names_nobody() -> None:
    """Neither accounts nor clips are in keys or values, nor in what a sampler prints; messages have their partition."""
    picking = sampler(rules(account_per_day_max=3, per_hour_max=30), 2, 5)
    picking.pick(header("canary", "acct-canary"))
    messages = picking.changes()
    written = b"".join((message.key or b"") + (message.value or b"") for message in messages)
    assert b"canary" not in written
    assert {(TOPIC, 2)} == {(message.topic, message.partition) for message in messages}
    assert 3 == len(messages)  # the account's day, the hour, the floor
    assert not picking.changes()
    assert "canary" not in repr(picking) + repr(messages)


def test_an_account_has_another_bucket_every_day() -> None:
    """Nobody sees from the changelog that two days are of one account."""
    picking = sampler(rules(account_per_day_max=3))
    for days in range(3):
        picking.pick(header(days, days=days))
    keys = [message.key or b"" for message in picking.changes()]
    assert 3 == len({key[-places.MAC_BYTES :] for key in keys if key[:1] == b"a"})


def test_of_a_large_hour_only_the_end_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour is written in chunks, and a full one never again; all of them come back."""
    monkeypatch.setattr(places, "CHUNK", 4)
    picking, changelog = sampler(rules(per_hour_max=10)), Changelog()
    for number in range(10):
        assert picking.pick(header(number)) is None
        changes = picking.changes()
        assert 1 + (number == 0) == len(changes)
        assert max(len(message.value or b"") for message in changes) <= 1 + 4 * 8
        changelog.append(changes)
    changelog.compact()
    again = asyncio.run(opened(rules(per_hour_max=10), changelog))
    assert Reason.CAP_REACHED == again.pick(header(10))
    assert [None] * 10 == [again.pick(header(number)) for number in range(10)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"\1" + bytes(8)),
        (b"", b"\1" + bytes(8)),
        (b"x" + bytes(20), b"\1" + bytes(8)),
        (b"a" + bytes(19), b"\1" + bytes(8)),
        (b"a" + bytes(20), b"\2" + bytes(8)),
        (b"a" + bytes(20), b""),
        (b"a" + bytes(20), b"\1"),
        (b"a" + bytes(20), b"\1" + bytes(9)),
        (b"h" + bytes(6), b"\1" + bytes(7)),
        (b"f", b"\1" + bytes(3)),
        (b"f", None),
    ],
)
def test_a_changelog_that_nobody_can_read_opens_no_sampler(key: bytes | None, value: bytes | None) -> None:
    """A foreign record, another version, a value cut off: nobody knows who has a place, so nothing is picked."""
    changelog = Changelog()
    changelog.records.append(Record(Coordinates(TOPIC, 0, 0), value, key))
    with pytest.raises(CommitFailed):
        asyncio.run(opened(rules(account_per_day_max=1), changelog))


def test_picks_under_another_key_are_not_known() -> None:
    """After a change of the key the old buckets stand for nobody; they go with their days."""
    changelog = Changelog()
    picking = sampler(rules(account_per_day_max=1))
    picking.pick(header(1))
    changelog.append(picking.changes())
    other = asyncio.run(opened(rules(account_per_day_max=1), changelog, bytes(32)))
    assert other.pick(header(2)) is None


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
