"""Sentences of our own: every slot stands for something, and what it stands for is labelled."""

from __future__ import annotations

import random

import pytest

from stream.find.gazetteer import load_gazetteer
from stream.train.forms import Forms, read_sections
from stream.train.sentences import ADDRESS, EMPLOYER, KINDS_TOLD, ONLINE, OTHER, PERSON, Draws


@pytest.fixture(scope="module")
def draws() -> Draws:
    return Draws(load_gazetteer(), seed=5)


def _forms(seed: int) -> Forms:
    words = {name: (lambda name=name: f"<{name}>") for name in ("given", "surname", "place", "ordinary")}
    return Forms(random.Random(seed), words)


@pytest.mark.parametrize("name", sorted(read_sections("forms.txt")))
def test_every_form_can_be_drawn(name: str) -> None:
    """No slot is left open, whichever form is drawn."""
    forms = _forms(1)
    drawn = [forms.draw(name) for _ in range(200)]
    assert all(text and "{" not in text for text in drawn)


def test_forms_hang_on_the_seed_alone() -> None:
    """The same seed gives the same things, another seed others."""
    one, two, other = ([_forms(seed).draw("address") for _ in range(3)] for seed in (2, 2, 3))
    assert one == two
    assert one != other


@pytest.mark.parametrize("kind", [*KINDS_TOLD, "openers", "closers"])
def test_every_carrier_can_be_filled(draws: Draws, kind: str) -> None:
    """Each sentence has as many labels as words, and no slot is left in it."""
    for carrier in draws.told[kind]:
        sentence = draws._filled(carrier)
        assert sentence.words
        assert len(sentence.words) == len(sentence.labels)
        assert not any("{" in word for word in sentence.words)


@pytest.mark.parametrize(
    ("carrier", "label"),
    [
        ("i live at {address}", ADDRESS),
        ("i'm {online}", ONLINE),
        ("i teach at {school}", EMPLOYER),
        ("ask {both}", PERSON),
    ],
)
def test_what_fills_a_slot_is_labelled(draws: Draws, carrier: str, label: int) -> None:
    """Words of the carrier are ordinary, words of the slot are of its class."""
    sentence = draws._filled(carrier)
    around = len(carrier.split()) - 1
    assert (OTHER,) * around == sentence.labels[:around]
    assert {label} == set(sentence.labels[around:])


@pytest.mark.parametrize("kind", ["nothing", "numbers"])
def test_ordinary_carriers_hold_no_place_of_somebodys(draws: Draws, kind: str) -> None:
    """What teaches the model to leave things alone is labelled so."""
    labels = {label for carrier in draws.told[kind] for label in draws._filled(carrier).labels}
    assert not labels & {ADDRESS, ONLINE, EMPLOYER}
