"""Taking copies back: whose key came late is found as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stream.clip import Coordinates, Record
from stream.lifecycle.index import PublishedIndex
from stream.lifecycle.removing import Remover
from stream.ports import Message
from tests.lifecycle.stand_ins import Ring, header, published, ring, sealed, tokens


@dataclass
class Sent:
    """Where tombstones go; nothing else can be asked for."""

    messages: list[Message] = field(default_factory=list)

    async def send(self, messages: Sequence[Message]) -> None:
        self.messages += messages

    async def fresh(self) -> None: ...

    async def delete(self, uri: str) -> None: ...


def locked_out() -> tuple[Ring, PublishedIndex, Remover, Sent]:
    """An index with one copy of an account, which was read while its key was away."""
    keys, sent = Ring(), Sent()
    made = sealed(keys)
    entry = made.entry(header("account"), published("t1"))
    keys.keys = ring().only(["w48"])
    index = PublishedIndex(made)
    index.take(Record(Coordinates("index", 0, 0), entry.value, entry.key))
    assert index.is_unreadable("t1")
    keys.keys = ring()
    return keys, index, Remover(index, sent.fresh, sent.send, sent, "anonymized", "index", settle_s=0.0), sent


async def test_copies_whose_key_came_late_are_taken_back() -> None:
    """The key was not there when the entry was read, and is when the account asks."""
    keys, index, remover, sent = locked_out()
    found = await remover.remove(lambda: index.of_account(sealed(keys).digest("account")))
    assert ["t1"] == tokens(found)
    assert [("anonymized", b"t1", None)] == [(each.topic, each.key, each.value) for each in sent.messages]


async def test_a_report_finds_a_copy_whose_key_came_late() -> None:
    """So that its siblings are taken back too."""
    _, _, remover, _ = locked_out()
    assert await remover.found("t1") is not None
