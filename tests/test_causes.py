"""The words by which failures are told."""

from __future__ import annotations

import ast
from pathlib import Path

import stream

FAILURES = {"CommitFailed", "ClusterAway"}
CLASS_NAME = "type(error).__name__"
PASSED_ON = {
    "refusal",
    "str(error)",
    "said(error)",
    "said(cause)",
    "written(cause)",
}  # class names too; what a right is missing for is cut off


def causes() -> list[ast.expr]:
    """What failures are made of, anywhere in the package."""
    found = []
    for path in Path(stream.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FAILURES:
                found += node.args
    return found


def closed(cause: ast.expr) -> bool:
    """One word of ours, or a class name."""
    if isinstance(cause, ast.Constant):
        return isinstance(cause.value, str) and cause.value.isidentifier()
    return ast.unparse(cause) in {CLASS_NAME, *PASSED_ON}


def test_a_failure_is_told_by_one_word() -> None:
    """The log drops everything else, and what a library says may quote what was sent."""
    found = causes()
    assert len(found) > 10
    assert [] == [ast.unparse(cause) for cause in found if not closed(cause)]


def test_sentences_and_messages_are_no_such_words() -> None:
    """The check finds what it looks for."""
    planted = ast.parse("a('the audit is gone', f'{error}', repr(error))").body[0].value.args  # type: ignore[attr-defined]
    assert [False] * 3 == [closed(cause) for cause in planted]
