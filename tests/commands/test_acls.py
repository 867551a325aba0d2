"""The rights that are printed: each once, by the names of the settings, and none that a part must not have."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from stream.__main__ import app
from stream.commands.acls import rights_of
from stream.commands.acls_forms import Right, commands, strimzi, table
from stream.commands.failure import CommandFailed
from stream.config import Settings

ROOT = Path(__file__).parents[2]
RIGHTS = rights_of(Settings())


@pytest.mark.parametrize("principal", RIGHTS)
def test_no_right_is_printed_twice(principal: str) -> None:
    """Nor Describe beside a right of the same name that has it in it."""
    rights = RIGHTS[principal]
    assert len(set(rights)) == len(rights)
    more = {(right.kind, right.name) for right in rights if right.operation in {"Read", "Write"}}
    assert [] == [right for right in rights if right.operation == "Describe" and (right.kind, right.name) in more]


def test_the_page_has_the_table_of_the_code() -> None:
    """docs/security.md says what is printed for the settings as they come."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert "\n".join(table(RIGHTS)) in page


def test_what_is_not_used_needs_no_right() -> None:
    """Without quota and cap nothing is counted; consent that is not followed is not read; a group is for whoever has
    one."""
    sampling = RIGHTS["worker"]
    assert Right("topic", "clips.sampling", "Describe") in sampling
    counted = rights_of(Settings.model_validate({"sampling": {"per_hour_max": 10}}))["worker"]
    assert {Right("topic", "clips.sampling", does) for does in ("Read", "Write")} <= set(counted)
    deaf = rights_of(Settings.model_validate({"consent": {"follow": False}}))["worker"]
    assert Right("topic", "clips.consent", "Describe") in deaf
    assert {"topic"} == {right.kind for right in rights_of(Settings(), "")["annotator"]}


def test_strimzi_has_every_right() -> None:
    """A KafkaUser each, with the operations of one resource together."""
    users = [user for user in yaml.safe_load_all("\n".join(strimzi(RIGHTS))) if user]
    assert list(RIGHTS) == [user["metadata"]["name"] for user in users]
    kinds = {"topic": "topic", "group": "group", "transactionalId": "transactional-id"}
    for user in users:
        assert ("KafkaUser", "simple") == (user["kind"], user["spec"]["authorization"]["type"])
        found = {
            Right(kinds[of["type"]], of["name"], operation, of["patternType"] == "prefix")
            for rule in user["spec"]["authorization"]["acls"]
            for of in [rule["resource"]]
            for operation in rule["operations"]
        }
        assert set(RIGHTS[user["metadata"]["name"]]) == found


def test_an_annotator_reads_what_is_anonymized_alone() -> None:
    """Neither raw clips, nor what was withheld, nor the audit."""
    readable = [right.name for right in RIGHTS["annotator"] if (right.kind, right.operation) == ("topic", "Read")]
    assert ["clips.anonymized"] == readable


@pytest.mark.parametrize("group", ["g", "g-erasure", "g-report", "a --allow-principal User:*", "a\n--add"])
def test_annotators_have_a_group_of_their_own(tmp_path: Path, group: str) -> None:
    """Whoever may join a group of the service can take its partitions away, and keep clips and erasures waiting; and
    a name is a name, wherever it is pasted."""
    settings = tmp_path / "clipveil.yaml"
    settings.write_text("kafka: {group: g}\n", encoding="utf-8")
    failure = CliRunner().invoke(app, ["acls", "--reader-group", group, "--config", str(settings)]).exception
    assert isinstance(failure, CommandFailed)
    assert "--reader-group" in str(failure)


def test_the_audit_is_written_by_those_alone_whose_work_it_tells() -> None:
    """Whoever signs it, or checks it, can't change it."""
    of = Settings().topics
    for topic, who in {of.audit: "worker", of.erasure_audit: "eraser", of.reports_audit: "eraser"}.items():
        assert [who] == [name for name, rights in RIGHTS.items() if Right("topic", topic, "Write") in rights]


def test_names_come_from_the_settings() -> None:
    """Of topics, of the group, and of the transactional ids that are made of both."""
    settings = Settings.model_validate({"kafka": {"group": "g"}, "topics": {"raw": "in"}})
    worker = rights_of(settings)["worker"]
    wanted = (
        Right("topic", "in", "Read"),
        Right("group", "g", "Read"),
        Right("transactional-id", "g-in-", "Write", True),
    )
    assert set(wanted) <= set(worker)


def test_both_forms_have_every_right() -> None:
    """A line each, and a prefix is said to be one."""
    count = sum(map(len, RIGHTS.values()))
    assert (count + 2, count) == (len(list(table(RIGHTS))), len(list(commands(RIGHTS))))
    prefixed = [line for line in commands(RIGHTS) if "prefixed" in line]
    assert 3 == len(prefixed) == sum(line.endswith("*` |") for line in table(RIGHTS))
