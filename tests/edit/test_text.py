"""Word edits on the published transcript."""

from __future__ import annotations

import pytest

from stream.clip import Plan, Reason, Refusal, Segment, Transcript, Why, Word, WordEdit
from stream.edit.text import replace_words
from tests.values import clip, words


def texts(*edits: WordEdit) -> list[str]:
    made = clip("my card is four one one")
    return [word.text for word in replace_words(made, Plan((), (), 0, edits))]


def test_an_edit_becomes_one_placeholder_whatever_its_length() -> None:
    """The number of hidden words is not told."""
    assert ["my", "card", "is", "<CREDIT_CARD>"] == texts(WordEdit(3, 5, Why.IDENTIFIER, "CREDIT_CARD"))


def test_neighbours_with_the_same_placeholder_are_one() -> None:
    """Two bystander words in a row are shown as one, over the time of both."""
    edits = (WordEdit(1, 1, Why.BYSTANDER), WordEdit(2, 2, Why.BYSTANDER), WordEdit(4, 4, Why.BACKGROUND))
    shown = replace_words(clip("my card is four one one"), Plan((), (), 0, edits))
    assert ["my", "<BYSTANDER>", "four", "<BACKGROUND>", "one"] == [word.text for word in shown]
    assert Segment(1.0, 1.9) == shown[1].segment


def test_no_transcript_gives_no_words() -> None:
    """A plan without transcript shows nothing."""
    assert () == replace_words(clip(), Plan((), (), None, ()))


def test_a_word_without_time_is_not_shown() -> None:
    """Nobody knows whether it can be heard."""
    made = clip(transcripts=(Transcript((*words("play"), Word("jazz"))),))
    with pytest.raises(Refusal) as caught:
        replace_words(made, Plan((), (), 0, ()))
    assert Reason.WORDS_WITHOUT_TIMES == caught.value.reason


def test_a_word_that_hangs_over_the_end_is_cut_off_there() -> None:
    """A recogniser's last word may; what is published lies inside the clip."""
    made = clip(transcripts=(Transcript((Word("jazz", Segment(3.8, 4.05)),)),), duration=4.0)
    assert [Segment(3.8, 4.0)] == [word.segment for word in replace_words(made, Plan((), (), 0, ()))]
