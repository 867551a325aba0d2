"""Which windows are embedded: all with anybody whom their neighbours do not hear alike, and no more than needed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stream.find.speakers.embeddings import Floats, share_embeddings, without_overlap

FRAMES, SHIFT = 100, 10
# when each of two voices speaks, in frames of the clip, and as which speaker of window 0, 1, 2, ... it is heard
VOICES = {0: [(5, 60), (90, 140)], 1: [(60, 85), (150, 165)]}


def _masks(windows: int, order: Callable[[int], tuple[int, int]] = lambda _: (0, 1), shift: float = SHIFT) -> Floats:
    """(window, frame, speaker): ``VOICES`` as a segmentation hears them, whose numbers differ from window to window."""
    masks = np.zeros((windows, FRAMES, 3), np.float32)
    for number in range(windows):
        for voice, spans in VOICES.items():
            for start, end in spans:
                first, last = (min(max(at - round(number * shift), 0), FRAMES) for at in (start, end))
                masks[number, first:last, order(number)[voice]] = 1.0
    return masks


def _spoken(windows: int, *spans: tuple[int, int, int, int]) -> Floats:
    """(window, frame, speaker) from (window, speaker, first, last), in frames of the window."""
    masks = np.zeros((windows, FRAMES, 3), np.float32)
    for number, speaker, first, last in spans:
        masks[number, first:last, speaker] = 1.0
    return masks


class _Embedder:
    """Gives every voice its own direction, as long as the window's number, and notes which windows it was asked for."""

    def __init__(self, order: Callable[[int], tuple[int, int]] = lambda _: (0, 1)) -> None:
        self.asked: list[int] = []
        self._order = order

    def __call__(self, number: int) -> Floats:
        self.asked.append(number)
        rows = np.zeros((3, 2), np.float32)
        for voice in VOICES:
            rows[self._order(number)[voice], voice] = 1.0 + number
        return rows


@pytest.mark.parametrize("shift", [SHIFT, 9.7])
def test_a_share_of_the_windows_and_the_last_are_embedded(shift: float) -> None:
    """The same voices all along: the others take the mean of their neighbours', whatever number a voice has where."""

    def order(number: int) -> tuple[int, int]:
        return ((0, 1), (2, 0), (1, 2))[number % 3]

    embed = _Embedder(order)
    found = share_embeddings(_masks(8, order, shift), shift, embed, every=3)
    assert sorted(embed.asked) == [0, 3, 6, 7]
    for number, length in ((0, 1.0), (1, 2.5), (2, 2.5), (3, 4.0), (4, 5.5), (5, 5.5), (6, 7.0)):
        assert found[number, order(number)[0]].tolist() == [length, 0.0]
    assert found[1, order(1)[1]].tolist() == [0.0, 2.5]


def test_who_is_heard_in_one_window_only_is_embedded_there() -> None:
    """A short voice that the neighbours do not hear is nobody's copy; that window then serves the next one."""
    masks = _masks(9)
    masks[4, 30:34, 2] = 1.0
    embed = _Embedder()
    found = share_embeddings(masks, SHIFT, embed, every=3)
    assert sorted(embed.asked) == [0, 3, 4, 6, 8]
    assert found[5, 0].tolist() == [6.0, 0.0]  # of windows 4 and 6


@pytest.mark.parametrize(("heard", "asked"), [(40, [0, 2]), (39, [0, 1, 2])])
def test_turns_must_agree_for_four_fifths_of_their_time(heard: int, asked: list[int]) -> None:
    """A voice that a window hears for much less long than its neighbours may be two voices to them."""
    masks = _spoken(3, (0, 0, 40, 90), (1, 0, 30, 30 + heard), (2, 0, 20, 70))
    embed = _Embedder()
    share_embeddings(masks, SHIFT, embed, every=2)
    assert sorted(embed.asked) == asked


def test_a_sliver_at_the_edge_does_not_speak_for_the_rest() -> None:
    """The end of window 0 hears a bystander's beginning as the main speaker, who spoke before; in window 1, which
    hears all of the bystander and nobody else, they agree wherever both hear the clip."""
    masks = _spoken(3, (0, 0, 0, 10), (0, 0, 95, 100), (1, 0, 85, 100))
    embed = _Embedder()
    share_embeddings(masks, SHIFT, embed, every=2)
    assert sorted(embed.asked) == [0, 1, 2]


def test_two_voices_are_never_one_voices_copies() -> None:
    """Two who speak at once here, where the neighbours hear one: nobody can say whose the embedding is."""
    masks = _spoken(3, (0, 0, 30, 60), (1, 0, 20, 50), (1, 1, 20, 48), (2, 0, 10, 40))
    embed = _Embedder()
    share_embeddings(masks, SHIFT, embed, every=2)
    assert sorted(embed.asked) == [0, 1, 2]


def test_two_who_always_speak_at_once_share_theirs() -> None:
    """The embedder hears the two alike in every window, so it does not matter who is who."""
    masks = np.zeros((6, FRAMES, 3), np.float32)
    masks[:, :, :2] = 1.0
    embed = _Embedder()
    share_embeddings(masks, SHIFT, embed, every=5)
    assert embed.asked == [0, 5]


def test_one_neighbour_is_enough() -> None:
    """Who has spoken to the end before the next embedded window begins is heard in the one before."""
    masks = _spoken(3, (0, 0, 10, 20), (1, 0, 0, 10))
    embed = _Embedder()
    found = share_embeddings(masks, SHIFT, embed, every=2)
    assert embed.asked == [0, 2]
    assert found[1, 0].tolist() == [1.0, 0.0]


def test_an_embedding_that_is_no_number_is_not_passed_on() -> None:
    """The window is embedded itself."""
    asked: list[int] = []

    def embed(number: int) -> Floats:
        asked.append(number)
        return np.full((3, 2), np.nan if number != 1 else 1.0, np.float32)

    found = share_embeddings(_masks(3), SHIFT, embed, every=2)
    assert sorted(asked) == [0, 1, 2]
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    ("windows", "shift", "every"), [(1, SHIFT, 3), (2, SHIFT, 3), (5, SHIFT, 1), (4, 60.0, 3), (4, 100.0, 3)]
)
def test_every_window_is_embedded_where_there_is_nothing_to_share(windows: int, shift: float, every: int) -> None:
    """One or two windows, a share of all, or windows that have too little of the clip in common."""
    embed = _Embedder()
    found = share_embeddings(_masks(windows, shift=shift), shift, embed, every=every)
    spoken = [number for number in range(windows) if _masks(windows, shift=shift)[number].any()]
    assert set(spoken) <= set(embed.asked)
    assert np.array_equal(found[spoken], np.stack([_Embedder()(number) for number in spoken]))


def test_overlap_is_left_out_where_enough_is_left() -> None:
    """A speaker who is hardly heard alone is embedded with the overlap."""
    masks = np.zeros((1, FRAMES, 2), np.float32)
    masks[0, :50, 0] = 1.0
    masks[0, 40:52, 1] = 1.0
    found = without_overlap(masks, 5)
    assert np.flatnonzero(found[0, :, 0]).tolist() == list(range(40))
    assert np.flatnonzero(found[0, :, 1]).tolist() == list(range(40, 52))
