"""Labelled sentences for the names model: the licensed corpora, and carriers of our own filled from the gazetteer.

Every epoch draws anew: names in corpora are swapped for listed or made-up ones, so that the model learns where names
stand rather than which names there are. Lower case, without punctuation, as recognisers write.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from stream.find.gazetteer import Gazetteer
from stream.find.tagger import CLASSES
from stream.train.forms import Forms, read_sections

OTHER, PERSON, MEDIA, PLACE, ORGANIZATION, ADDRESS, ONLINE, EMPLOYER = range(len(CLASSES))
CORPORA = ("nlu-eval", "snips", "wnut17", "taskmaster4-negatives")
SWAP_SHARE = 0.5
INVENTED_SHARE = 0.25  # of drawn names: made of pieces of listed ones
CLITIC_SHARE = 0.5  # of possessives, said as a word of its own
ORDINARY_SHARE = 0.15  # of rarer words, replaced by any word of the lexicon
COMMON_WORDS = 400
FAMILIAR_WORDS = 9_000  # the most frequent words of the language, of which people make user names and firms
CARRIERS_PER_EPOCH = 24_000
WORD_NAME_SHARE = 0.08  # of surnames: any word of the language
ASIDE_SHARE = 0.2  # of carriers: with something said before them, and as often behind
JOINED_SHARE = 0.25
KINDS_TOLD = ("people", "addresses", "online", "employers", "nothing", "numbers")  # of identifiers.txt
KIND_WEIGHTS = (3, 1, 2, 3, 4, 3, 1, 4, 4)  # of people, places and nothing of carriers.yaml, and of these
FORM_LABELS = {
    **dict.fromkeys(("address", "street", "house", "number", "unit", "room", "corner", "zip"), ADDRESS),
    **dict.fromkeys(("online", "mail", "url"), ONLINE),
    **dict.fromkeys(("organisation", "school", "clinic"), EMPLOYER),
}
_SLOT = re.compile(r"\{(\w+)\}('s)?")
_EDGES = " \t.,;:!?\"'()[]{}<>…—–-*`~|"


@dataclass(frozen=True)
class Sentence:
    """Words and, for each, the number of its class."""

    words: tuple[str, ...]
    labels: tuple[int, ...]


def read_corpora(folder: Path, names: Sequence[str] = CORPORA) -> list[Sentence]:
    """All sentences of the corpora ``names``; utterances of Taskmaster-4 that ask for nothing are thinned out."""
    sentences = []
    for name in names:
        for number, line in enumerate((folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()):
            if name != "taskmaster4-negatives" or number % 2 == 0:
                sentences.append(_sentence(json.loads(line)))
    return [sentence for sentence in sentences if sentence.words]


def _sentence(row: dict[str, Any]) -> Sentence:
    labels = [OTHER] * len(row["words"])
    for span in row["spans"]:
        label = _label(span["entity_type"], span["tier"])
        labels[span["first"] : span["last"] + 1] = [label] * (span["last"] + 1 - span["first"])
    pairs = [(_plain(word), label) for word, label in zip(row["words"], labels, strict=True)]
    kept = [(word, label) for word, label in pairs if word and not word.startswith(("@", "http"))]
    return Sentence(tuple(word for word, _ in kept), tuple(label for _, label in kept))


def _plain(word: str) -> str:
    """Lower case, without punctuation and possessive. Apart from how words are read for finding: a sign more or less
    there must not change what training reads, and with it the weights."""
    text = unicodedata.normalize("NFKC", word).lower().replace("’", "'").strip(_EDGES)
    return text.removesuffix("'s")


def _label(entity_type: str, tier: str) -> int:
    if entity_type == "PERSON":
        return MEDIA if tier == "public" else PERSON
    labels = {"LOCATION": PLACE, "ADDRESS": PLACE, "ORGANIZATION": ORGANIZATION, "EMAIL_ADDRESS": ONLINE}
    return labels.get(entity_type, OTHER)


class Draws:
    """Names, places and sentences at random; everything hangs on the seed."""

    def __init__(self, gazetteer: Gazetteer, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - training, no secret
        self.given = sorted(gazetteer.given)
        self.surnames = sorted(gazetteer.surnames)
        self.ordinary = sorted(
            word for word in gazetteer.lexicon if not (word in gazetteer.given or word in gazetteer.surnames)
        )
        self.common = frozenset(
            sorted(gazetteer.lexicon, key=gazetteer.lexicon.__getitem__, reverse=True)[:COMMON_WORDS]
        )
        self.places = sorted(" ".join((first, *rest)) for first, ways in gazetteer.places.items() for rest in ways)
        self.tables = yaml.safe_load(
            resources.files("stream.train").joinpath("carriers.yaml").read_text(encoding="utf-8")
        )
        self.fillings: dict[str, list[str]] = self.tables["fillings"]
        self.told = read_sections("identifiers.txt")
        self.odd_names = " ".join(self.told["odd"]).split()
        ranked = sorted(self.ordinary, key=gazetteer.lexicon.__getitem__, reverse=True)
        familiar = ranked[COMMON_WORDS // 2 : FAMILIAR_WORDS]
        self.forms = Forms(
            self.random,
            {
                "given": self.given_name,
                "surname": self.surname,
                "place": self.place,
                "ordinary": lambda: self.random.choice(familiar),
            },
        )
        self.people: dict[str, Callable[[], str]] = {
            "p": self.person,
            "g": self.given_name,
            "s": self.surname,
            "odd": self.odd_name,
            "both": lambda: f"{self.odd_name()} {self.surname()}",
        }

    def given_name(self) -> str:
        return self._invented(self.given) if self.random.random() < INVENTED_SHARE else self.random.choice(self.given)

    def surname(self) -> str:
        if self.random.random() < INVENTED_SHARE:
            return self._invented(self.surnames)
        if self.random.random() < WORD_NAME_SHARE:
            return self.random.choice(self.ordinary)
        return self.random.choice(self.surnames)

    def odd_name(self) -> str:
        """A given name, often one that is an everyday word too."""
        return self.random.choice(self.odd_names) if self.random.random() < 0.25 else self.given_name()

    def person(self) -> str:
        """A person as people are called: given name, both names, title and surname, a double surname."""
        form = self.random.random()
        if form < 0.42:
            return self.given_name()
        if form < 0.8:
            return f"{self.given_name()} {self.surname()}"
        if form < 0.87:
            return f"{self.given_name()} {self.surname()} {self.surname()}"
        title = self.random.choice(
            ("mister", "missus", "mrs", "mr", "miss", "ms", "doctor", "dr", "aunt", "uncle", "professor")
        )
        return f"{title} {self.surname() if self.random.random() < 0.7 else self.given_name()}"

    def place(self) -> str:
        return self.random.choice(self.places)

    def _invented(self, names: Sequence[str]) -> str:
        """The beginning of one name and the end of another."""
        head, tail = self.random.choice(names), self.random.choice(names)
        return head[: max(2, len(head) // 2 + self.random.randint(-1, 1))] + tail[max(1, len(tail) // 2) :]

    def carriers(self) -> Iterator[Sentence]:
        """Sentences of our own, about a third of them without any name."""
        kinds = [self.tables[kind] for kind in ("people", "places", "nothing")]
        kinds += [self.told[kind] for kind in KINDS_TOLD]
        for carriers in self.random.choices(kinds, KIND_WEIGHTS, k=CARRIERS_PER_EPOCH):
            yield self._filled(f"{self._aside('openers')} {self.random.choice(carriers)} {self._aside('closers')}")

    def _aside(self, kind: str) -> str:
        return self.random.choice(self.told[kind]) if self.random.random() < ASIDE_SHARE else ""

    def _filled(self, carrier: str) -> Sentence:
        words: list[str] = []
        labels: list[int] = []
        at = 0
        for slot in [*_SLOT.finditer(carrier), None]:
            self._append(words, labels, carrier[at : slot.start() if slot else None], OTHER)
            if slot is None:
                break
            text, label = self._filling(slot.group(1))
            self._append(words, labels, text, label)
            if slot.group(2) and self.random.random() < CLITIC_SHARE:
                self._append(words, labels, "s", OTHER)
            at = slot.end()
        return Sentence(tuple(words), tuple(labels))

    def _filling(self, slot: str) -> tuple[str, int]:
        if slot == "l":
            return self.place(), PLACE
        if slot in self.people:
            return self.people[slot](), PERSON
        if slot in self.fillings:
            return self.random.choice(self.fillings[slot]), OTHER
        return self.forms.draw(slot), FORM_LABELS.get(slot, OTHER)

    @staticmethod
    def _append(words: list[str], labels: list[int], text: str, label: int) -> None:
        said = text.split()
        words += [_plain(word) for word in said]
        labels += [label] * len(said)

    def swapped(self, sentence: Sentence) -> Sentence:
        """The sentence with its people and places replaced, half of the time."""
        words: list[str] = []
        labels: list[int] = []
        at = 0
        while at < len(sentence.words):
            label, end = sentence.labels[at], at + 1
            while end < len(sentence.words) and sentence.labels[end] == label:
                end += 1
            run = list(sentence.words[at:end])
            if label in (PERSON, PLACE) and self.random.random() < SWAP_SHARE:
                run = (self.person() if label == PERSON else self.place()).split()
            elif label == OTHER:
                run = [self._ordinary(word) for word in run]
            words += run
            labels += [label] * len(run)
            at = end
        return Sentence(tuple(words), tuple(labels))

    def _roughened(self, sentence: Sentence) -> Sentence:
        words = tuple(
            self._ordinary(word) if label == OTHER else word
            for word, label in zip(sentence.words, sentence.labels, strict=True)
        )
        return Sentence(words, sentence.labels)

    def _ordinary(self, word: str) -> str:
        """Now and then another word of the language for one that is not grammar: not every unknown word is a name."""
        if word in self.common or self.random.random() >= ORDINARY_SHARE:
            return word
        return self.random.choice(self.ordinary)

    def epoch(self, corpora: Sequence[Sentence]) -> list[Sentence]:
        """One epoch's sentences, shuffled; some are joined, as one clip may hold several requests."""
        drawn = [self.swapped(sentence) for sentence in corpora]
        drawn += [self._roughened(sentence) for sentence in self.carriers() if sentence.words]
        self.random.shuffle(drawn)
        joined: list[Sentence] = []
        for sentence in drawn:
            if joined and self.random.random() < JOINED_SHARE and len(joined[-1].words) < 25:
                last = joined[-1]
                joined[-1] = Sentence(last.words + sentence.words, last.labels + sentence.labels)
            else:
                joined.append(sentence)
        return joined
