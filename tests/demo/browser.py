"""A real, headless Chromium with a fresh profile."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--window-size=1200,2000",
)  # fmt: skip
SECONDS_MAX = 120


def browse(page: Path, *arguments: str) -> str:
    """Opens a local page; what the browser prints. Raises FileNotFoundError where there is no Chromium."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise FileNotFoundError("no Chromium: `make tools` installs it")
    with tempfile.TemporaryDirectory(prefix="clipveil-browser-") as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", *arguments, page.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    return done.stdout
