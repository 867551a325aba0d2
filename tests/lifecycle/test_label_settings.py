"""The settings of keys and anonymity: what they become, and what is refused without being repeated."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from stream.clip import Precision
from stream.config.base import ConfigError
from stream.config.labelling import AnonymitySettings
from stream.config.tokens import TokenSettings
from stream.lifecycle.anonymity import Anonymity
from stream.lifecycle.keyring import Scope, single_ring

KEY = b"0123456789abcdef0123456789abcdef"
TEXT = base64.b64encode(KEY).decode()
RING = f"campaign: spring\naccount_key: {base64.b64encode(KEY[::-1]).decode()}\nepochs: [{{id: w1, key: {TEXT}}}]\n"
NOW = datetime(2026, 11, 3, tzinfo=UTC)


# ------------------------------------------------------------------ keys
def test_one_key_comes_from_a_setting_or_a_file(tmp_path: Path) -> None:
    """Both ways give the same ring, with campaign, epoch and scope."""
    (tmp_path / "key").write_text(f"{TEXT}\n")
    expected = single_ring("spring", "7", KEY, Scope.ACCOUNT)
    for where in ({"key": TEXT}, {"key_file": tmp_path / "key"}):
        settings = TokenSettings(**where, campaign="spring", epoch="7", scope="account")  # type: ignore[arg-type]
        assert expected == settings.ring()()


def test_a_ring_file_is_followed(tmp_path: Path) -> None:
    """What it gives is of the file."""
    (tmp_path / "ring.yaml").write_text(RING)
    ring = TokenSettings(ring_file=tmp_path / "ring.yaml").ring()()
    assert ("spring", "w1") == (ring.campaign, ring.key_for(NOW).epoch)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "tokens.key: needed"),
        ({"key": "?????"}, "tokens.key: is not base64"),
        ({"key": base64.b64encode(KEY[:31]).decode()}, "tokens.key: has fewer than 32 bytes"),
        ({"key_file": "/no/such/key"}, "tokens.key_file: the file that it names can't be read"),
        ({"ring_file": "/no/such/ring"}, "tokens.ring_file: can't be read"),
    ],
)
def test_without_a_good_key_nothing_starts(values: dict[str, str], expected: str) -> None:
    """Tokens under a guessable key would lead back to accounts."""
    with pytest.raises(ConfigError) as caught:
        TokenSettings(**values).ring()  # type: ignore[arg-type]
    assert expected in str(caught.value)


def test_every_problem_of_a_ring_is_told_by_its_setting(tmp_path: Path) -> None:
    """Epoch and field, and no key."""
    (tmp_path / "ring.yaml").write_text(RING.replace("campaign: spring", "campaign: ''").replace(TEXT, TEXT[:20]))
    with pytest.raises(ConfigError) as caught:
        TokenSettings(ring_file=tmp_path / "ring.yaml").ring()
    assert ["campaign", "epoch w1, key"] == [
        line.removeprefix("tokens.ring_file: ").split(":")[0] for line in caught.value.problems
    ]
    assert TEXT[:20] not in str(caught.value)


@pytest.mark.parametrize("beside", [{"key": TEXT}, {"campaign": "summer"}, {"scope": "account"}])
def test_a_ring_says_everything_itself(beside: dict[str, str]) -> None:
    """A scope beside it would look as if it counted."""
    with pytest.raises(ValidationError, match="ring_file: excludes"):
        TokenSettings(ring_file=Path("ring.yaml"), **beside)  # type: ignore[arg-type]


# ------------------------------------------------------------------ anonymity
def test_the_rule_is_what_the_settings_say() -> None:
    """By default k is 11, in a day; lengths come as text from the environment."""
    assert Anonymity() == AnonymitySettings().as_rule(60.0)
    settings = AnonymitySettings(k=5, precision="day", lengths="2, 8,60", coarse_lengths="60")  # type: ignore[arg-type]
    assert Anonymity(5, 86_400.0, (2.0, 8.0, 60.0), (60.0,), Precision.DAY) == settings.as_rule(60.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"lengths": (5.0, 2.0), "coarse_lengths": (2.0,)}, "lengths: needs one or more, ascending"),
        ({"coarse_lengths": ()}, "coarse_lengths: needs one or more"),
        ({"coarse_lengths": (5.0, 30.0)}, "coarse_lengths: must end with"),
        ({"lengths": (-1.0, 60.0)}, "greater than 0"),
        ({"k": 0}, "greater than or equal to 1"),
        ({"precision": "year"}, "'hour' or 'day'"),
    ],
)
def test_a_ladder_that_lacks_steps_is_refused(values: dict[str, object], expected: str) -> None:
    """Every clip has a length to be filled up to."""
    with pytest.raises(ValidationError, match=expected):
        AnonymitySettings(**values)  # type: ignore[arg-type]


def test_the_longest_clip_has_a_length_to_be_filled_up_to() -> None:
    """Otherwise it would be withheld, clip by clip."""
    with pytest.raises(ConfigError, match="the last one must be at least"):
        AnonymitySettings().as_rule(90.0)
