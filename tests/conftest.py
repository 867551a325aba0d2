"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of speech corpora; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CLIPVEIL_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder.name}: set CLIPVEIL_CORPORA")
    return folder
