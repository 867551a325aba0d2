"""The rights that are printed: each once, by the names of the settings, and none that a part must not have."""

from __future__ import annotations

import pytest

from stream.commands.acls import Right, commands, rights_of, table
from stream.config import Settings

RIGHTS = rights_of(Settings())


@pytest.mark.parametrize("principal", RIGHTS)
def test_no_right_is_printed_twice(principal: str) -> None:
    """Nor one that another one implies."""
    assert len(set(RIGHTS[principal])) == len(RIGHTS[principal])


def test_an_annotator_reads_what_is_anonymized_alone() -> None:
    """Neither raw clips, nor what was withheld, nor the audit."""
    assert ["clips.anonymized"] == [right.name for right in RIGHTS["annotator"] if right.operation == "Read"]


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
