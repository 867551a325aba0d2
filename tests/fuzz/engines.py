"""Who makes the inputs, and how a child says that it ended for its memory."""

from __future__ import annotations

from importlib.util import find_spec

COVERAGE = "coverage"  # atheris: what reaches new code is changed further
HYPOTHESIS = "hypothesis"
GREW = 3  # exit code


def at_hand() -> tuple[str, ...]:
    """Atheris has no wheel for every Python."""
    return (COVERAGE, HYPOTHESIS) if find_spec("atheris") else (HYPOTHESIS,)
