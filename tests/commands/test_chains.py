"""Where the work on a partition goes on, by its audit and by the group's offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stream.clip import Coordinates, Record
from stream.commands import chains
from stream.commands.chains import chain_of
from stream.ports import CommitFailed, Partition
from stream.whose import GENESIS, Resume

HERE = Partition("raw", 0)
LAST = Record(Coordinates("audit", 0, 9), b"no link of any chain")


class Starting:
    """A cluster that says so of the last record and the group's offset, look by look."""

    def __init__(self, *looks: tuple[Record | None, int]) -> None:
        self.looks = list(looks)

    async def last(self, topic: str, partition: int) -> Record | None:
        return self.looks[0][0]

    async def committed(self, topic: str, group: str) -> Mapping[int, int]:
        _, offset = self.looks.pop(0)
        return {0: offset} if offset else {}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "AGAIN_S", 0.0)


async def asked(cluster: Any) -> Resume:
    return await chain_of(cluster, object(), "audit", "group", HERE)  # type: ignore[arg-type]


async def test_where_nothing_was_done_a_chain_begins() -> None:
    """Once that was said twice."""
    cluster = Starting((None, 0), (None, 0))
    assert Resume(GENESIS, 0) == await asked(cluster)
    assert [] == cluster.looks


@pytest.mark.parametrize("then", [(None, 7), (LAST, 0), (LAST, 7)])
async def test_a_cluster_that_starts_begins_no_chain_anew(then: tuple[Record | None, int]) -> None:
    """It may say for a moment that there is neither an audit record nor an offset; all would be done again."""
    with pytest.raises(CommitFailed):
        await asked(Starting((None, 0), then))


async def test_what_is_known_is_not_asked_again() -> None:
    """Nobody waits where something was done."""
    cluster = Starting((None, 7), (None, 0))
    with pytest.raises(CommitFailed, match="AuditGone"):
        await asked(cluster)
    assert 1 == len(cluster.looks)
