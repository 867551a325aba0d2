"""A real Apache Kafka for tests: one node, KRaft, free ports, a temporary directory; gone when the tests are.

It can die and come back, as brokers do: ``kill``, ``restart``, ``restart_cleanly``. Three of them are in ``cluster``.
"""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from tests.kafka.fetch import kafka_libs, require_java
from tests.kafka.properties import Addresses, free_addresses, server_properties

# Linux takes the thread that started a process for its parent: this one lives as long as we do.
_LAUNCHING = ThreadPoolExecutor(max_workers=1)
USER, PASSWORD = "clipveil", "kafka-test-password"
JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


class KafkaServer:
    """``start`` it, reach it at ``bootstrap`` (no security) or ``sasl_bootstrap`` (USER, PASSWORD), ``stop`` it.

    Clients that start at ``proxy_bootstrap`` reach it through a proxy alone, which has to forward to ``proxied``.
    """

    def __init__(
        self,
        folder: Path,
        nodes: Sequence[Addresses] = (),
        number: int = 1,
        *,
        logs: Path | None = None,
        heap_mb: int = 512,
        environment: Mapping[str, str] | None = None,
        more: str = "",
        accounts: Mapping[str, str] = MappingProxyType({USER: PASSWORD}),
        java: Sequence[str] = (),
    ) -> None:
        nodes = nodes or [free_addresses()]
        here = nodes[number - 1]
        self.bootstrap, self.sasl_bootstrap = here.plain, here.sasl
        self.proxied, self.proxy_bootstrap = here.proxied, here.proxy
        self.logs = logs or folder / "logs"  # the segments of every topic
        self._alone = len(nodes) == 1
        self._log = folder / "kafka.log"
        self._properties = folder / "server.properties"
        self._properties.write_text(server_properties(number, nodes, self.logs) + more)  # the last one of a name counts
        self._accounts = accounts
        self._java = ["java", f"-Xmx{heap_mb}m", *JVM, *java]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    # -------------------------------------------------------------- its life
    def start(self, timeout_s: float = 60.0) -> None:
        """Returns when the broker takes connections. Raises RuntimeError with the end of its log where it does not."""
        self.format(base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode())
        self.launch()
        self.until_up(timeout_s)

    def restart(self, timeout_s: float = 60.0) -> None:
        """Where it was, with what it had: the same folder, the same ports. Kills it first where it still runs."""
        self.kill()
        self.launch()
        self.until_up(timeout_s)

    def restart_cleanly(self, timeout_s: float = 60.0) -> None:
        """As an operator does it: the broker may close its logs and hand over what it leads."""
        self.end(timeout_s)
        self.restart(timeout_s)

    def kill(self) -> None:
        """SIGKILL; what is on disk stays there."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self, timeout_s: float = 60.0) -> None:
        """SIGTERM, and what it does then. Raises TimeoutExpired where that takes too long."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout_s)
            self._process = None

    def stop(self) -> None:
        """At once. What is on disk goes with the folder."""
        self.kill()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP freezes the broker, SIGCONT lets it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    # -------------------------------------------------------------- steps, for several of them at once
    def format(self, cluster: str) -> None:
        """Makes the folder that a broker starts from."""
        require_java()
        quorum = ["--standalone"] if self._alone else []
        command = [*self._command("kafka.tools.StorageTool"), "format", *quorum, f"--cluster-id={cluster}"]
        with self._log.open("ab") as log:
            command += ["-c", str(self._properties)]
            for name, password in self._accounts.items():
                command += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
            subprocess.run(command, stdout=log, stderr=log, check=False)

    def launch(self) -> None:
        self._process = _LAUNCHING.submit(self._launched).result()

    def _launched(self) -> subprocess.Popen[bytes]:
        command = [*self._command("kafka.Kafka"), str(self._properties)]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self._environment, preexec_fn=_die_with_parent)

    def until_up(self, timeout_s: float) -> None:
        """Raises RuntimeError with the end of its log where it does not come up."""
        deadline = time.monotonic() + timeout_s
        while not _listens(self.bootstrap):
            if not self.alive or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{self.said()[-3000:]}")
            time.sleep(0.1)

    # -------------------------------------------------------------- what is known of it
    @property
    def alive(self) -> bool:
        """Whether the process runs, which says nothing of whether it answers."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def said(self) -> str:
        """The log of the broker itself."""
        return self._log.read_text(errors="replace")

    def _command(self, main: str) -> list[str]:
        return [*self._java, "-cp", f"{kafka_libs()}/*", main]


def _listens(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _die_with_parent() -> None:
    """Also where the test run is killed: a broker must never be left behind (PR_SET_PDEATHSIG, Linux only)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(1, signal.SIGKILL)
