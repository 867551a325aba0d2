"""The word finder as the pipeline sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from stream.clip import Clip, ClipEvent, Consent, Coordinates, InlineAudio, Reason, Refusal, Subject, Transcript, Word
from stream.find.pii import Identifiers, make_word_finder
from stream.find.spans import Span
from stream.find.spoken import Written
from stream.ports import WordFinder


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


def _clip(*transcripts: str, locale: str = "en-US", subject: Subject | None = None) -> Clip:
    event = ClipEvent(
        event_id="e",
        clip_id="c",
        captured_at=datetime(2026, 1, 1, tzinfo=UTC),
        subject=subject or Subject(account_id="acct-1"),
        device_model="speaker",
        locale=locale,
        consent=Consent(human_review=True),
        wake_word=None,
        audio=InlineAudio(b""),
        transcripts=tuple(Transcript(tuple(Word(text) for text in said.split())) for said in transcripts),
    )
    return Clip(Coordinates("clips.raw", 0, 0), event, np.zeros(16_000, dtype=np.float32))


def _found(finder: WordFinder, *transcripts: str, subject: Subject | None = None) -> set[tuple[int, str, str]]:
    clip = _clip(*transcripts, subject=subject)
    texts = [said.split() for said in transcripts]
    return {
        (one.transcript, one.entity_type, " ".join(texts[one.transcript][one.first : one.last + 1]))
        for one in finder.find(clip).findings
    }


def test_person_and_place_of_a_telephone_call_are_found(finder: Identifiers) -> None:
    """A name and a place are found in lower case and as written."""
    assert {(0, "PERSON", "diane"), (0, "LOCATION", "new jersey")} == _found(finder, "this is diane in new jersey")
    assert {(0, "PERSON", "Diane"), (0, "LOCATION", "New Jersey.")} == _found(finder, "this is Diane in New Jersey.")


def test_findings_name_their_own_hypothesis(finder: Identifiers) -> None:
    """What only the second hypothesis says is found there, with that hypothesis' word numbers."""
    found = _found(finder, "remind me to water plants", "my pin is four two seven one")
    assert {(1, "PIN", "four two seven one")} == found


def test_punctuation_glued_to_words_hides_nothing(finder: Identifiers) -> None:
    """ "bob@x.com.", "4111," and "Smith's" are found as the words that they are."""
    assert (0, "EMAIL_ADDRESS", "bob@x.com.") in _found(finder, "write to bob@x.com.")
    assert (0, "CREDIT_CARD", "4111, 1111, 1111, 1111.") in _found(finder, "card 4111, 1111, 1111, 1111.")
    assert (0, "PERSON", "Smith's") in _found(finder, "call Smith's")


@pytest.mark.parametrize("said", ["fourteen", "4111", "oh", "a", "at", "dot", "double", "street", "call"])
def test_a_transcript_may_be_a_single_word(finder: Identifiers, said: str) -> None:
    """A command of one word has nothing before or behind it that a recogniser could look at."""
    assert finder.find(_clip(said)).receipt.complete


def test_the_events_own_identifiers_are_found_when_spoken(finder: Identifiers) -> None:
    """First name, town, postcode, account and serial of the event count, whatever they look like."""
    subject = Subject(
        account_id="ZQ-77-4", first_name="Table", city="Lower Nod", postcode="SW1A 1AA", device_serial="G0X9"
    )
    found = _found(
        finder,
        "table lives in lower nod s w one a one a a account z q seven seven four box g zero x nine",
        subject=subject,
    )
    kinds = {(kind, text) for _, kind, text in found}
    assert {("PERSON", "table"), ("LOCATION", "lower nod")} <= kinds
    words = " ".join(text for _, text in kinds)
    assert all(said in words for said in ("s w one a one a a", "z q seven seven four", "g zero x nine"))


def test_an_unsupported_language_is_refused(finder: Identifiers) -> None:
    """No tables, no vouching."""
    with pytest.raises(Refusal) as refused:
        finder.find(_clip("bonjour", locale="xx-XX"))
    assert Reason.LANGUAGE_UNSUPPORTED == refused.value.reason


def test_a_missing_language_fails_at_start_up() -> None:
    """A wrong setting is told when the service starts, not with the first clip."""
    with pytest.raises(ValueError, match="no word tables"):
        make_word_finder(frozenset({"en", "xx"}))


def test_the_receipt_names_the_detector(finder: Identifiers) -> None:
    """The receipt is the one that the policy requires, and says what ran."""
    receipt = finder.find(_clip("hello")).receipt
    assert ("identifiers", True) == (receipt.detector, receipt.complete)
    assert "presidio-analyzer" in receipt.version


def test_too_many_words_are_refused(finder: Identifiers) -> None:
    """A transcript beyond the bound is not searched in part."""
    with pytest.raises(Refusal):
        finder.find(_clip(" ".join(["word"] * 5_000)))


@pytest.mark.parametrize(
    ("said", "kind", "found"),
    [
        ("valid through march twenty twenty seven", "CARD_EXPIRY", "march twenty twenty seven"),
        ("see you on the third of may", "DATE_TIME", "the third of may"),
        ("i was born in eighty four", "DATE_TIME", "eighty four"),
        ("she is ninety three years old", "AGE", "ninety three"),
        ("quentin that is q u e n t i n", "PERSON", "quentin that is q u e n t i n"),
        ("i work at initech", "ORGANIZATION", "initech"),
        ("my name is j o h n and i have diabetes", "HEALTH", "diabetes"),
    ],
)
def test_what_each_recogniser_finds_is_a_finding(said: str, kind: str, found: str) -> None:
    """Without the model that reads names, which would find some of it too."""
    findings = make_word_finder(names_model=False).search(said.split())
    assert (kind, found) in {(one.entity_type, " ".join(said.split()[one.first : one.last + 1])) for one in findings}


def test_what_is_found_in_a_written_form_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presidio's recognisers have a say about what ours leave alone; not about a quantity or a time."""

    class Everything:
        def find(self, written: Written) -> Iterator[Span]:
            yield Span(0, 0, "CRYPTO", 0.9, "presidio")

    finder = make_word_finder(names_model=False)
    monkeypatch.setitem(finder._written, "en", Everything())
    assert ["CRYPTO", "EMAIL_ADDRESS"] == [one.entity_type for one in finder.search(["plants", "bob@x.com"])]
    assert ["EMAIL_ADDRESS"] == [one.entity_type for one in finder.search(["five", "minutes", "bob@x.com"])]


def test_markup_around_a_word_hides_nothing(finder: Identifiers) -> None:
    """A producer's tags are not part of what was said."""
    said = "my pin is <num>four</num> two seven one"
    assert {(0, "PIN", "<num>four</num> two seven one")} == _found(finder, said)
