"""Word edits on the published transcript."""

from __future__ import annotations

from stream.clip import Plan, Segment, Why, WordEdit
from stream.edit.text import replace_words
from tests.values import clip


def texts(*edits: WordEdit) -> list[str]:
    made = clip("my card is four one one")
    return [word.text for word in replace_words(made, Plan((), (), 0, edits))]


def test_an_edit_becomes_one_placeholder_whatever_its_length() -> None:
    """The number of hidden words is not told."""
    assert ["my", "card", "is", "<CREDIT_CARD>"] == texts(WordEdit(3, 5, Why.IDENTIFIER, "CREDIT_CARD"))


def test_neighbours_with_the_same_placeholder_are_one() -> None:
    """Two bystander words in a row are shown as one, over the time of both."""
    edits = (WordEdit(1, 1, Why.BYSTANDER), WordEdit(2, 2, Why.BYSTANDER), WordEdit(4, 4, Why.BACKGROUND))
    words = replace_words(clip("my card is four one one"), Plan((), (), 0, edits))
    assert ["my", "<BYSTANDER>", "four", "<BACKGROUND>", "one"] == [word.text for word in words]
    assert Segment(1.0, 1.9) == words[1].segment


def test_no_transcript_gives_no_words() -> None:
    """A plan without transcript shows nothing."""
    assert () == replace_words(clip(), Plan((), (), None, ()))
