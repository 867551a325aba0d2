"""Rivals are judged mildly and by the same figures; one that is not installed is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stream.clip import Finding
from stream.evaluate.rivals import INSTALL, Rewritten, Rival, credited, make_presidio, make_rivals, rewritten
from stream.evaluate.side_by_side import evaluate_rivals
from stream.evaluate.words import TrueSpan, Utterance

WORDS = ("pin", "four", "two", "please")
UTTERANCE = Utterance("u", WORDS, (TrueSpan(1, 2, "PIN", "direct"),), frozenset(), "PIN")


def _came_from(written: Rewritten, token: str) -> tuple[int, int]:
    at = written.text.index(token)
    return written.first[at], written.last[at]


def test_unchanged_words_are_matched_and_the_rest_lies_between_them() -> None:
    """Digits come from the words that are gone, and from no others."""
    written = rewritten(["pay", "with", "four", "one", "one", "today"], "pay with 411 today")
    assert (0, 0) == _came_from(written, "pay")
    assert (2, 4) == _came_from(written, "411")
    assert (5, 5) == _came_from(written, "today")


def test_words_that_were_glued_together_share_their_words() -> None:
    """ "mailme@john.smith" came from all of "mail me at john dot smith"."""
    written = rewritten("mail me at john dot smith now".split(), "mailme@john.smith now")
    assert (0, 5) == _came_from(written, "mailme")


def test_a_touch_counts_as_having_found_all_and_nothing_else() -> None:
    """A finding that reaches beyond the identifier, or covers half of it, is the identifier."""
    assert (Finding(0, 1, 2, "X"),) == credited(UTTERANCE, [Finding(0, 0, 1, "X")])
    assert (Finding(0, 3, 3, "X"),) == credited(UTTERANCE, [Finding(0, 3, 3, "X")])


def test_presidio_as_it_comes_finds_what_is_written_and_not_what_is_spoken() -> None:
    """The hole that this project closes."""
    search = make_presidio().search
    assert search is not None
    assert (4, 4) in {(one.first, one.last) for one in search("put it on card 4111111111111111 please".split())}
    assert () == tuple(
        search("put it on card four one one one one one one one one one one one one one one one".split())
    )


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package a normaliser has no search; nothing is dropped."""
    for package in ("nemo_text_processing", "itn"):
        monkeypatch.setitem(sys.modules, package, None)
    rivals = {rival.name: rival.search is not None for rival in make_rivals(tmp_path)}
    assert {
        "clipveil": True,
        "Presidio": True,
        "NeMo + Presidio": False,
        "WeTextProcessing + Presidio": False,
    } == rivals


def test_the_table_has_every_finder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that did not run says so in its column and how to get it below; figures go to the file."""
    corpus, figures = tmp_path / "c.jsonl", tmp_path / "f.json"
    row = {"id": "u", "words": WORDS, "spans": [{"first": 1, "last": 2, "entity_type": "PIN"}]}
    corpus.write_text(json.dumps(row) + "\n", encoding="utf-8")
    half = [Finding(0, 1, 1, "PIN")]
    rivals = [
        Rival("strict", lambda words: half, mild=False),
        Rival("mild", lambda words: half),
        Rival("gone", None),
    ]
    evaluate_rivals(corpus, figures, rivals=rivals)
    written = json.loads(figures.read_text(encoding="utf-8"))["finders"]
    assert 0.0 == written["strict"]["total"]["masked_recall"]
    assert 1.0 == written["mild"]["total"]["masked_recall"]
    assert {"not_installed": INSTALL} == written["gone"]
    printed = capsys.readouterr().out
    assert "not installed" in printed
    assert f"gone: {INSTALL}" in " ".join(printed.split())


def test_a_sample_is_drawn_alike_every_time(tmp_path: Path) -> None:
    """The same utterances each time, so that figures can be compared."""
    corpus = tmp_path / "c.jsonl"
    seen: list[str] = []
    rows = [{"id": str(number), "words": [f"w{number}"], "spans": []} for number in range(50)]
    corpus.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    def search(words: Sequence[str]) -> list[Finding]:
        seen.extend(words)
        return []

    evaluate_rivals(corpus, tmp_path / "f.json", 5, [Rival("ours", search, mild=False)])
    once = set(seen)
    evaluate_rivals(corpus, tmp_path / "f.json", 5, [Rival("ours", search, mild=False)])
    assert 5 == len(once)
    assert once == set(seen)


@pytest.mark.timeout(300)
def test_normalisers_write_digits(tmp_path: Path) -> None:
    """Both rivals run: a card that is said reaches Presidio in digits, and is given back as words."""
    said = "my social security number is oh seven eight oh five one one two oh thanks".split()
    for rival in make_rivals(tmp_path)[2:]:
        if rival.search is None:
            pytest.fail(f"{rival.name}: {INSTALL}")
        assert any(one.first <= 5 and one.last >= 13 for one in rival.search(said)), rival.name
