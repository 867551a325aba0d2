"""Bigger names models from local directories: pinned, offline, and added to what the built-in model finds."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stream.clip import Reason, Refusal
from stream.find.fingerprint import ModelRefused, fingerprint, read_files
from stream.find.ner import entity_type, make_names_finder
from stream.find.pii import NamesFinder, make_word_finder
from stream.find.spans import Span
from tests.find.models import write_classifier, write_gliner

torch.set_num_threads(1)
SAID = "please water ZORK blim, and the table in quand now".split()


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("classifier") / "model")


@pytest.fixture(scope="module")
def gliner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gliner(tmp_path_factory.mktemp("gliner") / "model")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def _load(directory: Path) -> NamesFinder:
    return make_names_finder(directory, fingerprint(read_files(directory)))


def _copy(source: Path, target: Path, leave_out: str = "") -> Path:
    target.mkdir()
    for name, content in read_files(source).items():
        if name != leave_out:
            (target / name).write_bytes(content)
    return target


def _texts(spans: Iterable[Span], words: list[str]) -> set[tuple[str, str]]:
    return {(one.entity_type, " ".join(words[one.first : one.last + 1])) for one in spans}


@pytest.mark.usefixtures("offline")
def test_a_token_classifier_says_which_words_are_names(classifier: Path) -> None:
    """Labels become our types, pieces become words, and a label of no type of ours says nothing."""
    assert {("PERSON", "ZORK blim,"), ("LOCATION", "quand")} == _texts(_load(classifier).find(SAID), SAID)
    assert [] == list(_load(classifier).find([]))


@pytest.mark.usefixtures("offline")
def test_gliner_says_which_words_are_names(gliner: Path) -> None:
    """A GLiNER directory is recognised as one; what it finds covers the names and leaves ordinary words."""
    found = {word for one in _load(gliner).find(SAID) for word in range(one.first, one.last + 1)}
    assert {2, 3, 8} <= found
    assert not {0, 1, 5} & found


@pytest.mark.parametrize("kind", ["classifier", "gliner"])
def test_a_long_transcript_is_read_to_its_end(kind: str, request: pytest.FixtureRequest) -> None:
    """No name is lost behind the model's longest input, wherever it lies."""
    finder = _load(request.getfixturevalue(kind))
    for at in range(0, 240, 17):
        words = ["water", "table"] * 120
        words[at : at + 2] = ["zork", "blim"]
        found = {word for one in finder.find(words) for word in range(one.first, one.last + 1)}
        assert {at, at + 1} <= found


def test_a_word_that_no_window_holds_is_refused(classifier: Path) -> None:
    """Cut text would be a part unread: the clip is withheld instead."""
    with pytest.raises(Refusal) as refused:
        list(_load(classifier).find(["-" * 600]))
    assert Reason.DETECTOR_FAILED == refused.value.reason


def test_its_findings_are_added_to_the_built_in_ones(classifier: Path) -> None:
    """What either finds is found, and the receipt names both."""
    finder = make_word_finder(names=_load(classifier))
    words = "call diane about the zork blim".split()
    found = {(one.entity_type, " ".join(words[one.first : one.last + 1])) for one in finder.search(words)}
    assert {("PERSON", "diane"), ("PERSON", "zork blim")} <= found
    assert fingerprint(read_files(classifier))[:16] in finder.version


def test_another_directory_than_the_pinned_one_is_refused(classifier: Path, tmp_path: Path) -> None:
    """One changed byte, or nothing there at all, stops the start-up."""
    copy = _copy(classifier, tmp_path / "copy")
    (copy / "tokenizer.json").write_bytes((copy / "tokenizer.json").read_bytes() + b" ")
    with pytest.raises(ModelRefused, match="sha256"):
        make_names_finder(copy, fingerprint(read_files(classifier)))
    with pytest.raises(ModelRefused, match="no model"):
        make_names_finder(tmp_path / "nothing", "0" * 64)


def test_pickled_weights_are_never_read(classifier: Path, tmp_path: Path) -> None:
    """A directory with weights in another format only is no model."""
    copy = _copy(classifier, tmp_path / "copy", leave_out="model.safetensors")
    torch.save(load_file(classifier / "model.safetensors"), copy / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match=r"model\.safetensors missing"):
        _load(copy)


