"""The realised rate: picked clips over those that could have been, from audit records."""

from __future__ import annotations

import pytest

from stream.clip import Reason
from stream.lifecycle.realised import Decision, Realised, decision, realised
from stream.lifecycle.sampling import SamplingRules
from tests.lifecycle.picking import header, opened

NOT_ASKED = {
    *(Reason.NO_VALUE, Reason.UNKNOWN_SCHEMA, Reason.EVENT_UNDECODABLE, Reason.EVENT_TOO_LARGE),
    *(Reason.NO_CONSENT, Reason.OPTED_OUT, Reason.ERASED, Reason.RECALLED, Reason.NO_WAKE_WORD, Reason.RECORDED_LATER),
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_decision(reason: Reason) -> None:
    """What is decided before the sampler is not asked, its own refusals are told apart, all else was picked."""
    own = {Reason.NOT_SAMPLED, Reason.QUOTA_REACHED, Reason.CAP_REACHED}
    expected = (
        Decision(reason.value) if reason in own else Decision.NOT_ASKED if reason in NOT_ASKED else Decision.PICKED
    )
    assert expected == decision(reason.value)


def test_published_and_unknown_reasons_were_picked() -> None:
    """A reason that a later version made counts as picked: the rate is never told too low."""
    assert [Decision.PICKED] * 2 == [decision(None), decision("a_reason_to_come")]


def test_picked_over_eligible() -> None:
    """Clips that nobody may hear are in neither number; nothing to pick from has no rate."""
    reasons = [None, "no_main_speaker", "not_sampled", "not_sampled", "quota_reached", "cap_reached", "no_consent"]
    rows = [{"outcome": "withheld" if reason else "published", "reason": reason} for reason in reasons]
    found = realised(rows)
    assert Realised(eligible=6, picked=2, not_sampled=2, quota_reached=1, cap_reached=1) == found
    assert found.rate == pytest.approx(1 / 3)
    assert realised([]).rate is None


async def test_the_realised_rate_is_that_of_the_sampler() -> None:
    """What the sampler says of each clip comes out again as the rate."""
    sampler = await opened(SamplingRules(rate=0.25))
    reasons = [sampler.pick(header(number, woken=number % 5 > 0)) for number in range(2000)]
    found = realised({"outcome": "withheld" if reason else "published", "reason": reason} for reason in reasons)
    assert (1600, reasons.count(None)) == (found.eligible, found.picked)
    assert found.rate == pytest.approx(0.25, abs=0.05)
