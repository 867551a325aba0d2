"""What keeps memory from reaching a disk is looked at, and not only asked for."""

from __future__ import annotations

import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from stream.ops import hardening
from stream.ops.hardening import NotHardened, no_core_dumps


def test_it_holds_on_a_real_process() -> None:
    """In a process of its own, which cannot be made dumpable again by accident."""
    program = "from stream.ops.hardening import no_core_dumps; no_core_dumps()"
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


@pytest.mark.skipif(sys.platform != "linux", reason="the flag is Linux's own")
@pytest.mark.parametrize("answer", [1, 2, -1])
def test_a_kernel_that_does_not_do_it_ends_the_start(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    """A sandbox that refuses the call, or answers with an error: nothing goes on with memory that can be dumped."""
    monkeypatch.setattr(hardening.ctypes, "CDLL", lambda *_: SimpleNamespace(prctl=lambda *_: answer))
    monkeypatch.setattr(hardening.resource, "setrlimit", lambda *_: None)
    with pytest.raises(NotHardened, match="can still be dumped"):
        no_core_dumps()


def test_a_core_limit_that_stays_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is read again."""
    monkeypatch.setattr(hardening.ctypes, "CDLL", lambda *_: SimpleNamespace(prctl=lambda *_: 0))
    monkeypatch.setattr(hardening.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(hardening.resource, "getrlimit", lambda *_: (1, resource.RLIM_INFINITY))
    with pytest.raises(NotHardened, match="core file"):
        no_core_dumps()
