"""A real Apache Kafka for tests: one node, KRaft, free ports, a temporary directory; gone when the tests are."""

from __future__ import annotations

import base64
import ctypes
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from tests.kafka.fetch import kafka_libs, require_java

USER, PASSWORD = "clipveil", "kafka-test-password"
JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=16777216
log.retention.ms=-1
log.cleaner.backoff.ms=500
log.initial.task.delay.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class KafkaServer:
    """``start`` it, reach it at ``bootstrap`` (no security) or ``sasl_bootstrap`` (USER, PASSWORD), ``stop`` it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "kafka.log"
        plain, sasl, controller = _free_ports(3)
        self.bootstrap = f"127.0.0.1:{plain}"
        self.sasl_bootstrap = f"127.0.0.1:{sasl}"
        self._properties = folder / "server.properties"
        self.logs = folder / "logs"  # the segments of every topic
        self._properties.write_text(PROPERTIES.format(plain=plain, sasl=sasl, controller=controller, logs=self.logs))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 60.0) -> None:
        """Returns when the broker takes connections. Raises RuntimeError with the end of its log where it does not."""
        require_java()
        java = ["java", *JVM, "-cp", f"{kafka_libs()}/*"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        account = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        with self._log.open("wb") as log:
            storage = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(self._properties)]
            subprocess.run([*java, *storage, "--add-scram", account], stdout=log, stderr=log, check=False)
            command = [*java, "kafka.Kafka", str(self._properties)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        deadline = time.monotonic() + timeout_s
        while not _listens(self.bootstrap):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Kafka did not start:\n{self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP freezes the broker, SIGCONT lets it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """At once: nothing of it is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


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
