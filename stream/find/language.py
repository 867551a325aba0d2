"""What a language calls digits, letters and symbols, and what surrounds which identifier: tables read from YAML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, TypeVar

import yaml
from pydantic import ValidationError

from stream.find.tables import ContextTable, CriticalTables, Tables

T = TypeVar("T")


class Role:
    """What a word or phrase may stand for; one word can have several roles.

    Plain attributes and no enumeration: Python 3.11 finds the member of an enumeration by a call, and the roles of
    every word are looked at a hundred times.
    """

    UNIT: Final = "unit"  # "four" -> 4
    TEEN: Final = "teen"  # "fourteen" -> 14
    TENS: Final = "tens"  # "forty" -> 40
    HUNDREDS: Final = "hundreds"  # "quinientos" -> 500, "mil" -> 1000 without a one before it
    SCALE: Final = "scale"  # "hundred" -> 100
    SCALE_ONE: Final = "scale_one"  # the "a" of "a hundred"
    MULTIPLIER: Final = "multiplier"  # "double" -> 2
    HOMOPHONE: Final = "homophone"  # "for" -> 4, beside strong digits only
    ZERO: Final = "zero"  # "oh" -> 0
    ORDINAL: Final = "ordinal"  # "fourth" -> 4
    MONTH: Final = "month"  # "july" -> 7
    DIGITS: Final = "digits"  # "4111"
    LETTER: Final = "letter"  # "b"
    WEAK_LETTER: Final = "weak_letter"  # "a", which is mostly an article
    LETTER_NAME: Final = "letter_name"  # "bee", "vee"
    SPELLING: Final = "spelling"  # "bravo"
    SPELLING_NAME: Final = "spelling_name"  # "adam" of "adam boy charles", where a code is announced
    CASE: Final = "case"  # "capital"
    LIKENING: Final = "likening"  # "j for juliet"
    LIKENING_FIRST: Final = "likening_first"  # the "as" of "j as in juliet"
    LIKENING_SECOND: Final = "likening_second"  # the "in" of it
    ARITHMETIC: Final = "arithmetic"  # "plus"
    SYMBOL: Final = "symbol"  # "dot" -> .
    FILLER: Final = "filler"
    JOINER: Final = "joiner"
    REPAIR: Final = "repair"
    CUT_OFF: Final = "cut_off"  # "fo-"
    WEAK_HOMOPHONE: Final = "weak_homophone"  # "to", "for": so common that they need company
    ALNUM: Final = "alnum"  # "a1b2"
    CODE_LEAD: Final = "code_lead"  # "number is": letters after it are a code
    QUANTITY: Final = "quantity"  # "80%", "$5", "13:30": written so that it is no identifier
    GROUPED: Final = "grouped"  # "4,111": a quantity, unless other digits stand beside it
    COMPACT: Final = "compact"  # "46p": a quantity, unless a code is announced
    MAIL: Final = "mail"  # "bob@x.com"
    HOST: Final = "host"  # "gmail.com"
    ADDRESS_IP: Final = "address_ip"  # "10.0.0.1"
    DATE: Final = "date"  # "12/25/1990"
    ABBREVIATION: Final = "abbreviation"  # "s s n", "t v": letters that spell nothing of their own


Roles = Mapping[str, str]
_WORD_TABLES = {
    "units": Role.UNIT,
    "teens": Role.TEEN,
    "tens": Role.TENS,
    "hundreds": Role.HUNDREDS,
    "scales": Role.SCALE,
    "multipliers": Role.MULTIPLIER,
    "homophones": Role.HOMOPHONE,
    "ordinals": Role.ORDINAL,
    "months": Role.MONTH,
    "letters": Role.LETTER,
    "letter_names": Role.LETTER_NAME,
    "spelling_alphabet": Role.SPELLING,
    "spelling_names": Role.SPELLING_NAME,
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
    "scale_ones": Role.SCALE_ONE,
    "likening": Role.LIKENING,
    "likening_first": Role.LIKENING_FIRST,
    "likening_second": Role.LIKENING_SECOND,
    "arithmetic": Role.ARITHMETIC,
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
    ``lists`` has one bit for every plain list, ``marks`` for a word the bits of the lists of which it is a phrase, or
    begins or ends one: a transcript without a list's bit says nothing of that list.
    """

    code: str
    version: str
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Roles], ...]] = field(repr=False)
    contexts: Mapping[str, tuple[tuple[tuple[str, ...], Context], ...]] = field(repr=False)
    words: Mapping[str, frozenset[str]] = field(repr=False)
    lists: Mapping[str, int] = field(repr=False)
    marks: Mapping[str, int] = field(repr=False)
    names_modelled: bool  # whether the built-in names model reads this language
    types_by_length: Mapping[int, str] = field(repr=False)
    quantity: re.Pattern[str] = field(repr=False)  # a quantity or clock time as it is written
    ordinal: re.Pattern[str] = field(repr=False)  # an ordinal as it is written; its group is the number
    critical: CriticalTables = field(repr=False)

    def listed(self, name: str) -> frozenset[str]:
        """A plain list of the files; KeyError for a name that ``Tables`` does not have."""
        return self.words[name]


