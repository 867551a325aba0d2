"""What a mutant is: one place of the package, how it is broken, which promise that breaks, and who should notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Stale(Exception):
    """A mutant that does not fit the package any more: its text is not there, or there more than once."""


@dataclass(frozen=True)
class Mutation:
    """One way to break a file. ``tests`` stands in for those of the room; ``quick`` ones run with all other tests."""

    name: str
    old: str
    new: str
    promise: str
    tests: str = ""
    quick: bool = False


@dataclass(frozen=True)
class Mutant:
    """A mutation of a file, and the tests (files or node ids) of which one must fail."""

    name: str
    file: str
    old: str
    new: str
    promise: str
    tests: tuple[str, ...]
    quick: bool = False

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


def room(file: str, tests: str, *mutations: Mutation) -> tuple[Mutant, ...]:
    """The mutants of one file, which ``tests`` (files or node ids, with spaces between them) should catch."""
    short = file.removeprefix("stream/").removesuffix(".py")
    return tuple(
        Mutant(
            f"{short}:{one.name}", file, one.old, one.new, one.promise, tuple((one.tests or tests).split()), one.quick
        )
        for one in mutations
    )
