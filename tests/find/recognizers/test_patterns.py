"""No pattern takes longer than a second for any text of the longest length, in any language."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import regex

from tests.find.recognizers.hostile import FLAGS, LIMIT_S, hostile_texts, own_patterns, presidio_patterns, slow


@pytest.mark.timeout(1800)  # the hard limit is of the processor's time, which others may share
def test_no_pattern_is_slow_on_texts_made_against_it() -> None:
    """Every pattern of every recogniser that is used, and every regular expression of ours."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.find.recognizers.hostile"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(ran.stdout)
    assert [] == told["slow"]
    assert told["patterns"] > 50


def test_the_texts_wear_a_bad_pattern_out() -> None:
    """Nested repeats are found slow, so that a pattern that passes says something."""
    bad = regex.compile(r"(?:x+y?)+z", FLAGS)
    assert ["bad"] == slow("bad", bad.pattern, lambda text: list(bad.finditer(text, timeout=LIMIT_S)))


def test_texts_are_made_from_the_pattern() -> None:
    """They speak of what the pattern speaks of, and near matches of it are among them."""
    texts = set(hostile_texts(r"\bQ[5-6]{2}#"))
    assert any(text.startswith("QQQQ") for text in texts)
    assert any(text.startswith(("Q55#Q", "Q56#Q", "Q65#Q", "Q66#Q")) for text in texts)
    assert {4_000} == {len(text) for text in texts}


def test_patterns_of_all_rooms_are_tried() -> None:
    """Presidio's and ours."""
    assert {"CardRecognizer", "IbanRecognizer"} <= {name.split(": ")[1] for name, _ in presidio_patterns()}
    assert {"stream.find.lexemes", "stream.find.runs"} <= {name.rsplit(".", 1)[0] for name, _ in own_patterns()}