@cache
def supported_languages() -> frozenset[str]:
    """Codes of the languages that have tables."""
    return frozenset(entry.name for entry in _folder().iterdir() if entry.is_dir() and not entry.name.startswith("_"))


@cache
def load_language(code: str) -> Language:
    """The tables of ``code``, so that a wrong setting fails at start-up.

    Raises FileNotFoundError where there are none, ValueError where a key is missing, unknown, double or ill-typed.
    """
    found: dict[str, object] = {}
    digest = hashlib.sha256()
    for file in sorted(_folder().joinpath(code).iterdir(), key=lambda one: one.name):
        content = file.read_bytes()
        digest.update(content)
        # BaseLoader keeps every scalar a string: "no" and "on" are words here, not booleans.
        keys = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506
        if twice := found.keys() & keys.keys():
            raise ValueError(f"language {code}, {file.name}: {', '.join(sorted(twice))} stands in another file too")
        found |= keys
    return build_language(code, found, f"sha256:{digest.hexdigest()[:16]}")


def build_language(code: str, found: Mapping[str, object], version: str) -> Language:
    """A language of the tables ``found``; ValueError where a key is missing, unknown or ill-typed."""
    try:
        tables = Tables.model_validate(found)
    except ValidationError as error:
        wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise ValueError(f"language {code}: {'; '.join(wrong)}") from None
    words = {name: frozenset(table) for name, table in tables if isinstance(table, tuple)}
    lists = {name: 1 << at for at, name in enumerate(words)}
    return Language(
        code=code,
        version=version,
        phrases=_index(_roles(tables).items()),
        contexts=_index(_context_pairs(tables.contexts)),
        words=words,
        lists=lists,
        marks=_marks(words, lists),
        names_modelled=tables.names_model == "builtin",
        types_by_length=tables.types_by_length,
        quantity=_quantity(tables.quantity_suffixes),
        ordinal=re.compile(rf"(\d{{1,3}})(?:{_any_of(tables.ordinal_suffixes)})"),
        critical=tables.critical,
    )


def _marks(words: Mapping[str, Iterable[str]], lists: Mapping[str, int]) -> dict[str, int]:
    marks: dict[str, int] = {}
    for name, table in words.items():
        for phrase in table:
            for word in (phrase, phrase.partition(" ")[0], phrase.rpartition(" ")[2]):
                marks[word] = marks.get(word, 0) | lists[name]
    return marks


def _quantity(suffixes: Iterable[str]) -> re.Pattern[str]:
    """ "$5", "80kg", "13:30", "7:30pm", "1,000", "2.5", "80s"."""
    units = _any_of(suffixes)
    return re.compile(
        rf"[$£€¥]\d[\d,.]*[kmb]?|\d[\d,.]*(?:[%°€]|{units})"
        rf"|\d{{1,2}}[:.]\d{{2}}(?:{units})?|\d{{1,2}}:\d{{2}}:\d{{2}}|\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+\.\d+|\d0s"
    )


def _any_of(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True)) or "(?!)"


def _folder() -> Traversable:
    return resources.files("stream.find").joinpath("languages")


def _roles(tables: Tables) -> dict[str, Roles]:
    found: dict[str, dict[str, str]] = {}
    for name, role in _WORD_TABLES.items():
        for phrase, written in getattr(tables, name).items():
            found.setdefault(phrase, {})[role] = written
    for name, role in _PHRASE_TABLES.items():
        for phrase in getattr(tables, name):
            found.setdefault(phrase, {})[role] = ""
    for phrase in _abbreviations(tables):
        found.setdefault(phrase, {})[Role.ABBREVIATION] = ""
    return dict(found)


def _abbreviations(tables: Tables) -> Iterable[str]:
    """Known abbreviations letter by letter, and context words that are said so."""
    yield from (" ".join(name) for name in tables.acronyms)
    yield from (unit for unit in tables.quantity_units if " " in unit)
    for table in tables.contexts.values():
        for phrase in table.words:
            pieces = phrase.split()
            size = next((at for at, piece in enumerate(pieces) if piece not in tables.letters), len(pieces))
            if size > 1:
                yield " ".join(pieces[:size])


def _context_pairs(tables: Mapping[str, ContextTable]) -> Iterable[tuple[str, Context]]:
    for entity_type, table in tables.items():
        context = Context(entity_type, *table.size, letters_only=table.letters_only)
        for phrase in table.words:
            yield phrase, context


def _index(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[tuple[tuple[str, ...], T], ...]]:
    index: dict[str, list[tuple[tuple[str, ...], T]]] = {}
    for phrase, meaning in pairs:
        first, *rest = phrase.split()
        index.setdefault(first, []).append((tuple(rest), meaning))
    return {first: tuple(sorted(ways, key=lambda way: -len(way[0]))) for first, ways in index.items()}
