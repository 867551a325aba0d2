"""Whether the audit agrees with what was published and withheld."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from stream.lifecycle.reconciling import Reconciliation, World
from stream.lifecycle.verifying import ChainCheck
from tests.lifecycle.chains import Rows, decision, linked

VALUES = [b"published %d" % n for n in range(4)]
CHAIN = "clips.raw/0"


def audit() -> Rows:
    """Four published and four withheld records, in turn."""
    decisions = []
    for offset in range(8):
        record = decision(random.Random(offset), offset)
        sha256 = hashlib.sha256(VALUES[offset // 2]).hexdigest()
        even = {"outcome": "published", "reason": None, "published_sha256": sha256}
        odd = {"outcome": "withheld", "reason": "no_consent", "published_sha256": None}
        decisions.append({**record, **(odd if offset % 2 else even)})
    return linked(decisions)


def world(committed: int = 8) -> World:
    found = World(committed={CHAIN: committed})
    for value in VALUES:
        found.add_published(value)
    for row in audit():
        if row["outcome"] == "withheld":
            found.add_withheld(row)
    return found


def problems(of: World, rows: Rows, requests: Any = (), settled: int = 8) -> list[str]:
    check, reconciliation = ChainCheck(CHAIN), Reconciliation(of)
    for row in rows:
        assert check.add(row)
        reconciliation.add(row, settled=row["offset"] < settled)
    for request in requests:
        reconciliation.add(request, settled=True)
    return [str(problem) for problem in reconciliation.problems({CHAIN: check})]


def request(outcome: str, records: int) -> dict[str, Any]:
    return {"topic": "clips.erasure", "partition": 0, "offset": 0, "outcome": outcome, "records": records}


def test_what_agrees_is_not_blamed() -> None:
    """Also where the audit has grown since the world was looked at."""
    assert [] == problems(world(), audit())
    early = World(committed={CHAIN: 4})
    for value in VALUES[:2]:
        early.add_published(value)
    early.add_withheld(audit()[1])
    early.add_withheld(audit()[3])
    assert [] == problems(early, audit(), settled=4)


def test_what_was_published_beside_the_audit_is_found() -> None:
    """A record on the topic whose hash is in no audit record."""
    of = world()
    of.add_published(b"smuggled")
    assert ["1 published records are in no audit record that holds"] == problems(of, audit())


def test_what_is_gone_needs_a_request_that_took_it_back() -> None:
    """Erased and recalled records account for what is not there any more, refused requests don't."""
    of = world()
    of.published.discard(hashlib.sha256(VALUES[0]).digest())
    what = "1 audited records are not published any more, and requests took back 0 at most"
    assert [what] == problems(of, audit())
    assert [what] == problems(of, audit(), [request("refused", 1)])
    for outcome in ("erased", "recalled"):
        assert [] == problems(of, audit(), [request(outcome, 1)])


def test_a_tail_that_was_cut_off_is_found_by_the_groups_offset() -> None:
    """Records that no head vouches for yet: the group was further than the audit says."""
    of = world()
    of.withheld.clear()
    of.published.discard(hashlib.sha256(VALUES[3]).digest())
    assert [f"{CHAIN}: inputs up to offset 7 were done with, and the audit ends at offset 5"] == problems(
        of, audit()[:6]
    )


def test_an_audit_that_is_gone_altogether_is_found() -> None:
    """The group has an offset, and no chain says why."""
    assert f"{CHAIN}: inputs up to offset 7 were done with, and the audit ends at offset -1" in problems(world(), [])


def test_withheld_records_are_counted_and_compared() -> None:
    """One too many, one too few, another reason, the newest missing."""
    more, fewer, changed, cut = world(), world(), world(), world()
    more.add_withheld({**audit()[1], "offset": 4})
    assert [f"{CHAIN}: 5 withheld records lie on their topic, and the audit has 4 of them"] == problems(more, audit())
    for of, left_out, reasons in ((fewer, 3, {}), (changed, 99, {3: "critical"}), (cut, 7, {})):
        of.withheld.clear()
        for row in audit():
            if row["outcome"] == "withheld" and row["offset"] != left_out:
                of.add_withheld({**row, "reason": reasons.get(row["offset"], row["reason"])})
    assert [f"{CHAIN}: 3 withheld records lie on their topic, and the audit has 4 of them"] == problems(fewer, audit())
    assert [f"{CHAIN}: withheld records tell of other inputs or reasons than the audit"] == problems(changed, audit())
    assert [f"{CHAIN}: 1 withheld records are not on their topic"] == problems(cut, audit())


def test_withheld_records_whose_time_is_over_are_not_missed() -> None:
    """Their topic may forget, from its beginning."""
    of = world()
    of.withheld.clear()
    of.add_withheld(audit()[5])
    of.add_withheld(audit()[7])
    assert [] == problems(of, audit())


def test_what_is_no_withheld_record_is_told() -> None:
    """Nobody can count what can't be read."""
    of = world()
    of.add_withheld({"unreadable": "clips.withheld/0 offset 3"})
    assert ["1 records among the withheld can't be read"] == problems(of, audit())
