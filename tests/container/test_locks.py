"""What goes into the image: the lock for CPUs, the bill of materials, the licence texts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.container.builder import missing, need_builder
from tests.container.cpu_index import cpu_index, lock_cpu
from tests.helm.chart import ROOT

BIN = Path(sys.executable).parent
COLLECT = ROOT / "container" / "licences.py"
TEXTS = ROOT / "container" / "licences"


def pins(lock: Path) -> dict[str, set[str]]:
    """The versions that a lock names for each package; one may have several, for different platforms."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_lock_for_cpus_differs_in_pytorch_alone(tmp_path: Path) -> None:
    """``make lock-cpu`` takes PyTorch from its index, nothing of CUDA, and all else as it is locked, with hashes."""
    with cpu_index(tmp_path / "index") as index:
        lock_cpu(index, tmp_path / "cpu.lock")
    whole, cpu = pins(ROOT / "requirements.lock"), pins(tmp_path / "cpu.lock")
    assert {"2.11.0+cpu"} == cpu["torch"] == cpu["torchaudio"]
    assert [] == [name for name in cpu if name.startswith(("nvidia", "cuda", "triton"))]
    assert [] == [name for name, versions in cpu.items() if name[:5] != "torch" and not versions <= whole[name]]
    text = (tmp_path / "cpu.lock").read_text(encoding="utf-8")
    assert len(re.findall(r"^[\w.-]+==.*\\\n +--hash=sha256:", text, flags=re.MULTILINE)) == sum(map(len, cpu.values()))
    assert "://" not in text, "no address of an index"


@pytest.mark.timeout(900)
def test_the_bill_of_materials_is_the_lock(tmp_path: Path) -> None:
    """``make sbom`` names what the lock installs here, with versions and licences, and nothing of this machine."""
    command = ["make", "--old-file=env", "sbom", f"BIN={BIN}", f"SBOM={tmp_path}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=800, check=False)
    assert 0 == run.returncode, run.stdout + run.stderr
    text = (tmp_path / "clipveil.cdx.json").read_text(encoding="utf-8")
    bill = json.loads(text)
    components = {re.sub(r"[-_.]+", "-", each["name"]).lower(): each for each in bill["components"]}
    locked = pins(ROOT / "requirements.lock")
    assert "clipveil" == bill["metadata"]["component"]["name"]
    assert [] == [name for name, each in components.items() if each["version"] not in locked[name]]
    assert {"torch", "pyannote-audio", "presidio-analyzer", "aiokafka"} <= set(components)
    assert len(components) > 0.9 * len(locked), "the rest is for other systems"
    assert [] == [name for name, each in components.items() if not each["purl"].startswith("pkg:pypi/")]
    assert len([name for name, each in components.items() if each.get("licenses")]) > 0.9 * len(components)
    assert str(ROOT) not in text
    assert str(tmp_path) not in text


def test_every_package_of_the_image_has_a_licence_text(tmp_path: Path) -> None:
    """Each locked package that is installed here brings a text, or ours has one for it."""
    site = next(Path(entry) for entry in sys.path if (Path(entry) / "torch").is_dir())
    run = subprocess.run([sys.executable, COLLECT, site, TEXTS, tmp_path], capture_output=True, text=True, check=False)
    without = set(run.stderr.strip().rpartition(": ")[2].split(", "))
    locked = set(pins(ROOT / "requirements.lock"))
    assert set() == without & locked
    listed = (tmp_path / "PACKAGES.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len({each.name for each in distributions(path=[str(site)])}) == len(listed)
    assert list(tmp_path.glob("torch-2*/*LICENSE*"))
    ours = {path.stem for path in TEXTS.iterdir()}
    assert ours <= locked, "a text of ours for what is not in the image"


def test_a_package_without_a_licence_text_stops_the_build(tmp_path: Path) -> None:
    """One that brings no text and is not known is named, and the collecting fails; ours covers it by its name."""
    info = tmp_path / "site" / "Lone_Package-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Lone_Package\nVersion: 1.0\n", encoding="utf-8")
    (info / "RECORD").write_text("Lone_Package-1.0.dist-info/METADATA,,\n", encoding="utf-8")
    texts = tmp_path / "texts"
    texts.mkdir()
    command = [sys.executable, str(COLLECT), str(tmp_path / "site"), str(texts)]
    refused = subprocess.run([*command, str(tmp_path / "a")], capture_output=True, text=True, check=False)
    assert 1 == refused.returncode
    assert "without a licence text" in refused.stderr
    assert "lone-package" in refused.stderr
    (texts / "lone-package.txt").write_text("Do as you like.\n", encoding="utf-8")
    subprocess.run([*command, str(tmp_path / "b")], check=True)
    assert "Do as you like.\n" == (tmp_path / "b" / "lone-package-1.0" / "lone-package.txt").read_text(encoding="utf-8")


def test_who_asks_for_an_image_without_a_builder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the tools are missing, a test of the image fails and names them; it isn't skipped."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {"buildah", "runc", "debootstrap"} <= set(missing())
    with pytest.raises(AssertionError, match="apt-get install buildah"):
        need_builder()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "PYTHON_DIGEST=sha256:"),
        (("PYTHON_DIGEST=sha256:1", "VARIANT=rocm"), "VARIANT is cuda or cpu"),
        (("PYTHON_DIGEST=sha256:1", "VARIANT=cpu", "CPU_LOCK=absent.lock"), "make lock-cpu first"),
    ],
)
def test_make_image_says_what_it_needs(given: tuple[str, ...], said: str) -> None:
    """Without a digest, with an unknown variant or without its lock nothing is built, and the message says why."""
    command = ["make", "image", "BUILDER=false", *given]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert said in run.stderr


def test_make_image_builds_the_variant_that_was_asked_for() -> None:
    """The command has the digest, the lock and, for buildah, the format that keeps the health check."""
    command = ["make", "image", "BUILDER=buildah", "PYTHON_DIGEST=sha256:1", "--dry-run"]
    plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "buildah build --format docker" in plan
    assert "--build-arg PYTHON_DIGEST=sha256:1 --build-arg LOCK=requirements.lock --tag clipveil ." in plan
