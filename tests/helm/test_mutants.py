"""Each safety line of the chart, taken away, is missed by the check that is there for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helm import chart
from tests.helm.mutants import MUTANTS, Mutant


@pytest.fixture(name="copied")
def _copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the chart, which the checks take for the chart; what was rendered of the one is not the other's."""
    shutil.copytree(chart.CHART, tmp_path / "clipveil")
    monkeypatch.setattr(chart, "CHART", tmp_path / "clipveil")
    chart.render.cache_clear()
    yield tmp_path / "clipveil"
    chart.render.cache_clear()


def test_every_check_holds_for_the_chart() -> None:
    """Else it would miss the line whether it is there or not."""
    for mutant in MUTANTS:
        mutant.check()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{Path(mutant.file).stem}: {mutant.was.strip()[:50]}")
def test_a_missing_line_is_noticed(mutant: Mutant, copied: Path) -> None:
    """The changed chart still renders, and the check fails."""
    file = copied / mutant.file
    text = file.read_text(encoding="utf-8")
    assert mutant.was in text
    file.write_text(text.replace(mutant.was, mutant.becomes), encoding="utf-8")
    assert chart.documents()
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        mutant.check()
