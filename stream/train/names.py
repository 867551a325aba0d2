"""Training the names model: ``clipveil train names`` makes what ``stream.find.tagger`` runs.

Same seed, same corpora, same lists, same torch: same weights. About three minutes of one core.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from safetensors.numpy import save_file
from torch import Tensor, nn

from stream.find.gazetteer import Gazetteer, load_gazetteer
from stream.find.tagger import CLASSES, DILATIONS, FLAGS, grams, listed_flags, mark_places
from stream.train.sentences import Draws, Sentence, read_corpora

BUCKETS = 1 << 15
GRAM_WIDTH = 48
WORD_WIDTH = 32
HIDDEN = 112
WORD_COUNT_MIN = 4
WORDS_MAX = 48  # of a training sentence
UNKNOWN_SHARE = 0.2  # of known words that training hides
BATCH = 256
EPOCHS = 7
LEARNING_RATE = 4e-3
IGNORE = -100


@dataclass(frozen=True)
class Batch:
    """Padded sentences: ``words`` (sentence, place) indexes into ``spellings``."""

    ids: Tensor  # (sentence, place) vocabulary row, 0 unknown
    places: Tensor  # (sentence, place) index of the distinct word
    gram_ids: Tensor  # flat n-grams of the distinct words
    offsets: Tensor  # where each distinct word begins in ``gram_ids``
    flags: Tensor  # (sentence, place, FLAGS)
    labels: Tensor  # (sentence, place), IGNORE where padded


class Tagger(nn.Module):
    """The network that ``stream.find.tagger.NamesModel`` computes."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.grams = nn.EmbeddingBag(BUCKETS, GRAM_WIDTH, mode="mean")
        self.words = nn.Embedding(vocabulary + 1, WORD_WIDTH)
        nn.init.normal_(self.grams.weight, std=0.1)
        nn.init.normal_(self.words.weight, std=0.1)
        self.enter = nn.Linear(WORD_WIDTH + GRAM_WIDTH + FLAGS, HIDDEN)
        self.layers = nn.ModuleList(
            nn.Conv1d(HIDDEN, HIDDEN, 3, dilation=dilation, padding=dilation) for dilation in DILATIONS
        )
        self.leave = nn.Linear(HIDDEN, len(CLASSES))
        self.drop = nn.Dropout(0.25)

    def forward(self, batch: Batch) -> Tensor:
        """(sentence, place, class) logits; padded places are kept at zero, as outside a sentence."""
        spelled = self.grams(batch.gram_ids, batch.offsets)[batch.places]
        inputs = torch.cat([self.words(batch.ids), self.drop(spelled), batch.flags], dim=2)
        mask = (batch.labels != IGNORE).unsqueeze(1)
        hidden = self.drop(torch.relu(self.enter(inputs))).transpose(1, 2) * mask
        for layer in self.layers:
            hidden = (hidden + self.drop(torch.relu(layer(hidden)))) * mask
        logits: Tensor = self.leave(hidden.transpose(1, 2))
        return logits


