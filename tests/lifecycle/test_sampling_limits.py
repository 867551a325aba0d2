"""Quota and cap: they hold in any order, a clip that is refused takes no place, memory is bounded."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.clip import Header, Reason
from stream.lifecycle import places
from stream.lifecycle.sampling import PartitionSampler, share
from stream.ports import Message
from tests.lifecycle.picking import HOUR_OF_NOON, KEY, NOON, TOPIC, Changelog, header, opened, rules, sampler

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


def test_one_id_and_one_time_for_all_clips_do_not_either() -> None:
    """Each record takes a place of its own, and finds it when it comes again."""
    picking = sampler(rules(account_per_day_max=1))
    assert picking.pick(header("same"), 7) is None
    assert Reason.QUOTA_REACHED == picking.pick(header("same"), 8)
    assert picking.pick(header("same"), 7) is None


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
