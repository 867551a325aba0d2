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
    Precision,
    PublishedWord,
    Reason,
    Receipt,
    Refusal,
    Samples,
    Segment,
    Transcript,
    Why,
)
from stream.edit import metadata, sound, text
from stream.plan import decide
from stream.policy import OperatingPoint, Policy
from tests.values import LABEL, WORDS_RAN, clip, evidence

POLICY = Policy(operating_point=OperatingPoint("test", 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.3))
REQUIRED = frozenset({"speakers", "identifiers"})

CLIP = clip("this is diane in the kitchen")
EVIDENCE = evidence(Finding(0, 2, 2, "PERSON"), turns=((0.4, 3.0, "main"), (3.2, 3.8, "b1")))
PLAN = decide(CLIP, EVIDENCE, POLICY)
HONEST = AnonymizedClip(
    metadata=metadata.of_label(LABEL, 0),
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
    policy: Policy = POLICY,
) -> Reason | None:
    try:
        gate.inspect(made, found, plan, result, body, REQUIRED, policy.vocabularies["en"], policy.critical_rule)
    except Refusal as refusal:
        return refusal.reason
    return None


def said(*words: str) -> AnonymizedClip:
    return replace(HONEST, words=tuple(PublishedWord(word, Segment(0.5, 0.9)) for word in words))


def inspect_honest(text_said: str, *findings: Finding) -> Reason | None:
    """The gate's word on what the pipeline would make of a clip whose main speaker says so."""
    made, found = clip(text_said), evidence(*findings)
    decided = decide(made, found, POLICY)
    samples, words = sound.keep_only(made.samples, decided.keep), text.replace_words(made, decided)
    result = replace(HONEST, samples=samples, words=words, mutes=decided.mutes, critical=decided.critical)
    return inspect(result, made=made, found=found, plan=decided)


def with_samples(**changes: float) -> Samples:
    samples = HONEST.samples.copy()
    for name, value in changes.items():
        samples[int(name.removeprefix("at_"))] = value
    return samples


def test_an_honest_result_passes() -> None:
    """The gate lets through what pipeline makes."""
    assert inspect() is None


def test_a_word_that_ends_after_the_clip_is_refused() -> None:
    """Its time is none of this clip's."""
    last = HONEST.words[-1]
    late = replace(last, segment=Segment(last.segment.start, CLIP.duration + 0.01))
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, words=(*HONEST.words[:-1], late)))


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


def test_a_plan_that_trusts_uncertain_times_is_refused() -> None:
    """Words whose times may be off are silent for as much around them."""
    unsure = tuple(replace(word, time_error_s=0.25) for word in CLIP.event.transcripts[0].words)
    made = replace(CLIP, event=replace(CLIP.event, transcripts=(Transcript(unsure),)))
    assert Reason.GATE_MUTE_AUDIBLE == inspect(made=made)
    decided = decide(made, EVIDENCE, POLICY)
    samples, left = sound.keep_only(made.samples, decided.keep), text.replace_words(made, decided)
    assert inspect(replace(HONEST, samples=samples, words=left, mutes=decided.mutes), made=made, plan=decided) is None


def test_a_plan_that_keeps_a_bystander_is_refused() -> None:
    """The same for another voice's turn."""
    generous = decide(CLIP, replace(EVIDENCE, speakers=evidence(turns=((0.4, 3.9, "main"),)).speakers), POLICY)
    leaky = replace(HONEST, samples=sound.keep_only(CLIP.samples, generous.keep), mutes=generous.mutes)
    assert Reason.GATE_MUTE_AUDIBLE == inspect(leaky, plan=generous)


ALONE = evidence(turns=((0.0, 4.0, "main"),))
LOUD = replace(HONEST, samples=CLIP.samples)
WHOLE = Segment(0.0, 4.0)


@pytest.mark.parametrize(
    "plan",
    [Plan((), (), 0, ()), Plan((WHOLE,), (Mute(Segment(1.0, 2.0), Why.BACKGROUND),), 0, ())],
    ids=["nothing kept", "muted and kept"],
)
def test_each_look_at_the_silence_is_enough_alone(plan: Plan) -> None:
    """Outside the keep-list, and inside the mutes: of a plan without gaps neither is seen without the other."""
    with pytest.raises(Refusal):
        gate._silence(CLIP, ALONE, plan, LOUD)


@pytest.mark.parametrize("index", [16_000, 32_000])
def test_bounds_between_two_samples_are_rounded_to_the_favour_of_silence(index: int) -> None:
    """A sample that a mute touches is muted, and one that what is kept only touches is not kept."""
    samples = np.zeros_like(CLIP.samples)
    samples[index] = 0.1
    between = Segment(1.00003, 2.00003)  # 16,000.48 to 32,000.48
    touched = replace(HONEST, samples=samples)
    with pytest.raises(Refusal):
        gate._silence(CLIP, ALONE, Plan((WHOLE,), (Mute(between, Why.BACKGROUND),), 0, ()), touched)
    with pytest.raises(Refusal):
        gate._silence(CLIP, ALONE, Plan((between,), (), 0, ()), touched)


