"""Presidio is offline, bounded, quiet, and never skips in silence."""

from __future__ import annotations

import logging
import random
import socket

import pytest
import regex
from presidio_analyzer import Pattern, PatternRecognizer, pattern_recognizer

from stream.clip import Reason, Refusal
from stream.find.language import load_language
from stream.find.recognizers.presidio import WrittenFinder
from stream.find.spoken import TEXT_MAX, Written, read_scene, written_forms

ENGLISH = load_language("en")
WRITTEN = (  # one at least for every recogniser, with and without separators
    *("is", "at", "555", "912701234", "912-70-1234", "219-09-9999", "219 09 9999", "123456789", "021000021"),
    *("0210-0002-1", "12345678", "c12345678", "1EG4TE5MK73", "1EG4-TE5-MK73", "9434765919", "943 476 5919"),
    *("AB 12 34 56 C", "ab123456c", "EC1A 1BB", "GIR 0AA", "046454286", "046-454-286", "65929970489", "12345678Z"),
    *("x1234567l", "234567890124", "2345 6789 0124", "ABCPE1234F", "ab-cd_1234", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
    *("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "10.0.0.1", "::1", "fe80::1", "00:1b:44:11:3a:b7"),
    *("001b.4411.3ab7", "a.b@c.co.uk", "4111111111111111", "9123456789"),
)


@pytest.fixture(scope="module")
def finder() -> WrittenFinder:
    return WrittenFinder("en")


def _written(text: str) -> Written:
    return Written(text, (0,) * len(text), (0,) * len(text))


def _types(finder: WrittenFinder, said: str) -> set[str]:
    return {one.entity_type for form in written_forms(read_scene(said.split(), ENGLISH)) for one in finder.find(form)}


def test_recognizers_run_on_what_was_said(finder: WrittenFinder) -> None:
    """Spoken numbers reach Presidio in written form; so do context words."""
    assert "CREDIT_CARD" in _types(finder, "four one one one one one one one one one one one one one one one")
    assert "CREDIT_CARD" in _types(finder, "two two two one triple zero triple zero triple zero double zero nine")
    assert "IBAN_CODE" in _types(
        finder, "d e eight nine three seven oh four oh oh four four oh five three two oh one three triple zero"
    )
    assert "US_PASSPORT" in _types(finder, "my passport is nine one two eight oh three six six four")


def test_no_recogniser_is_spared_that_would_have_found_something(
    finder: WrittenFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick look at a text rules out nothing: whoever runs all recognisers finds the same."""
    contexts = sorted({word for one in finder.recognizers for word in one.context or ()})
    draw, found = random.Random(5), 0
    for _ in range(600):
        pieces = [draw.choice(contexts) if draw.random() < 0.4 else draw.choice(WRITTEN) for _ in range(5)]
        written = _written(draw.choice((" ".join, "-".join))(pieces))
        quick = set(finder.find(written))
        with monkeypatch.context() as all_run:
            all_run.setattr(finder, "_needs", [(entities, ()) for entities, _ in finder._needs])
            assert set(finder.find(written)) == quick
        found += len(quick)
    assert found > 600


def test_an_email_address_needs_no_network(finder: WrittenFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public suffix list is the one in the package."""

    def refuse(*_: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert "EMAIL_ADDRESS" in {one.entity_type for one in finder.find(_written("mail ann.lee@example.co.uk now"))}


def test_a_pattern_that_runs_out_of_time_refuses_the_clip(
    finder: WrittenFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Presidio would log "skipping" and go on."""
    slow = PatternRecognizer("SLOW", patterns=[Pattern("slow", r"(a+)+\d", 0.5)])
    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 1e-6)
    monkeypatch.setattr(finder._engine.registry, "recognizers", [*finder._engine.registry.recognizers, slow])
    monkeypatch.setattr(finder, "_needs", [*finder._needs, (["SLOW"], ())])
    with pytest.raises(Refusal) as refused:
        list(finder.find(_written("a" * 3_000)))
    assert Reason.DETECTOR_FAILED == refused.value.reason


def test_a_second_finder_does_not_blind_the_first(finder: WrittenFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of several finders in one process still learns of its own time-outs."""
    WrittenFinder("en")
    test_a_pattern_that_runs_out_of_time_refuses_the_clip(finder, monkeypatch)


def test_no_log_line_carries_content(finder: WrittenFinder, caplog: pytest.LogCaptureFixture) -> None:
    """Presidio's own messages reach no handler of ours."""
    caplog.set_level(logging.DEBUG)
    list(finder.find(_written("canary card 4111111111111111 mail canary@example.com")))
    assert [] == [record for record in caplog.records if "canary" in record.getMessage()]


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "1.", "a.", "a@", "aa-", "::", "1:", "x1", "+1-", "www.", "http://a", ".a-", "é", "٣", "1,1 "],
)
def test_no_pattern_hangs_on_hostile_text(finder: WrittenFinder, piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pattern gets through the longest text within one second: beyond that the clip would be refused."""
    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 1)
    text = (piece * TEXT_MAX)[:TEXT_MAX]
    list(finder.find(_written(text)))


def test_no_pattern_hangs_on_random_text(finder: WrittenFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for texts of random marks, digits and letters."""
    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 1)
    draw = random.Random(3)
    for _ in range(10):
        list(finder.find(_written("".join(draw.choice("01239abz.-@:/+ ") for _ in range(TEXT_MAX)))))


def test_the_pattern_engine_has_time_limits() -> None:
    """The limit hangs on the regex package taking a timeout."""
    with pytest.raises(TimeoutError):
        list(regex.finditer(r"(a+)+\d", "a" * 3_000, timeout=1e-6))
