"""Runs Helm on the chart and reads what it renders."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "clipveil"
HELM = ROOT / ".cache" / "bin" / "helm"
INSTALL = "bash tests/tools/helm.sh"

Manifest = dict[str, Any]


class RefusedByHelm(Exception):
    """Helm ended with an error; the text is what a user reads."""


def helm(*arguments: str | Path) -> str:
    """Output of Helm. Raises RefusedByHelm where it fails, AssertionError where there is none."""
    assert HELM.is_file(), f"these tests need Helm; get it with: {INSTALL}"
    home = ROOT / ".cache" / "helm"  # so that nothing of the user's own Helm is read or written
    environment = {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    run = subprocess.run([HELM, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        raise RefusedByHelm(run.stderr)
    return run.stdout


@functools.cache
def render(*arguments: str | Path, release: str = "clipveil") -> str:
    """Every manifest of the chart, as the YAML that Helm prints. The arguments are Helm's: --values, --set-json."""
    return helm("template", release, CHART, "--namespace", "voice", "--kube-version", "1.34.0", *arguments)


def manifests(*arguments: str | Path, release: str = "clipveil") -> dict[str, Manifest]:
    """Rendered manifests by kind; there is one of each."""
    rendered = [manifest for manifest in yaml.safe_load_all(render(*arguments, release=release)) if manifest]
    by_kind = {manifest["kind"]: manifest for manifest in rendered}
    assert len(rendered) == len(by_kind)
    return by_kind


def pod_spec(rendered: dict[str, Manifest]) -> Manifest:
    """The pod's specification in the rendered Deployment."""
    spec: Manifest = rendered["Deployment"]["spec"]["template"]["spec"]
    return spec


EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))

VARIANTS: dict[str, list[str | Path]] = {"default": []} | {path.stem: ["--values", path] for path in EXAMPLES}
