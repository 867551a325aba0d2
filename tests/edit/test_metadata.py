"""The output's metadata is its label's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.clip import Coarse, Metadata, Precision, Reason, Refusal
from stream.edit.metadata import length_of, of_label
from tests.values import HOUR, LABEL, clip

DAY = Coarse(HOUR.captured.replace(hour=0), Precision.DAY, "und", "other", 5.0)  # nothing as in the first entry
BY_LENGTH = replace(LABEL, by_length=((2.0, HOUR), (5.0, DAY)))


def test_metadata_is_the_labels_and_nothing_else() -> None:
    """Token, campaign, epoch and the coarse values of the clip's length."""
    expected = Metadata(LABEL.token, "spring", "2026-11", DAY.captured, "und", "other", Precision.DAY, "a" * 32)
    assert expected == of_label(replace(BY_LENGTH, account_token="a" * 32), 1)


@pytest.mark.parametrize(("seconds", "entry"), [(0.5, 0), (2.0, 0), (2.001, 1), (5.0, 1)])
def test_the_entry_is_that_of_the_clips_length(seconds: float, entry: int) -> None:
    """The shortest entry that holds the clip, its own bound included."""
    assert entry == length_of(clip(duration=seconds), BY_LENGTH)


def test_a_clip_that_no_entry_holds_is_refused() -> None:
    """Nothing is published whose values nobody made coarse."""
    with pytest.raises(Refusal) as caught:
        length_of(clip(duration=5.01), BY_LENGTH)
    assert Reason.AUDIO_TOO_LONG == caught.value.reason
