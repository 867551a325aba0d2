"""Libraries are told to be quiet before any of them is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NAMES = {
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}


@pytest.mark.parametrize("before", [{}, dict.fromkeys(NAMES, "otherwise")], ids=["unset", "otherwise"])
def test_no_finder_is_imported_before_its_libraries_are_told(before: dict[str, str]) -> None:
    """By the package itself, whatever the environment said before."""
    code = f"import os, stream.find; print(*[os.environ.get(name) for name in {list(NAMES)}])"
    environment = {name: value for name, value in os.environ.items() if name not in NAMES} | before
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert list(NAMES.values()) == done.stdout.split()
