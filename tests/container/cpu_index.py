"""An index of packages that stands in for PyTorch's own: wheels of ``torch`` and ``torchaudio`` that hold nothing but
their names and versions. With them the way of the CPU variant can be walked where only the public index is
to be had."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.helm.chart import ROOT

VERSIONS = {"torch": "2.11.0+cpu", "torchaudio": "2.11.0+cpu"}
NEEDS = {"torch": ["filelock", "typing-extensions", "setuptools<82", "sympy", "networkx", "jinja2", "fsspec"]}


def write_index(folder: Path) -> None:
    """One folder a package, with a wheel in it and a page that names it."""
    for name, version in VERSIONS.items():
        place = folder / name
        place.mkdir(parents=True)
        wheel = place / f"{name}-{version}-py3-none-any.whl"
        _write_wheel(wheel, name, version)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = wheel.name.replace("+", "%2B")
        page = f'<!DOCTYPE html><html><body><a href="{link}#sha256={digest}">{wheel.name}</a></body></html>'
        (place / "index.html").write_text(page, encoding="utf-8")


def _write_wheel(path: Path, name: str, version: str) -> None:
    needs = "".join(f"Requires-Dist: {need}\n" for need in NEEDS.get(name, []))
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-File: LICENSE\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: clipveil\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/licenses/LICENSE": "A stand-in without content.\n",
    }
    record = [f"{file},sha256={_digest(text)},{len(text)}\n" for file, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file, (2026, 1, 1, 0, 0, 0)), text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def cpu_index(folder: Path) -> Iterator[str]:
    """The address of such an index while it is served."""
    write_index(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()


def lock_cpu(index: str, lock: Path) -> None:
    """``make lock-cpu``, as it stands in the Makefile, against ``index``."""
    uv = Path(sys.executable).with_name("uv")
    command = ["make", "lock-cpu", f"TORCH_INDEX={index}", f"CPU_LOCK={lock}", f"UV={uv}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert 0 == run.returncode, run.stdout + run.stderr
