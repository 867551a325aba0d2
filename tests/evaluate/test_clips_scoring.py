"""The figures of ``evaluate clips``, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from stream.clip import SAMPLE_RATE_HZ, Segment, Turn
from stream.evaluate.corpus import Truth
from stream.evaluate.scoring import Prediction, audible, figures, intervals, speaker_error_seconds, tally


def _truth(clip_id: str = "a", main: str | None = "main", turns: tuple[Turn, ...] | None = None) -> Truth:
    """Ten seconds: main 0-4, a bystander 3-6, so that one second overlaps; an identifier at 1.0-1.5."""
    spoken = turns or (Turn(Segment(0, 4), "main"), Turn(Segment(3, 6), "b1"))
    identifiers = (Segment(1.0, 1.5),) if main else ()
    return Truth(clip_id, "hand", 10.0, spoken, main, identifiers, {}, "voice")


def _published(*kept: tuple[float, float], clip_id: str = "a", turns: tuple[Turn, ...] = ()) -> Prediction:
    return Prediction(clip_id, True, "", tuple(Segment(*pair) for pair in kept), turns)


def _withheld(clip_id: str = "a") -> Prediction:
    return Prediction(clip_id, False, "main_speaker_uncertain", (), ())


def test_leak_is_split_into_alone_and_overlap() -> None:
    """Kept 2.5-3.5 and 5-6: half a second leaks of one in overlap, one second leaks of two alone."""
    result = figures([tally(_truth(), _published((2.5, 3.5), (5.0, 6.0)))])
    assert result["bystander_leak"] == pytest.approx(1.5 / 3)
    assert result["bystander_leak_in_overlap"] == pytest.approx(0.5)
    assert result["bystander_leak_alone"] == pytest.approx(0.5)


def test_main_kept_counts_only_speech_outside_overlap() -> None:
    """Main alone is 0-3; of it 2.5-3 is kept."""
    assert figures([tally(_truth(), _published((2.5, 4.0)))])["main_kept"] == pytest.approx(0.5 / 3)


def test_withheld_clips_keep_nothing_and_leak_nothing() -> None:
    """One clip published whole and one withheld: kept halves over all clips, and stays whole over published ones."""
    result = figures([tally(_truth("a"), _published((0.0, 10.0))), tally(_truth("b"), _withheld("b"))])
    assert result["main_kept"] == pytest.approx(0.5)
    assert result["main_kept_published"] == pytest.approx(1.0)
    assert result["bystander_leak"] == pytest.approx(1.0)
    assert result["bystander_leak_of_all_clips"] == pytest.approx(0.5)
    assert result["withheld"] == pytest.approx(0.5)
    assert result["yield"] == pytest.approx(0.5)


def test_kept_segments_of_a_withheld_clip_do_not_count() -> None:
    """What a withheld clip would have kept was heard by nobody."""
    prediction = Prediction("a", False, "too_much_overlap", (Segment(0, 10),), ())
    assert figures([tally(_truth(), prediction)])["main_kept"] == 0.0


def test_accidental_activations_have_figures_of_their_own() -> None:
    """A published clip without a main speaker is no yield, and all its speech is a bystander's."""
    truth = _truth(main=None, turns=(Turn(Segment(0, 2), "b1"),))
    result = figures([tally(truth, _published((0.0, 1.0))), tally(truth, _withheld())])
    assert result["accidental_published"] == pytest.approx(0.5)
    assert result["yield"] is None
    assert result["main_kept"] is None
    assert result["bystander_leak"] == pytest.approx(0.5)


def test_an_identifier_is_audible_when_any_of_it_is() -> None:
    """A hundredth of a second of it is enough."""
    assert figures([tally(_truth(), _published((1.49, 3.0)))])["pii_audible"] == 1.0
    assert figures([tally(_truth(), _published((1.5, 3.0)))])["pii_audible"] == 0.0
    assert figures([tally(_truth(), _withheld())])["pii_audible"] == 0.0


def test_speaker_error_matches_labels_first() -> None:
    """Other labels for the same turns are no error."""
    turns = (Turn(Segment(0, 4), "x"), Turn(Segment(3, 6), "y"))
    assert speaker_error_seconds(_truth().turns, turns) == pytest.approx(0.0)


def test_speaker_error_sums_missed_false_and_confused() -> None:
    """Truth main 0-4, b1 3-6; found 0-5 and 8-9: 3-4 half missed, 4-5 confused, 5-6 missed, 8-9 false."""
    turns = (Turn(Segment(0, 5), "x"), Turn(Segment(8, 9), "y"))
    assert speaker_error_seconds(_truth().turns, turns) == pytest.approx(4.0)
    assert figures([tally(_truth(), _published((0, 1), turns=turns))])["der"] == pytest.approx(4.0 / 7.0)


def test_nothing_found_misses_all_speech() -> None:
    """Both at once count twice."""
    assert speaker_error_seconds(_truth().turns, ()) == pytest.approx(7.0)
    assert speaker_error_seconds((), ()) == 0.0


def test_audible_is_where_the_sound_is_not_exactly_zero() -> None:
    """Zeros of 20 ms and more are mute, shorter ones are a zero crossing."""
    samples = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    samples[1600:4800] = 0.1
    samples[2000:2100] = 0.0
    samples[8000:8160] = 1e-4
    assert audible(samples) == (Segment(0.1, 0.3), Segment(0.5, 0.51))
    assert audible(np.zeros(100, dtype=np.float32)) == ()


def test_kept_segments_and_published_sound_give_the_same_figures() -> None:
    """Muting noise outside the kept segments and listening to the result finds those segments again."""
    kept = (Segment(0.5, 3.25), Segment(5.0, 5.5))
    noise = np.random.default_rng(1).uniform(0.01, 1.0, 10 * SAMPLE_RATE_HZ).astype(np.float32)
    sound = np.zeros_like(noise)
    for segment in kept:
        within = slice(round(segment.start * SAMPLE_RATE_HZ), round(segment.end * SAMPLE_RATE_HZ))
        sound[within] = noise[within]
    by_list = tally(_truth(), Prediction("a", True, "", kept, ()))
    by_ear = tally(_truth(), Prediction("a", True, "", audible(sound), ()))
    assert by_ear == pytest.approx(by_list)


def test_intervals_are_wider_when_clips_share_voices() -> None:
    """Twenty clips of two voices, one always published: the interval over voices spans everything."""
    tallies = [tally(_truth(str(n)), _published((0, 3)) if n % 2 else _withheld()) for n in range(20)]
    over_clips = intervals(tallies, [str(n) for n in range(20)])["yield"]
    over_voices = intervals(tallies, [str(n % 2) for n in range(20)])["yield"]
    assert over_voices == (0.0, 1.0)
    assert over_clips is not None
    assert 0.2 < over_clips[0] < 0.5 < over_clips[1] < 0.8


def test_intervals_of_nothing_are_none() -> None:
    """No clip without a main speaker: no figure and no interval."""
    tallies = [tally(_truth(), _withheld())]
    assert intervals(tallies, ["a"])["accidental_published"] is None
    assert figures(tallies)["accidental_published"] is None
