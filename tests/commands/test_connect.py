"""From settings to brokers: waited for within bounds, and what is missing is named."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from stream.commands.connect import connect, topics_of
from stream.commands.failure import CommandFailed
from stream.config import Settings
from stream.ops import log
from tests.kafka.server import PASSWORD, USER, KafkaServer


def settings_for(kafka: KafkaServer, folder: Path, create: bool = True, **changes: object) -> Settings:
    name = folder.name.replace("[", "-").replace("]", "-")
    topics = {topic: f"{name}-{topic}" for topic in ("raw", "anonymized", "withheld", "audit")}
    reach = {"bootstrap_servers": kafka.bootstrap, "connect_seconds_max": 10} | changes
    return Settings.model_validate({"kafka": reach, "topics": {**topics, "create": create, "partitions": 3}})


async def test_topics_are_created_where_the_settings_say_so(kafka: KafkaServer, tmp_path: Path) -> None:
    """All that the service needs, with the number of partitions; a second start finds them."""
    settings = settings_for(kafka, tmp_path)
    for again in (settings, settings_for(kafka, tmp_path, create=False)):
        broker = await connect(again)
        try:
            assert [3] * 9 == [len(await broker.end_offsets(name)) for name in topics_of(again)]
        finally:
            await broker.close()


async def test_missing_topics_are_named(kafka: KafkaServer, tmp_path: Path) -> None:
    """A typo in a topic's name ends the start instead of waiting for ever."""
    settings = settings_for(kafka, tmp_path, create=False, connect_seconds_max=1)
    with pytest.raises(CommandFailed, match=f"does not have all of these topics: {settings.topics.raw}"):
        await connect(settings)


async def test_an_absent_cluster_is_told() -> None:
    """While it is waited for in the log, and after the time that the settings give in the error."""
    written = io.StringIO()
    log.configure("WARNING", written)
    settings = Settings.model_validate({"kafka": {"bootstrap_servers": "127.0.0.1:1", "connect_seconds_max": 1}})
    with pytest.raises(CommandFailed, match=r"Kafka at 127\.0\.0\.1:1 does not answer .*, tried for 1 s"):
        await connect(settings)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {"127.0.0.1:1"} == {line["brokers"] for line in lines if line["event"] == log.Event.WAITING_FOR_BROKER}


async def test_a_password_from_a_file_opens_the_cluster(kafka: KafkaServer, tmp_path: Path) -> None:
    """SASL with SCRAM, as the settings say; a wrong password is told and not printed."""
    secret = tmp_path / "password"
    sasl = {
        "bootstrap_servers": kafka.sasl_bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_username": USER,
        "sasl_password_file": secret,
    }
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    await (await connect(settings_for(kafka, tmp_path, **sasl))).close()
    secret.write_text("canary\n", encoding="utf-8")
    with pytest.raises(CommandFailed, match="refuses us: SaslAuthenticationFailed") as caught:
        await connect(settings_for(kafka, tmp_path, **(sasl | {"connect_seconds_max": 1})))
    assert "canary" not in str(caught.value)
