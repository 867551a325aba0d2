"""kube-linter, with every check that it has, and with no exception that is not explained and needed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import INSTALL, ROOT, VARIANTS, render

LINTER = ROOT / ".cache" / "bin" / "kube-linter"
CONFIGURATION = Path(__file__).with_name("kube-linter.yaml")
EXCLUDED: list[str] = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["checks"]["exclude"]
OFFLINE = {"schema-validation"}  # can't be tried: it downloads


def lint(folder: Path, *arguments: str | Path) -> set[str]:
    """Checks that find something in the manifests of a folder."""
    assert LINTER.is_file(), f"these tests need kube-linter; get it with: {INSTALL}"
    command = [LINTER, "lint", *arguments, "--fail-if-no-objects-found", "--format", "json", folder]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout, run.stderr
    return {report["Check"] for report in json.loads(run.stdout)["Reports"] or []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every variant, rendered."""
    rendered = tmp_path_factory.mktemp("rendered")
    for name, arguments in VARIANTS.items():
        (rendered / f"{name}.yaml").write_text(render(*arguments), encoding="utf-8")
    return rendered


def test_kube_linter_has_nothing_to_say(folder: Path) -> None:
    """Of all variants, by all checks but those that are excluded with a reason."""
    assert set() == lint(folder, "--config", CONFIGURATION)


def test_kube_linter_does_find(folder: Path, tmp_path: Path) -> None:
    """The linter that the test above relies on sees a container that may become root, and one without a limit."""
    text = (folder / "default.yaml").read_text(encoding="utf-8")
    careless = text.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
    careless = re.sub(r"limits:\n +memory: 4Gi", "limits: {}", careless)
    (tmp_path / "careless.yaml").write_text(careless, encoding="utf-8")
    assert {"privilege-escalation-container", "unset-memory-requirements"} <= lint(tmp_path, "--config", CONFIGURATION)


def test_every_exception_is_explained() -> None:
    """Before each there is a comment."""
    lines = CONFIGURATION.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith("- "):
            assert lines[number - 1].lstrip().startswith(("# ", "- required-label-owner")), line


def test_every_exception_is_needed(folder: Path) -> None:
    """Without the exceptions each of these checks finds something: none is left over."""
    assert set(EXCLUDED) - OFFLINE == lint(folder, "--add-all-built-in", "--exclude", ",".join(OFFLINE))
