"""What is parsed while the collector runs."""

from __future__ import annotations

import ast
import gc
from pathlib import Path


class Parsing:
    """Parses when it is collected, from deeper than whoever disturbs it."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.deep(25)

    def deep(self, frames: int) -> None:
        if frames:
            self.deep(frames - 1)
        else:
            ast.parse("a = (1 + 2) * 3")


def test_a_finalizer_that_parses_breaks_no_report() -> None:
    """pytest reads the source of what failed; a SystemError there would end all tests, and tell nothing of the rest."""
    source, before = Path(ast.__file__).read_text(), gc.get_threshold()
    gc.set_threshold(50)
    try:
        for _ in range(10):
            Parsing()
            ast.parse(source)
    finally:
        gc.set_threshold(*before)
    assert gc.isenabled()
