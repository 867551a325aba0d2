"""docs/operations.md: the tests, commands and targets that it names are there, its sums are right, and what it tells to
do to a topic works."""

from __future__ import annotations

import re

import pytest
import typer.main
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import PolicyViolationError
from aiokafka.structs import TopicPartition

from stream.__main__ import app
from stream.ports import Message
from stream.wire.kafka import KafkaBroker, KafkaConnection
from tests.contract.stand_ins import Topics, everything
from tests.helm.chart import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.:]+)`", PAGE)))
SHIFT_S = 9 * 3600
CLIPS = 1_000


@pytest.mark.parametrize("named", NAMED)
def test_the_tests_that_it_names_exist(named: str) -> None:
    """The file, and the function where one is named."""
    path, _, function = named.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not function or re.search(rf"^(?:async )?def {function}\(", text, re.MULTILINE)


def test_what_it_tells_to_run_exists() -> None:
    """Each `clipveil ...` is a command with that option, and each `make ...` a target."""
    group = typer.main.get_command(app)
    for line in re.findall(r"`clipveil ([^`]+)`", PAGE):
        command, words = group, line.split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        options = {option for each in command.params for option in each.opts}
        assert command is not group, line
        assert [] == [word for word in words if word.startswith("--") and word not in options], line
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"make\s+([a-z-]+)", PAGE.replace("`make it", ""))
    assert {"image", "image-test", "lock-cpu", "sbom", "audit"} <= set(targets)
    named = set(re.findall(r"`make\s+([a-z-]+)", PAGE))
    assert [] == [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def test_links_lead_somewhere() -> None:
    """Files are there, and so are the headings that are meant."""
    for file, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", PAGE):
        path = (ROOT / "docs" / file) if file else ROOT / "docs" / "operations.md"
        assert path.exists(), file
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{file}#{anchor}"


def test_the_sums_are_right() -> None:
    """Clips a second and annotators a core follow from the milliseconds and from README's yields of `safe`."""
    without, with_words = (
        float(found) / 100 for found in re.findall(r"^\| [^|]*`safe` \| ([\d.]+) %", README, re.MULTILINE)
    )
    assert f"{with_words:.0%}".replace("%", " %") in PAGE
    rows = re.findall(r"^\| (?:\d+) s \| (\d+) \| ([\d.]+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for milliseconds, rate, *annotators in rows:
        cost = int(milliseconds) / 1000
        assert float(rate) == pytest.approx(1 / cost, abs=0.06)
        for count, share in zip(annotators, (with_words, without), strict=True):
            assert int(count) == pytest.approx(share / cost / (CLIPS / SHIFT_S), abs=1)


async def test_a_compacted_topic_can_be_emptied(
    cluster: KafkaBroker, connection: KafkaConnection, topics: Topics
) -> None:
    """Kafka deletes no records of a topic that is only compacted, and does once `delete` is among its policies."""
    await topics.create(cluster)
    await cluster.send([Message(topics.anonymized, b"%d" % number, b"clip", None, 0) for number in range(3)])
    client = AIOKafkaAdminClient(bootstrap_servers=connection.bootstrap_servers)
    await client.start()
    everywhere = {TopicPartition(topics.anonymized, 0): RecordsToDelete(before_offset=-1)}
    policies = {"cleanup.policy": "compact,delete"}
    try:
        with pytest.raises(PolicyViolationError):
            await client.delete_records(everywhere)
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.anonymized, configs=policies)])
        await client.delete_records(everywhere)
    finally:
        await client.close()
    assert [] == await everything(cluster, topics.anonymized)
