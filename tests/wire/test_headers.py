"""The header of an event: whose it is and whether it may be heard, and nothing else of it."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import fastavro
import pytest

from stream.clip import Coordinates, Job, Reason, Refusal
from stream.policy import Policy
from stream.wire import avro
from stream.wire.clips import Decoder
from stream.wire.headers import header
from tests import events
from tests.values import LABEL

SCHEMA = avro.schema_text("clip_event")
CANARY = "canary-x7q2"


def test_it_says_what_the_whole_event_says() -> None:
    """Both decoders read one account, clip, time and consent out of the same bytes."""
    body = events.body(events.event())
    whole, found = (
        Decoder(Policy()).event(Job(Coordinates("clips.raw", 0, 0), SCHEMA, body, LABEL)),
        header(SCHEMA, body),
    )
    assert (whole.clip_id, whole.subject.account_id, whole.captured_at) == (
        found.clip_id,
        found.account_id,
        found.captured_at,
    )
    assert (whole.locale, whole.device_model, whole.consent) == (found.locale, found.device_model, found.consent)
    assert whole.wake_word is not None
    assert (True, whole.wake_word.score) == (found.woken, found.wake_score)


@pytest.mark.parametrize("agreed", [True, False])
def test_a_no_is_a_no(agreed: bool) -> None:
    """Whatever else stands beside it."""
    told = {"human_review": agreed, "version": "3", "changed_at": None}
    assert agreed is header(SCHEMA, events.body(events.event(consent=told))).consent.human_review


def test_nothing_that_was_said_is_in_it() -> None:
    """Words, names, slots and sound are skipped, never built."""
    said = events.event(
        first_name=CANARY,
        transcripts=[{"text": CANARY, "confidence": 0.9, "words": events.words(CANARY)}],
        slots={CANARY: CANARY},
        attributes={CANARY: CANARY},
        audio={"content": CANARY.encode(), "codec": CANARY},
    )
    assert CANARY not in str(vars(header(SCHEMA, events.body(said))))


def test_it_prints_neither_account_nor_clip() -> None:
    """A header that is logged by accident identifies nobody."""
    printed = repr(header(SCHEMA, events.body(events.event())))
    assert "55103" not in printed
    assert "9b2d4e" not in printed


def test_what_is_absent_means_no() -> None:
    """No consent is no, and no wake word is none."""
    found = header(SCHEMA, events.body(events.event(consent=None, wake_word=None)))
    assert (False, False, None) == (found.consent.human_review, found.woken, found.wake_score)


@pytest.mark.parametrize(
    "change",
    [
        {"account_id": " "},
        {"account_id": "x" * 257},
        {"clip_id": ""},
        {"captured_at": 0},
        {"wake_word": {"text": "", "start": 0.2, "end": 0.7, "score": 1.5}},
        {"locale": "x" * 257},
    ],
)
def test_fields_are_bounded(change: dict[str, Any]) -> None:
    """An event that names nobody, or nonsense, has no header."""
    with pytest.raises(Refusal) as caught:
        header(SCHEMA, events.body(events.event(**change)))
    assert Reason.EVENT_UNDECODABLE is caught.value.reason


def test_a_producer_may_have_more_fields_in_another_order() -> None:
    """Schema resolution by name: both decoders agree on a newer producer's events too."""
    schema = copy.deepcopy(json.loads(SCHEMA))
    schema["fields"] = [{"name": "vip", "type": "string"}, *reversed(schema["fields"])]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, {**events.event(), "vip": CANARY})
    found = header(json.dumps(schema), body.getvalue())
    assert ("account-55103", "clip-9b2d4e", True) == (found.account_id, found.clip_id, found.consent.human_review)
