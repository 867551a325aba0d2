"""Starts a command in a network of its own and tells what it tried: by Python's audit hooks, by a name server that
writes names down, and by strace, which sees what no library can hide."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.egress.forwarding import forward

ROOT = Path(__file__).parents[2]
NEW = ["unshare", "--map-root-user", "--net", "--mount"]
# Whoever turns telemetry on around the service must not turn it on in it.
WRONG_WAY = {
    "PYANNOTE_METRICS_ENABLED": "1",
    "HF_HUB_OFFLINE": "0",
    "HF_HUB_DISABLE_TELEMETRY": "0",
    "TRANSFORMERS_OFFLINE": "0",
    "ORT_DISABLE_TELEMETRY": "0",
    "DO_NOT_TRACK": "0",
    "OTEL_SDK_DISABLED": "false",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://telemetry.example:4318",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://telemetry.example:4318/v1/metrics",
}
_NO_CONTENT = re.compile(
    r"^/dev/(null|tty|shm/sem\.\w+)$|^/proc/self/oom_score_adj$|/__pycache__/|/recorder/|/[a-z0-9_]{8}$"
)
_FLAGS_OF_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE|^creat")


def require_namespaces() -> None:
    """Fails, never skips: a check that did not run must not look like one that passed."""
    for tool in ("unshare", "strace"):
        assert shutil.which(tool), f"{tool} is missing: make tools"
    tried = subprocess.run([*NEW, "true"], check=False, capture_output=True, text=True)
    assert not tried.returncode, (
        f"no network namespace can be made: root, or user namespaces, are needed\n{tried.stderr}"
    )


@dataclass(frozen=True)
class Tried:
    """What the processes of one run tried, whether or not it worked."""

    names: frozenset[str]  # that anybody asked for
    called: frozenset[tuple[str, int]]  # addresses, by any family but Unix sockets
    written: frozenset[str]  # files opened for writing
    unpickled: Mapping[str, frozenset[str]] = field(default_factory=dict)  # of what -> names that were looked up
    processes: int = 0  # of Python, that were watched

    def left(self, *allowed: str) -> list[str]:
        """Files opened for writing, but for those whose paths begin with one of ``allowed``, and what is no content:
        Python's compiled code, locks of a library (named semaphores), whom the kernel ends first, directories that
        ``tempfile`` tries, our own."""
        return sorted(path for path in self.written if not path.startswith(allowed) and not _NO_CONTENT.search(path))


@dataclass
class Apart:
    """A command that runs, and where its traces are."""

    process: subprocess.Popen[str]
    folder: Path

    def tried(self) -> Tried:
        """Of all its processes until now."""
        said = [
            json.loads(line) for path in self.folder.glob("recorder/*.jsonl") for line in path.read_text().splitlines()
        ]
        resolved = self.folder / "names"
        names = {record["asked"] for record in said if "asked" in record and not _is_address(record["asked"])}
        names |= set(resolved.read_text().splitlines()) if resolved.exists() else set()
        trace = (self.folder / "strace").read_text(errors="replace")
        unpickled: dict[str, set[str]] = {}
        for record in said:
            if "unpickled" in record:
                unpickled.setdefault(record["of"], set()).add(record["unpickled"])
        called = {(host, port) for host, port in (record["called"] for record in said if "called" in record)}
        return Tried(
            frozenset(names),
            frozenset(called | set(_called(trace))),
            frozenset(_written(trace)),
            {of: frozenset(classes) for of, classes in unpickled.items()},
            sum("began" in record for record in said),
        )


@contextlib.contextmanager
def apart(
    command: Sequence[str], folder: Path, ports: Sequence[int] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Apart]:
    """``command`` in namespaces of its own; of this machine's ports only ``ports`` are reachable. Ends with it."""
    require_namespaces()
    shutil.copytree(ROOT / "tests/egress/recorder", folder / "recorder")
    listeners = [_through(folder / f"{port}.socket", port) for port in ports]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLIPVEIL_")}
    path = os.pathsep.join([str(folder / "recorder"), str(ROOT)])
    inside = [
        sys.executable,
        "-m",
        "tests.egress.inside",
        str(folder),
        *(f"{p}={folder / f'{p}.socket'}" for p in ports),
    ]
    process = subprocess.Popen(
        [*NEW, *inside, "--", "env", f"PYTHONPATH={path}", *command],
        cwd=ROOT,
        env=kept | WRONG_WAY | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Apart(process, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()
        for listener in listeners:
            listener.close()


def _through(path: Path, port: int) -> socket.socket:
    """A Unix socket, which network namespaces don't keep apart, that leads to a port of this machine."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(64)
    threading.Thread(target=forward, args=(listener, socket.AF_INET, ("127.0.0.1", port)), daemon=True).start()
    return listener


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host in ("", "None")
    return True


def _called(trace: str) -> Iterator[tuple[str, int]]:
    """Addresses in strace's lines of calls that name one."""
    for found in re.finditer(
        r'sin6?_port=htons\((\d+)\)[^}]*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")', trace
    ):
        yield found[2] or found[3], int(found[1])


def _written(trace: str) -> Iterator[str]:
    for line in trace.splitlines():
        found: Any = re.search(r'(?:open|openat|creat|memfd_create)\((?:AT_FDCWD, |\d+, )?"([^"]*)"(.*)', line)
        if found and ("memfd_create" in line or "creat(" in line or _FLAGS_OF_WRITING.search(found[2])):
            yield ("memfd:" if "memfd_create" in line else "") + found[1]
