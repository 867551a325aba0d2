"""What a language calls digits, letters and symbols, and what surrounds which identifier: tables read from YAML."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml


class Role(StrEnum):
    """What a word or phrase may stand for; one word can have several roles."""

    UNIT = "unit"  # "four" -> 4
    TEEN = "teen"  # "fourteen" -> 14
    TENS = "tens"  # "forty" -> 40
    SCALE = "scale"  # "hundred" -> 100
    MULTIPLIER = "multiplier"  # "double" -> 2
    HOMOPHONE = "homophone"  # "for" -> 4, beside strong digits only
    ZERO = "zero"  # "oh" -> 0
    ORDINAL = "ordinal"  # "fourth" -> 4
    MONTH = "month"  # "july" -> 7
    DIGITS = "digits"  # "4111"
    LETTER = "letter"  # "b"
    WEAK_LETTER = "weak_letter"  # "a", which is mostly an article
    LETTER_NAME = "letter_name"  # "bee", "vee"
    SPELLING = "spelling"  # "bravo"
    CASE = "case"  # "capital"
    SYMBOL = "symbol"  # "dot" -> .
    FILLER = "filler"
    JOINER = "joiner"
    REPAIR = "repair"
    CUT_OFF = "cut_off"  # "fo-"
    WEAK_HOMOPHONE = "weak_homophone"  # "to", "for": so common that they need company
    ALNUM = "alnum"  # "a1b2"
    CODE_LEAD = "code_lead"  # "number is": letters after it are a code
    QUANTITY = "quantity"  # "80%", "$5", "13:30": written so that it is no identifier
    MAIL = "mail"  # "bob@x.com"
    HOST = "host"  # "gmail.com"
    ADDRESS_IP = "address_ip"  # "10.0.0.1"
    DATE = "date"  # "12/25/1990"
    ABBREVIATION = "abbreviation"  # "s s n", "t v": letters that spell nothing of their own


Roles = Mapping[Role, str]
T = TypeVar("T")

_WORD_TABLES = {
    "units": Role.UNIT,
    "teens": Role.TEEN,
    "tens": Role.TENS,
    "scales": Role.SCALE,
    "multipliers": Role.MULTIPLIER,
    "homophones": Role.HOMOPHONE,
    "ordinals": Role.ORDINAL,
    "months": Role.MONTH,
    "letters": Role.LETTER,
    "letter_names": Role.LETTER_NAME,
    "spelling_alphabet": Role.SPELLING,
    "symbols": Role.SYMBOL,
}
_PHRASE_TABLES = {
    "fillers": Role.FILLER,
    "joiners": Role.JOINER,
    "repairs": Role.REPAIR,
    "letter_case_words": Role.CASE,
    "zeros": Role.ZERO,
    "letters_weak": Role.WEAK_LETTER,
    "homophones_weak": Role.WEAK_HOMOPHONE,
    "code_leads": Role.CODE_LEAD,
}


@dataclass(frozen=True)
class Context:
    """Words near which a number or code is of one type, if it has ``fewest`` to ``most`` characters."""

    entity_type: str
    fewest: int
    most: int
    letters_only: bool = False


@dataclass(frozen=True, eq=False)
class Language:
    """The tables of one language.

    ``phrases`` maps a first word to its continuations, longest first, with what they stand for. ``contexts`` is the
    same for context words. ``words`` holds the plain lists by their name in the files; ``version`` is a hash of them.
    """

    code: str
    version: str
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Roles], ...]] = field(repr=False)
    contexts: Mapping[str, tuple[tuple[tuple[str, ...], Context], ...]] = field(repr=False)
    words: Mapping[str, frozenset[str]] = field(repr=False)

    def listed(self, name: str) -> frozenset[str]:
        """A plain list of the file; empty where the language has none."""
        return self.words.get(name, frozenset())


@cache
def supported_languages() -> frozenset[str]:
    """Codes of the languages that have tables."""
    return frozenset(entry.name for entry in _folder().iterdir() if entry.is_dir() and not entry.name.startswith("_"))


@cache
def load_language(code: str) -> Language:
    """The tables of ``code``; FileNotFoundError where there are none, so that a wrong setting fails at start-up."""
    tables: dict[str, Any] = {}
    digest = hashlib.sha256()
    for file in sorted(_folder().joinpath(code).iterdir(), key=lambda one: one.name):
        content = file.read_bytes()
        digest.update(content)
        # BaseLoader keeps every scalar a string: "no" and "on" are words here, not booleans.
        found = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506
        if twice := tables.keys() & found.keys():
            raise ValueError(f"language {code}, {file.name}: {', '.join(sorted(twice))} stands in another file too")
        tables |= found
    return Language(
        code=code,
        version=f"sha256:{digest.hexdigest()[:16]}",
        phrases=_index(_roles(tables).items()),
        contexts=_index(_context_pairs(tables["contexts"])),
        words={name: frozenset(table) for name, table in tables.items() if isinstance(table, list)},
    )


def _folder() -> Traversable:
    return resources.files("stream.find").joinpath("languages")


def _roles(tables: Mapping[str, Any]) -> dict[str, Roles]:
    found: dict[str, dict[Role, str]] = {}
    for name, role in _WORD_TABLES.items():
        for phrase, written in tables.get(name, {}).items():
            found.setdefault(phrase, {})[role] = written
    for name, role in _PHRASE_TABLES.items():
        for phrase in tables.get(name, ()):
            found.setdefault(phrase, {})[role] = ""
    for phrase in _abbreviations(tables):
        found.setdefault(phrase, {})[Role.ABBREVIATION] = ""
    return dict(found)


def _abbreviations(tables: Mapping[str, Any]) -> Iterable[str]:
    """Known abbreviations letter by letter, and context words that are said so."""
    yield from (" ".join(name) for name in tables.get("acronyms", ()))
    yield from (unit for unit in tables.get("quantity_units", ()) if " " in unit)
    for table in tables["contexts"].values():
        for phrase in table["words"]:
            pieces = phrase.split()
            size = next((at for at, piece in enumerate(pieces) if len(piece) > 1), len(pieces))
            if size > 1:
                yield " ".join(pieces[:size])


def _context_pairs(tables: Mapping[str, Any]) -> Iterable[tuple[str, Context]]:
    for entity_type, table in tables.items():
        fewest, most = (int(bound) for bound in table["size"])
        context = Context(entity_type, fewest, most, letters_only=table.get("letters_only") == "true")
        for phrase in table["words"]:
            yield phrase, context


def _index(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[tuple[tuple[str, ...], T], ...]]:
    index: dict[str, list[tuple[tuple[str, ...], T]]] = {}
    for phrase, meaning in pairs:
        first, *rest = phrase.split()
        index.setdefault(first, []).append((tuple(rest), meaning))
    return {first: tuple(sorted(ways, key=lambda way: -len(way[0]))) for first, ways in index.items()}
