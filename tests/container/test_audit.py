"""``make audit``: the real pip-audit, asking a service that this test keeps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import ROOT

HASH = "b97d804b1e9b523befed77c48dacec60e6dcb0b5391d57af6a65a312a90648c0"
RELEASED = "2026-01-01T00:00:00Z"


class Service:
    """Knows of one vulnerability, in idna 2.10, and remembers which packages it was asked about."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: set[str] = set()
        self.url = ""

    def answer(self, query: dict[str, Any]) -> dict[str, object]:
        name = query["package"]["name"]
        self.asked.add(name)
        return {"vulns": [vulnerability()]} if (name, query["version"]) == ("idna", "2.10") else {}


def vulnerability() -> dict[str, object]:
    """As OSV tells of one."""
    events = [{"introduced": "0"}, {"fixed": "9999.1"}]
    affected = {
        "package": {"ecosystem": "PyPI", "name": "idna"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
        "versions": ["2.10"],
    }
    return {"id": "PYSEC-1-1", "modified": RELEASED, "published": RELEASED, "summary": "one", "affected": [affected]}


@contextmanager
def serving(status: int = 200) -> Iterator[Service]:
    """The service, while it listens."""
    service = Service(status)

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(service.answer(query)).encode()
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_port}/v1/query"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


def audited(lock: Path, url: str) -> tuple[int, str, str]:
    """Exit code and what was said."""
    command = [sys.executable, "-m", "tests.container.audit", str(lock), "--osv-url", url]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    return run.returncode, run.stdout, run.stderr


@pytest.fixture(name="lock")
def _lock(tmp_path: Path) -> Path:
    path = tmp_path / "two.lock"
    lines = [f"idna==2.10 --hash=sha256:{HASH}", f"rich==14.0.0 --hash=sha256:{HASH}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_known_vulnerability_is_named(lock: Path) -> None:
    """A package that the service knows to be vulnerable is named with what mends it, and the audit fails with 1."""
    with serving() as service:
        code, said, _ = audited(lock, service.url)
    assert 1 == code
    assert "idna 2.10: PYSEC-1-1 (mended in 9999.1)" in said
    assert "2 packages, 1 with a known vulnerability" in said


def test_a_service_that_is_away_is_no_good_news(lock: Path) -> None:
    """Where nobody answers, the audit fails with 2 and says that nothing was audited."""
    code, said, failed = audited(lock, "http://127.0.0.1:9/v1/query")
    assert (2, "") == (code, said)
    assert "two.lock: NOT AUDITED: http://127.0.0.1:9/v1/query gave no answer" in failed
    assert "Traceback" not in failed


def test_a_service_that_fails_is_no_good_news(lock: Path) -> None:
    """Neither is one that answers with an error."""
    with serving(503) as service:
        code, said, failed = audited(lock, service.url)
    assert (2, "") == (code, said)
    assert "NOT AUDITED" in failed


def test_a_package_that_was_passed_over_is_no_good_news(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip-audit ends well where it passes over a package, as some of its services do; then this fails and names it."""
    passed_over = {"name": "rich", "skip_reason": "not found"}
    answer = {"dependencies": [{"name": "idna", "version": "2.10", "vulns": []}, passed_over]}
    (tmp_path / "pip_audit.py").write_text(f"print({json.dumps(answer)!r})\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    code, said, failed = audited(lock, "http://127.0.0.1:9/v1/query")
    assert (2, "") == (code, said)
    assert "NOT AUDITED: rich" in failed


def test_every_locked_package_is_asked_about() -> None:
    """Of the lock of the image none that is meant for this platform goes unasked."""
    with serving() as service:
        code, said, _ = audited(ROOT / "requirements.lock", service.url)
    locked = set(
        re.findall(r"^([\w.-]+)==\S+(?: ;.*linux.*)? \\$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    assert 100 < len(locked)
    assert set() == locked - service.asked
    assert (0, "requirements.lock: ") == (code, said[:19])


def test_make_audits_both_locks() -> None:
    """The make target asks about what is in the image and about what tests and builds it."""
    plan = subprocess.run(["make", "-n", "audit"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m tests.container.audit requirements.lock requirements-dev.lock" in plan