def test_sound_that_is_turned_round_is_refused() -> None:
    """Softer than the clip's own, and still not its own."""
    turned = replace(HONEST, samples=HONEST.samples * np.float32(-0.5))
    assert Reason.GATE_MALFORMED == inspect(turned)


def test_sound_that_is_not_the_clips_own_is_refused() -> None:
    """What is muted elsewhere does not come back in a stretch that is kept, nor does anything get louder."""
    moved = HONEST.samples.copy()
    moved[int(0.5 * 16000) : int(0.9 * 16000)] = CLIP.samples[int(1.5 * 16000) : int(1.9 * 16000)]
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, samples=moved))
    louder = np.where(np.abs(HONEST.samples) > 0.01, HONEST.samples * np.float32(1.2), HONEST.samples)
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, samples=louder))


def test_output_equal_to_input_is_refused_although_the_plan_had_mutes() -> None:
    """A redactor that does nothing is caught by the mutes."""
    assert Reason.GATE_MUTE_AUDIBLE == inspect(replace(HONEST, samples=CLIP.samples))


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
        "twenty thirty forty fifty sixty",
        "41115",
        "4111-5",
        "4 1 1 1 5",
        "41 11 54",
    ],
)
def test_a_digit_run_left_in_the_words_is_refused(left: str) -> None:
    """Spoken or written, with fillers and punctuation."""
    assert Reason.GATE_DIGITS_LEFT == inspect(said("my", "card", *left.split()))


@pytest.mark.parametrize(
    "left",
    [
        "4 one 1 one 1",
        "one 111 one",
        "four dash one then one dot one",
        "fourteen fifteen sixteen",
        "five fifty five twelve twelve",
        "４１１１ 1",
        "①②③④⑤",
        "four_one_one_one",
        "four one comma one one",
    ],
)
def test_a_digit_run_in_disguise_is_refused(left: str) -> None:
    """Written and spoken by turns, with joiners, in pairs, in other digits, glued together."""
    assert Reason.GATE_DIGITS_LEFT == inspect(said("my", "card", *left.split()))
    assert Reason.GATE_DIGITS_LEFT == inspect(said("my card " + left))


@pytest.mark.parametrize(
    "left", ["at seven thirty", "in 2024", "one two three go", "nineteen eighty four", "½ a café – 7:30"]
)
def test_short_numbers_pass(left: str) -> None:
    """Times, years and counting to three are nobody's number."""
    assert inspect_honest(left) is None


def test_a_placeholder_parts_numbers() -> None:
    """What was taken out does not count as a digit, and what stands around it is two runs."""
    assert inspect_honest("two three nine two three", Finding(0, 2, 2, "PIN")) is None


@pytest.mark.parametrize("left", ["diane", "Diane,", "DIANE", "08601", "Trenton!", "trenton"])
def test_an_identifier_of_the_event_in_the_words_is_refused(left: str) -> None:
    """The account's own name, city and postcode, whatever the case and punctuation."""
    assert inspect(said("hello", left)) in {Reason.GATE_IDENTIFIER_LEFT, Reason.GATE_DIGITS_LEFT}


@pytest.mark.parametrize(
    "left",
    [
        "diane smith",
        "Diane's",
        "diane'll",
        "diane/tom",
        "hi,diane,how",
        "<X>diane",
        "diane.smith",
        "ｄｉａｎｅ",
        "𝐝𝐢𝐚𝐧𝐞",
        "Diàne",
        "d.i.a.n.e",
    ],
)
def test_an_identifier_inside_a_token_is_refused(left: str) -> None:
    """Several words in one token, a clitic, markup, accents, and letters in another width or weight."""
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(said("call", left))


def test_an_identifier_over_several_words_is_refused() -> None:
    """Spelled or split, the words still say it; a longer word does not."""
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(said("call", "d", "i", "ane", "now"))
    assert Reason.GATE_IDENTIFIER_LEFT != inspect(said("call", "dianes", "now"))


@pytest.mark.parametrize(
    "left", ["di\u0430ne", "🅳🅸🅰🅽🅴", "di\u200dane", "\u202eenaid", "٤١١", "ᴅɪᴀɴᴇ", "Диана", "di\x07ane", "a\nb"]
)
def test_a_word_in_letters_that_we_cannot_compare_is_refused(left: str) -> None:
    """Letters of other scripts, invisible signs and control characters may spell what we would not find."""
    assert Reason.GATE_MALFORMED == inspect(said("call", left))


