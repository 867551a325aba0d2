"""The runner itself: what is a catch, what is none, and that a mutant that nobody notices is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.copying import broken
from tests.mutation.mutant import ROOT, Mutant, Stale

LINE = "def muted(samples):\n    return [0 for _ in samples]\n"
TESTS = """
import pytest

def test_nothing_is_heard():
    from stream.line import muted
    assert [0, 0] == muted([1, 2])

def test_that_always_fails():
    assert False
"""
TRY = """
import json, sys
from pathlib import Path
from tests.mutation.running import run
found = run(Path(sys.argv[1]), ["tests/test_line.py"], module="stream.line", limit_s=float(sys.argv[2]))
print(json.dumps({"catch": found.catch({"tests/test_line.py::test_nothing_is_heard"}), "trouble": found.trouble}))
"""


def mutant(new: str) -> Mutant:
    return Mutant("line:zeros", "stream/line.py", "[0 for _ in samples]", new, "silence", ("tests/test_line.py",))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A package of one safety line, with its test."""
    for folder in ("stream", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "stream" / "line.py").write_text(LINE)
    (tmp_path / "tests" / "test_line.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return tmp_path


def tried(copy: Path, new: str, limit_s: float = 60.0) -> tuple[str | None, list[str]]:
    with broken(copy, mutant(new)):
        done = subprocess.run(
            [sys.executable, "-c", TRY, str(copy), str(limit_s)], cwd=ROOT, capture_output=True, check=True
        )
    told = json.loads(done.stdout)
    return told["catch"], told["trouble"]


def test_a_broken_promise_is_caught_by_its_test(copy: Path) -> None:
    """By the test that passed before, and the file is whole again afterwards."""
    catch, trouble = tried(copy, "samples")
    assert catch is not None
    assert catch.startswith("tests/test_line.py::test_nothing_is_heard (assert")
    assert [] == trouble
    assert LINE == (copy / "stream" / "line.py").read_text()


def test_a_mutant_that_nobody_notices_survives(copy: Path) -> None:
    """Although a test fails: it fails without the mutant too."""
    assert (None, []) == tried(copy, "[0] * len(samples)")


@pytest.mark.parametrize("new", ["[0 for _ in", "samples\nraise ValueError"])
def test_a_module_that_can_not_be_imported_is_no_catch(copy: Path, new: str) -> None:
    """It would be noticed whatever the tests say."""
    catch, trouble = tried(copy, new)
    assert catch is None
    assert trouble[0].startswith("stream.line can't be imported")


def test_a_name_that_does_not_exist_is_no_catch(copy: Path) -> None:
    """Any test that gets there fails, whatever it asserts."""
    assert (None, []) == tried(copy, "silence(samples)")


def test_a_test_that_does_not_end_is_no_catch(copy: Path) -> None:
    """A slow machine would catch everything."""
    catch, trouble = tried(copy, "__import__('time').sleep(600)", limit_s=8.0)
    assert catch is None
    assert 1 == len(trouble)


SOUND = """
import json, sys
from pathlib import Path
from tests.mutation.running import Sound
sound = Sound(Path(sys.argv[1]))
names = "test_nothing_is_heard", "test_that_always_fails", "test_that_is_not_there"
print(json.dumps([f"tests/test_line.py::{name}" in sound for name in names]))
"""


def test_only_what_passes_without_mutant_can_catch_one(copy: Path) -> None:
    """Not what fails anyway, and not what nobody finds."""
    done = subprocess.run([sys.executable, "-c", SOUND, str(copy)], cwd=ROOT, capture_output=True, check=True)
    assert [True, False, False] == json.loads(done.stdout)


@pytest.mark.parametrize("old", ["not there", "samples"])
def test_a_text_that_is_not_there_exactly_once_is_stale(old: str) -> None:
    """Then nobody knows any more what the mutant breaks."""
    one = Mutant("line:stale", "stream/line.py", old, "new", "silence", ("tests/test_line.py",))
    with pytest.raises(Stale):
        one.broken(LINE)
