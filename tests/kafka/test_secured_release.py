"""What Helm renders of the examples is what runs, on a Kafka that lets nobody in unknown.

Each part is a principal of its own, with the rights that ``clipveil acls`` prints and no others. What the test lays
over the examples only says where everything is.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from stream.wire import avro
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.published import object_of
from tests.contract.stand_ins import Topics, everything, until
from tests.helm.chart import CHART
from tests.helm.release import PARTITIONS, Release, demonstrated, ready, send, send_clips
from tests.kafka.by_reference import by_reference
from tests.kafka.grants import grants
from tests.kafka.properties import free_ports
from tests.kafka.secured import WORD, SecuredServer
from tests.registry_server import serving
from tests.wire.s3 import S3, s3_server

EXAMPLES = CHART / "examples"
NONE = {"existingSecret": ""}  # a server of the tests speaks no TLS
REGISTRY_USER = ("clipveil", WORD)


@pytest.fixture
async def operator(secured: SecuredServer) -> AsyncIterator[KafkaBroker]:
    broker = KafkaBroker(KafkaConnection(secured.bootstrap))
    yield broker
    await broker.close()


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


def here(topics: Topics, bootstrap: str, registry: str, ports: dict[str, int]) -> dict[str, Any]:
    """Values that say where things are, for every part."""
    names = {setting: name for setting, name in topics.settings() if isinstance(name, str)}
    quick = {"session_timeout_s": 10, "heartbeat_interval_s": 1, "transaction_timeout_s": 20}
    config = {
        "kafka": {"bootstrap_servers": bootstrap, "group": topics.group, **quick},
        "topics": names | {"partitions": PARTITIONS},
        "registry": {"url": registry},
        "engine": {"processes": 1},
        "audit": {"sign_interval_s": 1},
        "http": {"host": "127.0.0.1", "port": ports["worker"]},
    }
    others = {part: {"config": {"http": {"port": port}}} for part, port in ports.items() if part != "worker"}
    return {"config": config, **others}


def merged(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """As Helm lays one file over another."""
    both = {key: merged(values[key], more[key]) for key in values.keys() & more.keys() if isinstance(more[key], dict)}
    return {**values, **more, **both}


def ports_of(*parts: str) -> dict[str, int]:
    return dict(zip(parts, free_ports(len(parts)), strict=True))


def written(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


async def granted(release: Release, secured: SecuredServer, part: str) -> None:
    """What is printed, to each principal."""
    lines = (await release.told(part, "acls", "--format", "commands")).splitlines()
    async with grants(secured.bootstrap) as rights:
        await rights.add(lines)


async def heard(operator: KafkaBroker, topics: Topics, sent: int) -> bool:
    return len(await everything(operator, topics.settings().audit)) == sent


# ------------------------------------------------------------------ passwords, and audio by reference
@pytest.mark.timeout(600)
async def test_passwords_and_audio_in_a_store(
    secured: SecuredServer, operator: KafkaBroker, topics: Topics, s3: S3, tmp_path: Path
) -> None:
    """``sasl.yaml`` and ``s3.yaml``: clips come from the store and large ones go there; an erasure takes them, and the
    CronJob's sweep what nobody refers to."""
    ports = ports_of("worker", "eraser")
    with serving(tmp_path / "registry", REGISTRY_USER) as registry:
        stored = {"sources": ["s3://raw/clips/"], "output": "s3://published/out/", "endpoint": s3.url}
        values = merged(
            here(topics, secured.scram, registry.url, ports),
            {
                "config": {
                    "kafka": {"sasl_username": "worker"},
                    "objects": stored | {"inline_bytes_max": 30_000},
                    "registry": {"register_schemas": True},
                },
                "secrets": {"registryCa": NONE, "objectsCa": NONE},
                "eraser": {
                    "config": {
                        "kafka": {"sasl_username": "eraser"},
                        "erasing": {"settle_seconds": 0.3, "roll_seconds": 1.0},
                    }
                },
                "sweep": {"config": {"kafka": {"sasl_username": "sweep"}}},
                "topicsJob": {"enabled": True, "config": {"kafka": {"sasl_username": "administrator"}}},
            },
        )
        files = [EXAMPLES / "sasl.yaml", EXAMPLES / "s3.yaml", written(tmp_path, values)]
        word = {"password": WORD, "ca.crt": secured.ca.read_text(encoding="utf-8")}
        parts = ("topics", "worker", "eraser", "sweep")
        release = Release(files, tmp_path, parts, dict.fromkeys(parts, word))
        try:
            await granted(release, secured, "worker")
            await release.done("topics")
            started = {part: release.start(part) for part in ports}
            for part, port in ports.items():
                await until(partial(up, release, part, port), 240)
            bodies = [by_reference(event, number, s3) for number, event in enumerate(demonstrated())]
            sent = await send(operator, topics.settings().raw, registry.url, bodies, REGISTRY_USER)
            await until(partial(heard, operator, topics, sent), 300)
            before = await referred(operator, topics)
            assert before
            assert before == set(s3.keys("published"))

            for account in {event.subject.account_id for event in demonstrated()[::2]}:
                await release.told("eraser", "erase", "request", account, CLIPVEIL_KAFKA__SASL_USERNAME="requester")

            async def fewer() -> bool:
                return await referred(operator, topics) == set(s3.keys("published")) < before

            await until(fewer, 120)
            s3.put("published/out/nobody/1.flac", b"x" * 100)
            s3.age("published", timedelta(days=3))
            assert " 1 orphans" in await release.done("sweep")
            assert await referred(operator, topics) == set(s3.keys("published"))
            for part, process in started.items():
                await release.ended(part, process)
        finally:
            release.kill()


