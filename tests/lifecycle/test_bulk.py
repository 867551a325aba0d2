"""Bad records in bulk: when they stop a worker, and what never does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from stream.clip import Coordinates, Outcome, Published, Reason, Withheld
from stream.lifecycle.bulk import BAD_AUDIO, BAD_EVENTS, BadLimits, BadWatch, Seen, TooManyBad
from stream.ports import Partition

HERE = Partition("raw", 3)
LIMITS = BadLimits(window=20, share_max=0.5, least=5)
BAD, DEAF = Reason.EVENT_UNDECODABLE, Reason.AUDIO_UNDECODABLE


def outcome(offset: int, reason: Reason | None) -> Outcome:
    at = Coordinates(HERE.topic, HERE.number, offset)
    return Published(at, "token", 0, b"") if reason is None else Withheld(at, reason, "p1")


def outcomes(reasons: Iterable[Reason | None], first: int = 0) -> list[Outcome]:
    return [outcome(offset, reason) for offset, reason in enumerate(reasons, first)]


def committed(watch: BadWatch, all_of: Sequence[Outcome], batch: int = 4) -> int:
    """How many a worker would commit, batch by batch, before it stops."""
    done = 0
    try:
        while done < len(all_of):
            fit = watch.fits(all_of[done : done + batch])
            watch.committed(all_of[done : done + fit])
            done += fit
    except TooManyBad:
        pass
    return done


def watching(limits: BadLimits = LIMITS) -> BadWatch:
    return BadWatch(limits, HERE)


def test_a_topic_of_bad_records_stops_before_the_one_that_is_too_many() -> None:
    """With five as the least, four are committed; the fifth and all behind it wait."""
    assert 4 == committed(watching(), outcomes([BAD] * 40))


def test_what_is_good_before_the_one_too_many_is_committed() -> None:
    """The batch is cut there, not given up: good records wait for nothing."""
    watch = watching()
    watch.committed(outcomes([BAD] * 4))
    assert 2 == watch.fits(outcomes([None, None, BAD, None], 4))


def test_few_bad_ones_never_stop_it() -> None:
    """The first three records of a partition are bad: the share is 1, and it goes on."""
    assert 43 == committed(watching(), outcomes([BAD] * 3 + [None] * 40))


def test_a_share_below_the_limit_never_stops_it() -> None:
    """Two of five, for ever."""
    reasons = [BAD, None, BAD, None, None] * 40
    assert 200 == committed(watching(), outcomes(reasons))


def test_half_of_a_full_window_stops_it() -> None:
    """After many good ones it takes half of the window, whatever the least is."""
    assert 100 + 9 == committed(watching(), outcomes([None] * 100 + [BAD] * 40))


def test_a_good_record_never_stops_it() -> None:
    """With the window over the limit, as after bad ones were let through, the good ones that come next go on."""
    watch = watching()
    watch.restore([Seen(offset, BAD) for offset in range(20)])
    assert 15 == committed(watch, outcomes([None] * 15, 20))


@pytest.mark.parametrize("reason", sorted(set(Reason) - BAD_EVENTS - BAD_AUDIO))
def test_other_reasons_are_nobodys_fault(reason: Reason) -> None:
    """Consent, sampling, what people do, what models say: a topic full of them is withheld to its end."""
    assert 60 == committed(watching(), outcomes([reason] * 60))


@pytest.mark.parametrize("reason", sorted(BAD_EVENTS | BAD_AUDIO))
def test_every_bad_reason_stops_it(reason: Reason) -> None:
    """Each of them alone."""
    assert 4 == committed(watching(), outcomes([reason] * 60))


def test_bad_audio_shows_among_few_that_are_picked() -> None:
    """One clip in ten is heard, and none can be decoded: the share is of those that were heard."""
    reasons = ([Reason.NOT_SAMPLED] * 9 + [DEAF]) * 20
    assert 49 == committed(watching(), outcomes(reasons), batch=1)


def test_few_picked_clips_do_not_make_bad_events_look_many() -> None:
    """One event in ten is bad, and one in ten is picked: that is no half of anything."""
    reasons = ([Reason.NOT_SAMPLED] * 8 + [BAD, None]) * 40
    assert 400 == committed(watching(), outcomes(reasons))


def test_what_is_bad_is_a_closed_list() -> None:
    """What the producer, or our view of it, is to blame for; the list above is tried reason by reason."""
    events = {Reason.UNKNOWN_SCHEMA, Reason.EVENT_UNDECODABLE, Reason.EVENT_TOO_LARGE}
    unheard = {Reason.AUDIO_NOT_FETCHED, Reason.AUDIO_EMPTY, Reason.AUDIO_NOT_FINITE}
    objects = {Reason.AUDIO_ELSEWHERE, Reason.AUDIO_MISSING, Reason.AUDIO_CHANGED, Reason.AUDIO_TOO_LARGE}
    assert events == BAD_EVENTS
    assert unheard | objects | {Reason.AUDIO_UNDECODABLE, Reason.AUDIO_TRUNCATED} == BAD_AUDIO


def test_a_restore_forgets_what_was_there() -> None:
    """A longer look back has the shorter one's records in it: they count once."""
    told: list[int] = []
    watch = BadWatch(LIMITS, HERE, told.append)
    for first in (2, 0):
        watch.restore([Seen(offset, BAD) for offset in range(first, 4)])
    assert [2, 4] == told


