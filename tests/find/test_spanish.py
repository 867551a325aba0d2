"""Spanish, which is tables alone: what it finds, and what ordinary Spanish it leaves alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from stream.find.pii import Identifiers, make_word_finder

PHRASINGS = Path(__file__).parent / "phrasings"
NAMES_FROM = frozenset({"es"})
# Names are found by what is said around them alone: a name that nobody introduces is missed.
MASKED_MIN = {"PERSON": 0.9, "LOCATION": 0.9}


def _lines(name: str) -> list[str]:
    lines = (PHRASINGS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder(frozenset({"es"}), names_by_phrase=NAMES_FROM)


def _missed(finder: Identifiers, marked: list[str]) -> list[str]:
    words = [word.strip("[]") for word in marked]
    covered = {at for one in finder.search(words, language="es") for at in range(one.first, one.last + 1)}
    inside, missed = False, []
    for at, word in enumerate(marked):
        inside |= word.startswith("[")
        if inside and at not in covered:
            missed.append(words[at])
        inside &= not word.endswith("]")
    return missed


def test_identifiers_are_masked_as_people_say_them(finder: Identifiers) -> None:
    """Every identifier of every type; of names nine of ten."""
    missed: dict[str, list[str]] = defaultdict(list)
    count: dict[str, int] = defaultdict(int)
    for line in _lines("spanish.txt"):
        entity_type, sentence = (part.strip() for part in line.split("|"))
        count[entity_type] += 1
        if left := _missed(finder, sentence.split()):
            missed[entity_type].append(f"{sentence}: {' '.join(left)}")
    assert sum(count.values()) >= 120
    below = {name: lines for name, lines in missed.items() if 1 - len(lines) / count[name] < MASKED_MIN.get(name, 1.0)}
    assert {} == below


def test_types_are_named_as_people_mean_them(finder: Identifiers) -> None:
    """At least nine of ten identifiers get their own type."""
    named, lines = 0, _lines("spanish.txt")
    for line in lines:
        entity_type, sentence = (part.strip() for part in line.split("|"))
        words = [word.strip("[]") for word in sentence.split()]
        named += any(one.entity_type == entity_type for one in finder.search(words, language="es"))
    assert named >= 0.9 * len(lines)


@pytest.mark.parametrize("line", _lines("spanish_ordinary.txt"))
def test_ordinary_requests_are_left_alone(finder: Identifiers, line: str) -> None:
    """Times, amounts, channels and the like are no identifiers."""
    words = line.split()
    found = finder.search(words, language="es")
    assert [] == [" ".join(words[one.first : one.last + 1]) for one in found]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("cuatro uno uno uno", "4111"),
        ("doble cinco", "55"),
        ("veintitrés", "23"),
        ("cien", "100"),
        ("ciento veinte", "120"),
        ("setenta y cuatro", "74"),
        ("cuatrocientos once", "411"),
        ("mil novecientos ochenta y cuatro", "1984"),
        ("dos mil doce", "2012"),
        ("dos mil cuatrocientos once", "2411"),
        ("seiscientos doce treinta y cuatro cincuenta y seis", "6123456"),
        ("be de burro a de avión", "ba"),
        ("jota ka ele", "jkl"),
    ],
)
def test_spoken_forms_are_written_as_meant(said: str, written: str) -> None:
    """The first reading is the likeliest one."""
    from stream.find.language import load_language
    from stream.find.spoken import read_scene

    assert [written] == [run.values[0] for run in read_scene(said.split(), load_language("es")).runs]


def test_a_language_without_a_names_model_must_be_accepted() -> None:
    """Names in Spanish are found by phrase alone: who uses it says so, or gives a model."""
    with pytest.raises(ValueError, match="no names model reads language es"):
        make_word_finder(frozenset({"en", "es"}))
