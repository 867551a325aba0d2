"""What of the withheld may be replayed, how often, and what never is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.clip import Coordinates, Reason
from stream.lifecycle.replaying import (
    NEVER,
    PASSING,
    Candidate,
    Chosen,
    History,
    NotReplayed,
    Replay,
    Wish,
    choose,
    done,
)

DIED = Reason.INFERENCE_DIED


def candidate(offset: int, reason: Reason = DIED, policy: str = "p1", topic: str = "raw") -> Candidate:
    return Candidate(Coordinates(topic, 0, offset), reason, policy, 1_000 * offset)


def history(*replays: Replay) -> History:
    made = History("raw")
    for each in replays:
        made.add(each)
    return made


def replayed(offset: int, copy: int, first: int | None = None, times: int = 1) -> Replay:
    return Replay(Coordinates("raw", 0, offset), copy, offset if first is None else first, times)


def offsets(chosen: Chosen) -> list[int]:
    return [each.at.offset for each in chosen.records]


def test_only_what_passes_is_replayed_unless_somebody_asks() -> None:
    """Of one record for each reason there is."""
    everything = [candidate(number, reason) for number, reason in enumerate(Reason)]
    assert PASSING == {each.reason for each in choose(everything, Wish(), history()).records}


@pytest.mark.parametrize("reason", sorted(NEVER))
def test_what_was_decided_for_good_is_refused(reason: Reason) -> None:
    """By its reason as by its coordinates, with --again or without; and nothing else of the wish is done."""
    with pytest.raises(NotReplayed, match=reason.value):
        Wish(reasons=frozenset({DIED, reason}))
    for again in (False, True):
        wish = Wish(at=frozenset({(0, 1), (0, 2)}), again=again)
        with pytest.raises(NotReplayed, match=f"0:2 was withheld for good: {reason}"):
            choose([candidate(1), candidate(2, reason)], wish, history())


def test_every_no_of_a_person_and_of_the_gate_is_for_good() -> None:
    """Consent, erasure, recalls, sampling, critical content, and every reason of the gate."""
    persons = {Reason.NO_CONSENT, Reason.OPTED_OUT, Reason.ERASED, Reason.RECALLED, Reason.RECORDED_LATER}
    sample = {Reason.NOT_SAMPLED, Reason.QUOTA_REACHED, Reason.CAP_REACHED, Reason.NO_WAKE_WORD, Reason.CRITICAL}
    assert persons | sample | {reason for reason in Reason if reason.startswith("gate_")} <= NEVER
    assert not NEVER & PASSING


def test_other_reasons_are_replayed_where_they_are_named() -> None:
    """After a new policy, a larger limit, a decoder that was mended."""
    wish = Wish(reasons=frozenset({Reason.AUDIO_TOO_LONG}))
    assert [1] == offsets(choose([candidate(1, Reason.AUDIO_TOO_LONG), candidate(2)], wish, history()))


def test_what_was_not_withheld_is_not_replayed() -> None:
    """A place that is not among the withheld is told, and nothing is done."""
    with pytest.raises(NotReplayed, match="0:7 is not among"):
        choose([candidate(1)], Wish(at=frozenset({(0, 1), (0, 7)})), history())


def test_times_policies_and_topics_narrow_it() -> None:
    """Since when, by which version of the policy, and never of another topic."""
    all_of = [candidate(1), candidate(5), candidate(6, policy="p2"), candidate(7, topic="other")]
    assert [5, 6] == offsets(choose(all_of, Wish(since_ms=5_000), history()))
    assert [6] == offsets(choose(all_of, Wish(policy_version="p2"), history()))


def test_the_order_is_that_of_the_input() -> None:
    """Withheld records lie in the order of their outcomes; copies have that of the events."""
    assert [1, 4, 9] == offsets(choose([candidate(9), candidate(1), candidate(4)], Wish(), history()))


def test_what_was_replayed_before_is_not_replayed_again() -> None:
    """Unless it is asked for by its coordinates, and with that word."""
    before = history(replayed(1, copy=10))
    chosen = choose([candidate(1), candidate(2)], Wish(), before)
    assert ([2], {DIED: 1}) == (offsets(chosen), dict(chosen.before))
    named = Wish(at=frozenset({(0, 1)}))
    assert [] == offsets(choose([candidate(1)], named, before))
    assert [1] == offsets(choose([candidate(1)], replace(named, again=True), before))
    with pytest.raises(NotReplayed, match="by its coordinates alone"):
        Wish(again=True)


def test_an_event_that_fails_again_and_again_is_left_alone() -> None:
    """A copy that is withheld is replayed as what it goes back to, up to the limit; whoever raises it goes on."""
    past, at = history(), 0
    for times in range(1, 4):
        chosen = choose([candidate(at)], Wish(), past)
        assert [at] == offsets(chosen)
        replay = done(chosen.records[0], Coordinates("raw", 0, at + 10), past)
        assert (0, times) == (replay.first, replay.times)
        past.add(replay)
        at += 10
    chosen = choose([candidate(at)], Wish(), past)
    assert ([], {DIED: 1}) == (offsets(chosen), dict(chosen.too_often))
    assert [at] == offsets(choose([candidate(at)], Wish(times_max=4), past))


def test_the_order_of_the_history_does_not_matter() -> None:
    """Partitions of the topic are read one after another, and compaction leaves gaps."""
    replays = [replayed(0, 10), replayed(10, 20, first=0, times=2), replayed(20, 30, first=0, times=3)]
    for order in (replays, replays[::-1], replays[2:]):
        assert 3 == history(*order).times(Coordinates("raw", 0, 30))


def test_replays_of_another_topic_are_no_business_of_this_one() -> None:
    """One topic of replays may serve several raw ones."""
    assert not history(Replay(Coordinates("other", 0, 1), 2, 1, 1)).has(Coordinates("raw", 0, 1))