def test_off_is_off() -> None:
    """A share of 1 stops nothing, even where all are bad."""
    assert 60 == committed(watching(BadLimits(20, 1.0, 5)), outcomes([BAD] * 60))


def test_what_somebody_accepted_does_not_count() -> None:
    """Up to that offset, of that partition; four more, and it stops again."""
    accepted = BadLimits(20, 0.5, 5, {3: 29})
    assert 34 == committed(watching(accepted), outcomes([BAD] * 60))
    elsewhere = BadLimits(20, 0.5, 5, {2: 29})
    assert 4 == committed(watching(elsewhere), outcomes([BAD] * 60))


def test_a_restart_goes_on_counting() -> None:
    """Restored from what was committed, it commits no further bad one; and a hundred restarts commit no more."""
    all_of = outcomes([BAD] * 60)
    done = 0
    for _ in range(100):
        watch = watching()
        watch.restore([Seen(offset, BAD) for offset in range(done)])
        done += committed(watch, all_of[done:])
    assert 4 == done


def test_older_records_are_asked_for_while_they_could_matter() -> None:
    """Where there are few, and where few were heard and one of them was bad; not once the picture is whole."""
    watch = watching()
    watch.restore([Seen(0, None)])
    assert watch.wants_more
    watch.restore([Seen(offset, Reason.NOT_SAMPLED) for offset in range(20)])
    assert not watch.wants_more
    watch.restore([*(Seen(offset, Reason.NOT_SAMPLED) for offset in range(20)), Seen(20, DEAF)])
    assert watch.wants_more


def test_a_commit_that_is_tried_again_counts_once() -> None:
    """Asking how many fit changes nothing."""
    watch = watching()
    for _ in range(10):
        assert 4 == watch.fits(outcomes([BAD] * 4))
    assert 4 == committed(watch, outcomes([BAD] * 40))


def test_the_error_tells_counts_and_offsets() -> None:
    """Which partition, how many for which reason, where it began, what waits, and how to go on."""
    watch = watching()
    watch.committed(outcomes([None, BAD, BAD, Reason.UNKNOWN_SCHEMA, BAD]))
    with pytest.raises(TooManyBad) as caught:
        watch.fits(outcomes([BAD], 5))
    said = str(caught.value)
    assert "5 of the last 6 records of partition 3 of raw are bad (event_undecodable 4, unknown_schema 1)" in said
    assert "the first at offset 1; those from offset 5 on wait" in said
    assert "worker.bad_accepted" in said
    assert (3, 5, 1) == (caught.value.partition, caught.value.records, caught.value.offset)


def test_whoever_watches_is_told_how_many_are_bad() -> None:
    """For the metric: after each commit, and nothing any more once the partition is gone."""
    told: list[int] = []
    watch = BadWatch(LIMITS, HERE, told.append)
    watch.committed(outcomes([BAD, None, BAD]))
    watch.close()
    assert [2, 0] == told