@pytest.mark.parametrize(
    ("name", "left"), [("Rose Møller", "rose"), ("Rose Møller", "moller"), ("Mo Moller", "MØLLER")]
)
def test_a_part_of_the_accounts_name_is_refused(name: str, left: str) -> None:
    """A name of several parts, and letters that are no plain letter with an accent."""
    own = replace(CLIP, event=replace(CLIP.event, subject=replace(CLIP.event.subject, first_name=name)))
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(said("call", left), made=own)


def test_a_placeholder_that_the_plan_did_not_make_is_refused() -> None:
    """A word that is written like a placeholder is no placeholder, also beside a true one of that name."""
    assert Reason.GATE_MALFORMED == inspect_honest("call <ZOLTAN> now please")
    assert Reason.GATE_MALFORMED == inspect_honest("call <PERSON> and mary", Finding(0, 3, 3, "PERSON"))


def test_words_that_are_not_the_transcripts_own_are_refused() -> None:
    """Another hypothesis's word, a word too many, a word too few, and a word that was to be edited."""
    kept, extra = HONEST.words, PublishedWord("basement", Segment(0.5, 0.9))
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, words=(*kept, extra)))
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, words=(extra, *kept[1:])))
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, words=kept[1:]))


@pytest.mark.parametrize(
    "glued",
    [
        "hello,maria",
        "maria.gonzalez",
        "maria/tom",
        "wait—maria",
        "<X>maria",
        "maria_m",
        "m.gonzalez",
        "gonzalez.m",
        "a.m.gonzalez",
        "maria'gonzalez",
    ],
)
def test_a_word_that_glues_several_is_refused(glued: str) -> None:
    """No finder of names reads such a word, so that nobody can vouch for it."""
    assert Reason.GATE_MALFORMED == inspect_honest(f"call {glued} now")


@pytest.mark.parametrize(
    "whole", ["o'clock", "o’clock", "x-ray", "a.m.", "R&B", "24/7", "w/o", "7–8", "(yes),", "U.S.A."]
)
def test_a_word_with_signs_inside_passes(whole: str) -> None:
    """Clitics, hyphens, abbreviations."""
    assert inspect_honest(f"call {whole} now") is None


def test_a_word_whose_sound_is_muted_is_refused() -> None:
    """What a bystander said can't be read where it can't be heard."""
    plan = replace(PLAN, word_edits=tuple(edit for edit in PLAN.word_edits if edit.why is Why.IDENTIFIER))
    made = clip("this is diane in the kitchen with")
    decided = replace(decide(made, EVIDENCE, POLICY), word_edits=plan.word_edits)
    leaky = replace(HONEST, words=text.replace_words(made, decided), mutes=decided.mutes)
    assert Reason.GATE_UNCHANGED == inspect(leaky, made=made, plan=decided)


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


def test_an_identifier_in_a_mutes_type_is_refused() -> None:
    """What a mute is called leaves too."""
    mutes = (replace(PLAN.mutes[0], entity_type="house-333-qq"), *PLAN.mutes[1:])
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(replace(HONEST, mutes=mutes), plan=replace(PLAN, mutes=mutes))


def test_an_identifier_in_a_receipt_is_refused() -> None:
    """A model path that names somebody is a leak as well."""
    leaky = replace(HONEST, receipts=(*HONEST.receipts, Receipt("extra", "models/house-333-qq", complete=True)))
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(leaky)


# ------------------------------------------------------------------ slots and attributes
def with_slots(**slots: str) -> Clip:
    return replace(CLIP, event=replace(CLIP.event, slots=slots, attributes={}))


SLOTS = [
    ("diane kowalski", "Kowalski"),  # what was found is in it: so is the rest of the name
    ("Kowalski, Diane", "kowalski's"),
    ("AB-12-CD-34-EF-567", "ab 12 cd 34 ef 567"),  # an identifier by its form, whether it was said or not
    ("canary@example.com", "canary@example.com"),
]


@pytest.mark.parametrize(("value", "canary"), SLOTS)
@pytest.mark.parametrize("where", ["slots", "attributes"])
def test_a_masked_slots_value_in_the_words_is_refused(value: str, canary: str, where: str) -> None:
    """In slots as in attributes, and however the word is written that repeats it."""
    told = replace(CLIP, event=replace(CLIP.event, **{"slots": {}, "attributes": {}, where: {"contact": value}}))
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(said("the", *canary.split(), "kitchen"), made=told)


