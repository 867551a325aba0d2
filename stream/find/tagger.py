"""The built-in names model: how likely each word of a lower-case utterance is part of a name of a person or a place.

A small convolutional tagger of our own, run with numpy. A word is what its spelling says (hashed character n-grams),
what the word itself says if training knew it, and what the name lists say; four dilated convolutions let each word see
eleven neighbours on both sides. The weights are safetensors beside a ``names.json`` that pins their sha256.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from stream.find.gazetteer import Gazetteer, load_gazetteer

CLASSES = ("other", "person", "media", "place", "organization", "address", "online", "employer")
FLAGS = 10
PLACE_FLAG = 4
DILATIONS = (1, 2, 3, 5)
Array = npt.NDArray[np.float32]


def grams(word: str, buckets: int) -> list[int]:
    """Hashed character n-grams of 2 to 4 characters, with the word's borders."""
    text = f"<{word[:24]}>".encode()
    return [
        zlib.crc32(text[at : at + size]) % buckets for size in (2, 3, 4) for at in range(max(0, len(text) - size + 1))
    ] or [0]


def listed_flags(word: str, gazetteer: Gazetteer) -> tuple[float, ...]:
    """The flags of a word, but whether it is part of a place."""
    return (
        word in gazetteer.given,
        word in gazetteer.surnames,
        word in gazetteer.everyday,
        word in gazetteer.places,
        0.0,
        not word.isalpha(),
        len(word) == 1,
        len(word) / 10,
        word in gazetteer.lexicon,
        gazetteer.lexicon.get(word, 0.0),
    )


def mark_places(table: Array, words: Sequence[str], gazetteer: Gazetteer) -> None:
    """Sets the flag of every word that is part of a place."""
    texts, at = tuple(words), 0
    while at < len(texts):
        size = gazetteer.place_at(texts, at) if texts[at] in gazetteer.places else 0
        if size:
            table[at : at + size, PLACE_FLAG] = 1.0
        at += max(size, 1)


@dataclass(frozen=True, eq=False)
class NamesModel:
    """Weights by name, the words that training knew, and the sha256 of both as ``version``."""

    weights: Mapping[str, Array] = field(repr=False)
    vocabulary: Mapping[str, int] = field(repr=False)
    taps: tuple[Array, ...] = field(repr=False)  # per layer (3 * in, out)
    known: Array = field(repr=False)  # (vocabulary, width + FLAGS): word, spelling and flags of known words
    gazetteer: Gazetteer = field(repr=False)
    version: str

    def probabilities(self, words: Sequence[str]) -> Array:
        """(word, class) for plain lower-case ``words``; the classes are ``CLASSES``."""
        if not words:
            return np.zeros((0, len(CLASSES)), dtype=np.float32)
        hidden = self._entered(words) @ self.weights["enter.weight"].T
        hidden = _relu(hidden + self.weights["enter.bias"])
        for layer, dilation in enumerate(DILATIONS):
            hidden = hidden + _relu(self._convolve(hidden, layer, dilation))
        logits = hidden @ self.weights["leave.weight"].T + self.weights["leave.bias"]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def _entered(self, words: Sequence[str]) -> Array:
        """(word, width + FLAGS): what is known of each word, and what the lists say."""
        rows = [self.vocabulary.get(word, -1) for word in words]
        entered = self.known[rows]  # a copy; the last row where the word is unknown
        width = self.known.shape[1] - FLAGS
        table = self.weights["grams.weight"]
        for at, row in enumerate(rows):
            if row < 0:
                spelling = table[grams(words[at], len(table))].mean(axis=0)
                entered[at, :width] = np.concatenate([self.weights["words.weight"][0], spelling])
                entered[at, width:] = listed_flags(words[at], self.gazetteer)
        mark_places(entered[:, width:], words, self.gazetteer)
        return entered

    def _convolve(self, hidden: Array, layer: int, dilation: int) -> Array:
        """Three taps at -dilation, 0 and +dilation, zeros outside, as one product."""
        size, width = hidden.shape
        taps = np.zeros((size, 3 * width), dtype=np.float32)
        taps[dilation:, :width] = hidden[: max(0, size - dilation)]
        taps[:, width : 2 * width] = hidden
        taps[: max(0, size - dilation), 2 * width :] = hidden[dilation:]
        return np.asarray(taps @ self.taps[layer] + self.weights[f"layers.{layer}.bias"])


def _relu(values: Array) -> Array:
    return np.maximum(values, 0.0)


@cache
def load_names_model() -> NamesModel:
    """The built-in model. Raises ValueError where the weights are not those that ``names.json`` pins."""
    folder = resources.files("stream.models").joinpath("names")
    card = json.loads(folder.joinpath("names.json").read_text(encoding="utf-8"))
    content = folder.joinpath("names.safetensors").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != card["sha256"]:
        raise ValueError("the names model is not the one that its names.json pins")
    weights = {name: np.asarray(tensor, dtype=np.float32) for name, tensor in load(content).items()}
    words = folder.joinpath("vocabulary.txt").read_text(encoding="utf-8").splitlines()
    return build(weights, words, f"sha256:{sha256[:16]}")


def build(weights: Mapping[str, Array], words: Sequence[str], version: str) -> NamesModel:
    """A model of ``weights`` and the known ``words``; row 0 of the word table is the unknown word."""
    table = weights["grams.weight"]
    spellings = [table[grams(word, len(table))].mean(axis=0) for word in words]
    gazetteer = load_gazetteer()
    listed = np.array([listed_flags(word, gazetteer) for word in words], dtype=np.float32)
    known = np.concatenate([weights["words.weight"][1 : len(words) + 1], np.stack(spellings), listed], axis=1)
    vocabulary = {word: row for row, word in enumerate(words)}
    layers = [weights[f"layers.{layer}.weight"] for layer in range(len(DILATIONS))]  # (out, in, 3)
    taps = tuple(np.ascontiguousarray(layer.transpose(2, 1, 0).reshape(-1, layer.shape[0])) for layer in layers)
    return NamesModel(weights, vocabulary, taps, np.asarray(known, dtype=np.float32), gazetteer, version)
