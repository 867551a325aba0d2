"""The settings of the brokers that the tests run, and the ports that they listen at."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
# Below the ports that a system gives to clients: one of those could take the port of a broker that is away for a while.
PORTS = range(20_000, 32_000)
ONE_NODE = 1  # how many copies there are of everything, and how many must be there for a write
THREE_NODES = 3

PROPERTIES = """
process.roles=broker,controller
node.id={number}
{quorum}
listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{sasl},PROXIED://{proxied},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{sasl},PROXIED://{proxy},CONTROLLER://{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes=16777216
log.retention.ms=-1
log.index.size.max.bytes=1048576
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=16777216
log.initial.task.delay.ms=500
min.insync.replicas={in_sync}
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.num.partitions=4
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""


@dataclass(frozen=True)
class Addresses:
    """Where one broker listens, as host:port. What it advertises to clients of ``proxied`` is ``proxy``, where a test
    may have a proxy listen."""

    plain: str
    sasl: str
    controller: str
    proxied: str
    proxy: str


def free_addresses() -> Addresses:
    return Addresses(*(f"{HOST}:{port}" for port in free_ports(5)))


def server_properties(number: int, nodes: Sequence[Addresses], logs: Path) -> str:
    """Of the broker ``number`` (from 1) among ``nodes``; with three of them everything is there three times."""
    here = nodes[number - 1]
    replicas = min(len(nodes), THREE_NODES)
    return PROPERTIES.format(
        number=number,
        quorum=_quorum(nodes),
        plain=here.plain,
        sasl=here.sasl,
        controller=here.controller,
        proxied=here.proxied,
        proxy=here.proxy,
        logs=logs,
        replicas=replicas,
        in_sync=max(1, replicas - 1),
    )


def _quorum(nodes: Sequence[Addresses]) -> str:
    if len(nodes) == ONE_NODE:
        return f"controller.quorum.bootstrap.servers={nodes[0].controller}"
    voters = ",".join(f"{number}@{node.controller}" for number, node in enumerate(nodes, 1))
    return f"controller.quorum.voters={voters}"


def free_ports(count: int) -> list[int]:
    """Nobody listens there now; they were held all at once, so that they differ."""
    held: list[socket.socket] = []
    while len(held) < count:
        try:
            held.append(socket.create_server((HOST, random.choice(PORTS))))
        except OSError:
            continue
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports
