"""``clipveil topics`` on a real Kafka: what it makes, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from stream.commands.failure import CommandFailed
from stream.commands.run import connected
from stream.commands.topics import check_at_start, problems
from stream.config import Settings
from stream.config.outside import TopicSettings
from stream.ports import BrokerUnavailable
from stream.wire.kafka import KafkaBroker, KafkaConnection
from stream.wire.kafka_topics import KafkaTopics, Topic
from tests.commands.test_cli import clipveil
from tests.contract.stand_ins import Topics
from tests.kafka.server import KafkaServer


@pytest.fixture
async def admin(connection: KafkaConnection) -> AsyncIterator[KafkaTopics]:
    """The cluster as an administrator sees it."""
    topics = KafkaTopics(connection)
    await topics.start()
    yield topics
    await topics.close()


class Commands:
    """``clipveil topics`` with topics that no other test has."""

    def __init__(self, kafka: KafkaServer, names: TopicSettings) -> None:
        self.names = names
        named = {f"CLIPVEIL_TOPICS__{key.upper()}": name for key, name in names if isinstance(name, str)}
        self._environment = {"CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, **named}

    async def __call__(self, command: str, **more: str) -> tuple[int, str]:
        told = await asyncio.to_thread(clipveil, "topics", command, **(self._environment | more))
        return told.returncode, told.stdout + told.stderr


@pytest.fixture
def command(kafka: KafkaServer, topics: Topics) -> Commands:
    return Commands(kafka, topics.settings())


async def test_every_topic_is_made_as_it_must_be(command: Commands, admin: KafkaTopics) -> None:
    """All that the settings name, with the policies of erasure and audit; then a second run finds them good."""
    code, told = await command("check")
    assert (1, True) == (code, f"{command.names.raw}: is missing" in told)
    assert {} == await admin.found(command.names.all), "check makes nothing"
    code, told = await command("create", CLIPVEIL_TOPICS__PARTITIONS="3")
    assert (0, 16) == (code, told.count("made: ")), told
    found = await admin.found(command.names.all)
    assert set(command.names.all) == set(found)
    assert {3} == {topic.partitions for topic in found.values()}
    compacted = {name for name, topic in found.items() if topic.configuration["cleanup.policy"] == "compact"}
    assert command.names.compacted == compacted
    kept = {name for name, topic in found.items() if topic.configuration["retention.ms"] == "-1"}
    of = command.names
    assert {of.audit, of.erasure_audit, of.reports_audit, of.audit_heads} <= kept
    assert "86400000" == found[of.anonymized].configuration["max.compaction.lag.ms"]
    for again in ("create", "check"):
        code, told = await command(again)
        assert (0, 16) == (code, told.count("good: ")), told


async def test_a_wrong_topic_is_refused_and_none_is_made(
    command: Commands, admin: KafkaTopics, cluster: KafkaBroker
) -> None:
    """An audit that is compacted is named with what it must be; the others are not made, and it is not changed."""
    of = command.names
    await cluster.create_topics({of.audit: 1}, frozenset({of.audit}))
    code, told = await command("create")
    assert 1 == code
    assert f"{of.audit}: cleanup.policy must be delete, and is compact" in told
    found = await admin.found(of.all)
    assert {of.audit} == set(found)
    assert "compact" == found[of.audit].configuration["cleanup.policy"]


async def test_what_goes_with_the_input_has_its_partitions(
    command: Commands, admin: KafkaTopics, cluster: KafkaBroker
) -> None:
    """Audit and sampling get as many partitions as a raw topic that is there already, whatever the settings say."""
    await cluster.create_topics({command.names.raw: 5})
    code, told = await command("create", CLIPVEIL_TOPICS__PARTITIONS="2")
    assert 0 == code, told
    found = await admin.found(command.names.all)
    assert {5} == {found[name].partitions for name in (command.names.audit, command.names.sampling)}
    assert 2 == found[command.names.anonymized].partitions


async def test_a_worker_does_not_begin_whose_clips_its_topic_would_not_take(
    kafka: KafkaServer, topics: Topics, cluster: KafkaBroker, command: Commands
) -> None:
    """Before the first of them is heard; with a smaller bound of its own it does."""
    of = topics.settings()
    await topics.create_all(cluster, 1)
    named = {key: name for key, name in of if isinstance(name, str)}
    for bytes_max, begins in ((8 * 2**20, True), (8 * 2**20 + 1, False)):
        settings = Settings.model_validate(
            {"kafka": {"bootstrap_servers": kafka.bootstrap, "max_request_bytes": bytes_max}, "topics": named}
        )
        if begins:
            await (await connected(settings)).close()
        else:
            with pytest.raises(CommandFailed, match=f"{of.anonymized}: max.message.bytes must be at least"):
                await connected(settings)


@pytest.mark.parametrize("setting", ["raw", "audit"])
async def test_a_worker_does_not_begin_where_a_topic_forgets(
    kafka: KafkaServer, topics: Topics, cluster: KafkaBroker, setting: str
) -> None:
    """Clips that a younger one replaced would never be read, and the audit would lack records."""
    of = topics.settings()
    name = getattr(of, setting)
    await cluster.create_topics({name: 1}, frozenset({name}))
    await topics.create_all(cluster, 1)
    named = {key: name for key, name in of if isinstance(name, str)}
    settings = Settings.model_validate({"kafka": {"bootstrap_servers": kafka.bootstrap}, "topics": named})
    with pytest.raises(CommandFailed, match=f"{name}: cleanup.policy must be delete"):
        await connected(settings)


async def test_who_may_not_see_how_topics_are_configured_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's rights do not include it: then somebody else has to look."""

    async def found(self: KafkaTopics, names: object) -> None:
        raise BrokerUnavailable("TopicAuthorizationFailedError")

    async def start(self: KafkaTopics) -> None: ...

    monkeypatch.setattr(KafkaTopics, "start", start)
    monkeypatch.setattr(KafkaTopics, "found", found)
    await check_at_start(Settings.model_validate({}))


