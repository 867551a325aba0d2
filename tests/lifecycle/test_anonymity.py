"""Rare values are made coarse: nothing that is published could be of fewer than k accounts, nor could a known clip be
fewer than k of those that are published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.clip import Coarse, Precision
from stream.lifecycle.anonymity import Anonymity, Anonymizer, Crowds, Value, own_of, value_of
from tests.lifecycle.crowds import Emitted, too_few

RULE = Anonymity(k=3, window_s=1000.0, lengths=(2.0, 5.0, 60.0), coarse_lengths=(5.0, 60.0))
T = datetime(2026, 5, 28, tzinfo=UTC)
LAST = Coarse(datetime(2026, 1, 1, tzinfo=UTC), Precision.YEAR, "und", "other", 5.0)


class Clips:
    """Clips that are published one after the other, by one anonymizer."""

    def __init__(self, rule: Anonymity = RULE) -> None:
        self.rule, self.now, self.emitted = rule, 0.0, list[Emitted]()
        self.anonymizer = Anonymizer(rule, lambda: self.now, lambda: T)

    def publish(
        self, account: str, hour: int = 0, language: str = "en", family: str = "tv", length: float = 2.0
    ) -> Coarse:
        captured_at = T + timedelta(hours=hour, minutes=7)
        own, number = own_of(captured_at, language, family), int.from_bytes(account.encode())
        coarse = self.anonymizer.coarse(own, number)[self.rule.lengths.index(length)]
        self.anonymizer.emitted(own, length, number, coarse)
        self.emitted.append(Emitted(account, captured_at, language, family, length, self.now, coarse))
        return coarse

    def findings(self) -> list[tuple[int, str]]:
        return too_few(self.emitted, self.rule, T)


Stream = Sequence[tuple[str, int, str, str, float, int]]
STREAMS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from([0, 0, 0, 1, 2, 30]),
        st.sampled_from(["en", "en", "es"]),
        st.sampled_from(["tv", "other"]),
        st.sampled_from(RULE.lengths),
        st.sampled_from([0, 10, 200]),
    ),
    max_size=60,
)


def published(stream: Stream) -> Clips:
    clips = Clips()
    for *values, pause_s in stream:
        clips.now += pause_s
        clips.publish(*values)
    return clips


# ------------------------------------------------------------------ the rule
@given(STREAMS)
@settings(max_examples=300, deadline=None)
def test_every_value_is_shared_by_k_accounts(stream: Stream) -> None:
    """Whatever comes in whatever order: both directions hold at every publication, looked at from outside."""
    assert [] == published(stream).findings()


RANDOM = [
    ("abcdef"[n % 7 % 6], (0, 0, 1, 2, 30)[n % 5], "en" if n % 3 else "es", "tv", RULE.lengths[n % 2], 10 * n % 210)
    for n in range(120)
]


def test_without_the_rule_values_single_people_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check from outside sees it: everybody's own values, and single people in them."""
    monkeypatch.setattr(Crowds, "crowded", lambda *_: True)
    directions = {direction for _, direction in published(RANDOM).findings()}
    assert {"(k,1)", "(1,k)"} == directions


@pytest.mark.parametrize(("half", "broken"), [("_own", "(k,1)"), ("_published", "(1,k)")])
def test_each_half_of_the_rule_is_needed(half: str, broken: str) -> None:
    """Without the one a value is of too few; without the other too few values could be a clip's."""
    clips = Clips()
    getattr(clips.anonymizer, half).crowded = lambda *_: True  # as if enough were there always
    for *values, pause_s in RANDOM:
        clips.now += pause_s
        clips.publish(*values)
    assert {broken} == {direction for _, direction in clips.findings()}


# ------------------------------------------------------------------ the ladder
def test_the_first_clips_tell_nothing() -> None:
    """Until k accounts are there, not even language and year."""
    clips = Clips()
    assert [LAST, LAST] == [clips.publish("a"), clips.publish("b")]
    assert Precision.HOUR == clips.publish("c").precision


