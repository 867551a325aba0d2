"""The names model as it is run, and as it was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stream.find import tagger
from stream.find.gazetteer import load_gazetteer
from stream.find.tagger import CLASSES, build, grams, load_names_model
from stream.train.names import Tagger, batches, train_names
from stream.train.sentences import Draws, Sentence


def test_probabilities_of_each_word_sum_to_one() -> None:
    """One distribution per word, none for no words."""
    model = load_names_model()
    likely = model.probabilities("call zbigniew tomorrow".split())
    assert (3, len(CLASSES)) == likely.shape
    assert np.ones(3) == pytest.approx(likely.sum(axis=1), abs=1e-5)
    assert (0, len(CLASSES)) == model.probabilities([]).shape


def test_names_are_likelier_where_names_stand() -> None:
    """An unlisted name after "call" is likelier a person than an ordinary word there."""
    model = load_names_model()
    person = CLASSES.index("person")
    name, word = (model.probabilities(["call", text, "please"])[1, person] for text in ("brzankiewa", "customer"))
    assert name > 0.5 > word


def test_numpy_computes_what_torch_was_trained_to() -> None:
    """The same weights give the same probabilities in both."""
    torch.manual_seed(1)
    network = Tagger(vocabulary=2).eval()
    words = ("call", "ann", "unseen")
    model = build({name: one.numpy() for name, one in network.state_dict().items()}, ["ann", "call"], "test")
    (batch,) = batches([Sentence(words, (0, 1, 0))], {"ann": 1, "call": 2}, None)
    with torch.no_grad():
        expected = torch.softmax(network(batch), dim=2)[0].numpy()
    assert expected == pytest.approx(model.probabilities(words), abs=1e-5)


def test_other_weights_than_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A changed file does not load."""
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / "names.json").write_text('{"sha256": "0"}', encoding="utf-8")
    (folder / "names.safetensors").write_bytes(b"anything")
    monkeypatch.setattr(tagger.resources, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match="pins"):
        load_names_model.__wrapped__()


def test_the_model_is_small() -> None:
    """At most 10 MB."""
    file = Path(tagger.__file__).parents[1] / "models" / "names" / "names.safetensors"
    assert file.stat().st_size <= 10_000_000


def test_long_words_are_cut_before_hashing() -> None:
    """A hostile word costs no more than a long one."""
    assert len(grams("x" * 10_000, 64)) == len(grams("x" * 24, 64))


def test_training_is_repeatable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed draws the same sentences, and names in carriers are labelled."""
    gazetteer = load_gazetteer()
    one, two = (list(Draws(gazetteer, 3).epoch([])) for _ in range(2))
    assert one == two
    assert any(1 in sentence.labels for sentence in one)


def test_training_writes_a_model_that_loads(tmp_path: Path) -> None:
    """A few steps on a tiny corpus give the files that ship with the package."""
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    for name in ("nlu-eval", "snips", "wnut17", "taskmaster4-negatives"):
        (corpora / f"{name}.jsonl").write_text('{"words": ["call", "ann"], "spans": []}\n' * 20, encoding="utf-8")
    train_names(corpora, tmp_path / "out", epochs=0)
    assert {"names.json", "names.safetensors", "vocabulary.txt"} == {file.name for file in (tmp_path / "out").iterdir()}