async def up(release: Release, part: str, port: int) -> bool:
    """Ready; fails with the log where the part ended."""
    assert release.runs(part), release.log(part)[-3000:]
    try:
        return await ready(port)
    except httpx.TransportError:
        return False


async def referred(operator: KafkaBroker, topics: Topics) -> set[str]:
    """Keys of the objects that published clips refer to, tombstones counted."""
    schema, found = avro.schema_text("anonymized_clip"), dict[bytes | None, str]()
    for record in await everything(operator, topics.settings().anonymized):
        found.pop(record.key, None)
        if record.value and (audio := object_of(schema, avro.unframe(record.value)[1])) is not None:
            found[record.key] = audio.uri.removeprefix("s3://published/")
    return set(found.values())


# ------------------------------------------------------------------ tokens of ServiceAccounts
@pytest.mark.timeout(600)
async def test_tokens_of_service_accounts(
    secured: SecuredServer, operator: KafkaBroker, topics: Topics, tmp_path: Path
) -> None:
    """``oauth-service-account.yaml``: the broker knows each part by the token that the kubelet lays into its pod."""
    ports = ports_of("worker", "auditor")
    with serving(tmp_path / "registry") as registry:
        files = [
            EXAMPLES / "oauth-service-account.yaml",
            written(tmp_path, here(topics, secured.oauth, registry.url, ports)),
        ]
        audience = yaml.safe_load(files[0].read_text(encoding="utf-8"))["secrets"]["kafkaToken"]["audience"]
        who = {"topics": "administrator", "worker": "worker", "auditor": "auditor"}
        ca = secured.ca.read_text(encoding="utf-8")
        secrets = {
            part: {f"token for {audience}": secured.tokens.issue(name, valid_s=3600), "ca.crt": ca}
            for part, name in who.items()
        }
        release = Release(files, tmp_path, tuple(who), secrets)
        try:
            await granted(release, secured, "worker")
            await release.done("topics")
            started = {part: release.start(part) for part in ports}
            sent = await send_clips(operator, topics.settings().raw, registry.url)
            await until(partial(heard, operator, topics, sent), 300)
            assert [one for one in await everything(operator, topics.settings().anonymized) if one.value]

            async def signed() -> bool:
                return any(json.loads(line)["published"] > 0 for line in release.heads())

            await until(signed, 60)
            for part, process in started.items():
                await release.ended(part, process)
        finally:
            release.kill()