async def test_brokers_that_do_not_answer_are_named() -> None:
    """One line, after the time that the settings give."""
    told = await asyncio.to_thread(
        clipveil,
        "topics",
        "check",
        CLIPVEIL_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:9",
        CLIPVEIL_KAFKA__CONNECT_SECONDS_MAX="0.5",
    )
    assert 1 == told.returncode
    assert "Kafka at 127.0.0.1:9 does not answer" in told.stderr


GOOD: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "max.compaction.lag.ms": "9223372036854775807",
    "max.message.bytes": "8388608",
}
NEVER_COMPACTED = {"cleanup.policy": "compact"}


@pytest.mark.parametrize(
    ("topic", "configuration", "problem"),
    [
        ("clips.raw", {"cleanup.policy": "compact"}, "cleanup.policy must be delete, and is compact"),
        ("clips.consent", {}, "cleanup.policy must be compact, and is delete"),
        ("clips.consent", {"cleanup.policy": "compact,delete"}, "must be compact, and is compact,delete"),
        ("clips.recalls", {}, "cleanup.policy must be compact, and is delete"),
        ("clips.audit", {}, "retention.ms must be -1, and is 604800000"),
        ("clips.audit", {"retention.ms": "-1", "retention.bytes": "1"}, "retention.bytes must be -1, and is 1"),
        ("clips.anonymized", NEVER_COMPACTED, "max.compaction.lag.ms must be"),
        ("clips.index", NEVER_COMPACTED, "max.compaction.lag.ms must be"),
        (
            "clips.anonymized",
            {"cleanup.policy": "compact", "max.compaction.lag.ms": "1", "max.message.bytes": "1048588"},
            "max.message.bytes must be at least kafka.max_request_bytes",
        ),
    ],
)
def test_each_wrong_policy_is_told(topic: str, configuration: dict[str, str], problem: str) -> None:
    """By which clips, opt-outs or the past would be lost, or what was erased would stay: one line that names it."""
    (told,) = problems(Settings(), {topic: Topic(topic, 1, {**GOOD, **configuration})})
    assert told.startswith(f"{topic}: ")
    assert problem in told


def test_too_few_partitions_are_told() -> None:
    """What is kept by the input's partitions needs as many."""
    good = {**GOOD, "retention.ms": "-1"}
    found = {"clips.raw": Topic("clips.raw", 6, GOOD), "clips.audit": Topic("clips.audit", 5, good)}
    told = list(problems(Settings(), found))
    assert ["clips.audit: needs at least as many partitions as clips.raw, which has 6"] == told
