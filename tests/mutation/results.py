"""What became of each mutant, written as it goes: a run that was cut off goes on where it was.

A catch holds while nothing changes that it rests on: the package, what tests share, the test's own file, the mutant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.mutation.mutant import ROOT, Mutant
from tests.mutation.trying import Verdict

KNOWN = ("stream", "schemas")


@dataclass
class Results:
    """The results file at ``path``: by name of a mutant who caught it, or why nobody did."""

    path: Path
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    tests_at: Path = ROOT  # the copy that they ran in: the checkout may be edited meanwhile
    _ground: str = field(default_factory=lambda: _digest(_ground_files()))

    @classmethod
    def at(cls, path: Path) -> Results:
        """With what earlier runs left."""
        return cls(path, json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})

    def caught_before(self, mutant: Mutant) -> bool:
        """Whether a test caught it, and nothing changed since that this rests on."""
        told = self.found.get(mutant.name, {})
        return told.get("by") is not None and told.get("rests_on") == self._rests_on(mutant, told["by"])

    def add(self, one: Verdict) -> None:
        """And writes all, in one piece."""
        told = {"by": one.by, "why": one.why, "seconds": round(one.seconds, 1), "cpu_s": round(one.cpu_s, 1)}
        rests_on = self._rests_on(one.mutant, one.by) if one.by else None
        self.found[one.mutant.name] = {**told, "rests_on": rests_on}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(self.found, indent=1), encoding="utf-8")
        beside.replace(self.path)

    def _rests_on(self, mutant: Mutant, by: str) -> str:
        whole = f"{self._ground} {mutant.file}\n{mutant.old}\n{mutant.new}\n".encode()
        test = self.tests_at / by.split("::")[0]
        return hashlib.sha256(whole + (test.read_bytes() if test.exists() else b"")).hexdigest()


def _ground_files() -> Iterable[Path]:
    """The package, and what tests share: all but the tests themselves, and this list."""
    for folder in KNOWN:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in (ROOT / "tests").rglob("*.py"):
        if not path.name.startswith("test_") and "mutation" not in path.parts:
            yield path


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()
