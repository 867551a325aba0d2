"""The gate, handed leaky results: each must be refused, for its own reason, and the honest one let through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from stream import gate
from stream.clip import (
    AnonymizedClip,
    Clip,
    Evidence,
    Finding,
    Mute,
    Plan,
    PublishedWord,
    Reason,
    Receipt,
    Refusal,
    Samples,
    Segment,
    Why,
)
from stream.edit import metadata, sound, text
from stream.plan import decide
from stream.policy import OperatingPoint, Policy
from tests.values import KEY, WORDS_RAN, clip, evidence

POLICY = Policy(operating_point=OperatingPoint("test", 0.5, 0.5, 0.5, 0.5, 0.0, 0.3))
REQUIRED = frozenset({"speakers", "identifiers"})

CLIP = clip("this is diane in the kitchen")
EVIDENCE = evidence(Finding(0, 2, 2, "PERSON"), turns=((0.4, 3.0, "main"), (3.2, 3.8, "b1")))
PLAN = decide(CLIP, EVIDENCE, POLICY)
HONEST = AnonymizedClip(
    metadata=metadata.anonymize(CLIP.event, POLICY, KEY),
    samples=sound.keep_only(CLIP.samples, PLAN.keep),
    words=text.replace_words(CLIP, PLAN),
    mutes=PLAN.mutes,
    receipts=EVIDENCE.receipts,
    policy_version="1",
)


def inspect(
    result: AnonymizedClip = HONEST,
    body: bytes = b"body",
    *,
    made: Clip = CLIP,
    found: Evidence = EVIDENCE,
    plan: Plan = PLAN,
) -> Reason | None:
    try:
        gate.inspect(made, found, plan, result, body, REQUIRED)
    except Refusal as refusal:
        return refusal.reason
    return None


def said(*words: str) -> AnonymizedClip:
    return replace(HONEST, words=tuple(PublishedWord(word, Segment(0.5, 0.9)) for word in words))


def with_samples(**changes: float) -> Samples:
    samples = HONEST.samples.copy()
    for name, value in changes.items():
        samples[int(name.removeprefix("at_"))] = value
    return samples


def test_an_honest_result_passes() -> None:
    """The gate lets through what pipeline makes."""
    assert inspect() is None


# ------------------------------------------------------------------ sound
@pytest.mark.parametrize("value", [1.0, 1 / 32768, -1e-9])
@pytest.mark.parametrize("second", [0.0, 0.2, 1.6, 3.1, 3.5, 3.99])
def test_a_mute_that_is_not_exact_zero_is_refused(second: float, value: float) -> None:
    """One sample, however soft, in any mute: before, inside an identifier, in a bystander's turn, at the end."""
    leaky = replace(HONEST, samples=with_samples(**{f"at_{int(second * 16000)}": value}))
    assert Reason.GATE_MUTE_AUDIBLE == inspect(leaky)


def test_the_first_and_last_sample_of_a_mute_count() -> None:
    """Bounds are rounded to the mute's favour."""
    mute = next(mute for mute in PLAN.mutes if mute.why is Why.IDENTIFIER)
    for index in (int(mute.segment.start * 16000), int(np.ceil(mute.segment.end * 16000)) - 1):
        assert Reason.GATE_MUTE_AUDIBLE == inspect(replace(HONEST, samples=with_samples(**{f"at_{index}": 0.1})))


def test_a_plan_that_keeps_a_finding_is_refused() -> None:
    """The gate judges by the evidence: a plan that forgot to mute an identifier's sound does not pass."""
    forgetful = decide(CLIP, replace(EVIDENCE, words=evidence().words), POLICY)
    leaky = replace(HONEST, samples=sound.keep_only(CLIP.samples, forgetful.keep), mutes=forgetful.mutes)
    assert Reason.GATE_MUTE_AUDIBLE == inspect(leaky, plan=forgetful)


def test_a_plan_that_keeps_a_bystander_is_refused() -> None:
    """The same for another voice's turn."""
    generous = decide(CLIP, replace(EVIDENCE, speakers=evidence(turns=((0.4, 3.9, "main"),)).speakers), POLICY)
    leaky = replace(HONEST, samples=sound.keep_only(CLIP.samples, generous.keep), mutes=generous.mutes)
    assert Reason.GATE_MUTE_AUDIBLE == inspect(leaky, plan=generous)


def test_output_equal_to_input_is_refused_although_the_plan_had_mutes() -> None:
    """A redactor that does nothing is caught, by the mutes or by the comparison."""
    assert inspect(replace(HONEST, samples=CLIP.samples)) in {Reason.GATE_MUTE_AUDIBLE, Reason.GATE_UNCHANGED}


def test_words_equal_to_the_input_are_refused_although_the_plan_had_word_edits() -> None:
    """The same for a text that nobody edited."""
    assert Reason.GATE_UNCHANGED == inspect(said(*"this is diane in the kitchen".split()))


