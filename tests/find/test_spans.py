"""Spans of several recognisers become one list."""

from __future__ import annotations

from stream.find.spans import Span, merged


def span(first: int, last: int, score: float = 0.5, entity_type: str = "PERSON") -> Span:
    return Span(first, last, entity_type, score, "test")


def test_what_lies_in_a_wider_one_goes() -> None:
    """Whichever comes first, and however sure it is."""
    wide, narrow = span(1, 5), span(2, 3, 0.9)
    assert (wide,) == merged([wide, narrow]) == merged([narrow, wide])


def test_what_lies_partly_in_another_stays() -> None:
    """Otherwise the words that it has alone would be shown."""
    assert (span(1, 3), span(3, 5)) == merged([span(3, 5), span(1, 3)])


def test_of_equals_the_surer_stays() -> None:
    """Its type is the likelier one."""
    sure = span(1, 3, 0.9, "CREDIT_CARD")
    assert (sure,) == merged([span(1, 3, 0.4, "PHONE_NUMBER"), sure])
