"""Each right that ``clipveil acls`` prints, taken away on a real Kafka: the part that needs it says which it lacks."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from stream.commands import topics
from stream.commands.acls import rights_of
from stream.commands.acls_forms import Right, commands
from stream.commands.connect import connection_of
from stream.commands.failure import CommandFailed
from stream.config import Settings
from stream.ops import log
from tests.kafka.grants import Grants, grants
from tests.kafka.rights import Parts, parts_of
from tests.kafka.secured import SecuredServer

PRINCIPALS = [name for name in rights_of(Settings()) if name != "administrator"]


@pytest.fixture
def lines() -> io.StringIO:
    """What is logged."""
    stream = io.StringIO()
    log.configure("INFO", stream)
    return stream


@pytest.fixture
async def granting(secured: SecuredServer) -> AsyncIterator[Grants]:
    """Sets rights there."""
    async with grants(secured.bootstrap) as granted:
        yield granted


def lines_of(settings: Settings, who: str) -> dict[Right, str]:
    """What is printed of its rights for kafka-acls.sh, by right."""
    rights = rights_of(settings)[who]
    return dict(zip(rights, commands({who: rights}), strict=True))


def names(right: Right) -> re.Pattern[str]:
    """What a refusal says of it. Where nothing of a topic is allowed, even that it is there is not told."""
    end = "" if right.prefixed else "(?![A-Za-z0-9._-])"
    return re.compile(rf"\b({right.operation}|Describe) on {right.kind} {re.escape(right.name)}{end}")


@pytest.mark.timeout(600)
async def test_without_any_one_right_a_part_says_which_it_lacks(
    secured: SecuredServer, granting: Grants, lines: io.StringIO, tmp_path: Path
) -> None:
    """With all of them each does its work; without one it ends, or waits, with words that name it, while the others go
    on. So none is printed that nobody needs."""
    looking = (told_wrong(secured, granting, tmp_path / who, who, lines) for who in PRINCIPALS)
    wrong = [each for found in await asyncio.gather(*looking) for each in found]
    assert [] == wrong, "\n".join(wrong)
    assert "Marguerite" not in lines.getvalue()
    assert '"account' not in lines.getvalue()


async def told_wrong(
    secured: SecuredServer, granting: Grants, folder: Path, who: str, logged: io.StringIO
) -> list[str]:
    """The rights without which a part did not say what it lacks, and what it said. All have topics of their own."""
    wrong = []
    async with parts_of(secured, folder, logged) as parts:
        settings = parts.settings(who)
        lines = lines_of(settings, who)
        await granting.add(lines.values())
        if who in {"auditor", "replay", "verifier"}:  # who look at what others have done
            await granting.add([*lines_of(settings, "worker").values(), *lines_of(settings, "auditor").values()])
            await parts.work("worker", "fault")
            await parts.work("auditor")
        for wish in ("escalate", "publish") if who == "worker" else ("publish",):
            if said := await parts.told(who, wish):
                wrong.append(f"{who} with all rights: {said}")
        for right, line in lines.items():
            await prepare(parts, who, right)
            async with granting.without(line):
                said = await parts.told(who, wish_for(right, settings))
            if not names(right).search(said):
                wrong.append(f"{who} without {line}: {said}")
    return wrong


async def prepare(parts: Parts, who: str, right: Right) -> None:
    """Something to sign, or to replay, where the right is used for nothing else."""
    raw = parts.settings(who).topics.raw
    if (who in {"auditor", "replay"} and right.operation == "Write") or (who, right.name) == ("replay", raw):
        await parts.work("worker", "fault")


def wish_for(right: Right, settings: Settings) -> str:
    """What has to become of a clip so that the right is used."""
    return "escalate" if right.name in {settings.topics.withheld, settings.topics.escalations} else "publish"


# ------------------------------------------------------------------ topics
async def test_whoever_makes_topics_is_told_which_right_is_missing(
    secured: SecuredServer, granting: Grants, lines: io.StringIO, tmp_path: Path
) -> None:
    """Create, Describe and DescribeConfigs, of every topic. Nothing is made by a look, though the brokers make what is
    asked for."""
    who, wrong = "administrator", []
    async with parts_of(secured, tmp_path, lines) as parts:
        settings = parts.settings(who)
        rights = lines_of(settings, who)
        await granting.add(rights.values())
        await topics._look(settings, make=True)
        for right, line in rights.items():
            there, other = settings, right
            if right.operation == "Create":
                there, other = anew(settings, right.name), right._replace(name=f"{right.name}.new")
                await granting.add(commands({who: tuple(other._replace(operation=each) for each in LOOKS)}))
                with pytest.raises(CommandFailed, match="is missing"):
                    await topics._look(there, make=False)
            async with granting.without(line):
                said = await told(there)
            if f"({right.operation} on topic {other.name});" not in said:
                wrong.append(f"{line}: {said}")
            if right.operation == "Create":
                await granting.add(commands({who: (other,)}))
                await topics._look(there, make=True)
    assert [] == wrong, "\n".join(wrong)


LOOKS = ("Describe", "DescribeConfigs")


def anew(settings: Settings, topic: str) -> Settings:
    """The same, where one topic is not there yet."""
    [name] = [name for name, value in settings.topics if value == topic]
    return settings.model_copy(update={"topics": settings.topics.model_copy(update={name: f"{topic}.new"})})


async def told(settings: Settings) -> str:
    """How ``clipveil topics create`` ends."""
    try:
        await topics._look(settings, make=True)
    except CommandFailed as failure:
        return str(failure)
    return "well"


# ------------------------------------------------------------------ annotators
async def test_an_annotator_reads_nothing_but_what_is_anonymized(
    secured: SecuredServer, granting: Grants, lines: io.StringIO, tmp_path: Path
) -> None:
    """The broker gives no record of any other topic to whoever has an annotator's rights, however it is asked."""
    async with parts_of(secured, tmp_path, lines) as parts:
        settings = parts.settings("annotator")
        await granting.add(lines_of(settings, "annotator").values())
        readable = [topic for topic in settings.topics.all if await reads(settings, topic)]
        assert [settings.topics.anonymized] == readable


async def reads(settings: Settings, topic: str) -> bool:
    """Whether a plain consumer gets to a topic's records; no command of ours is between."""
    consumer = AIOKafkaConsumer(**connection_of(settings).consumer())
    consumer.assign([TopicPartition(topic, 0)])
    try:
        await consumer.start()
        consumer.seek(TopicPartition(topic, 0), 0)
        await consumer.getmany(timeout_ms=500)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return True