# ------------------------------------------------------------------ words
@pytest.mark.parametrize(
    "left",
    [
        "four one one one",
        "four um one uh one one",
        "Four, one. one one",
        "double five oh three",
        "41115",
        "4111-5",
        "4 1 1 1 5",
        "41 11 54",
    ],
)
def test_a_digit_run_left_in_the_words_is_refused(left: str) -> None:
    """Spoken or written, with fillers and punctuation."""
    assert Reason.GATE_DIGITS_LEFT == inspect(said("my", "card", *left.split()))


@pytest.mark.parametrize("left", ["at seven thirty", "in 2024", "one two three go", "<PIN> two three"])
def test_short_numbers_pass(left: str) -> None:
    """Times, years and counting to three are nobody's number."""
    assert inspect(said(*left.split())) is None


@pytest.mark.parametrize("left", ["diane", "Diane,", "DIANE", "08601", "Trenton!", "trenton"])
def test_an_identifier_of_the_event_in_the_words_is_refused(left: str) -> None:
    """The account's own name, city and postcode, whatever the case and punctuation."""
    assert inspect(said("hello", left)) in {Reason.GATE_IDENTIFIER_LEFT, Reason.GATE_DIGITS_LEFT}


def test_a_finding_that_is_still_in_the_words_is_refused() -> None:
    """A found phrase must not be left anywhere, also where the event does not know it."""
    found = evidence(Finding(0, 4, 5, "LOCATION"), turns=((0.4, 2.4, "main"),))
    decided = decide(CLIP, found, POLICY)
    result = replace(HONEST, samples=sound.keep_only(CLIP.samples, decided.keep), mutes=decided.mutes)
    leaky = replace(result, words=said("The", "kitchen.").words)
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(leaky, found=found, plan=decided)


# ------------------------------------------------------------------ fields and bytes
@pytest.mark.parametrize("field", ["token", "campaign", "key_epoch", "language", "device_family"])
@pytest.mark.parametrize("identifier", ["acct-90210-xyz", "G0911M0712345678", "203.0.113.77", "clip-4711-bb"])
def test_an_identifier_in_any_field_is_refused(field: str, identifier: str) -> None:
    """Every text of the metadata is searched."""
    leaky = replace(HONEST, metadata=replace(HONEST.metadata, **{field: f"x{identifier.upper()}y"}))
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(leaky)


@pytest.mark.parametrize("identifier", ["event-4711-aa", "house-333-qq", "40.2204", "-74.7565", "Trenton"])
def test_an_identifier_in_the_bytes_is_refused(identifier: str) -> None:
    """Whatever the fields say, the encoded bytes are searched too (container comments, stray fields)."""
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(body=b"\x00fLaC" + identifier.encode() + b"\xff")


def test_an_identifier_in_a_receipt_is_refused() -> None:
    """A model path that names somebody is a leak as well."""
    leaky = replace(HONEST, receipts=(*HONEST.receipts, Receipt("extra", "models/house-333-qq", complete=True)))
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(leaky)


# ------------------------------------------------------------------ receipts and shape
@pytest.mark.parametrize(
    "receipts",
    [
        (),
        (WORDS_RAN,),
        (WORDS_RAN, Receipt("speakers", "model-1", complete=False)),
        (WORDS_RAN, Receipt("speakers", "", complete=True)),
    ],
)
def test_a_missing_receipt_is_refused(receipts: tuple[Receipt, ...]) -> None:
    """A required detector that did not say "ran, complete", and with what, is as bad as none."""
    assert Reason.GATE_RECEIPT_MISSING == inspect(replace(HONEST, receipts=receipts))


@pytest.mark.parametrize(
    "leaky",
    [
        replace(HONEST, samples=HONEST.samples[:-1]),
        replace(HONEST, samples=np.append(HONEST.samples, np.float32(0))),
        replace(HONEST, samples=with_samples(at_16000=np.nan)),
        replace(HONEST, metadata=replace(HONEST.metadata, captured_hour=CLIP.event.captured_at)),
        replace(HONEST, metadata=replace(HONEST.metadata, captured_hour=datetime(2026, 11, 3, 14))),
        replace(HONEST, metadata=replace(HONEST.metadata, captured_hour=datetime(2026, 11, 3, 14, 42, tzinfo=UTC))),
        replace(HONEST, metadata=replace(HONEST.metadata, token="")),
        replace(HONEST, words=(PublishedWord("late", Segment(3.9, 4.2)),)),
        replace(HONEST, mutes=PLAN.mutes[:-1]),
    ],
    ids=["shorter", "longer", "nan", "exact time", "no zone", "minutes", "no token", "late word", "a mute untold"],
)
def test_a_malformed_result_is_refused(leaky: AnonymizedClip) -> None:
    """Another length, values that are no sound, an exact time, edits that are not told."""
    assert Reason.GATE_MALFORMED == inspect(leaky)


def test_a_plan_with_a_gap_is_refused() -> None:
    """What is neither kept nor muted has not been decided."""
    gap = replace(PLAN, mutes=tuple(mute for mute in PLAN.mutes if mute.why is not Why.BACKGROUND))
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, mutes=gap.mutes), plan=gap)
    undecided = Plan((), (Mute(Segment(0.0, 3.0), Why.BACKGROUND),), None, ())
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, mutes=undecided.mutes), plan=undecided)
