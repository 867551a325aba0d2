"""Runs tests on the copy, each time in a fork of one process that has imported all foreign libraries already.

A module that can't be imported, a test that can't be collected, a fixture that fails, a name that does not exist, and
tests that do not end within the limit catch nothing: they say that the mutant is broken, not that a promise is kept.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FOREIGN = (
    "aiohttp.web", "aiokafka", "avro.schema", "cryptography.hazmat.primitives.asymmetric.ed25519", "fastavro", "httpx",
    "hypothesis", "numpy", "presidio_analyzer", "prometheus_client", "pydantic_settings", "pytest_asyncio",
    "scipy.signal", "soundfile", "soxr", "structlog", "torch", "torchaudio", "typer.testing", "yaml",
)  # fmt: skip
PLUGINS = "pytest_asyncio.plugin,pytest_timeout,_hypothesis_pytestplugin"
OURS = ("stream", "tests")
NOT_A_CATCH = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError")
OUT_OF_TIME = re.compile(r"(Failed: |[\w.]*)Time(d ?)?[oO]ut")  # TimeoutError and its like, and pytest-timeout's own


@dataclass(eq=False)
class Watch:
    """A pytest plugin that remembers, and lets only tests of a file run whose ids have a text."""

    only: Mapping[str, Sequence[str]] = field(default_factory=dict)  # file -> texts
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # node id -> class of the exception, and its first line
    took: dict[str, float] = field(default_factory=dict)  # node id -> seconds of the test itself
    trouble: list[str] = field(default_factory=list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self._chosen(item.nodeid)]

    def _chosen(self, test: str) -> bool:
        return any(text in test for text in self.only.get(test.split("::")[0], [""]))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.trouble.append(f"{report.nodeid} can't be collected")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.took[report.nodeid] = round(report.duration, 2)
        if report.when == "call" and report.passed:
            self.passed.append(report.nodeid)
        elif report.when == "call" and report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed[report.nodeid] = str(crash.message if crash else report.longreprtext).splitlines()[0][:160]
        elif report.failed:
            self.trouble.append(f"{report.nodeid}: its {report.when} fails")


@dataclass(frozen=True)
class Found:
    """What one run of tests gave."""

    passed: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    took: Mapping[str, float] = field(default_factory=dict)
    trouble: Sequence[str] = ()
    seconds: float = 0.0
    cpu_s: float = 0.0  # of all its processes

    def means(self, test: str) -> bool:
        """Whether a test failed for a reason of its own."""
        return test in self.failed and not self.failed[test].startswith(NOT_A_CATCH)

    def ran_out_of_time(self, test: str) -> bool:
        """Whether a test failed since something did not end in time, which a busy machine can do too."""
        return OUT_OF_TIME.match(self.failed.get(test, "")) is not None


def preload() -> None:
    """Raises RuntimeError where a library starts a thread, which a fork would lose."""
    for name in FOREIGN:
        importlib.import_module(name)
    if threading.active_count() != 1:
        raise RuntimeError("a thread runs: forks of this process can't be relied on")
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": PLUGINS}  # looking for them takes long
    gc.collect()
    gc.freeze()  # pytest collects garbage at its end, five times: not this much of it


def run(
    copy: Path, tests: Iterable[str], *, module: str | None = None, limit_s: float, until_one_fails: bool = True
) -> Found:
    """The tests on the copy as it is now; ``module`` is imported first."""
    began = time.monotonic()
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(here)
        os.setsid()
        _child(copy, list(tests), module, there, until_one_fails)
    os.close(there)
    told = _read(here, began + limit_s)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # and whatever the tests left behind
    _, _, used = os.wait4(pid, 0)
    values: dict[str, Any] = json.loads(told) if told else {"trouble": [f"no end after {limit_s:g} s, or died"]}
    return Found(**values, seconds=time.monotonic() - began, cpu_s=used.ru_utime + used.ru_stime)


def _read(pipe: int, until: float) -> bytes:
    told = b""
    with os.fdopen(pipe, "rb", buffering=0) as file:
        while (left := until - time.monotonic()) > 0 and select.select([file], [], [], left)[0]:
            piece = file.read(65_536)
            if not piece:
                return told
            told += piece
    return b""


def _child(copy: Path, tests: list[str], module: str | None, there: int, until_one_fails: bool) -> None:
    parts: dict[str, list[str]] = {}
    for path, _, text in (test.partition("@") for test in tests):
        parts.setdefault(path, []).append(text)
    watch = Watch(parts)
    try:
        _move_to(copy)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        if module is None or _imported(module, watch):
            options = ["--timeout=100", *(["--maxfail=1"] if until_one_fails else [])]
            code = pytest.main([*parts, *options], plugins=[watch])
            if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                watch.trouble.append(f"pytest ends with {int(code)}")
    except BaseException as error:
        watch.trouble.append(f"{type(error).__name__} outside of a test")
    told = {"passed": watch.passed, "failed": watch.failed, "took": watch.took, "trouble": watch.trouble}
    with os.fdopen(there, "wb") as file:
        file.write(json.dumps(told).encode())
    os._exit(0)


def _move_to(copy: Path) -> None:
    """Nothing of ours is imported from anywhere else, in this process or in those that tests start."""
    here = Path.cwd()
    os.chdir(copy)
    sys.path[:] = [str(copy), *(path for path in sys.path if path and Path(path).resolve() != here.resolve())]
    os.environ["PYTHONPATH"] = str(copy)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _imported(module: str, watch: Watch) -> bool:
    try:
        importlib.import_module(module)
    except Exception as error:
        watch.trouble.append(f"{module} can't be imported: {type(error).__name__}")
        return False
    return True
