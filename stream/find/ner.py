"""A bigger names model from a local directory, beside the built-in one: a transformers token classifier, or GLiNER.

What it finds is added to what the built-in model, the lists and the carrier phrases find; it takes nothing away. The
directory is read once and checked against its fingerprint. Only its safetensors weights are loaded: nothing of it is
unpickled, no code of it runs, and nothing is fetched.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from stream.clip import Reason, Refusal
from stream.find.fingerprint import ModelRefused, read_pinned
from stream.find.spans import Span

SCORE_MIN = 0.3  # a word as likely as this is masked: missing a name costs more than masking a word
BLANK = -1  # the owner of what stands between words
OVERLAP_WORDS = 6  # that two windows of a long transcript share
TOKENS_MAX = 512
UNCUT = 1_000_000  # tokens; no transcript has so many
TYPES = {
    **dict.fromkeys(("PER", "PERS", "PERSON", "PEOPLE", "NAME", "FIRSTNAME", "LASTNAME", "MIDDLENAME"), "PERSON"),
    **dict.fromkeys(("GIVENNAME", "SURNAME", "NICKNAME", "USERNAME", "PATIENT", "DOCTOR", "STAFF"), "PERSON"),
    **dict.fromkeys(("LOC", "GPE", "LOCATION", "PLACE", "CITY", "STATE", "COUNTRY", "COUNTY", "FAC"), "LOCATION"),
    **dict.fromkeys(("ADDRESS", "STREET", "STREETADDRESS", "BUILDINGNUM"), "ADDRESS"),
    **dict.fromkeys(("ORG", "ORGANIZATION", "ORGANISATION", "COMPANY", "COMPANYNAME", "HOSPITAL"), "ORGANIZATION"),
}
ASKED = ("person", "location", "address", "organization")  # of GLiNER
_PREFIX = re.compile(r"^[BIESLU][-_]")
_CONFIG, _TOKENIZER, _WEIGHTS, _GLINER = "config.json", "tokenizer.json", "model.safetensors", "gliner_config.json"


def make_names_finder(directory: Path, sha256: str) -> TokenClassifier | Gliner:
    """The model in ``directory``, whose fingerprint must be ``sha256``.

    A directory with ``gliner_config.json`` is GLiNER's; any other must hold a transformers token classifier, as
    ``config.json``, ``tokenizer.json`` and ``model.safetensors``. Raises ModelRefused where it is missing, another one,
    incomplete, without labels of people or places, or where the package that runs it is not installed.
    """
    files = read_pinned(directory, sha256)
    needed = (_GLINER if _GLINER in files else _CONFIG, _TOKENIZER, _WEIGHTS)
    missing = [name for name in needed if name not in files]
    if missing:
        raise ModelRefused(f"no names model in {directory}: {', '.join(missing)} missing")
    if any(b'"auto_map"' in content for name, content in files.items() if name.endswith(".json")):
        raise ModelRefused(f"the names model in {directory} wants code of its own")
    finder = Gliner if _GLINER in files else TokenClassifier
    try:
        return finder(files, f"sha256:{sha256[:16]}")
    except ImportError as error:
        raise ModelRefused(f"a names model needs clipveil[names]: {error.name} is not installed") from None
    except (ValueError, KeyError, TypeError, OSError, RuntimeError, SafetensorError) as error:
        raise ModelRefused(f"the names model in {directory} does not load: {type(error).__name__}") from None


def entity_type(label: str) -> str | None:
    """What a label such as ``B-PER`` or ``first_name`` is called here; None for what is none of our types."""
    return TYPES.get(re.sub(r"[^A-Z]", "", _PREFIX.sub("", label.upper())))


class TokenClassifier:
    """A transformers token classifier on the CPU. A word is as likely a name as the likeliest of its pieces."""

    def __init__(self, files: Mapping[str, bytes], version: str) -> None:
        import tokenizers
        import transformers

        table = json.loads(files[_CONFIG])
        config = transformers.AutoConfig.for_model(**table)
        self._labels = [entity_type(config.id2label[number]) for number in range(config.num_labels)]
        if not {"PERSON", "LOCATION"} & set(self._labels):
            raise ModelRefused("the names model has no label of people or places")
        self._tokenizer = tokenizers.Tokenizer.from_str(files[_TOKENIZER].decode("utf-8"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokens_max = min(TOKENS_MAX, getattr(config, "max_position_embeddings", 0) - 2 or TOKENS_MAX)
        self._model = transformers.AutoModelForTokenClassification.from_config(config).eval()
        _fill(self._model, files[_WEIGHTS])
        self.version = version

    def find(self, words: Sequence[str]) -> Iterator[Span]:
        """Runs of words of one type. Raises Refusal(DETECTOR_FAILED) for a word too long to be read whole, and where
        the model gives no numbers."""
        yield from _in_windows(words, self._tokens_max, self._count, self._spans)

    def _count(self, words: Sequence[str]) -> int:
        return len(self._tokenizer.encode(" ".join(words)).ids)

    def _spans(self, words: Sequence[str]) -> Iterator[Span]:
        encoded = self._tokenizer.encode(" ".join(words))
        with torch.inference_mode():
            logits = self._model(
                input_ids=torch.tensor([encoded.ids]), attention_mask=torch.tensor([encoded.attention_mask])
            ).logits[0]
        likelihoods = torch.softmax(logits.float(), dim=1)
        if not bool(
            torch.isfinite(likelihoods).all()
        ):  # no NaN reaches the threshold: a model that broke down finds nothing
            raise Refusal(Reason.DETECTOR_FAILED)
        likely = likelihoods.tolist()
        best: list[dict[str, float]] = [{} for _ in words]
        owners = _owners(words)
        for (start, end), row in zip(encoded.offsets, likely, strict=True):
            scores: dict[str, float] = {}
            for label, score in zip(self._labels, row, strict=True):
                if label:
                    scores[label] = scores.get(label, 0.0) + score
            for word in set(owners[start:end]) - {BLANK}:
                for label, score in scores.items():
                    best[word][label] = max(best[word].get(label, 0.0), score)
        for label in sorted({label for scores in best for label in scores}):
            yield from _runs([scores.get(label, 0.0) for scores in best], label)


class Gliner:
    """A GLiNER model on the CPU, asked for people, places, addresses and organisations."""

    def __init__(self, files: Mapping[str, bytes], version: str) -> None:
        import gliner

        if not json.loads(files[_GLINER]).get("encoder_config"):
            raise ModelRefused("the GLiNER directory's gliner_config.json lacks encoder_config: it would be fetched")
        with tempfile.TemporaryDirectory() as folder:
            # Settings and vocabulary only, and no weights: those go from the checked bytes into the model.
            for name, content in files.items():
                if "/" not in name and name.endswith((".json", ".model", ".txt")):
                    Path(folder, name).write_bytes(content)
            save_file({}, str(Path(folder, _WEIGHTS)))
            self._model = gliner.GLiNER.from_pretrained(folder, local_files_only=True, strict=False).eval()
        _fill(self._model.model, files[_WEIGHTS])
        self._model.model.register_forward_hook(_refuse_unless_finite)
        # Its tokenizer cuts longer texts silently: rather an error, which withholds the clip, than a part unread.
        self._model.data_processor.transformer_tokenizer.model_max_length = UNCUT
        self._tokens_max = int(self._model.config.max_len)
        self.version = version

    def find(self, words: Sequence[str]) -> Iterator[Span]:
        """Runs of words of one type. Raises Refusal(DETECTOR_FAILED) for a word too long to be read whole, and where
        the model gives no numbers."""
        yield from _in_windows(words, self._tokens_max, self._count, self._spans)

    def _count(self, words: Sequence[str]) -> int:
        return sum(1 for _ in self._model.data_processor.words_splitter(" ".join(words)))

    def _spans(self, words: Sequence[str]) -> Iterator[Span]:
        owners = _owners(words)
        for found in self._model.predict_entities(" ".join(words), list(ASKED), threshold=SCORE_MIN, flat_ner=False):
            named = [word for word in owners[found["start"] : found["end"]] if word != BLANK]
            label = entity_type(found["label"])
            if named and label:
                yield Span(min(named), max(named), label, float(found["score"]), "ner")


def _refuse_unless_finite(_model: torch.nn.Module, _asked: object, answer: Any) -> None:
    """Before any threshold: of NaN the library makes a clip without names."""
    logits = answer.logits
    if not isinstance(logits, torch.Tensor) or not bool(torch.isfinite(logits).all()):
        raise Refusal(Reason.DETECTOR_FAILED)


def _fill(model: torch.nn.Module, weights: bytes) -> None:
    """Put ``weights`` (safetensors) into ``model``; ModelRefused where they leave anything as it was drawn."""
    state = load(weights)
    state = {
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"): one
        for name, one in state.items()
    }
    model.load_state_dict(state, strict=False)
    own = model.state_dict()
    filled = {tensor.data_ptr() for name, tensor in own.items() if name in state}
    if any(tensor.data_ptr() not in filled for name, tensor in own.items() if name not in state):
        raise ModelRefused("the names model's weights are not all there")


def _owners(words: Sequence[str]) -> list[int]:
    """For each character of the words joined by blanks, the number of its word; ``BLANK`` between words."""
    owners: list[int] = []
    for number, word in enumerate(words):
        owners += [number] * len(word) + [BLANK]
    return owners


def _in_windows(words: Sequence[str], tokens_max: int, count: Any, search: Any) -> Iterator[Span]:
    """What ``search`` finds in windows of ``words`` of at most ``tokens_max`` tokens by ``count``."""
    pending: list[tuple[int, int]] = [(0, len(words))] if words else []
    while pending:
        first, end = pending.pop()
        if count(words[first:end]) <= tokens_max:
            for span in search(words[first:end]):
                yield Span(span.first + first, span.last + first, span.entity_type, span.score, span.recognizer)
            continue
        size = end - first
        if size < 2:
            raise Refusal(Reason.DETECTOR_FAILED)
        shared = min(OVERLAP_WORDS, size // 4)
        pending += [(first, first + size // 2 + shared), (first + size // 2 - shared, end)]


def _runs(scores: Iterable[float], label: str) -> Iterator[Span]:
    """Runs of neighbouring words that are likely enough."""
    first, best = None, 0.0
    last = -1
    for last, score in enumerate([*scores, 0.0]):
        if score >= SCORE_MIN:
            first, best = (last if first is None else first), max(best, score)
        elif first is not None:
            yield Span(first, last - 1, label, best, "ner")
            first, best = None, 0.0
