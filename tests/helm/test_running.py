"""What Helm renders is what runs: every part's command line, settings and secrets, on a real Kafka, with real clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from stream.wire import avro
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, everything, until
from tests.helm.release import PARTITIONS, Release, answer, ready, send_clips
from tests.kafka.properties import free_ports
from tests.registry_server import serving

PARTS = ("topics", "worker", "eraser", "auditor")
SERVED = PARTS[1:]


@pytest.fixture(name="registry_url")
def _registry_url(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "registry") as server:
        yield server.url


@pytest.fixture(name="ports")
def _ports() -> dict[str, int]:
    return dict(zip(SERVED, free_ports(len(SERVED)), strict=True))


@pytest.fixture(name="release")
def _release(
    tmp_path: Path, connection: KafkaConnection, topics: Topics, registry_url: str, ports: dict[str, int]
) -> Iterator[Release]:
    """All parts, with a key ring, on this machine's Kafka and registry; none outlives the test."""
    names = {setting: name for setting, name in topics.settings() if isinstance(name, str)}
    values = {
        "config": {
            "kafka": {
                "bootstrap_servers": connection.bootstrap_servers,
                "security_protocol": "PLAINTEXT",
                "group": topics.group,
                "session_timeout_s": 10,
                "heartbeat_interval_s": 1,
            },
            "topics": names | {"partitions": PARTITIONS},
            "registry": {"url": registry_url},
            "engine": {"processes": 1},
            "audit": {"sign_interval_s": 1},
            "http": {"host": "127.0.0.1", "port": ports["worker"]},
        },
        "eraser": {"enabled": True, "config": {"http": {"port": ports["eraser"]}}},
        "auditor": {"enabled": True, "config": {"http": {"port": ports["auditor"]}}},
        "topicsJob": {"enabled": True},
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    release = Release([file], tmp_path, PARTS)
    yield release
    release.kill()


@pytest.mark.timeout(600)
async def test_the_release_processes_clips(
    release: Release, cluster: KafkaBroker, topics: Topics, registry_url: str, ports: dict[str, int]
) -> None:
    """The Job makes the topics, workers publish and withhold by the ring, the eraser is ready, heads are signed; on
    SIGTERM each ends with 0."""
    await release.done("topics")
    started = {part: release.start(part) for part in SERVED}
    sent = await send_clips(cluster, topics.settings().raw, registry_url)

    async def heard() -> bool:
        for part, process in started.items():
            assert process.poll() is None, release.log(part)[-3000:]
        return len(await everything(cluster, topics.settings().audit)) == sent

    await until(heard, 300)
    published = [record for record in await everything(cluster, topics.settings().anonymized) if record.value]
    schema = avro.schema_text("anonymized_clip")
    campaigns = {
        avro.read(schema, "anonymized_clip", avro.unframe(each.value or b"")[1])["campaign"] for each in published
    }
    assert {"spring"} == campaigns, "the ring's"
    for part, port in ports.items():
        await until(partial(ready, port), 60)
        assert "clipveil_" in (await answer(port, "/metrics")).text, part

    async def signed() -> bool:
        return any(json.loads(line)["published"] > 0 for line in release.heads())

    await until(signed, 60)
    for part, process in started.items():
        await release.ended(part, process)
