"""Which windows are embedded: all with anybody whom their neighbours do not hear alike, and no more than needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stream.find.speakers.embeddings import Floats, share_embeddings, without_overlap

FRAMES, SHIFT = 100, 10
# when each of two voices speaks, in frames of the clip, and as which speaker of window 0, 1, 2, ... it is heard
VOICES = {0: [(5, 60), (90, 140)], 1: [(60, 85), (150, 165)]}


def _activity(windows: int, order: Callable[[int], tuple[int, int]] = lambda _: (0, 1)) -> Floats:
    """(window, frame, speaker): ``VOICES`` as a segmentation hears them, whose numbers differ from window to window."""
    activity = np.zeros((windows, FRAMES, 3), np.float32)
    for number in range(windows):
        for voice, spans in VOICES.items():
            for start, end in spans:
                first, last = (min(max(at - number * SHIFT, 0), FRAMES) for at in (start, end))
                activity[number, first:last, order(number)[voice]] = 1.0
    return activity


class _Embedder:
    """Gives every voice its own direction, and notes which windows it was asked for."""

    def __init__(self, order: Callable[[int], tuple[int, int]] = lambda _: (0, 1)) -> None:
        self.asked: list[int] = []
        self._order = order

    def __call__(self, number: int) -> Floats:
        self.asked.append(number)
        rows = np.zeros((3, 2), np.float32)
        for voice in VOICES:
            rows[self._order(number)[voice], voice] = 1.0 + number
        return rows


def test_every_third_window_and_the_last_are_embedded() -> None:
    """The same voices all along: the others take their embeddings, whatever number a voice has in which window."""

    def order(number: int) -> tuple[int, int]:
        return ((0, 1), (2, 0), (1, 2))[number % 3]

    embed = _Embedder(order)
    activity = _activity(9, order)
    found = share_embeddings(activity, SHIFT, embed)
    assert sorted(embed.asked) == [0, 3, 6, 8]
    for number in range(9):
        for voice in VOICES:
            row = found[number, order(number)[voice]]
            if activity[number, :, order(number)[voice]].any():
                assert row[voice] > 0
                assert row[1 - voice] == 0
            elif number not in embed.asked:
                assert np.isnan(row).all()


def test_who_is_heard_in_one_window_only_is_embedded_there() -> None:
    """A short voice that the neighbours do not hear is nobody's copy: that window is embedded, and no other more."""
    activity = _activity(9)
    activity[4, 30:34, 2] = 1.0
    embed = _Embedder()
    share_embeddings(activity, SHIFT, embed)
    assert sorted(embed.asked) == [0, 3, 4, 6, 8]


@pytest.mark.parametrize(("heard", "asked"), [(40, [0, 3, 6, 8]), (28, [0, 3, 4, 6, 8])])
def test_turns_must_agree_for_four_fifths_of_their_time(heard: int, asked: list[int]) -> None:
    """A voice that a window hears for much less long than its neighbours may be two voices to them."""
    activity = np.zeros((9, FRAMES, 3), np.float32)
    for number in range(9):
        activity[number, max(50 - number * SHIFT, 0) : 90 - number * SHIFT + 10, 0] = 1.0
    whole = np.flatnonzero(activity[4, :, 0])
    activity[4, whole[heard] if heard < len(whole) else FRAMES :, 0] = 0.0
    embed = _Embedder()
    share_embeddings(activity, SHIFT, embed)
    assert sorted(embed.asked) == asked


def test_every_window_can_be_embedded() -> None:
    """As the stock pipeline does."""
    embed = _Embedder()
    found = share_embeddings(_activity(5), SHIFT, embed, every=1)
    assert embed.asked == [0, 1, 2, 3, 4]
    assert np.array_equal(found, np.stack([_Embedder()(number) for number in range(5)]))


def test_overlap_is_left_out_where_enough_is_left() -> None:
    """A speaker who is hardly heard alone is embedded with the overlap."""
    masks = np.zeros((1, FRAMES, 2), np.float32)
    masks[0, :50, 0] = 1.0
    masks[0, 40:52, 1] = 1.0
    found = without_overlap(masks, 5)
    assert np.flatnonzero(found[0, :, 0]).tolist() == list(range(40))
    assert np.flatnonzero(found[0, :, 1]).tolist() == list(range(40, 52))
