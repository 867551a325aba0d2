"""A real Prometheus for tests: its rules, its queries, its scrapes."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

BIN = Path(__file__).parents[2] / ".cache" / "bin"
INSTALL = "bash tests/tools/prometheus.sh"


def promtool(*arguments: str | Path) -> str:
    """Its output. Raises AssertionError with it where it fails, or where there is none."""
    run = subprocess.run([_tool("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert not run.returncode, run.stdout + run.stderr
    return run.stdout


def _tool(name: str) -> Path:
    tool = BIN / name
    assert tool.exists(), f"these tests need {name}; get it with: {INSTALL}"
    return tool


@dataclass(frozen=True)
class Prometheus:
    """One that runs, and what it answers."""

    url: str

    def value(self, query: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query."""
        told: list[dict[str, Any]] = self._asked("query", query=query, **({} if at is None else {"time": at}))["result"]
        return told

    def course(self, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The series of a range query."""
        told: list[dict[str, Any]] = self._asked("query_range", query=query, start=start, end=end, step=step)["result"]
        return told

    def label_values(self, label: str, series: str) -> list[str]:
        told: list[str] = self._asked(f"label/{label}/values", **{"match[]": series})
        return told

    def _asked(self, what: str, **parameters: Any) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=parameters, timeout=30, trust_env=False)
        told = answer.json()
        assert told["status"] == "success", told
        return told["data"]


@contextlib.contextmanager
def scraping(folder: Path, targets: Mapping[str, int], port: int, interval_s: int = 1) -> Iterator[Prometheus]:
    """Prometheus on ``port``, which scrapes each of ``targets``, a pod's name and its port, until the block ends."""
    settings = {
        "global": {"scrape_interval": f"{interval_s}s", "scrape_timeout": f"{interval_s}s"},
        "scrape_configs": [
            {
                "job_name": "voice/clipveil",  # as the operator names those of a PodMonitor, with these labels
                "static_configs": [
                    {"targets": [f"127.0.0.1:{number}"], "labels": {"namespace": "voice", "pod": pod}}
                    for pod, number in targets.items()
                ],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    command: Sequence[str | Path] = [
        _tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _until_ready(process, f"http://127.0.0.1:{port}", folder / "log")
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(60)


def _until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 120  # only ends one that hangs
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/-/ready", timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
