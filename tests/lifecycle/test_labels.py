"""Labels: the token of the clip's key, and values that enough others have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stream.clip import Coarse, Consent, Header, Label, Precision, Reason, Refusal, TokenKey
from stream.lifecycle.anonymity import Anonymity
from stream.lifecycle.keyring import KeyRing, Scope, clip_token, epoch_of, single_ring
from stream.lifecycle.labels import EpochLabels, plain_label
from stream.policy import Policy
from stream.ports import KeysLapsed
from tests.values import event

CAPTURED = datetime(2026, 11, 3, 14, 42, 17, tzinfo=UTC)
HEADER = Header("clip-1", "acct-90210-xyz", CAPTURED, "en-US", "Speaker", Consent(human_review=True), woken=True)
POLICY = Policy()
RULE = Anonymity(k=3)
RING = single_ring("spring", "1", b"k" * 32)
LAST = Coarse(datetime(2026, 1, 1, tzinfo=UTC), Precision.YEAR, "und", "other", 60.0)


def labels(rule: Anonymity = RULE, ring: KeyRing = RING, policy: Policy = POLICY) -> EpochLabels:
    return EpochLabels(lambda: ring, policy, rule, today=lambda: CAPTURED)


def publish(made: EpochLabels, account: str, length: int = 3, **changes: object) -> Label:
    header = replace(HEADER, account_id=account, **changes)  # type: ignore[arg-type]
    label = made.label(header)
    made.emitted(header, label, length)
    return label


def test_a_label_has_the_token_of_the_recordings_key() -> None:
    """Campaign and epoch beside it, so that whoever has the ring finds the key again."""
    label = labels().label(HEADER)
    key = RING.key_for(CAPTURED)
    assert (clip_token("clip-1", key), "spring", "1") == (label.token, label.campaign, label.key_epoch)


def test_a_clip_without_a_key_has_no_label() -> None:
    """It is withheld: the key of another time does not stand in."""
    ring = KeyRing("spring", Scope.CLIP, (epoch_of("spring", "new", b"k" * 32, first=CAPTURED),), b"a" * 32)
    with pytest.raises(Refusal) as caught:
        labels(ring=ring).label(replace(HEADER, captured_at=CAPTURED - timedelta(seconds=1)))
    assert Reason.KEY_MISSING == caught.value.reason


def test_a_ring_without_a_key_for_now_has_lapsed() -> None:
    """Then no clip is withheld for want of a key, not even a late one: somebody forgot to add the next epoch."""
    ended = epoch_of("spring", "old", b"k" * 32, until=CAPTURED)
    lapsed = labels(ring=KeyRing("spring", Scope.CLIP, (ended,), b"a" * 32))
    for captured_at in (CAPTURED, CAPTURED - timedelta(hours=1)):
        with pytest.raises(KeysLapsed):
            lapsed.label(replace(HEADER, captured_at=captured_at))


def test_a_late_clip_does_not_stand_out_by_its_epoch() -> None:
    """An earlier epoch is told only of a crowd, since it says when the clip was recorded; the token has its key."""
    epochs = (epoch_of("spring", "old", b"k" * 32, until=CAPTURED), epoch_of("spring", "new", b"n" * 32, CAPTURED))
    made = labels(ring=KeyRing("spring", Scope.CLIP, epochs, b"a" * 32))
    late = {"captured_at": CAPTURED - timedelta(hours=1)}
    assert "new" == made.label(HEADER).key_epoch
    told = [publish(made, f"acct-{number}", **late).key_epoch for number in range(RULE.k)]
    assert ["", "old"] == [told[0], told[-1]]
    assert RULE.k - 1 == told.count("")
    assert clip_token(HEADER.clip_id, epochs[0].token_key) == made.label(replace(HEADER, **late)).token  # type: ignore[arg-type]


def test_a_key_that_is_destroyed_while_its_clip_is_heard_stops_nothing() -> None:
    """The clip is committed by then: its epoch is told to nobody any more, and the worker goes on."""
    epochs = (epoch_of("spring", "old", b"k" * 32, until=CAPTURED), epoch_of("spring", "new", b"n" * 32, CAPTURED))
    rings = [KeyRing("spring", Scope.CLIP, kept, b"a" * 32) for kept in (epochs, epochs[1:])]
    made = EpochLabels(lambda: rings[0], POLICY, RULE, today=lambda: CAPTURED)
    late = replace(HEADER, captured_at=CAPTURED - timedelta(hours=1))
    label = made.label(late)
    del rings[0]
    made.emitted(late, label, 3)


def test_clips_of_an_account_have_a_token_in_common_only_where_that_is_wanted() -> None:
    """Under scope account; the clip's own token stays its own, since it is the key of the published record."""
    linked = labels(ring=single_ring("spring", "1", b"k" * 32, Scope.ACCOUNT))
    first, second = (linked.label(replace(HEADER, clip_id=clip_id)) for clip_id in ("clip-1", "clip-2"))
    stranger = linked.label(replace(HEADER, account_id="acct-2"))
    assert first.account_token == second.account_token
    assert 3 == len({first.account_token, stranger.account_token, None})
    assert 2 == len({first.token, second.token})
    assert labels().label(HEADER).account_token is None


