"""Each right that ``clipveil acls`` prints, taken away on a real Kafka: the part that needs it says which it lacks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stream.commands.acls import Right, rights_of
from stream.commands.acls_forms import commands
from stream.config import Settings
from tests.kafka.grants import Grants, grants
from tests.kafka.rights import Parts, parts_of
from tests.kafka.secured import SecuredServer

PRINCIPALS = [name for name in rights_of(Settings()) if name != "administrator"]


@pytest.fixture
async def parts(secured: SecuredServer, tmp_path: Path) -> AsyncIterator[Parts]:
    """Topics of their own, and no rights."""
    async with parts_of(secured, tmp_path) as made:
        yield made


@pytest.fixture
async def granting(secured: SecuredServer) -> AsyncIterator[Grants]:
    async with grants(secured.bootstrap) as granted:
        yield granted


def lines_of(parts: Parts, who: str) -> dict[Right, str]:
    """What is printed of its rights for kafka-acls.sh, by right."""
    rights = rights_of(parts.settings(who))[who]
    return dict(zip(rights, commands({who: rights}), strict=True))


def names(right: Right) -> re.Pattern[str]:
    """What a refusal says of it. Where nothing of a topic is allowed, even that it is there is not told."""
    end = "" if right.prefixed else "(?![A-Za-z0-9._-])"
    return re.compile(rf"\b({right.operation}|Describe) on {right.kind} {re.escape(right.name)}{end}")


def wish_for(right: Right, parts: Parts) -> str:
    """What has to become of a clip so that the right is used."""
    of = parts.settings("operator").topics
    return "escalate" if right.name in {of.withheld, of.escalations} else "publish"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", PRINCIPALS)
async def test_without_any_one_right_a_part_says_which_it_lacks(parts: Parts, granting: Grants, who: str) -> None:
    """With all of them it does its work; without one it ends, or waits, with words that name it."""
    lines = lines_of(parts, who)
    await granting.add(lines.values())
    if who in {"auditor", "replay", "verifier"}:  # who look at what others have done
        await granting.add([*lines_of(parts, "worker").values(), *lines_of(parts, "auditor").values()])
        await parts.work("worker", "fault")
        await parts.work("auditor")
    for wish in ("escalate", "publish") if who == "worker" else ("publish",):
        assert "" == await parts.told(who, wish)
    for right, line in lines.items():
        if who in {"auditor", "replay"} and right.operation == "Write":
            await parts.work("worker", "fault")  # something to sign, to replay
        async with granting.without(line):
            said = await parts.told(who, wish_for(right, parts))
        assert names(right).search(said), f"{line}: {said}"
        assert "Marguerite" not in said
        assert "account" not in said
