"""Whoever changes the audit is found, and whoever did not is not blamed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.lifecycle.heads import Anchors, sign
from stream.lifecycle.verifying import ChainCheck, Counts, Problem, Verification
from tests.lifecycle import chains
from tests.lifecycle.chains import KEY, KEYS, OTHER_KEY, Audit, Rows, Tampering, honest, signed, verified

FIELDS = [*chains.decision(random.Random(0), 0), "sequence", "previous", "digest"]
DECIDED = [name for name in FIELDS if name not in ("sequence", "previous", "digest")]
EXACT: dict[str, Tampering] = {
    **{f"edit {name}": chains.edit(name) for name in FIELDS},
    "drop a field": chains.drop_field,
    "add a field": chains.add_field,
    "delete": chains.delete,
    "swap": chains.swap,
}
BETWEEN: dict[str, Tampering] = {  # of which heads tell only between which records it begins
    **{f"edit {name} and its digest": chains.edit_with_own_digest(name) for name in DECIDED},
    "truncate": chains.truncate,
    "duplicate": chains.duplicate,
    "insert": chains.insert,
    "rewrite the tail": chains.rewrite_tail,
    "rewrite without one": chains.rewrite_without,
    "rewrite all": chains.rewrite_all,
}


def tampered(tampering: Tampering, seed: int) -> tuple[Problem, int, Audit]:
    """The one problem that is found in the one chain, and the first record that was touched."""
    chance = random.Random(seed)
    audit = honest(chance, chance.choice([2, 3, 10, 60]))
    rows, touched = tampering(chance, list(audit.rows))
    found = [problem for problem in verified(rows, audit.heads).problems if problem.chain == "clips.raw/0"]
    assert 1 == len(found)
    return found[0], touched, audit


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", EXACT)
def test_the_first_broken_record_is_named(name: str, seed: int) -> None:
    """Changed, missing or moved: exactly the first record of which that is so."""
    problem, touched, _ = tampered(EXACT[name], seed)
    assert (touched, touched) == (problem.since, problem.sequence)
    assert f"record {touched} " in problem.what or f"records {touched} to" in problem.what


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", BETWEEN)
def test_what_was_computed_anew_is_found_between_two_heads(name: str, seed: int) -> None:
    """The first record that was touched lies in the stretch that is named, and the stretch holds no signed head but at
    its end."""
    problem, touched, audit = tampered(BETWEEN[name], seed)
    assert problem.since <= touched <= problem.sequence
    assert [] == [head for head in audit.heads if problem.since <= head["sequence"] < touched]


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 3), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_an_honest_audit_is_never_blamed(seed: int, length: int, partitions: int, heads: int) -> None:
    """Chains of any length and mixture, with holes between offsets, in any interleaving of the partitions."""
    chance = random.Random(seed)
    audit = honest(chance, length, partitions, heads)
    queues: dict[int, Rows] = {p: [r for r in audit.rows if r["partition"] == p] for p in range(partitions)}
    mixed = [queues[p].pop(0) for p in chance.sample([r["partition"] for r in audit.rows], len(audit.rows))]
    verification = verified(mixed, chance.sample(audit.heads, len(audit.heads)))
    assert [] == verification.problems
    outcomes = [row["outcome"] for row in audit.rows]
    assert Counts(outcomes.count("published"), outcomes.count("withheld")) == verification.counts
    assert len(audit.rows) == verification.counts.inputs


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"offset": 0}, "is about offset 0, after one about offset 4"),
        ({"offset": 4}, "is about offset 4, after one about offset 4"),
        ({"offset": None}, "is about offset None, after one about offset 4"),
        ({"decided_at": None}, "does not say when it was decided"),
        ({"outcome": "published", "reason": None, "published_sha256": None}, "says published, and not what"),
        ({"outcome": "published", "reason": None, "published_sha256": "zz" * 32}, "says published, and not what"),
        ({"outcome": "published", "reason": "critical", "published_sha256": "00" * 32}, "says published, and not what"),
        ({"outcome": "withheld", "reason": None, "published_sha256": None}, "says withheld, and not why"),
        ({"outcome": "withheld", "reason": "x", "published_sha256": "00" * 32}, "says withheld, and not why"),
        ({"outcome": "erased", "records": None}, "says something else than what can become of an input"),
        ({"outcome": "reviewed"}, "says something else than what can become of an input"),
    ],
)
def test_what_no_writer_of_ours_writes_does_not_hold(changed: dict[str, object], what: str) -> None:
    """Well linked, and still no account of one input after the other: done twice, or neither published nor withheld."""
    decisions = [chains.decision(random.Random(offset), offset) for offset in range(8)]
    rows = chains.linked([*decisions[:5], {**decisions[5], **changed}, *decisions[6:]])
    (problem,) = verified(rows, []).problems
    assert ("clips.raw/0", 6, f"record 6 {what}") == (problem.chain, problem.sequence, problem.what)


def test_records_behind_the_last_head_are_not_blamed_at_once() -> None:
    """A head comes every minute; what came since is counted, and not vouched for yet."""
    audit = honest(random.Random(1), 60, heads=1)
    verification = verified(audit.rows, [signed(audit.rows[:40], 1)])
    assert [] == verification.problems
    assert (40, 60) == (verification.chains["clips.raw/0"].signed, verification.chains["clips.raw/0"].head.sequence)


def test_a_tail_that_nobody_signs_in_time_is_told() -> None:
    """Heads that were taken away leave records that nobody vouches for."""
    audit = honest(random.Random(1), 900, heads=1)
    (problem,) = verified(audit.rows, [signed(audit.rows[:40], 1)]).problems
    assert (41, 900) == (problem.since, problem.sequence)
    assert "nobody has signed records 41 to 900" in problem.what


@pytest.mark.parametrize("year_ms", [3_000_000_000_000, 99_999_999_999_999])
def test_a_tail_that_is_stamped_ahead_is_told(year_ms: int) -> None:
    """It would never be time to sign it: no record moves the clock by which it is judged."""
    audit = honest(random.Random(1), 60, heads=1)
    head = signed(audit.rows[:40], 1)
    forged = chains.unlinked(audit.rows[40:])
    for row in forged:
        row["decided_at"] = year_ms
    rows = audit.rows[:40] + chains.linked(forged, chains.ends(audit.rows[39]))
    assert ["clips.raw/0"] == [problem.chain for problem in verified(rows, [head]).problems]


# ------------------------------------------------------------------ the heads themselves
def whats(rows: Rows, heads: list[dict[str, object]], keys: object = KEYS) -> list[str]:
    return [str(problem) for problem in verified(rows, heads, keys).problems]


def test_a_chain_that_is_gone_altogether_is_missed() -> None:
    """All records of a partition deleted: its heads are still there."""
    audit = honest(random.Random(2), 20, partitions=2)
    rows = [row for row in audit.rows if row["partition"] == 0]
    assert ["clips.raw/1: records 1 to 20 are missing from the end, though signed"] == whats(rows, audit.heads)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_head_that_was_taken_away_is_missed(taken: int) -> None:
    """Heads are numbered: each but the last leaves a hole."""
    audit = honest(random.Random(3), 30)
    heads = [head for head in audit.heads if head["number"] != taken + 1]
    assert [f"1 signed heads are missing from the heads, the first is number {taken + 1}"] == whats(audit.rows, heads)


@pytest.mark.parametrize("name", ["number", "chain", "sequence", "digest", "published", "withheld", "signed_at"])
def test_an_edited_head_vouches_for_nothing(name: str) -> None:
    """Every field is signed."""
    audit = honest(random.Random(4), 30)
    forged = {**audit.heads[-1], name: chains.other(random.Random(4), audit.heads[-1][name])}
    assert any("is not signed by a known key" in what for what in whats(audit.rows, [*audit.heads[:-1], forged]))


def test_a_head_by_another_key_vouches_for_nothing() -> None:
    """An insider who rewrites the chain can't sign where it ends then."""
    audit = honest(random.Random(5), 30)
    rows, _ = chains.rewrite_all(random.Random(5), list(audit.rows))
    forged = [signed(rows, n + 1, OTHER_KEY) for n in range(4)]
    assert 4 == sum("is not signed by a known key" in what for what in whats(rows, forged))
    assert whats(rows, [*audit.heads, *forged])


