"""Python before 3.11.8 counts the depth of ``ast.parse`` in one place for all: a finalizer that the collector runs in
the middle of it, and that parses too, breaks it off with a SystemError. Tracebacks are parsed where they are written,
pytest's as well as those of tasks that nobody waited for; pytest then ends in the middle of all tests.
"""

from __future__ import annotations

import ast
import functools
import gc
import sys
from collections.abc import Callable
from typing import Any

MENDED = (3, 11, 8)


def undisturbed(parse: Callable[..., Any]) -> Callable[..., Any]:
    """``parse`` while nothing is collected."""

    @functools.wraps(parse)
    def alone(*given: Any, **named: Any) -> Any:
        collects = gc.isenabled()
        gc.disable()
        try:
            return parse(*given, **named)
        finally:
            if collects:
                gc.enable()

    return alone


def mend() -> None:
    if sys.version_info < MENDED and not hasattr(ast.parse, "__wrapped__"):
        ast.parse = undisturbed(ast.parse)
