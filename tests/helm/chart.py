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

WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob"}

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


def documents(*arguments: str | Path, release: str = "clipveil") -> list[Manifest]:
    """All rendered manifests."""
    return [manifest for manifest in yaml.safe_load_all(render(*arguments, release=release)) if manifest]


def manifests(*arguments: str | Path, release: str = "clipveil", part: str = "worker") -> dict[str, Manifest]:
    """Rendered manifests of one part of the release by kind; there is one of each, the dashboard left out."""
    rendered = [
        manifest
        for manifest in documents(*arguments, release=release)
        if manifest["metadata"]["labels"]["app.kubernetes.io/component"] == part
        and not manifest["metadata"]["name"].endswith("-dashboard")
    ]
    by_kind = {manifest["kind"]: manifest for manifest in rendered}
    assert len(rendered) == len(by_kind)
    return by_kind


def workloads(*arguments: str | Path, release: str = "clipveil") -> list[Manifest]:
    """Everything that makes pods."""
    return [manifest for manifest in documents(*arguments, release=release) if manifest["kind"] in WORKLOADS]


def pod_template(workload: Manifest) -> Manifest:
    """What a workload makes its pods from; a CronJob makes Jobs first."""
    spec = workload["spec"]
    template: Manifest = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
    return template


def pod_spec(rendered: dict[str, Manifest]) -> Manifest:
    """The pod's specification in the one manifest that makes pods."""
    (kind,) = WORKLOADS & rendered.keys()
    spec: Manifest = pod_template(rendered[kind])["spec"]
    return spec


EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))

VARIANTS: dict[str, list[str | Path]] = {"default": []} | {path.stem: ["--values", path] for path in EXAMPLES}
