"""The list fits the package, and the quick ones of it are caught now; ``make mutants`` tries all."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.mutation.mutant import ROOT, all_mutants
from tests.mutation.soundness import undefined_names

MUTANTS = all_mutants()


def test_every_mutant_fits() -> None:
    """Each one's text is in its file exactly once, and uses no name that does not exist: a list can't rot unseen."""
    assert [] == undefined_names(MUTANTS)


def test_every_mutant_says_what_it_breaks_and_who_notices() -> None:
    """A name of its own, a promise, and tests that are there."""
    assert [] == [name for name, number in Counter(one.name for one in MUTANTS).items() if number > 1]
    assert [] == [one.name for one in MUTANTS if not one.promise or not one.tests]
    paths = {test.split("::")[0].split("@")[0] for one in MUTANTS for test in one.tests}
    assert [] == [path for path in sorted(paths) if not (ROOT / path).exists()]


def test_the_quick_ones_are_caught(tmp_path: Path) -> None:
    """Some of every room; the runner says no to a single one that no test notices."""
    command = [sys.executable, "-m", "tests.mutation", "--subset", "--out", str(tmp_path / "found.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
