"""Who has all inputs and all outputs but their sound: how much better than chance he joins them, by what."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import pytest

from stream.clip import Precision
from stream.lifecycle.anonymity import Anonymity
from tests.leak.linkage import Attack, sides
from tests.leak.order import known_hours, order_statistic
from tests.leak.population import Released, clipveil, inputs

CLIPS = 8_000


@pytest.fixture(scope="module")
def attacks() -> dict[str, Attack]:
    return {name: Attack(*both) for name, both in sides(CLIPS).items()}


@pytest.fixture(scope="module")
def figures(attacks: dict[str, Attack]) -> dict[str, dict[str, float]]:
    return {name: attack.figures() for name, attack in attacks.items()}


EVERY, SAMPLED, NAIVE = "clipveil, every clip picked", "clipveil, 1 in 100 picked", "naive"


def test_key_and_partition_say_nothing(figures: dict[str, dict[str, float]]) -> None:
    """A token is no hash that others can make, and decides alone where its record lies."""
    assert pytest.approx(1.0) == figures[EVERY]["record key"]
    assert 0.9 < figures[EVERY]["partition"] < 1.1
    assert 5.9 < figures[NAIVE]["partition"]


@pytest.mark.parametrize("column", [EVERY, SAMPLED])
def test_nothing_joins_better_than_with_a_naive_service(figures: dict[str, dict[str, float]], column: str) -> None:
    """Row by row; arrival and words are the same for everybody, and few samples make partitions noisy."""
    same = {"moment of arrival, watched live", "end of the last word", "record key", "partition"}
    worse = [name for name in figures[NAIVE] if name not in same and figures[column][name] > figures[NAIVE][name]]
    assert [] == worse


def test_all_fields_leave_many_inputs(figures: dict[str, dict[str, float]]) -> None:
    """Exact length, hour and family name nearly every input of a naive service; coarse ones do not."""
    together = "all these fields together"
    assert figures[NAIVE][together] > 0.8 * CLIPS
    assert figures[EVERY][together] < 0.02 * CLIPS
    assert figures[SAMPLED][together] < 0.002 * CLIPS


def test_every_output_that_tells_a_time_could_be_of_k_accounts(attacks: dict[str, Attack]) -> None:
    """Counted over the inputs, by the attacker."""
    assert Anonymity().k <= min(attacks[EVERY].fewest_accounts(), attacks[SAMPLED].fewest_accounts())
    assert 1 == attacks[NAIVE].fewest_accounts()


def test_the_order_says_less_the_fewer_are_picked(figures: dict[str, dict[str, float]]) -> None:
    """It is the best join that there is by fields, and sampling is what helps against it."""
    for name in ("place in the order of its partition", "all fields and the order"):
        assert figures[SAMPLED][name] < figures[EVERY][name] / 5


# ------------------------------------------------------------------ the attack itself
@pytest.mark.parametrize("words", [False, True])
def test_guesses_are_right_as_often_as_the_attack_says(attacks: dict[str, Attack], words: bool) -> None:
    """The figures are shares of weights: they must be those of guesses that come true."""
    attack = attacks[EVERY]
    ways = attack._ways()
    said, right = np.mean(list(attack.guesses(ways, order=True, words=words)), axis=0)
    assert said * 0.6 < right < said * 1.4


def test_a_key_that_anybody_can_make_is_found(attacks: dict[str, Attack]) -> None:
    """A plain hash of the clip id joins everything."""
    attack = attacks[NAIVE]
    outputs = tuple(
        replace(output, key=hashlib.sha256(f"clip-28-{output.of}".encode()).hexdigest()[:32])
        for output in attack.released.outputs
    )
    assert CLIPS == Attack(attack.day, Released(outputs, None)).figures()["record key"]


def test_without_the_rule_the_same_attack_finds_single_accounts() -> None:
    """k = 1 tells hour, family and length of everybody."""
    before, day = inputs(2_000, seed=1), inputs(2_000, seed=2)
    assert 1 == Attack(day, clipveil(day, before, 1.0, Anonymity(k=1))).fewest_accounts()


def test_places_in_an_order_have_their_probabilities() -> None:
    """Counted over all ways to pick three of seven."""
    ways = list(itertools.combinations(range(7), 3))
    for number in range(3):
        counted = [sum(way[number] == rank for way in ways) / len(ways) for rank in range(7)]
        np.testing.assert_allclose(np.exp(order_statistic(np.arange(7), 7, number, 3)), counted, atol=1e-12)


def test_neighbours_tell_the_hour(attacks: dict[str, Attack]) -> None:
    """An output that tells its day only lies between such as tell their hours."""
    values = [output.value for output in attacks[EVERY].released.outputs if output.partition == 0]
    bounds = known_hours(values)
    coarse = [number for number, value in enumerate(values) if value.precision is not Precision.HOUR]
    truth = [
        int(attacks[EVERY].day.at_s[output.of] // 3600)
        for output in attacks[EVERY].released.outputs
        if output.partition == 0
    ]
    assert all(bounds[number][0] <= truth[number] <= bounds[number][1] for number in range(len(values)))
    assert any(bounds[number][0] == bounds[number][1] for number in coarse)
