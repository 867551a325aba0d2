"""Builds the image of this working tree with buildah, as far as this machine can."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helm.chart import ROOT

BASE = "docker.io/library/python:3.11-slim-bookworm"
TOOLS = ("buildah", "runc", "debootstrap")
TIMEOUT_S = 2400


@dataclass(frozen=True)
class Image:
    """An image that was built, mounted at ``root``, with the ``config`` by which containers of it are started."""

    name: str
    root: Path
    config: dict[str, Any]

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")


def missing() -> list[str]:
    """What this machine lacks to build and run images."""
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return lacking if os.geteuid() == 0 else [*lacking, "root"]


def need_builder() -> None:
    """Who asks for an image where none can be built is told so; nothing is skipped."""
    assert [] == missing(), f"building the image needs {', '.join(missing())}: apt-get install buildah runc debootstrap"


@functools.cache
def base_digest() -> str:
    """Digest of the base: CLIPVEIL_BASE_DIGEST, which buildah pulls, or else that of a stand-in, made once."""
    if named := os.environ.get("CLIPVEIL_BASE_DIGEST"):
        return named
    listed = _run("buildah", "images", "--format", "{{.Digest}}", BASE, check=False).split()
    if listed:
        return listed[0]
    return _run("bash", str(Path(__file__).with_name("base.sh")), BASE).split()[-1]


def build(context: Path, name: str, *, lock: str, index: str = "") -> None:
    """The Dockerfile as it is. No image is pulled but a base that somebody named."""
    arguments = {"PYTHON_DIGEST": base_digest(), "LOCK": lock, "INDEX": index}
    pull = "--pull" if "CLIPVEIL_BASE_DIGEST" in os.environ else "--pull-never"
    given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    # Docker's format keeps the health check; without a namespace of its own the build reaches the index as we do.
    options = ("--isolation", "chroot", "--format", "docker", pull, "--tag", name)
    _run("buildah", "build", *options, *given, str(context))


@contextmanager
def opened(name: str) -> Iterator[Image]:
    """The image's files, and what it says of itself."""
    container = _run("buildah", "from", "--pull-never", name).strip()
    try:
        root = Path(_run("buildah", "mount", container).strip())
        config = json.loads(_run("buildah", "inspect", "--type", "image", name))["Docker"]["config"]
        yield Image(name, root, config)
    finally:
        _run("buildah", "rm", container)


def remove(image: Image) -> None:
    """Gigabytes that nobody needs any more; the base stays."""
    _run("buildah", "rmi", image.name)


def write_context(folder: Path) -> None:
    """What .dockerignore lets in, copied, so that a build can be given one more lock."""
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        source = ROOT / line.removeprefix("!")
        if line.startswith("!") and source.is_dir():
            shutil.copytree(source, folder / source.name, symlinks=True)
        elif line.startswith("!") and source.is_file():
            shutil.copyfile(source, folder / source.name)
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copyfile(ROOT / name, folder / name)


def _run(*command: str, check: bool = True) -> str:
    """Standard output; a failure comes with the end of what was said."""
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert not check or run.returncode == 0, f"{' '.join(command[:2])}: {(run.stdout + run.stderr)[-3000:]}"
    return run.stdout
