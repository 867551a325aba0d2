"""The runner itself: what is a catch, what is none, and that a mutant that nobody notices is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.mutant import ROOT, Mutant, Stale, of_room

LINE = "def muted(samples):\n    return [0 for _ in samples]\n"
TESTS = """
import asyncio, pathlib, time
from stream.line import muted

async def test_nothing_is_heard():
    busy = pathlib.Path("busy").exists()
    async with asyncio.timeout(1.0):
        await asyncio.sleep(3.0 if busy else 0.3)
        while not muted([1]):
            await asyncio.sleep(0.01)
    assert [0, 0] == muted([1, 2])

def test_of_times():
    assert not pathlib.Path("busy").exists()
    assert [0, 0] == muted([1, 2])

def test_that_always_fails():
    assert False
"""
TRY = """
import json, sys
from pathlib import Path
from tests.mutation import trying
from tests.mutation.mutant import Mutant
copy, mutants, then, trying.LIMIT_S, trying.LATE_S = Path(sys.argv[1]), *map(json.loads, sys.argv[2:])
trial, told = trying.Trial(copy), []
for mutant in mutants:
    [verdict] = trial([Mutant(**mutant)])
    told.append([verdict.by, verdict.why])
    [(copy / name).touch() for name in then]
print(json.dumps(told))
"""
SOUND = """
import json, sys
from pathlib import Path
from tests.mutation.trying import Trial
names = "test_nothing_is_heard", "test_of_times", "test_that_always_fails", "test_that_is_not_there"
print(json.dumps(sorted(Trial(Path(sys.argv[1])).sound(f"tests/test_line.py::{name}" for name in names))))
"""
FIRST, TIMES = "tests/test_line.py@nothing_is_heard", "tests/test_line.py@of_times"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A package of one safety line, with its tests."""
    for folder in ("stream", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "stream" / "line.py").write_text(LINE)
    (tmp_path / "tests" / "test_line.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\nasyncio_mode = 'auto'\n")
    return tmp_path


def told(program: str, *arguments: object) -> list[tuple[str | None, str]]:
    words = [str(one) for one in arguments]
    done = subprocess.run([sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, check=True, text=True)
    return [tuple(one) if isinstance(one, list) else one for one in json.loads(done.stdout)]


def tried(
    copy: Path, *mutants: str, test: str = FIRST, hangs: bool = False, then: tuple[str, ...] = (), limit_s: float = 60.0
) -> list[tuple[str | None, str]]:
    """What became of each mutant, by whom and why; ``then`` are files that are there after the first."""
    base = {"name": "line:zeros", "file": "stream/line.py", "old": "[0 for _ in samples]", "promise": "silence"}
    those = [{**base, "new": new, "tests": [test], "hangs": hangs} for new in mutants]
    return told(TRY, copy, json.dumps(those), json.dumps(then), limit_s, 0.0 if then else 5.0)


def test_a_broken_promise_is_caught_by_its_test(copy: Path) -> None:
    """By the test that passes without, and the file is whole again afterwards."""
    [(by, why)] = tried(copy, "samples")
    assert by is not None
    assert by.startswith("tests/test_line.py::test_nothing_is_heard (assert")
    assert "" == why
    assert LINE == (copy / "stream" / "line.py").read_text()


def test_a_mutant_that_nobody_notices_survives(copy: Path) -> None:
    """Although a test fails: it fails without the mutant too."""
    [(by, why)] = tried(copy, "[0] * len(samples)", test="tests/test_line.py")
    assert by is None
    assert why.startswith("silence; tests/test_line.py::test_that_always_fails")


@pytest.mark.parametrize("new", ["[0 for _ in", "samples\nraise ValueError"])
def test_a_module_that_can_not_be_imported_is_no_catch(copy: Path, new: str) -> None:
    """It would be noticed whatever the tests say."""
    [(by, why)] = tried(copy, new)
    assert by is None
    assert "stream.line can't be imported" in why


def test_a_name_that_does_not_exist_is_no_catch(copy: Path) -> None:
    """Any test that gets there fails, whatever it asserts."""
    [(by, why)] = tried(copy, "silence(samples)")
    assert by is None
    assert "NameError" in why


def test_tests_that_do_not_end_are_no_catch(copy: Path) -> None:
    """Whatever the list says of the mutant."""
    [(by, why)] = tried(copy, "__import__('time').sleep(600)", hangs=True, limit_s=8.0)
    assert by is None
    assert "no end after 8 s" in why


def test_a_test_that_ran_out_of_time_catches_only_what_hangs(copy: Path) -> None:
    """A busy machine would else catch everything."""
    [(by, why)] = tried(copy, "[]")
    assert by is None
    assert "TimeoutError" in why
    [(by, _)] = tried(copy, "[]", hangs=True)
    assert by == "tests/test_line.py::test_nothing_is_heard (TimeoutError)"


def test_a_test_that_takes_as_long_without_catches_nothing(copy: Path) -> None:
    """It is tried again right after it ran out of time: here it takes as long, and there it does not end in time."""
    [(by, _)] = tried(copy, "next(iter(()), None) or (_ for _ in ()).throw(TimeoutError)", hangs=True)
    assert by is None
    caught, late = tried(copy, "samples", "[]", hangs=True, then=("busy",))
    assert caught[0] is not None
    assert late[0] is None


def test_a_test_that_failed_late_must_pass_right_afterwards(copy: Path) -> None:
    """That it passed some time is not enough."""
    caught, late = tried(copy, "samples", "list(samples)", test=TIMES, then=("busy",))
    assert caught[0] is not None
    assert late[0] is None


def test_only_what_passes_without_mutant_can_catch_one(copy: Path) -> None:
    """Not what fails anyway, and not what nobody finds."""
    assert told(SOUND, copy) == [f"tests/test_line.py::{name}" for name in ("test_nothing_is_heard", "test_of_times")]


def test_marks_are_read(tmp_path: Path) -> None:
    """A list says of a mutant that it is quick, that it hangs, or both."""
    room = tmp_path / "line.txt"
    blocks = [f"{name}: silence\n-zero\n+one\n" for name in ("plain", "quick!", "hangs~", "both!~")]
    room.write_text("tests: tests/test_line.py\n" + "".join(blocks))
    found = [(one.name, one.quick, one.hangs) for one in of_room(room)]
    assert found == [
        ("line:plain", False, False),
        ("line:quick", True, False),
        ("line:hangs", False, True),
        ("line:both", True, True),
    ]


@pytest.mark.parametrize("old", ["not there", "samples"])
def test_a_text_that_is_not_there_exactly_once_is_stale(old: str) -> None:
    """Then nobody knows any more what the mutant breaks."""
    one = Mutant("line:stale", "stream/line.py", old, "new", "silence", ("tests/test_line.py",))
    with pytest.raises(Stale):
        one.broken(LINE)
