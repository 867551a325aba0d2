"""Tokens and coarse metadata."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from stream.edit.metadata import anonymize, clip_token
from stream.policy import Policy
from tests.values import KEY, event


def test_metadata_is_coarse() -> None:
    """The hour, the language and the device's family are all that is left beside the token."""
    made = anonymize(event(), Policy(), KEY)
    assert datetime(2026, 11, 3, 14, tzinfo=UTC) == made.captured_hour
    assert ("en", "speaker", "spring", "2026-11") == (
        made.language,
        made.device_family,
        made.campaign,
        made.key_epoch,
    )


def test_an_unlisted_device_is_other() -> None:
    """A rare model must not single anybody out."""
    assert "other" == anonymize(replace(event(), device_model="prototype-7"), Policy(), KEY).device_family


def test_tokens_repeat_for_the_same_clip_and_key_only() -> None:
    """A replay gives the same token; another clip, campaign, epoch or secret gives another one."""
    token = clip_token("clip-1", KEY)
    others = [
        clip_token("clip-2", KEY),
        clip_token("clip-1", replace(KEY, campaign="summer")),
        clip_token("clip-1", replace(KEY, epoch="2026-12")),
        clip_token("clip-1", replace(KEY, secret=b"q" * 32)),
    ]
    assert token == clip_token("clip-1", KEY)
    assert 5 == len({token, *others})


def test_field_borders_are_bound_into_the_token() -> None:
    """Campaign ``ab`` with epoch ``c`` is not campaign ``a`` with epoch ``bc``."""
    left = clip_token("x", replace(KEY, campaign="ab", epoch="c"))
    right = clip_token("x", replace(KEY, campaign="a", epoch="bc"))
    assert left != right
