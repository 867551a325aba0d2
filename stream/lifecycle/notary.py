"""Who follows the audit chains and says, by signature, where they end. It must not be who writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.lifecycle.chain import end_at
from stream.lifecycle.heads import AuditHead, sign
from stream.lifecycle.verifying import ChainCheck, Counts, Problem, chain_of
from stream.ports import Partition
from stream.whose import Head


@dataclass
class _Chain:
    """A chain as it is followed; ``awaited`` is its last signed head until that record has been met again."""

    check: ChainCheck
    awaited: Head | None
    signed: int
    audit_topic: str
    audit_offset: int


class Notary:
    """Signs only what it has followed without a break, from the chain's beginning or from what it signed before."""

    def __init__(self, key: Ed25519PrivateKey, signed: Iterable[AuditHead] = ()) -> None:
        """``signed`` is all that was signed before, in its order; its signatures are the caller's to check."""
        self._key = key
        self._chains: dict[str, _Chain] = {}
        self._number = 0
        for head in signed:
            self._number = head["number"]
            self._chains[head["chain"]] = _resumed(head)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of the chains that are not signed any more."""
        return tuple(chain.check.problem for chain in self._chains.values() if chain.check.problem is not None)

    @property
    def chains(self) -> int:
        return len(self._chains)

    @property
    def unsigned(self) -> int:
        """Records that were followed and no head vouches for yet."""
        return sum(chain.check.head.sequence - chain.signed for chain in self._chains.values())

    @property
    def unsigned_since_ms(self) -> int | None:
        """When the oldest of them was decided."""
        since = [chain.check.unsigned_since_ms for chain in self._chains.values()]
        return min((at for at in since if at is not None), default=None)

    def start(self, audit_topic: str) -> dict[int, int]:
        """By partition of an audit topic the offset from which it has to be read."""
        there = [chain for chain in self._chains.values() if chain.audit_topic == audit_topic]
        offsets: dict[int, int] = {}
        for chain in there:
            partition = int(chain.check.chain.rpartition("/")[2])
            offsets[partition] = min(chain.audit_offset, offsets.get(partition, chain.audit_offset))
        return offsets

    def add(self, record: Mapping[str, Any], audit_topic: str, audit_offset: int) -> None:
        """The next record of an audit topic."""
        name = chain_of(record)
        chain = self._chains.get(name)
        if chain is None:
            chain = self._chains[name] = _Chain(ChainCheck(name), None, 0, audit_topic, audit_offset)
        if chain.awaited is not None:
            _meet(chain, chain.awaited, record)
        elif chain.check.add(record):
            chain.audit_topic, chain.audit_offset = audit_topic, audit_offset

    def unreadable(self, chain: str) -> None:
        """A record that nobody can decode lies where one of ``chain`` has to be."""
        known = self._chains.setdefault(chain, _Chain(ChainCheck(chain), None, 0, "", 0))
        expected = known.check.head.sequence + 1
        _spoil(known, expected, f"what stands in the place of record {expected} can't be read")

    def caught_up(self) -> None:
        """Everything that was there has been added: a signed record that was not met is gone."""
        for chain in self._chains.values():
            if chain.awaited is not None:
                last = chain.awaited.sequence
                _spoil(chain, last, f"record {last} is missing, though signed: the chain is shorter than it was")

    def sign(self, now_ms: int) -> list[AuditHead]:
        """The heads of all sound chains that have moved since they were signed last."""
        heads = []
        for name, chain in sorted(self._chains.items()):
            at = chain.check.head
            if chain.check.problem is None and at.sequence > chain.signed:
                self._number += 1
                chain.signed, chain.check.unsigned_since_ms = at.sequence, None
                heads.append(sign(self._head(name, chain, now_ms), self._key))
        return heads

    def _head(self, name: str, chain: _Chain, now_ms: int) -> AuditHead:
        at, counts = chain.check.head, chain.check.counts
        return {
            "number": self._number,
            "chain": name,
            "sequence": at.sequence,
            "digest": at.digest.hex(),
            "published": counts.published,
            "withheld": counts.withheld,
            "audit_topic": chain.audit_topic,
            "audit_offset": chain.audit_offset,
            "signed_at": now_ms,
        }


def _resumed(head: Mapping[str, Any]) -> _Chain:
    at = Head(head["sequence"], bytes.fromhex(head["digest"]))
    counts = Counts(head["published"], head["withheld"], head["sequence"] - head["published"] - head["withheld"])
    check = ChainCheck(head["chain"], head=at, counts=counts, signed=at.sequence)
    return _Chain(check, at, at.sequence, head["audit_topic"], head["audit_offset"])


def _meet(chain: _Chain, awaited: Head, record: Mapping[str, Any]) -> None:
    """Goes on behind the last signed record once it is met, and is what was signed."""
    sequence = record.get("sequence")
    if type(sequence) is int and sequence < awaited.sequence:
        return  # read from further back, on behalf of another chain or because offsets have changed
    chain.awaited = None
    topic, _, partition = chain.check.chain.rpartition("/")
    try:
        met = end_at(record, Partition(topic, int(partition))) == awaited
    except ValueError:
        met = False
    if met:
        chain.check.offset = record["offset"]
    elif sequence == awaited.sequence:
        _spoil(chain, awaited.sequence, f"record {awaited.sequence} is not what was signed")
    else:
        _spoil(chain, awaited.sequence, f"record {awaited.sequence} is missing, though signed")


def _spoil(chain: _Chain, sequence: int, what: str) -> None:
    chain.awaited = None
    if chain.check.problem is None:
        chain.check.problem = Problem(chain.check.chain, sequence, what, sequence)
