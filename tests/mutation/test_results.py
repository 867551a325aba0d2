"""What a resumed run leaves out: what was caught, and rests on nothing that changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation.mutant import Mutant
from tests.mutation.results import Results
from tests.mutation.trying import Verdict

MUTANT = Mutant("line:zeros", "stream/line.py", "[0]", "[1]", "silence", ("tests/test_line.py",))
CAUGHT = Verdict(MUTANT, "tests/test_line.py::test_silence (assert)", "", 1.0, 1.0)
SURVIVED = Verdict(MUTANT, None, "nobody noticed", 1.0, 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of results of a tree with one test file."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_line.py").write_text("one")
    return tmp_path / "out" / "found.json"


def results(path: Path, ground: str = "package") -> Results:
    found = Results.at(path)
    found.tests_at, found._ground = path.parents[1], ground
    return found


def test_what_was_caught_is_left_out(path: Path) -> None:
    """By a later run that reads the file."""
    results(path).add(CAUGHT)
    assert results(path).caught_before(MUTANT)


def test_what_survived_is_tried_again(path: Path) -> None:
    """And so is what nobody tried."""
    assert not results(path).caught_before(MUTANT)
    results(path).add(SURVIVED)
    assert not results(path).caught_before(MUTANT)


def test_a_catch_rests_on_the_package_the_mutant_and_its_test(path: Path) -> None:
    """Whichever of them changes: it is tried again."""
    results(path).add(CAUGHT)
    assert not results(path, ground="another package").caught_before(MUTANT)
    assert not results(path).caught_before(replace(MUTANT, new="[2]"))
    (path.parents[1] / "tests" / "test_line.py").write_text("two")
    assert not results(path).caught_before(MUTANT)


def test_what_an_earlier_run_found_is_kept(path: Path) -> None:
    """A run of a few mutants loses nothing of the others."""
    results(path).add(CAUGHT)
    results(path).add(replace(SURVIVED, mutant=replace(MUTANT, name="line:other")))
    assert results(path).found.keys() == {"line:zeros", "line:other"}
    assert results(path).caught_before(MUTANT)