def test_two_heads_that_contradict_each_other_are_both_seen() -> None:
    """Whoever has the signing key and signs a rewritten chain is betrayed by the head that was kept elsewhere."""
    audit = honest(random.Random(6), 30)
    rows, _ = chains.rewrite_all(random.Random(6), list(audit.rows))
    heads = [*audit.heads, signed(rows, len(audit.heads) + 1)]
    assert any("not what was signed" in what for what in whats(rows, heads))


def test_a_signer_who_counts_wrongly_is_told() -> None:
    """The counts of a head are compared too."""
    audit = honest(random.Random(7), 30)
    wrong = chains.sign({**audit.heads[-1], "published": audit.heads[-1]["published"] + 1}, chains.KEY)
    assert ["clips.raw/0: up to record 30 other counts were signed"] == whats(audit.rows, [*audit.heads[:-1], wrong])


def test_a_full_rewrite_without_a_kept_head_is_not_found() -> None:
    """What no chain can do alone, and why heads are kept elsewhere: it is only seen that nobody vouches for it."""
    audit = honest(random.Random(8), 900)
    rows, _ = chains.rewrite_all(random.Random(8), list(audit.rows))
    assert ["clips.raw/0: nobody has signed records 1 to 900, and it was time"] == whats(rows, [])


@pytest.mark.parametrize(
    "lacking", [{"digest": "07" * 31}, {"digest": "no digest"}, {"sequence": 0}, {"sequence": None}]
)
def test_a_signed_head_that_is_no_end_of_a_chain_is_told(lacking: dict[str, object]) -> None:
    """Whoever signed it: nothing can be held against it."""
    audit = honest(random.Random(1), 3)
    unsigned = {name: value for name, value in audit.heads[-1].items() if name not in ("signature", "key_id")}
    found = verified(audit.rows, [*audit.heads[:-1], sign({**unsigned, **lacking}, KEY)])
    assert any("lacks something" in problem.what for problem in found.problems)


def test_a_record_that_nobody_can_read_is_told() -> None:
    """It may be the one that somebody wanted to hide."""
    audit = honest(random.Random(1), 3)
    found = Verification(Anchors(KEYS))
    for row in audit.rows:
        found.add(row)
    found.unreadable("line 3 of the export")
    assert ["line 3 of the export is no audit record that can be read"] == [problem.what for problem in found.problems]


def test_offsets_without_a_record_are_told() -> None:
    """Kafka's own control records take some: whoever looks can tell them from inputs that were passed over."""
    check = ChainCheck("clips.raw/0")
    for row in chains.linked(chains.decision(random.Random(1), offset) for offset in (1, 2, 6)):
        assert check.add(row)
    assert [(0, 0), (3, 5)] == check.gaps
