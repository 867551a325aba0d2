"""What finding words costs: nearly the same words over and over, up to the longest transcript."""

from __future__ import annotations

import sys
from types import FrameType

import numpy as np
import pytest

from stream.clip import Clip, Transcript, Word
from stream.find import pii
from stream.find.pii import Identifiers, make_word_finder
from stream.policy import Policy
from tests.values import HERE, event

QUADRATIC = 4  # times the steps for twice the words; a cube makes eight of them
CUES = [
    "handle dot",
    "dot username",
    "gamertag dash",
    "user name at",
    "at instagram",
    "follow underscore",
    "one code",
    "one one code wait",
    "one hospital is",
    "password one capital",
    "one social again",
    "pin oh no",
    "street one",
    "room one at",
    "born one may",
    "email dot com",
    "call john smith",
]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


def steps(finder: Identifiers, cue: str, count: int) -> int:
    """Calls that a search in ``count`` words makes, of Python and C: nothing that another load of the machine moves."""
    words = (cue.split() * count)[:count]
    taken = 0

    def step(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal taken
        taken += 1

    sys.setprofile(step)
    try:
        finder.search(words)
    finally:
        sys.setprofile(None)
    return taken


@pytest.mark.parametrize("cue", CUES)
def test_cues_over_and_over_cost_no_more_than_the_square_of_their_number(finder: Identifiers, cue: str) -> None:
    """Twice the words, four times the steps at most: one hostile clip holds up nobody."""
    most = Policy().words_max
    steps(finder, cue, most)  # tables that are made at first use
    assert steps(finder, cue, most) <= QUADRATIC * steps(finder, cue, most // 2)


def test_equal_hypotheses_are_searched_once(finder: Identifiers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of hypotheses repeat themselves; what is found in one is found in each."""
    read: list[int] = []
    read_scene = pii.read_scene
    monkeypatch.setattr(pii, "read_scene", lambda *given: (read.append(1), read_scene(*given))[1])
    told = Transcript(tuple(map(Word, "my name is diane kowalski".split())))
    doubtful = Transcript(tuple(Word(word, confidence=0.01) for word in "my name is diane kowalski".split()))
    heard = event(transcripts=(told, told, doubtful, told))
    findings = finder.find(Clip(HERE, heard, np.zeros(16_000, dtype=np.float32))).findings
    assert 2 == len(read)
    assert {0, 1, 2, 3} == {finding.transcript for finding in findings}
    first, second = (
        [(one.first, one.last, one.entity_type) for one in findings if one.transcript == at] for at in (0, 3)
    )
    assert first == second
