"""The demonstration needs nobody: without a network it works, asks nobody, unpickles nothing, leaves nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.egress.apart import Tried, apart

pytestmark = pytest.mark.timeout(900)  # only ends one that hangs, on a machine with much else to do


@dataclass(frozen=True)
class Ran:
    """One run of ``clipveil demo`` where there is no network."""

    code: int
    said: str
    folder: Path
    tried: Tried


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("demo-apart")
    (folder / "temporary").mkdir()
    command = [sys.executable, "-m", "stream", "demo", "--out", str(folder / "out")]
    environment = {"CLIPVEIL_LOG__LEVEL": "DEBUG", "TMPDIR": str(folder / "temporary")}
    with apart(command, folder, environment=environment) as run:
        said, _ = run.process.communicate(timeout=600)
        yield Ran(run.process.returncode, said, folder, run.tried())


def test_the_demo_works_without_a_network(ran: Ran) -> None:
    """All its own checks pass, with every switch of telemetry turned the wrong way."""
    assert 0 == ran.code, ran.said[-3000:]
    assert (ran.folder / "out/index.html").stat().st_size > 100_000
    assert ran.tried.processes >= 2, "the service and its inference processes were watched"


def test_the_demo_asks_nobody(ran: Ran) -> None:
    """No name is looked up and no address called, not even in vain."""
    assert frozenset() == ran.tried.names
    assert frozenset() == ran.tried.called


def test_the_demo_unpickles_nothing(ran: Ran) -> None:
    """No class is looked up for a pickle in any of its processes: the models that ship are no pickles."""
    assert {} == ran.tried.unpickled


def test_the_demo_writes_where_it_was_told_to(ran: Ran) -> None:
    """Beside the folder of the page there are the schemas of the embedded registry, and they are gone afterwards."""
    allowed = (str(ran.folder / "out"), str(ran.folder / "temporary/clipveil-registry-"))
    assert [] == ran.tried.left(*allowed)
    assert [] == [path for path in (ran.folder / "temporary").rglob("*") if path.is_file()]
