"""A word that is masked has no other copy in what is published: not in another hypothesis, a slot, the intent or an
attribute."""

from __future__ import annotations

import pytest

from stream.clip import SAMPLE_RATE_HZ, Coordinates, Job, Published
from stream.find.pii import make_word_finder
from stream.pipeline import deidentify
from stream.policy import Policy
from stream.ports import Parts
from stream.wire import avro
from stream.wire.clips import Decoder, Encoder, decode_anonymized
from tests import events
from tests.values import LABEL
from tests.withheld.parts import ScriptedSpeakers

POLICY = Policy()
HYPOTHESES = ("call marguerite kowalski about the kitchen lights", "call margaret kovalsky about the kitchen lights")


@pytest.fixture(scope="module")
def parts() -> Parts:
    return Parts(Decoder(POLICY), ScriptedSpeakers(), make_word_finder(POLICY.languages), Encoder())


def publish(parts: Parts, shown: int) -> bytes:
    """The published body of a clip of which every field holds the name, hypothesis ``shown`` the surest."""
    name = "marguerite kowalski"
    record = events.event(
        intent=f"call {name}",
        slots={"contact": name, name: "contact"},
        attributes={"last_contact": name, "note": "margaret kovalsky"},
        transcripts=[
            {"text": said, "confidence": 0.9 if number == shown else 0.2, "words": events.words(said)}
            for number, said in enumerate(HYPOTHESES)
        ],
    )
    job = Job(Coordinates("clips.raw", 0, 0), avro.schema_text("clip_event"), events.body(record), LABEL)
    outcome = deidentify(job, parts, POLICY)
    assert isinstance(outcome, Published)
    return outcome.body


@pytest.mark.parametrize("shown", [0, 1])
def test_no_copy_of_a_masked_word_is_published(parts: Parts, shown: int) -> None:
    """Whichever hypothesis is shown, neither its name nor the other's is in any byte or word of the output."""
    body = publish(parts, shown)
    published = decode_anonymized(avro.schema_text("anonymized_clip"), body)
    text = " ".join([*(word.text for word in published.words), repr(vars(published.metadata))]).lower()
    for part in ("marguerite", "kowalski", "margaret", "kovalsky"):
        assert part not in text
        assert part.encode() not in body.lower()
    assert "lights" in text


@pytest.mark.parametrize("shown", [0, 1])
def test_the_sound_of_every_hypothesis_is_muted(parts: Parts, shown: int) -> None:
    """The samples of the name are zero, whichever hypothesis is shown, and the rest is audible."""
    published = decode_anonymized(avro.schema_text("anonymized_clip"), publish(parts, shown))
    said = events.words(HYPOTHESES[0])
    first, last = (round(said[index][side] * SAMPLE_RATE_HZ) for index, side in ((1, "start"), (2, "end")))
    assert not published.samples[first:last].any()
    start, end = (round(said[5][side] * SAMPLE_RATE_HZ) for side in ("start", "end"))
    assert published.samples[start:end].any()
