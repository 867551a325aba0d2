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
from tests.mutation.results import Results
from tests.mutation.running import Found, Sound, preload, run
from tests.mutation.soundness import undefined_names

LIMIT_S = 180.0  # for the tests of one mutant


def main() -> int:
    """The exit code: 0 where every mutant was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="mutants whose name holds one of these")
    parser.add_argument("--subset", action="store_true", help="the few that run with all other tests")
    parser.add_argument("--list", action="store_true", help="say which there are, and do nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutation.json", help="where results are written")
    parser.add_argument("--resume", action="store_true", help="leave out what was caught, and rests on nothing new")
    asked = parser.parse_args()
    chosen = [one for one in all_mutants() if not asked.only or any(part in one.name for part in asked.only)]
    chosen = [one for one in chosen if one.quick or not asked.subset]
    if asked.list:
        for one in chosen:
            print(f"{one.name}: {one.promise}")
        return 0
    began = time.monotonic()
    os.chdir(ROOT)
    results = Results.at(asked.out.resolve())
    left = [one for one in chosen if not (asked.resume and results.caught_before(one))]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        caught = len(chosen) - len(left) + (_try(make_copy(Path(folder)), left, results) if left else 0)
    share = f"{caught} of {len(chosen)} mutants caught, {len(chosen) - len(left)} of them before"
    print(f"{share}, in {time.monotonic() - began:.0f} s")
    return 0 if caught == len(chosen) > 0 else 1


def _try(copy: Path, mutants: Sequence[Mutant], results: Results) -> int:
    """How many are caught."""
    if senseless := undefined_names(mutants):
        print("\n".join(senseless))
        return 0
    preload()
    results.tests_at = copy
    caught, sound = 0, Sound(copy)
    for one in mutants:
        with broken(copy, one):
            found = run(copy, one.tests, module=one.module, limit_s=LIMIT_S)
        by = found.catch(sound)
        caught += by is not None
        results.add(one, by, "" if by else _why(one, found), found.seconds)
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
