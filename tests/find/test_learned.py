"""What the names model tells beyond names: addresses, user names and organisations, by how people speak of them."""

from __future__ import annotations

import numpy as np
import pytest

from stream.find.language import load_language
from stream.find.learned import find_learned
from stream.find.pii import Identifiers, make_word_finder
from stream.find.reading import Reading, read
from stream.find.spans import Span
from stream.find.spoken import read_scene
from stream.find.tagger import CLASSES, load_names_model

ADDRESS, ONLINE = CLASSES.index("address"), CLASSES.index("online")
TOLD = [
    "could you drop it at [heron] [moor] [cottage] on saturday",
    "my sister lives at [sixty] [two] [larkmoor] in leeds",
    "i'm staying in [room] [nine] [the] [alderton]",
    "my flat is in [silver] [birch] [towers]",
    "on instagram i'm [sleepy] [otter] [bakes]",
    "her gamertag is [salty] [comet]",
    "my son goes to [ashmoor] [primary]",
    "i'm a nurse at [tillbrook] [general]",
]
ORDINARY = [
    "set the oven to three hundred and ninety",
    "what is four hundred and twelve times nine",
    "meet me at the park after school",
    "post it on instagram",
    "play the long and winding road",
    "wake me at six forty and again at seven",
    "the kids are at school",
    "any accidents on the way to work",
]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


def _covered(finder: Identifiers, words: list[str]) -> set[int]:
    return {word for one in finder.search(words) for word in range(one.first, one.last + 1)}


@pytest.mark.parametrize("sentence", TOLD)
def test_what_no_rule_can_tell_is_found(finder: Identifiers, sentence: str) -> None:
    """Every word of houses, streets without a street word, user names of plain words, schools and clinics."""
    marked = sentence.split()
    told = {at for at, word in enumerate(marked) if word.startswith("[")}
    assert set() == told - _covered(finder, [word.strip("[]") for word in marked])


@pytest.mark.parametrize("sentence", ORDINARY)
def test_the_same_words_elsewhere_are_left(finder: Identifiers, sentence: str) -> None:
    """Numbers, places of everyday life and talk of networks are nobody's."""
    assert set() == _covered(finder, sentence.split())


def _reading(sentence: str, column: int, likely: list[float]) -> Reading:
    """The sentence, with the model's word replaced for one class."""
    real = read(read_scene(sentence.split(), load_language("en")), load_names_model())
    table = np.zeros_like(real.likely)
    table[:, column] = likely
    return Reading(real.scene, real.texts, real.owners, real.barred, table)


def test_a_run_goes_as_far_as_words_are_not_unlikely() -> None:
    """One word is sure, those beside it are taken along, and what is unlikely ends the run."""
    reading = _reading("come to rose cottage now", ADDRESS, [0.0, 0.01, 0.4, 0.9, 0.02])
    assert [("ADDRESS", 2, 3)] == [(one.entity_type, one.first, one.last) for one in find_learned(reading, ())]


def test_words_of_grammar_neither_make_nor_bound_a_run() -> None:
    """However likely, they identify nobody, and muting them at either end helps nobody."""
    reading = _reading("it's for the heron cottage and now", ADDRESS, [0.0, 0.3, 0.9, 0.9, 0.9, 0.9, 0.0])
    assert [(3, 4)] == [(one.first, one.last) for one in find_learned(reading, ())]
    assert [] == list(find_learned(_reading("it's on the t v", ADDRESS, [0.0, 0.0, 0.9, 0.3, 0.3]), ()))


def test_unsure_words_alone_are_no_finding() -> None:
    """Without a word that is likely enough nothing is taken."""
    assert [] == list(find_learned(_reading("come to rose cottage now", ADDRESS, [0.2] * 5), ()))


def test_numbers_alone_are_left_to_those_who_judge_numbers() -> None:
    """However sure the model is of a number, a quantity stays one."""
    reading = _reading("bake it at three fifty", ADDRESS, [0.0, 0.0, 0.0, 0.99, 0.99])
    assert [] == list(find_learned(reading, ()))


def test_what_a_rule_called_an_address_online_keeps_its_type() -> None:
    """A longer run around an e-mail address that a rule found is an e-mail address, and not a user name."""
    reading = _reading("it is team otter at live dot com", ONLINE, [0.0, 0.0] + [0.9] * 6)
    ruled = [Span(3, 7, "EMAIL_ADDRESS", 0.9, "net")]
    assert [("EMAIL_ADDRESS", 2)] == [(one.entity_type, one.first) for one in find_learned(reading, ruled)]
    assert ["USERNAME"] == [one.entity_type for one in find_learned(reading, ())]
