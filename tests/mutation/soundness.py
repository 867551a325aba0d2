"""Mutants that could only be caught by their own mistakes are refused: what uses a name that does not exist."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.mutant import ROOT, Mutant

RULES = "F821,F822,F823,E9"  # names that are not defined, or too late; no Python at all


def undefined_names(mutants: Sequence[Mutant]) -> list[str]:
    """In words, what is wrong with the mutated files. Raises Stale where a mutant does not fit the package."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for number, one in enumerate(mutants):
            text = one.broken((ROOT / one.file).read_text(encoding="utf-8"))
            (Path(folder) / f"{number}.py").write_text(text, encoding="utf-8")
        command = [Path(sys.executable).with_name("ruff"), "check", "--isolated", "--select", RULES]
        told = subprocess.run([*command, "--output-format", "json", folder], capture_output=True, check=False)
    wrong = json.loads(told.stdout or b"[]")
    return [f"{mutants[int(Path(one['filename']).stem)].name}: {one['message']}" for one in wrong]