def test_one_account_is_no_crowd() -> None:
    """However often it speaks."""
    clips = Clips()
    assert {LAST} == {clips.publish("a") for _ in range(50)}
    assert {LAST} == {clips.publish("b") for _ in range(50)}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, (Precision.HOUR, "en", "tv", 2.0)),
        ({"hour": 1}, (Precision.DAY, "en", "tv", 2.0)),
        ({"length": 5.0}, (Precision.DAY, "en", "tv", 5.0)),
        ({"family": "car"}, (Precision.DAY, "en", "other", 5.0)),
        ({"hour": 24}, (Precision.YEAR, "en", "other", 5.0)),
        ({"language": "es"}, (Precision.YEAR, "und", "other", 5.0)),
    ],
)
def test_values_are_given_up_in_order(others: dict[str, object], expected: tuple[object, ...]) -> None:
    """Hour, exact length, device family, day, language: as far as it takes until the others have them too."""
    clips = Clips()
    for account in "abcd":
        clips.publish(account, **others)  # type: ignore[arg-type]
    coarse = clips.publish("z")
    assert expected == (coarse.precision, coarse.language, coarse.device_family, coarse.seconds)


def test_times_are_the_first_of_their_hour_day_or_year() -> None:
    """In UTC, whatever zone the recording was in."""
    zoned = (T + timedelta(hours=3, minutes=7)).astimezone(timezone(timedelta(hours=5, minutes=30)))
    began = [value.coarse().captured for value in RULE.steps(own_of(zoned, "en", "tv"), 2.0)]
    assert [T + timedelta(hours=3), T, T, T, datetime(2026, 1, 1, tzinfo=UTC)] == began


def test_a_device_with_a_wrong_clock_stands_out_in_nothing() -> None:
    """Not even the year of such a clip is told: the last step has that of the publication."""
    clips = Clips()
    for account in "abcdefgh":
        clips.publish(account)
    assert LAST == clips.publish("z", hour=-24 * 365 * 20)


def test_the_first_step_may_be_the_day() -> None:
    """Where the hour is never to be told."""
    clips = Clips(replace(RULE, precision=Precision.DAY))
    assert Precision.DAY == [clips.publish(account) for account in "abcd"][-1].precision


def test_a_value_reads_the_same_both_ways() -> None:
    """What is published is what is counted."""
    value = Value(Precision.DAY, int(T.timestamp()), "en", "tv", 5.0)
    assert value == value_of(value.coarse())


@pytest.mark.parametrize(
    "wrong",
    [
        {"lengths": (5.0, 2.0, 60.0)},
        {"lengths": (0.0, 60.0)},
        {"coarse_lengths": ()},
        {"coarse_lengths": (5.0, 30.0)},
        {"precision": Precision.YEAR},
    ],
)
def test_a_ladder_that_lacks_steps_is_refused(wrong: dict[str, object]) -> None:
    """Every length has a coarse one, and every clip a first step."""
    with pytest.raises(ValueError):
        replace(RULE, **wrong)  # type: ignore[arg-type]


# ------------------------------------------------------------------ the window, and memory
def test_accounts_count_for_the_window_only() -> None:
    """Who was published yesterday is no cover for today."""
    clips = Clips()
    for account in "abcd":
        clips.publish(account)
    clips.now = 999.9
    assert Precision.HOUR == clips.publish("x").precision
    clips.now = 2000.0
    assert LAST == clips.publish("y")


def test_memory_is_bounded() -> None:
    """Values are forgotten when their window is over, and the oldest before that where there are too many."""
    now = [0.0]
    crowds = Crowds(2, 100.0, lambda: now[0], values_max=50)
    for number in range(200):
        crowds.add(number, number)
    assert 50 == len(crowds)
    now[0] = 101.0
    crowds.add("new", 1)
    assert 1 == len(crowds)


def test_of_each_value_no_more_accounts_are_kept_than_needed() -> None:
    """And the latest ones, so that they count as long as can be."""
    now = [0.0]
    crowds = Crowds(3, 100.0, lambda: now[0])
    for account in range(1000):
        now[0] += 1
        crowds.add("value", account)
    assert [997, 998, 999] == list(crowds._seen["value"])
    now[0] += 97
    assert crowds.crowded(["value"], 5)
    now[0] += 2
    assert not crowds.crowded(["value"], 998)
