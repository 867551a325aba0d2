"""Neither finder asks anybody anything: telemetry and hub are off, and no network is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stream.find.fingerprint import fingerprint, read_files
from stream.find.speakers.pyannote_pipeline import PyannoteFinder
from tests.egress.apart import NEW, require_namespaces
from tests.find.speakers.layout import speechlike, write_directory


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_directory(tmp_path_factory.mktemp("pipeline") / "model")


def test_no_name_is_ever_looked_up(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading and diarizing ask nobody: no telemetry, no hub."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    finder = PyannoteFinder(directory, fingerprint(read_files(directory)))
    assert finder.find(speechlike(3.0), None, None).receipt.complete
    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "0"
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_everything_works_where_there_is_no_network(directory: Path, tmp_path: Path) -> None:
    """In a network namespace of its own, without any interface that is up: a pinned directory and the built-in model
    load and hear, and what would ask a server has nobody to ask."""
    require_namespaces()
    np.save(tmp_path / "clip.npy", speechlike(3.0))
    script = f"""
import socket, numpy
assert not [name for _, name in socket.if_nameindex() if open(f"/sys/class/net/{{name}}/operstate").read() == "up"]
try:
    socket.create_connection(("192.0.2.1", 443), timeout=2)
    raise SystemExit("there is a network")
except OSError:
    pass
from pathlib import Path
from stream.find.speakers.builtin import BuiltinFinder
from stream.find.speakers.pyannote_pipeline import PyannoteFinder
from stream.policy import SAFE
samples = numpy.load({str(tmp_path / "clip.npy")!r})
pinned = {fingerprint(read_files(directory))!r}
for finder in (BuiltinFinder(SAFE), PyannoteFinder(Path({str(directory)!r}), pinned)):
    assert finder.find(samples, None, None).receipt.complete
"""
    run = subprocess.run([*NEW, sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