def test_missing_weights_are_no_model(classifier: Path, tmp_path: Path) -> None:
    """A head that would stay as it was drawn at random is refused."""
    copy = _copy(classifier, tmp_path / "copy")
    weights = load_file(classifier / "model.safetensors")
    save_file({name: one for name, one in weights.items() if "classifier" not in name}, copy / "model.safetensors")
    with pytest.raises(ModelRefused, match="not all there"):
        _load(copy)


def test_code_beside_the_weights_is_refused(classifier: Path, tmp_path: Path) -> None:
    """A configuration that names code of its own does not load."""
    copy = _copy(classifier, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForTokenClassification": "code.Model"}
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelRefused, match="code of its own"):
        _load(copy)


def test_a_model_without_names_is_refused(tmp_path: Path) -> None:
    """A classifier of something else would find nothing, silently."""
    directory = write_classifier(tmp_path / "model", ("O", "NOUN", "VERB", "ADJ", "MISC"))
    with pytest.raises(ModelRefused, match="no label"):
        _load(directory)


@pytest.mark.parametrize(("kind", "package"), [("classifier", "transformers"), ("gliner", "gliner")])
def test_a_missing_package_is_told(
    kind: str, package: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the extra to install."""
    directory = request.getfixturevalue(kind)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelRefused, match=r"clipveil\[names\]"):
        _load(directory)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("B-PER", "PERSON"),
        ("I-PERSON", "PERSON"),
        ("first_name", "PERSON"),
        ("S-GPE", "LOCATION"),
        ("LOC", "LOCATION"),
        ("E-ORG", "ORGANIZATION"),
        ("O", None),
        ("B-MISC", None),
    ],
)
def test_labels_of_many_schemes_are_known(label: str, expected: str | None) -> None:
    """BIO and BILOU prefixes, and the names that corpora give to people, places and organisations."""
    assert expected == entity_type(label)


def test_a_model_without_numbers_withholds(classifier: Path, tmp_path: Path) -> None:
    """A network whose answers are NaN finds no name anywhere: that is no clip without names."""
    copy = _copy(classifier, tmp_path / "copy")
    weights = load_file(classifier / "model.safetensors")
    save_file({**weights, "classifier.bias": weights["classifier.bias"] * torch.nan}, copy / "model.safetensors")
    with pytest.raises(Refusal) as refused:
        list(_load(copy).find(SAID))
    assert Reason.DETECTOR_FAILED == refused.value.reason


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_gliner_without_numbers_withholds(gliner: Path, tmp_path: Path, broken: float) -> None:
    """Its library takes NaN for no name: that is no clip without names either."""
    copy = _copy(gliner, tmp_path / "copy")
    weights = load_file(gliner / "model.safetensors")
    save_file({name: torch.full_like(one, broken) for name, one in weights.items()}, copy / "model.safetensors")
    with pytest.raises(Refusal) as refused:
        list(_load(copy).find(SAID))
    assert Reason.DETECTOR_FAILED == refused.value.reason


def test_only_known_types_come_of_a_further_model() -> None:
    """A type is published as it stands, so no label of a model may become one: what it finds is masked as a name."""

    class Labelled:
        version = "labelled"

        def find(self, words: Sequence[str]) -> Iterator[Span]:
            yield Span(1, 1, words[1].upper(), 0.9, "ner")
            yield Span(3, 3, "LOCATION", 0.9, "ner")

    found = make_word_finder(names=Labelled()).search("the zork in quand".split())
    assert {(1, "PERSON"), (3, "LOCATION")} == {(one.first, one.entity_type) for one in found}


def test_a_token_that_begins_with_the_blank_is_its_words(classifier: Path, tmp_path: Path) -> None:
    """Some tokenizers count the blank before a word into its first token; the last word has nothing of that."""
    copy = _copy(classifier, tmp_path / "copy")
    tokenizer = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first"}
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {f"\u2581{word}" if word.isalpha() else word: at for word, at in vocabulary.items()}
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    words = "water zork blim table the".split()
    assert {("PERSON", "zork blim")} == _texts(_load(copy).find(words), words)


def test_gliner_reads_a_window_past_its_tokenizers_limit(gliner: Path, tmp_path: Path) -> None:
    """A tokenizer that would cut the window lets it through: what is cut off is never looked at."""
    copy = _copy(gliner, tmp_path / "copy")
    settings = json.loads((copy / "tokenizer_config.json").read_text(encoding="utf-8"))
    (copy / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": 18}), encoding="utf-8")
    words = "water table the and water table the zork blim".split()
    found = {word for one in _load(copy).find(words) for word in range(one.first, one.last + 1)}
    assert {7, 8} <= found
