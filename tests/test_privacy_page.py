"""The privacy page names a test for each promise: they are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| [A-Z\"“].*", PAGE.partition("## Keys")[0], re.MULTILINE)[1:]  # without the table's head
NAMED = sorted({name for line in PROMISES for name in re.findall(r"`(tests/[\w/.:]+)`", line)})


def test_every_promise_names_a_test() -> None:
    """No row without one."""
    assert len(PROMISES) > 10
    assert [] == [line for line in PROMISES if "`tests/" not in line]


@pytest.mark.parametrize("named", NAMED)
def test_the_tests_of_the_promises_exist(named: str) -> None:
    """File or folder, and the function where one is named."""
    path, _, function = named.partition("::")
    assert (ROOT / path).exists()
    if function:
        assert re.search(rf"^(?:async )?def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
