"""Who signs the chains: goes on where it stopped, and never signs what it can't follow."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stream.lifecycle.heads import key_id, public_keys, signing_key, vouched
from stream.lifecycle.notary import Notary
from tests.lifecycle import chains
from tests.lifecycle.chains import KEY, KEYS, Rows, decision, honest, linked, verified

ROWS = honest(random.Random(1), 40, heads=1).rows


def told(notary: Notary, rows: Sequence[Any], first_offset: int = 0) -> Notary:
    for offset, row in enumerate(rows, first_offset):
        notary.add(row, "clips.audit", offset)
    notary.caught_up()
    return notary


def test_what_it_signs_is_what_a_verification_asks_for() -> None:
    """Chains of two partitions, signed twice: everything holds, up to the last record."""
    rows = honest(random.Random(2), 30, partitions=2).rows
    notary = Notary(KEY)
    heads = told(notary, rows[:20]).sign(chains.START_MS)
    heads += told(notary, rows[20:], 20).sign(chains.START_MS + 60_000)
    assert [1, 2, 3] == [head["number"] for head in heads]
    assert all(vouched(head, KEYS) for head in heads)
    verification = verified(rows, heads)
    assert [] == verification.problems
    assert {"clips.raw/0": 30, "clips.raw/1": 30} == {n: c.signed for n, c in verification.chains.items()}


def test_a_chain_that_has_not_moved_is_not_signed_again() -> None:
    """No head without a new record."""
    notary = told(Notary(KEY), ROWS)
    assert 1 == len(notary.sign(0))
    assert [] == notary.sign(0)


def test_it_goes_on_from_what_it_signed() -> None:
    """Numbers and counts go on; the topic is read again from the last signed record only."""
    first = told(Notary(KEY), ROWS[:25]).sign(1)
    again = Notary(KEY, first)
    assert {0: 24} == again.start("clips.audit")
    assert {} == again.start("clips.erasure-audit")
    (head,) = told(again, ROWS[24:], 24).sign(2)
    (expected,) = told(Notary(KEY), ROWS).sign(2)
    named = ("sequence", "digest", "published", "withheld", "audit_offset")
    assert [expected[name] for name in named] == [head[name] for name in named]
    assert 2 == head["number"]


def rewritten(rows: Rows) -> Rows:
    return chains.rewrite_all(random.Random(9), list(rows))[0]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (ROWS[:20], "shorter than it was"),
        ([], "shorter than it was"),
        (ROWS[25:], "missing, though signed"),
        (rewritten(ROWS), "not what was signed"),
        (rewritten(ROWS)[24:], "not what was signed"),
    ],
)
def test_a_chain_that_lost_what_was_signed_is_not_signed(rows: Rows, what: str) -> None:
    """Cut, emptied, or written anew between two runs: nothing is signed any more, and it is said why."""
    notary = told(Notary(KEY, told(Notary(KEY), ROWS[:25]).sign(1)), rows)
    assert [] == notary.sign(2)
    assert [25] == [problem.sequence for problem in notary.problems]
    assert what in notary.problems[0].what


def test_nothing_is_signed_before_the_last_signed_record_was_met() -> None:
    """Before the topic was read to its end of then, silence is no proof."""
    again = Notary(KEY, told(Notary(KEY), ROWS[:25]).sign(1))
    assert ([], ()) == (again.sign(2), again.problems)


@pytest.mark.parametrize("name", ["reason", "policy_version", "digest", "previous", "sequence"])
def test_a_broken_chain_is_not_signed_and_the_others_are(name: str) -> None:
    """From the broken record on nothing of its chain is vouched for."""
    other = linked(decision(random.Random(3), offset, 1) for offset in range(10))
    broken = [*ROWS[:10], {**ROWS[10], name: chains.other(random.Random(3), ROWS[10][name])}, *ROWS[11:]]
    notary = told(told(Notary(KEY), broken), other)
    assert ["clips.raw/1"] == [head["chain"] for head in notary.sign(1)]
    assert [("clips.raw/0", 11)] == [(problem.chain, problem.sequence) for problem in notary.problems]


def test_a_record_that_nobody_can_read_breaks_its_chain() -> None:
    """What might have been a link of the chain was none."""
    notary = told(Notary(KEY), ROWS[:10])
    notary.unreadable("clips.raw/0")
    told(notary, ROWS[10:])
    assert [] == notary.sign(1)
    assert [11] == [problem.sequence for problem in notary.problems]


def test_the_key_is_named_in_what_it_signs() -> None:
    """So that a verifier with several keys knows which to take."""
    (head,) = told(Notary(KEY), ROWS).sign(1)
    assert key_id(KEY.public_key()) == head["key_id"]


def test_only_ed25519_keys_sign_and_vouch() -> None:
    """A key of another kind is refused when it is read, and not when a head is due."""
    other = generate_private_key(SECP256R1())
    private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="no Ed25519 key"):
        signing_key(private)
    with pytest.raises(ValueError, match="no Ed25519 key"):
        public_keys([public])
