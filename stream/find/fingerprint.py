"""The fingerprint of a model directory, so that no other one is ever loaded: reading a checkpoint can run its code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

BYTES_MAX = 4 * 1024**3


class ModelRefused(Exception):
    """A model directory is missing, too large, or not the one that the settings name. Stops the start-up."""


def read_files(directory: Path) -> dict[str, bytes]:
    """Every file below ``directory`` by its relative path; links are followed, hidden files left out.

    Raises ModelRefused when there is no such directory, nothing in it, or more than 4 GiB.
    """
    paths = [path for path in sorted(directory.rglob("*")) if path.is_file() and not _hidden(path, directory)]
    if not paths:
        raise ModelRefused(f"no model in {directory}")
    if sum(path.stat().st_size for path in paths) > BYTES_MAX:
        raise ModelRefused(f"too much to be a model in {directory}")
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def _hidden(path: Path, directory: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(directory).parts)


def fingerprint(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the sorted lines ``sha256(content)  path``: what ``sha256sum`` prints, hashed once more."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_pinned(directory: Path, sha256: str) -> dict[str, bytes]:
    """The files of ``directory``, read once and checked, so that what was checked is what is loaded.

    Raises ModelRefused unless their fingerprint is ``sha256``.
    """
    files = read_files(directory)
    if fingerprint(files) != sha256:
        raise ModelRefused(f"the model in {directory} is not the one that the settings name by its sha256")
    return files
