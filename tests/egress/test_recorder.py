"""The recorder finds what it is there for: each kind of attempt is planted once, and seen."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.egress.apart import Tried, apart

PLANTED = """
import pickle, socket, subprocess, sys
def quietly(what, *arguments):
    try:
        what(*arguments)
    except OSError:
        pass
quietly(socket.getaddrinfo, "asked.example", 443)
quietly(socket.gethostbyname, "by-name.example")
quietly(socket.create_connection, ("192.0.2.1", 443), 1)
quietly(socket.socket(socket.AF_INET6).connect, ("2001:db8::1", 4318))
quietly(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto, b"figures", ("192.0.2.2", 8125))
subprocess.run(["getent", "hosts", "native.example"])
subprocess.run([sys.executable, "-c", "import socket; socket.socket().connect_ex(('192.0.2.3', 80))"])
subprocess.run([sys.executable, "-I", "-S", "-c", "import socket; socket.socket().connect_ex(('192.0.2.4', 80))"])
pickle.loads(pickle.dumps(pickle.PickleError()))
open(sys.argv[1], "w").write("x")
"""


def planted(folder: Path) -> Tried:
    with apart([sys.executable, "-c", PLANTED, str(folder / "left")], folder) as run:
        said, _ = run.process.communicate(timeout=60)
        assert 0 == run.process.returncode, said
        return run.tried()


def test_every_planted_attempt_is_seen(tmp_path: Path) -> None:
    """Names and calls, by Python and by others, in subprocesses and where Python is told to pass over the recorder."""
    tried = planted(tmp_path)
    assert {"asked.example", "by-name.example", "native.example"} <= tried.names
    expected = {("192.0.2.1", 443), ("192.0.2.2", 8125), ("192.0.2.3", 80), ("192.0.2.4", 80), ("2001:db8::1", 4318)}
    assert expected <= tried.called
    assert str(tmp_path / "left") in tried.written
    assert {"code __main__.<module>": frozenset({"_pickle.PickleError"})} == tried.unpickled
