"""What a mutant is: one place of the package, how it is broken, which promise that breaks, and who should notice.

The list is one text file a module in ``rooms``: ``lifecycle-chain.txt`` is of ``stream/lifecycle/chain.py``.

    tests: tests/test_plan.py tests/test_pipeline.py        who should notice, unless a mutant says otherwise
    consent!: no clip is heard without consent              name with its marks, promise
    @tests/test_plan.py::test_no_consent_is_refused         other tests, where the module's own don't do
    -if not event.consent.human_review:                     the text, one line or several, exactly once in the module
    +if False:                                              what stands there instead, if anything

Marks are ``!`` for one that runs with all other tests, and ``~`` for one that makes something wait for ever: only such
a one can be caught by a test that ran out of time.

Tests are files, folders or node ids; of ``file@text`` only the tests whose id has the text run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = Path(__file__).parent / "rooms"


class Stale(Exception):
    """A mutant that does not fit the package any more: its text is not there, or there more than once."""


@dataclass(frozen=True)
class Mutant:
    """One way to break a file, and the tests of which one must fail. ``quick`` and ``hangs`` are its marks."""

    name: str
    file: str
    old: str
    new: str
    promise: str
    tests: tuple[str, ...]
    quick: bool = False
    hangs: bool = False

    @property
    def module(self) -> str:
        """The name by which the broken file is imported."""
        return self.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def broken(self, text: str) -> str:
        """The file's text with the mutation. Raises Stale unless it can be in one place only, and changes something."""
        if text.count(self.old) != 1:
            raise Stale(f"{self.name}: {self.file} has its text {text.count(self.old)} times")
        if self.old == self.new:
            raise Stale(f"{self.name}: changes nothing")
        return text.replace(self.old, self.new)


def all_mutants() -> tuple[Mutant, ...]:
    """The whole list."""
    return tuple(one for path in sorted(ROOMS.glob("*.txt")) for one in of_room(path))


def of_room(path: Path) -> Iterator[Mutant]:
    """The mutants of one file of the list."""
    place = path.stem.replace("-", "/")
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    block: list[str] = []
    for line in [*lines, "end:"]:
        if block and line[:1] not in ("@", "-", "+"):
            yield _mutant(place, tuple(first.removeprefix("tests: ").split()), block)
            block = []
        block.append(line)


def _mutant(place: str, tests: tuple[str, ...], block: Sequence[str]) -> Mutant:
    marked, _, promise = block[0].partition(": ")
    name = marked.rstrip("!~")
    told = {mark: [line[1:] for line in block[1:] if line[0] == mark] for mark in "@-+"}
    return Mutant(
        name=f"{place}:{name}",
        file=f"stream/{place}.py",
        old="\n".join(told["-"]),
        new="\n".join(told["+"]),
        promise=promise,
        tests=tuple(test for line in told["@"] for test in line.split()) or tests,
        quick="!" in marked[len(name) :],
        hangs="~" in marked[len(name) :],
    )
