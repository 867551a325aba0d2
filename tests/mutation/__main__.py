"""``python -m tests.mutation``: breaks the package in every way of the list, and says what some test caught."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.copying import make_copy
from tests.mutation.mutant import ROOT, Mutant, all_mutants
from tests.mutation.results import Results
from tests.mutation.soundness import undefined_names
from tests.mutation.trying import tried


def main() -> int:
    """The exit code: 0 where every mutant was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="mutants whose name holds one of these")
    parser.add_argument("--but", nargs="+", default=[], metavar="NAME", help="none whose name holds one of these")
    parser.add_argument("--subset", action="store_true", help="the few that run with all other tests")
    parser.add_argument("--list", action="store_true", help="say which there are, and do nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutation.json", help="where results are written")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many are tried side by side")
    parser.add_argument("--resume", action="store_true", help="leave out what was caught, and rests on nothing new")
    asked = parser.parse_args()
    chosen = [one for one in all_mutants() if not asked.only or any(part in one.name for part in asked.only)]
    chosen = [one for one in chosen if not any(part in one.name for part in asked.but)]
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
        caught = len(chosen) - len(left) + (_try(make_copy(Path(folder)), left, results, asked.jobs) if left else 0)
    share = f"{caught} of {len(chosen)} mutants caught, {len(chosen) - len(left)} of them before"
    print(f"{share}, in {time.monotonic() - began:.0f} s")
    return 0 if caught == len(chosen) > 0 else 1


def _try(copy: Path, mutants: Sequence[Mutant], results: Results, jobs: int) -> int:
    """How many are caught."""
    if senseless := undefined_names(mutants):
        print("\n".join(senseless))
        return 0
    results.tests_at = copy
    caught, used = 0, 0.0
    for one in tried(copy, mutants, jobs):
        results.add(one)
        caught, used = caught + (one.by is not None), used + one.cpu_s
        print(
            f"{'caught  ' if one.by else 'SURVIVED'} {one.seconds:5.1f} s  {one.mutant.name}: {one.by or one.why}",
            flush=True,
        )
    print(f"{used:.0f} s of processors' time, {used / len(mutants):.1f} s a mutant")
    return caught


if __name__ == "__main__":
    sys.exit(main())