def train_names(corpora: Path, out: Path, epochs: int = EPOCHS, seed: int = 7) -> dict[str, float]:
    """Train on the word corpora in ``corpora`` with one thread, write the model to ``out``.

    Returns the held-out figures that the model card quotes. ``out`` gets names.safetensors, vocabulary.txt, names.json.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    draws = Draws(load_gazetteer(), seed)
    sentences = read_corpora(corpora)
    draws.random.shuffle(sentences)
    held_out, training = sentences[: len(sentences) // 20], sentences[len(sentences) // 20 :]
    vocabulary = _vocabulary(training, draws)
    model = Tagger(len(vocabulary))
    _fit(model, training, draws, vocabulary, epochs)
    figures = measure(model, held_out, vocabulary, draws.given)
    _write(model, vocabulary, figures, out)
    return figures


def _vocabulary(training: Sequence[Sentence], draws: Draws) -> list[str]:
    """Words seen often outside names; names stay unknown words, so that their place and spelling must tell."""
    counts = Counter(
        word
        for sentence in [*training, *draws.carriers()]
        for word, label in zip(sentence.words, sentence.labels, strict=True)
        if label == 0
    )
    return sorted(word for word, count in counts.items() if count >= WORD_COUNT_MIN)


def _fit(model: Tagger, training: Sequence[Sentence], draws: Draws, vocabulary: Sequence[str], epochs: int) -> None:
    rows = {word: row + 1 for row, word in enumerate(vocabulary)}
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    weight = torch.tensor([1.0, 1.6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    lose = nn.CrossEntropyLoss(weight=weight, ignore_index=IGNORE, label_smoothing=0.02)
    for epoch in range(epochs):
        share = epoch / epochs
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, 2.0 * (1.0 - share) + 0.02)
        model.train()
        total, steps = 0.0, 0
        for batch in batches(draws.epoch(training), rows, draws):
            optimiser.zero_grad()
            loss = lose(model(batch).flatten(0, 1), batch.labels.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            total, steps = total + loss.item(), steps + 1
        Console().print(f"epoch {epoch + 1} of {epochs}: loss {total / max(1, steps):.4f}")
    model.eval()


def batches(sentences: Sequence[Sentence], rows: dict[str, int], draws: Draws | None) -> Iterator[Batch]:
    """Batches of sentences of about the same length; ``draws`` hides words from the vocabulary in training."""
    order = sorted(range(len(sentences)), key=lambda at: len(sentences[at].words))
    groups = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    if draws:
        draws.random.shuffle(groups)
    gazetteer = load_gazetteer()
    for group in groups:
        yield _batch([sentences[at] for at in group], rows, draws, gazetteer)


@cache
def _listed(word: str) -> tuple[float, ...]:
    return listed_flags(word, load_gazetteer())


@cache
def _spelled(word: str) -> list[int]:
    return grams(word, BUCKETS)


def _batch(sentences: Sequence[Sentence], rows: dict[str, int], draws: Draws | None, gazetteer: Gazetteer) -> Batch:
    cut = [(sentence.words[:WORDS_MAX], sentence.labels[:WORDS_MAX]) for sentence in sentences]
    longest = max(len(words) for words, _ in cut)
    shape = (len(cut), longest)
    ids, places, labels = np.zeros(shape, int), np.zeros(shape, int), np.full(shape, IGNORE)
    marks = np.zeros((*shape, FLAGS), dtype=np.float32)
    distinct: dict[str, int] = {"": 0}
    for row, (words, tags) in enumerate(cut):
        for at, word in enumerate(words):
            hidden = draws is not None and draws.random.random() < UNKNOWN_SHARE
            ids[row, at] = 0 if hidden else rows.get(word, 0)
            places[row, at] = distinct.setdefault(word, len(distinct))
        labels[row, : len(tags)] = tags
        marks[row, : len(words)] = [_listed(word) for word in words]
        mark_places(marks[row, : len(words)], words, gazetteer)
    spelled = [_spelled(word) for word in distinct]
    offsets = np.cumsum([0, *(len(one) for one in spelled[:-1])])
    flat = np.array([gram for one in spelled for gram in one])
    return Batch(*(torch.from_numpy(array) for array in (ids, places, flat, offsets, marks, labels)))


def measure(
    model: Tagger, sentences: Sequence[Sentence], vocabulary: Sequence[str], given: Sequence[str]
) -> dict[str, float]:
    """Precision and recall of the words of people, as they are and with every name replaced by another."""
    rows = {word: row + 1 for row, word in enumerate(vocabulary)}
    draws = Draws(load_gazetteer(), seed=len(given))
    figures = {}
    for name, ones in (("as_is", list(sentences)), ("other_names", [draws.swapped(one) for one in sentences])):
        found = true = both = 0
        for batch in batches(ones, rows, None):
            with torch.no_grad():
                people = torch.softmax(model(batch), dim=2)[:, :, 1] >= 0.5
            truth = batch.labels == 1
            people &= batch.labels != IGNORE
            found, true, both = found + int(people.sum()), true + int(truth.sum()), both + int((people & truth).sum())
        figures[f"person_precision_{name}"] = round(both / max(1, found), 4)
        figures[f"person_recall_{name}"] = round(both / max(1, true), 4)
    return figures


def _write(model: Tagger, vocabulary: Sequence[str], figures: dict[str, float], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    half = {
        name: array.astype(np.float16 if name.startswith(("grams", "words")) else np.float32)
        for name, array in tensors.items()
    }
    save_file(half, out / "names.safetensors")
    (out / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    sha256 = hashlib.sha256((out / "names.safetensors").read_bytes()).hexdigest()
    card = {"sha256": sha256, "classes": CLASSES, "held_out": figures}
    (out / "names.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
