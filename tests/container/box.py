"""Starts containers of an image with runc, as Kubernetes starts those of the chart: no capability, no new privileges, a
read-only root, ``/tmp`` in memory. The command line, the environment and the user are the image's own."""

from __future__ import annotations

import json
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.container.builder import Image

NAMESPACES = ("pid", "ipc", "uts", "mount")
TMPFS = ["nosuid", "nodev", "mode=1777", "size=1g"]
DEVICES = ["nosuid", "strictatime", "mode=755", "size=64k"]


@dataclass(frozen=True)
class Box:
    """One running container; ``process`` is runc, which ends as the container's first process does."""

    name: str
    image: Image
    process: subprocess.Popen[bytes]
    output: Path

    def ask(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command beside the first process, as the same user."""
        user = self.image.config["User"]
        environment = [part for line in self.image.config["Env"] for part in ("--env", line)]
        full = ["runc", "exec", "--user", user, *environment, self.name, *command]
        return subprocess.run(full, capture_output=True, text=True, timeout=timeout, check=False)

    def health(self) -> int:
        """Exit status of the image's own health check."""
        kind, *command = self.image.config["Healthcheck"]["Test"]
        assert "CMD" == kind
        return self.ask(*command).returncode

    def end(self, timeout: float) -> int:
        """As Kubernetes ends a container; its exit status."""
        subprocess.run(["runc", "kill", self.name, "TERM"], check=True)
        return self.process.wait(timeout)

    def said(self) -> str:
        """The end of its output."""
        return self.output.read_text(encoding="utf-8", errors="replace")[-3000:]


@contextmanager
def started(
    image: Image,
    *command: str,
    entrypoint: Sequence[str] | None = None,
    environment: Sequence[str] = (),
    mounts: Sequence[tuple[Path, str]] = (),
    network: bool = False,
    user: str | None = None,
) -> Iterator[Box]:
    """A container of ``image`` with ``command`` in place of the image's own; it is killed on leaving. ``user`` is
    another user and group than the image's."""
    first = [*(image.config["Entrypoint"] if entrypoint is None else entrypoint), *(command or image.config["Cmd"])]
    name = f"clipveil-{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory() as bundle:
        specification = _specification(image, user or image.config["User"], first, environment, mounts, network)
        (Path(bundle) / "config.json").write_text(json.dumps(specification), encoding="utf-8")
        output = Path(bundle) / "output"
        with output.open("wb") as log:
            command_line = ["runc", "run", "--bundle", bundle, name]
            process = subprocess.Popen(command_line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield Box(name, image, process, output)
        finally:
            subprocess.run(["runc", "delete", "--force", name], capture_output=True, check=False)
            process.wait(60)


def told(
    image: Image,
    *command: str,
    entrypoint: Sequence[str] | None = None,
    timeout: float = 120,
    user: str | None = None,
) -> tuple[int, str]:
    """Exit status and output of a container that ends by itself; it has no network."""
    with started(image, *command, entrypoint=entrypoint, user=user) as box:
        return box.process.wait(timeout), box.output.read_text(encoding="utf-8", errors="replace")


def _specification(
    image: Image,
    user: str,
    first: list[str],
    environment: Sequence[str],
    mounts: Sequence[tuple[Path, str]],
    network: bool,
) -> dict[str, Any]:
    uid, gid = map(int, user.split(":"))
    binds = [
        {"destination": inside, "type": "bind", "source": str(here), "options": ["bind", "ro"]}
        for here, inside in mounts
    ]
    namespaces = NAMESPACES if network else (*NAMESPACES, "network")
    return {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": uid, "gid": gid},
            "args": first,
            "env": [*image.config["Env"], *environment],
            "cwd": image.config["WorkingDir"],
            "capabilities": {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")},
            "noNewPrivileges": True,
        },
        "root": {"path": str(image.root), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": DEVICES},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": TMPFS},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": TMPFS},
            *binds,
        ],
        "linux": {"namespaces": [{"type": kind} for kind in namespaces]},
    }