def test_a_rotation_counts_for_the_next_clip() -> None:
    """The ring is asked each time."""
    rings = [RING, single_ring("spring", "2", b"k" * 32)]
    made = EpochLabels(lambda: rings[0], POLICY, RULE)
    first = made.label(HEADER)
    rings.reverse()
    second = made.label(HEADER)
    assert ("1", "2") == (first.key_epoch, second.key_epoch)
    assert first.token != second.token


def test_there_is_an_entry_for_every_length() -> None:
    """Shortest first, and what a clip is filled up to is never shorter than the clip."""
    by_length = labels().label(HEADER).by_length
    assert RULE.lengths == tuple(length for length, _ in by_length)
    assert all(coarse.seconds >= length for length, coarse in by_length)


def test_a_rare_length_is_coarse_and_a_common_one_is_not() -> None:
    """Three accounts had clips of up to five seconds, one of up to thirty."""
    made = labels()
    for account in ("a", "b", "c"):
        publish(made, account)
    publish(made, "d", 7)
    by_length = dict(made.label(HEADER).by_length)
    hour = CAPTURED.replace(minute=0, second=0)
    assert Coarse(hour, Precision.HOUR, "en", "speaker", 5.0) == by_length[5.0]
    assert Coarse(hour.replace(hour=0), Precision.DAY, "en", "speaker", 5.0) == by_length[2.0]
    assert LAST == by_length[30.0]


def test_what_was_not_published_does_not_count() -> None:
    """Labels of clips that were withheld are no cover."""
    made = labels()
    for account in ("a", "b", "c", "d"):
        made.label(replace(HEADER, account_id=account))
    lasts = {replace(LAST, seconds=seconds) for seconds in (5.0, 15.0, 60.0)}
    assert lasts == {coarse for _, coarse in made.label(HEADER).by_length}


def test_a_restart_tells_less_and_not_more() -> None:
    """Nothing is known then of who was published before."""
    made = labels()
    for account in ("a", "b", "c", "d"):
        publish(made, account)
    assert Precision.HOUR == dict(made.label(HEADER).by_length)[5.0].precision
    assert replace(LAST, seconds=5.0) == dict(labels().label(HEADER).by_length)[5.0]


def test_no_account_is_kept() -> None:
    """What is counted is a digest under a key of this process."""
    one, other = labels(), labels()
    for made in (one, other):
        publish(made, "acct-90210-xyz")
    assert "acct-90210-xyz" not in repr(vars(one._anonymizer._own)) + repr(vars(one._anonymizer._published))
    assert one._account(HEADER) != other._account(HEADER)


def test_a_policy_with_longer_clips_than_the_ladder_is_refused() -> None:
    """A clip that no entry holds could not be filled up."""
    with pytest.raises(ValueError, match="longest"):
        labels(policy=replace(POLICY, audio_seconds_max=90.0))


# ------------------------------------------------------------------ without a crowd
def test_a_plain_label_has_hour_language_family_and_no_filling() -> None:
    """Of an event as of a header: for evaluation, where nobody else is there."""
    key = TokenKey("evaluation", "1", b"k" * 32)
    hour = Coarse(CAPTURED.replace(minute=0, second=0), Precision.HOUR, "en", "speaker", 0.0)
    expected = Label(clip_token("clip-1", key), "evaluation", "1", ((60.0, hour),))
    assert expected == plain_label(HEADER, POLICY, key)
    of_event = plain_label(event(), POLICY, key)
    assert expected.by_length == of_event.by_length


def test_an_unlisted_device_is_other() -> None:
    """A rare model must not single anybody out."""
    header = replace(HEADER, device_model="prototype-7")
    assert "other" == plain_label(header, POLICY, RING.key_for(CAPTURED)).by_length[0][1].device_family


def test_recordings_of_another_hour_are_no_cover_for_this_one() -> None:
    """The hour is told only where others were recorded in it."""
    made = labels()
    for account in ("a", "b", "c", "d"):
        publish(made, account, captured_at=CAPTURED - timedelta(hours=1))
    assert Precision.DAY == dict(made.label(HEADER).by_length)[5.0].precision
