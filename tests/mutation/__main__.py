"""``python -m tests.mutation``: breaks the package in every way of the list, and says what some test caught."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.copying import broken, make_copy
from tests.mutation.mutant import ROOT, Mutant, all_mutants
from tests.mutation.running import Found, preload, run
from tests.mutation.soundness import undefined_names

LIMIT_S = 180.0  # for the tests of one mutant
BASELINE_LIMIT_S = 1200.0


def main() -> int:
    """The exit code: 0 where every mutant was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="mutants whose name holds one of these")
    parser.add_argument("--subset", action="store_true", help="the few that run with all other tests")
    parser.add_argument("--list", action="store_true", help="say which there are, and do nothing")
    asked = parser.parse_args()
    chosen = [one for one in all_mutants() if not asked.only or any(part in one.name for part in asked.only)]
    chosen = [one for one in chosen if one.quick or not asked.subset]
    if asked.list:
        for one in chosen:
            print(f"{one.name}: {one.promise}")
        return 0
    began = time.monotonic()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        caught = _try(make_copy(Path(folder)), chosen)
    share = f"{caught} of {len(chosen)} mutants caught"
    print(f"{share}, in {time.monotonic() - began:.0f} s")
    return 0 if caught == len(chosen) > 0 else 1


def _try(copy: Path, mutants: Sequence[Mutant]) -> int:
    """How many are caught."""
    if senseless := undefined_names(mutants):
        print("\n".join(senseless))
        return 0
    preload()
    tests = sorted({test for one in mutants for test in one.tests})
    files = {test for test in tests if "::" not in test}
    wanted = [test for test in tests if test in files or test.split("::")[0].split("@")[0] not in files]
    unbroken = run(copy, wanted, limit_s=BASELINE_LIMIT_S, until_one_fails=False)
    print(f"without mutant: {len(unbroken.passed)} tests pass, in {unbroken.seconds:.0f} s")
    for test in (*unbroken.failed.items(), *unbroken.trouble):
        print(f"  of no use, since it fails without mutant: {test}")
    sound = frozenset(unbroken.passed)
    caught = 0
    for one in mutants:
        with broken(copy, one):
            found = run(copy, one.tests, module=one.module, limit_s=LIMIT_S)
        by = found.catch(sound)
        caught += by is not None
        print(
            f"{'caught  ' if by else 'SURVIVED'} {found.seconds:5.1f} s  {one.name}: {by or _why(one, found)}",
            flush=True,
        )
    return caught


def _why(mutant: Mutant, found: Found) -> str:
    told = [*found.trouble, *(f"{test} ({how})" for test, how in found.failed.items())]
    return f"{mutant.promise}; {'; '.join(told) or f'{len(found.passed)} tests passed'}"


if __name__ == "__main__":
    sys.exit(main())
