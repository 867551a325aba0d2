"""What is read back from the output is measured against the truth, leaks included."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.clip import Reason, Why
from stream.demo.results import Output, Result, heard, totals
from tests.demo.truth import named, true_result


def test_true_evidence_leaves_no_bystander_and_no_identifier() -> None:
    """With perfect detectors Sheila vanishes from Diane's clip and Diane from Sheila's."""
    for name in ("diane-1", "sheila-1", "diane-4", "sheila-5"):
        figures = heard(true_result(named(name)))
        assert figures.others_s > 2.0
        assert figures.others_audible_s == pytest.approx(0.0, abs=0.02)
        assert figures.main_audible_s > 0.6 * figures.main_s
        assert (figures.spans_audible, figures.spans > 0) == (0, True)


def test_a_leak_is_seen() -> None:
    """Sound published unchanged is counted as leak, whatever the mutes say."""
    clip = named("diane-1")
    result = true_result(clip)
    assert result.output is not None
    leaky = Result(clip, Output(result.output.clip, clip.flac))
    figures = heard(leaky)
    assert figures.others_audible_s > 0.9 * figures.others_s
    assert figures.spans_audible == figures.spans == 1
    assert totals([leaky, leaky]).spans_audible == 2


def test_seconds_kept_and_muted_tile_the_clip() -> None:
    """Kept and muted add up; the mutes' reasons add up to the muted seconds."""
    result = true_result(named("own-email"))
    assert result.kept_s + result.muted_s == pytest.approx(result.clip.duration)
    assert sum(result.muted_by_reason().values()) == pytest.approx(result.muted_s)
    assert result.muted_by_reason()[Why.IDENTIFIER] > 2.0
    assert dict(result.identifiers()) == {"EMAIL_ADDRESS": 1}


def test_a_withheld_clip_keeps_nothing() -> None:
    """All of it is muted, it has a reason, and it is as it must be."""
    result = true_result(named("own-no-consent"))
    assert (result.kept_s, result.reason, result.wrongly_published) == (0.0, Reason.NO_CONSENT, False)
    assert result.muted_s == result.clip.duration


def test_publishing_what_has_to_be_withheld_is_wrong() -> None:
    """And withholding never is: a service that is not sure is right to."""
    published, withheld = true_result(named("own-timer")), true_result(named("own-no-consent"))
    assert replace(published, clip=replace(published.clip, withhold=True)).wrongly_published
    assert not published.wrongly_published
    assert not replace(withheld, clip=replace(withheld.clip, withhold=False)).wrongly_published