@pytest.mark.parametrize("field", ["token", "campaign", "key_epoch", "language", "device_family"])
@pytest.mark.parametrize("value", ["diane kowalski", "canary@example.com"])
def test_a_masked_slots_value_in_any_field_is_refused(field: str, value: str) -> None:
    """Every text of the metadata is searched for it."""
    leaky = replace(HONEST, metadata=replace(HONEST.metadata, **{field: f"x {value.upper()}"}))
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(leaky, made=with_slots(contact=value))


def test_a_masked_slots_value_in_a_receipt_a_mute_or_the_bytes_is_refused() -> None:
    """All that is published is searched, not only the words."""
    told = with_slots(contact="diane kowalski")
    receipts = (*HONEST.receipts, Receipt("extra", "for diane kowalski", complete=True))
    mutes = (replace(PLAN.mutes[0], entity_type="KOWALSKI"), *PLAN.mutes[1:])
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(replace(HONEST, receipts=receipts), made=told)
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(
        replace(HONEST, mutes=mutes), made=told, plan=replace(PLAN, mutes=mutes)
    )
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(body=b"\x00kowalski\xff", made=told)


@pytest.mark.parametrize("value", ["oak street", "twelve oak street apartment nine"])
def test_a_slot_that_is_part_of_what_was_found_or_holds_it_is_searched_for(value: str) -> None:
    """What was said of an address is in the slot as well, with more of it or less."""
    made = clip("play it at twelve oak street please")
    made = replace(made, event=replace(made.event, slots={"where": value}))
    found = evidence(Finding(0, 3, 5, "ADDRESS"))
    decided = decide(made, found, POLICY)
    samples, words = sound.keep_only(made.samples, decided.keep), text.replace_words(made, decided)
    result = replace(HONEST, samples=samples, words=words, mutes=decided.mutes)
    assert inspect(result, made=made, found=found, plan=decided) is None
    body = b"\x00" + value.encode() + b"\xff"
    assert Reason.GATE_IDENTIFIER_LEFT == inspect(result, body, made=made, found=found, plan=decided)


def test_slots_that_tell_nobody_may_be_said() -> None:
    """A room, a song, a date, a device family and a message with words of everyday are no identifiers."""
    harmless = with_slots(
        room="kitchen",
        song="this is the kitchen",
        date="2026-11-03",
        device="speaker",
        note="tell diane this is it now",
    )
    assert inspect(made=harmless) is None


# ------------------------------------------------------------------ receipts and shape
def test_a_receipt_of_the_evidence_that_is_not_published_is_refused() -> None:
    """What made a clip's times or its transcript is named in what leaves."""
    found = replace(EVIDENCE, times=(Receipt("word-times", "aligner 1", complete=True),))
    assert Reason.GATE_RECEIPT_MISSING == inspect(found=found)
    assert inspect(replace(HONEST, receipts=found.receipts), found=found) is None


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


@pytest.mark.parametrize("unsure", [Receipt("speakers", "model-1", complete=False), Receipt("speakers", "", True)])
def test_a_detector_that_did_not_see_all_or_has_no_version_is_missing(unsure: Receipt) -> None:
    """Also where the output names it just as the evidence does."""
    found = replace(EVIDENCE, speakers=replace(EVIDENCE.speakers, receipt=unsure))
    assert Reason.GATE_RECEIPT_MISSING == inspect(replace(HONEST, receipts=found.receipts), found=found)


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


@pytest.mark.parametrize(
    ("captured", "precision", "expected"),
    [
        (datetime(2026, 11, 3, tzinfo=UTC), Precision.DAY, None),
        (datetime(2026, 1, 1, tzinfo=UTC), Precision.YEAR, None),
        (datetime(2026, 11, 3, 14, tzinfo=UTC), Precision.DAY, Reason.GATE_MALFORMED),
        (datetime(2026, 11, 1, tzinfo=UTC), Precision.YEAR, Reason.GATE_MALFORMED),
        (datetime(2026, 1, 2, tzinfo=UTC), Precision.YEAR, Reason.GATE_MALFORMED),
    ],
)
def test_a_time_tells_no_more_than_it_says(captured: datetime, precision: Precision, expected: Reason | None) -> None:
    """The hour of a day that was made coarse would tell what was not to be told."""
    told = replace(HONEST.metadata, captured_hour=captured, captured_precision=precision)
    assert expected == inspect(replace(HONEST, metadata=told))


def test_a_plan_with_a_gap_is_refused() -> None:
    """What is neither kept nor muted has not been decided."""
    gap = replace(PLAN, mutes=tuple(mute for mute in PLAN.mutes if mute.why is not Why.BACKGROUND))
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, mutes=gap.mutes), plan=gap)
    undecided = Plan((), (Mute(Segment(0.0, 3.0), Why.BACKGROUND),), None, ())
    assert Reason.GATE_MALFORMED == inspect(replace(HONEST, mutes=undecided.mutes), plan=undecided)
