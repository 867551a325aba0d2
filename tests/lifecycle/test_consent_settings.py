"""The settings of consent."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from stream.config.standing import ConsentSettings


def test_consent_is_followed_unless_somebody_says_no() -> None:
    """An opt-out stops clips by default; only the snapshot needs a place of its own."""
    assert ConsentSettings().follow
    assert ConsentSettings().snapshot_file is None


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"follow": False, "snapshot_file": Path("/state/consent")}, "snapshot_file"),
        ({"snapshot_interval_s": 60, "snapshot_age_s_max": 60}, "snapshot_interval_s"),
        ({"fresh_seconds_max": 0}, "fresh_seconds_max"),
    ],
)
def test_settings_that_make_no_sense_are_told(values: dict[str, object], setting: str) -> None:
    """By name; never by value."""
    with pytest.raises(ValidationError, match=setting):
        ConsentSettings(**values)
