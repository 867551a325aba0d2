"""A copy of the repository in which files may be broken; the checkout is never touched."""

from __future__ import annotations

import compileall
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutation.mutant import ROOT, Mutant

COPIED = ("stream", "tests")  # all else is only read, and linked
LEFT_OUT = frozenset({".git", "out", "build", "dist", ".venv"})
_later = itertools.count(
    10, 2
)  # seconds: a compiled file is told from its source by the time, and so no two mutants mix


def make_copy(folder: Path, of: Path = ROOT) -> Path:
    """The repository below ``folder``, compiled, so that a mutant costs the compilation of its own file alone."""
    copy = folder / "repository"
    copy.mkdir()
    for path in of.iterdir():
        if path.name in COPIED:
            shutil.copytree(path, copy / path.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name not in LEFT_OUT:
            (copy / path.name).symlink_to(path.resolve())
    compileall.compile_dir(copy / "stream", quiet=1)
    return copy


@contextmanager
def broken(copy: Path, mutant: Mutant) -> Iterator[None]:
    """The copy with one mutation, and afterwards without it. Raises Stale."""
    path = copy / mutant.file
    whole, was = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(mutant.broken(whole), encoding="utf-8")
    os.utime(path, (was.st_atime, was.st_mtime + next(_later)))
    try:
        yield
    finally:
        path.write_text(whole, encoding="utf-8")
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
