"""From frame probabilities to turns: what is kept is surely the main speaker's alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream.clip import Segment, Transcript, Word
from stream.find.speakers.frames import Flags, Frames, level_db, runs, smoothed, surely_main, tells_words, turns
from stream.policy import OperatingPoint

POINT = OperatingPoint("test", 0.8, 0.1, 0.05, 0.5, 0.5, 0.0, 0.3)
SILENCE, MAIN, OTHER, BOTH, THIN = (
    (0.97, 0.01, 0.01, 0.01),
    (0.02, 0.95, 0.02, 0.01),
    (0.02, 0.02, 0.95, 0.01),
    (0.01, 0.02, 0.02, 0.95),
    (0.02, 0.7, 0.27, 0.01),
)


def _frames(*stretches: tuple[tuple[float, ...], int]) -> Frames:
    rows = np.concatenate([np.tile(np.float32(row), (count, 1)) for row, count in stretches])
    return Frames(rows, rows, 0.0, np.zeros(len(rows), np.float32), np.full(len(rows), -30.0, np.float32))


def _surely(frames: Frames, addressed: float = 0.0, *, told_words: bool = False) -> Flags:
    return surely_main(frames, POINT, addressed, told_words=told_words)


def _spoken(frames: Frames, duration: float = 10.0) -> list[tuple[float, float, str]]:
    found = turns(frames, _surely(frames), duration)
    return [(round(turn.segment.start, 2), round(turn.segment.end, 2), turn.speaker) for turn in found]


def test_each_voice_has_its_turns() -> None:
    """Main, then silence, then a bystander, in frames of 20 ms."""
    found = _spoken(_frames((MAIN, 50), (SILENCE, 25), (OTHER, 50)))
    assert found == [(0.0, 1.0, "main"), (1.5, 2.5, "bystander")]


def test_overlap_is_a_turn_of_both() -> None:
    """So that the plan mutes it, and counts its share."""
    found = _spoken(_frames((MAIN, 50), (BOTH, 25)))
    assert found == [(0.0, 1.5, "main"), (1.0, 1.5, "bystander")]


def test_speech_that_is_not_surely_the_main_speakers_is_not_theirs() -> None:
    """Likely, but below the thresholds: a voice of its own, which the plan mutes."""
    assert _spoken(_frames((MAIN, 50), (THIN, 25))) == [(0.0, 1.0, "main"), (1.0, 1.5, "unsure")]


def test_a_hint_of_a_bystander_outweighs_a_sure_main_speaker() -> None:
    """The second threshold alone takes frames away: of a bystander alone, or with the main speaker."""
    for likely in ((0.0, 0.88, 0.12, 0.0), (0.0, 0.88, 0.0, 0.12), (0.0, 0.88, 0.06, 0.06)):
        assert not _surely(_frames((likely, 50))).any()


def test_words_have_a_threshold_of_their_own() -> None:
    """What another voice may be at most: in clips for which the device tells words, and in the others."""
    likely = _frames(((0.0, 0.93, 0.07, 0.0), 50))
    assert _surely(likely, told_words=False).all()
    assert not _surely(likely, told_words=True).any()


def test_a_transcript_without_times_tells_no_words() -> None:
    """Nor does an empty one."""
    assert not tells_words(None)
    assert not tells_words(Transcript(()))
    assert not tells_words(Transcript((Word("play", None),)))
    assert tells_words(Transcript((Word("play", None), Word("jazz", Segment(0.4, 0.9)))))


def test_short_clean_pauses_belong_to_the_turn() -> None:
    """0.2 s of nobody are bridged, 0.22 s are not."""
    assert _spoken(_frames((MAIN, 20), (SILENCE, 10), (MAIN, 20))) == [(0.0, 1.0, "main")]
    assert len(_spoken(_frames((MAIN, 20), (SILENCE, 11), (MAIN, 20)))) == 2


def test_a_pause_with_a_bystander_in_it_is_not_bridged() -> None:
    """However short."""
    flags = _surely(_frames((MAIN, 20), (OTHER, 2), (MAIN, 20)))
    assert not flags[20:22].any()


def test_a_pause_is_not_bridged_because_others_may_be_likelier() -> None:
    """Whatever a point allows beside a main speaker, a pause is one of nobody."""
    lenient = replace(POINT, bystander_probability_max=0.8)
    frames = _frames((MAIN, 20), ((0.2, 0.05, 0.75, 0.0), 5), (MAIN, 20))
    assert not surely_main(frames, lenient, 0.0, told_words=False)[20:25].any()


def test_specks_are_no_turns() -> None:
    """Five frames alone are dropped, six are kept."""
    assert not _surely(_frames((SILENCE, 20), (MAIN, 5), (SILENCE, 20))).any()
    assert _surely(_frames((SILENCE, 20), (MAIN, 6), (SILENCE, 20))).sum() == 6


def test_turns_end_with_the_clip() -> None:
    """The last frame may reach past the last sample."""
    assert _spoken(_frames((MAIN, 50)), duration=0.99) == [(0.0, 0.99, "main")]


def test_runs_are_half_open() -> None:
    """First and past-the-last index."""
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert runs(np.zeros(3, dtype=bool)) == []


def test_level_is_mean_power_of_each_frame() -> None:
    """Full scale is 0 dB, half of it -6 dB, silence -100 dB; a last short frame is padded with silence."""
    samples = np.concatenate([np.ones(320), np.full(320, 0.5), np.zeros(320), np.ones(160)]).astype(np.float32)
    assert level_db(samples).tolist() == pytest.approx([0.0, -6.02, -100.0, -3.01], abs=0.01)


def test_smoothing_is_the_mean_of_a_tenth_of_a_second() -> None:
    """Five frames; fewer at the ends, so that each stays a distribution."""
    rows = np.zeros((8, 4), np.float32)
    rows[:, 0] = 1.0
    rows[3] = (0.0, 1.0, 0.0, 0.0)
    found = smoothed(rows)
    assert found[:, 1].tolist() == pytest.approx([0.0, 0.25, 0.2, 0.2, 0.2, 0.2, 0.0, 0.0])
    assert found.sum(axis=1) == pytest.approx(1.0)


def test_a_clip_that_nobody_addressed_keeps_less() -> None:
    """The same frames, once where somebody surely spoke to the device and once where surely nobody did."""
    doubtful = _frames(((0.15, POINT.main_probability_min, 0.05, 0.0), 50))
    assert not _surely(doubtful, -1.0).any()
    assert _surely(doubtful, 1.0).all()
