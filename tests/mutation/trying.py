"""Tries mutants, several copies side by side, and says what caught each.

A mutant is caught where a test fails with it, for a reason of its own, that passes without it. A test that ran out of
time has caught nothing but a mutant of which the list says that something waits for ever; and a test that failed late,
in time or out of it, must pass right afterwards: a busy machine would else catch everything.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.copying import broken, make_copy
from tests.mutation.mutant import Mutant
from tests.mutation.running import Found, preload, run

LIMIT_S = 180.0  # for the tests of one mutant
SOUND_LIMIT_S = 300.0  # for tests without mutant
LATE_S = 5.0  # a failing test that took longer may have failed for want of time
TOGETHER = 12  # mutants of one file: tests that catch them are tried in one go


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the test that caught it, and how, or why none did."""

    mutant: Mutant
    by: str | None
    why: str
    seconds: float
    cpu_s: float


class Trial:
    """Mutants tried in one copy of the repository, and what is known of its tests without mutant."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._passes: dict[str, bool] = {}

    def __call__(self, mutants: Sequence[Mutant]) -> list[Verdict]:
        """A verdict for each."""
        tried = [(one, *self._suspected(one)) for one in mutants]
        self._look_at({test for *_, test in tried if test})
        return [self._verdict(one, found, test) for one, found, test in tried]

    def sound(self, tests: Iterable[str]) -> set[str]:
        """Those that pass without mutant: only these can catch one."""
        wanted = set(tests)
        self._look_at(wanted)
        return {test for test in wanted if self._passes[test]}

    def _suspected(self, mutant: Mutant) -> tuple[Found, str | None]:
        with broken(self._copy, mutant):
            found = run(self._copy, mutant.tests, module=mutant.module, limit_s=LIMIT_S)
        return found, next((test for test in found.failed if self._may_catch(mutant, found, test)), None)

    def _may_catch(self, mutant: Mutant, found: Found, test: str) -> bool:
        if not found.means(test):
            return False
        if out := found.ran_out_of_time(test):
            if not mutant.hangs:
                return False
        elif found.took[test] < LATE_S:
            return True
        now = self._without([test])
        return test in now.passed and not (out and now.took[test] > found.took[test] / 2)

    def _look_at(self, tests: Iterable[str]) -> None:
        """All that are not known in one go; what fails among others is tried alone."""
        if new := sorted(set(tests) - self._passes.keys()):
            passed = set(self._without(new).passed)
            for test in new:
                self._passes[test] = test in passed or (len(new) > 1 and test in self._without([test]).passed)

    def _without(self, tests: Iterable[str]) -> Found:
        chosen = [f"{test.split('::')[0]}@{test}" for test in tests]
        return run(self._copy, chosen, limit_s=SOUND_LIMIT_S, until_one_fails=False)

    def _verdict(self, mutant: Mutant, found: Found, test: str | None) -> Verdict:
        by = f"{test} ({found.failed[test]})" if test and self._passes[test] else None
        told = [*found.trouble, *(f"{test} ({how})" for test, how in found.failed.items())]
        why = f"{mutant.promise}; {'; '.join(told) or f'{len(found.passed)} tests passed'}"
        return Verdict(mutant, by, "" if by else why, found.seconds, found.cpu_s)


def tried(whole: Path, mutants: Sequence[Mutant], jobs: int) -> Iterator[Verdict]:
    """Verdicts as they come, of ``jobs`` processes, each with a copy of the ``whole`` repository."""
    preload()
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=fork, initializer=_begin, initargs=(whole,)) as processes:
        for done in as_completed([processes.submit(_go_on, some) for some in _together(mutants)]):
            yield from done.result()


def _together(mutants: Sequence[Mutant]) -> Iterator[Sequence[Mutant]]:
    for _, of_file in itertools.groupby(mutants, lambda one: one.file):
        left = list(of_file)
        yield from (left[first : first + TOGETHER] for first in range(0, len(left), TOGETHER))


_trials: list[Trial] = []  # of this process


def _begin(whole: Path) -> None:
    folder = tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=whole.parent)
    _trials.append(Trial(make_copy(Path(folder), of=whole)))


def _go_on(mutants: Sequence[Mutant]) -> list[Verdict]:
    return _trials[0](mutants)
