"""Fields of records as they come in: each is bounded and checked, or the record is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stream.clip import Consent, Reason, Refusal

NAME_CHARS_MAX: Final = 256  # identifiers, names, places

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01
_LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01


def milliseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def consent(raw: Mapping[str, Any] | None) -> Consent:
    if raw is None:
        return Consent(human_review=False)
    changed_at = None if raw["changed_at"] is None else moment(raw["changed_at"])
    return Consent(raw["human_review"] is True, text(raw["version"]), changed_at)


def required(raw: object) -> str:
    found = text(raw)
    demand(bool(found.strip()))
    return found


def text(raw: object, chars_max: int = NAME_CHARS_MAX) -> str:
    if not isinstance(raw, str) or len(raw) > chars_max:
        raise Refusal(Reason.EVENT_UNDECODABLE)
    return raw


def number(raw: float | None, low: float, high: float) -> float | None:
    demand(raw is None or low <= raw <= high)  # NaN is refused
    return raw


def moment(raw: int) -> datetime:
    demand(_EARLIEST_MS <= raw <= _LATEST_MS)
    return _EPOCH + timedelta(milliseconds=raw)


def demand(condition: bool) -> None:
    if not condition:
        raise Refusal(Reason.EVENT_UNDECODABLE)
