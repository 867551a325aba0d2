"""How masked and typed recall are counted."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from stream.clip import Finding
from stream.evaluate.perturbing import CHANGES, evaluate_perturbed, perturbed
from stream.evaluate.words import Share, TrueSpan, Utterance, evaluate_words, is_masked, is_typed, score

CARD = TrueSpan(2, 5, "CREDIT_CARD", "direct")


def _found(first: int, last: int, entity_type: str = "CREDIT_CARD") -> Finding:
    return Finding(0, first, last, entity_type)


def _utterance(words: str, *spans: TrueSpan, ignored: frozenset[int] = frozenset()) -> Utterance:
    return Utterance("u", tuple(words.split()), spans, ignored, spans[0].entity_type if spans else "none")


def test_a_span_is_masked_when_every_word_is() -> None:
    """Two findings together may cover it; one word left open does not."""
    assert is_masked(CARD, [_found(2, 3), _found(4, 6)], frozenset())
    assert not is_masked(CARD, [_found(2, 4)], frozenset())


def test_ignored_words_count_neither_way() -> None:
    """A clitic at the end of a name need not be masked, and masking it is not too much."""
    span = TrueSpan(0, 1, "PERSON", "direct")
    utterance = _utterance("ann 's number", span, ignored=frozenset({1}))
    assert is_masked(span, [_found(0, 0, "PERSON")], utterance.ignored)
    assert 0.0 == score([utterance], [[_found(0, 1, "PERSON")]], 1.0)["over_masked_words"]


def test_one_finding_of_the_type_must_cover_nine_tenths() -> None:
    """Pieces of the right type do not add up; accepted other names of a type do."""
    assert is_typed(CARD, [_found(2, 5)], frozenset())
    assert not is_typed(CARD, [_found(2, 3), _found(4, 5)], frozenset())
    assert not is_typed(CARD, [_found(2, 5, "PIN")], frozenset())
    assert is_typed(TrueSpan(0, 0, "CVV", "direct"), [_found(0, 0, "PIN")], frozenset())


def test_only_direct_spans_must_be_masked_and_others_cost_nothing() -> None:
    """Places and artists count neither as missed nor as too much."""
    utterance = _utterance("play abba in rome", TrueSpan(1, 1, "PERSON", "public"), TrueSpan(3, 3, "LOCATION", "quasi"))
    for findings in ([], [_found(1, 1), _found(3, 3)]):
        figures = score([utterance], [findings], 1.0)
        assert (0, 0.0) == (figures["total"]["n"], figures["over_masked_words"])


def test_false_masks_are_shares_of_utterances_without_spans() -> None:
    """Names, dates and places are told apart from the rest."""
    clean = [_utterance("a b"), _utterance("c d"), _utterance("e f"), _utterance("g h")]
    figures = score(clean, [[_found(0, 0)], [_found(1, 1, "PERSON")], [], []], 1.0)
    assert (0.5, 0.25, 0.25) == (
        figures["false_masked_utterances"],
        figures["false_masked_beyond_names_dates_places"],
        figures["over_masked_words"],
    )


def test_intervals_are_wilsons() -> None:
    """Known value: 9 of 10 gives 0.596 to 0.982."""
    assert (0.596, 0.982) == pytest.approx(Share(9, 10).interval, abs=5e-4)
    assert Share(0, 0).interval is None


def test_figures_and_predictions_are_written(tmp_path: Path) -> None:
    """The JSON has every figure of the contract, and each utterance's spans are there to be scored by others."""
    row = {
        "id": "u1",
        "set": "s",
        "words": ["pin", "four", "two"],
        "spans": [{"first": 1, "last": 2, "entity_type": "PIN"}],
    }
    corpus, figures, spans = tmp_path / "c.jsonl", tmp_path / "f.json", tmp_path / "p.jsonl"
    corpus.write_text(json.dumps(row) + "\n", encoding="utf-8")
    evaluate_words(corpus, figures, spans, search=lambda words: [_found(1, 2, "PIN")])
    written = json.loads(figures.read_text(encoding="utf-8"))
    assert {"n": 1, "masked_recall": 1.0, "typed_recall": 1.0}.items() <= written["entity_types"]["PIN"].items()
    assert {"false_masked_utterances", "over_masked_words", "utterances_per_second"} <= set(written)
    predicted = json.loads(spans.read_text(encoding="utf-8"))
    assert {"id": "u1", "spans": [{"first": 1, "last": 2, "entity_type": "PIN"}]} == predicted


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_perturbing_keeps_the_truth_and_the_rest(name: str) -> None:
    """Words around a span stay as they are, and the span still covers what was said in it."""
    utterance = _utterance("my card four five six seven today", CARD)
    changed = perturbed(utterance, CHANGES[name], random.Random(5))
    (span,) = changed.spans
    assert ("my", "card") == changed.words[: span.first]
    assert ("today",) == changed.words[span.last + 1 :]
    assert changed.words != utterance.words


def test_the_report_by_kind_of_change_scores_numbers_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finder that sees nothing but digits loses what became a homophone, and names count neither way."""
    row = {
        "id": "u1",
        "words": ["anna", "four", "two", "four"],
        "spans": [
            {"first": 0, "last": 0, "entity_type": "PERSON"},
            {"first": 1, "last": 3, "entity_type": "PIN"},
        ],
    }
    corpus, out = tmp_path / "c.jsonl", tmp_path / "f.json"
    corpus.write_text(json.dumps(row) + "\n", encoding="utf-8")

    def search(words: Sequence[str]) -> list[Finding]:
        return [_found(at, at, "PIN") for at, word in enumerate(words) if word in ("four", "two")]

    figures = evaluate_perturbed(corpus, out, search)
    assert {"as said", *CHANGES} == set(figures)
    assert {"n": 1, "masked_recall": 1.0}.items() <= figures["as said"]["total"].items()
    assert 0.0 == figures["homophone"]["total"]["masked_recall"]
    assert set(figures) == set(json.loads(out.read_text(encoding="utf-8"))["changes"])
    assert "homophone" in capsys.readouterr().out
