"""Every decision: who may be heard, what is muted and why, which words are shown."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from stream import plan
from stream.clip import Finding, Reason, Receipt, Refusal, Segment, Transcript, WakeWord, Why, Word, WordEdit
from stream.policy import OperatingPoint, Policy
from stream.segments import seconds, union
from tests.values import SPEAKERS_RAN, WORDS_RAN, clip, event, evidence, words

POINT = OperatingPoint("test", 0.5, 0.5, 0.5, 0.5, overlap_share_max=0.5, keep_margin_s=0.0, kept_seconds_min=0.3)
POLICY = Policy(operating_point=POINT, word_margin_s=0.05)


# ------------------------------------------------------------------ before anything is found
def test_no_consent_is_refused() -> None:
    """Without consent to human review nothing more is done."""
    with pytest.raises(Refusal) as refusal:
        plan.admit(event(consent=False), POLICY)
    assert refusal.value.reason is Reason.NO_CONSENT


def test_an_unknown_language_is_refused() -> None:
    """Identifiers are only known in the policy's languages."""
    with pytest.raises(Refusal) as refusal:
        plan.admit(event(locale="fr_FR"), POLICY)
    assert refusal.value.reason is Reason.LANGUAGE_UNSUPPORTED
    plan.admit(event(locale="EN_gb"), POLICY)


@pytest.mark.parametrize(
    ("score", "refused"), [(None, False), (0.5, False), (0.49, True), (0.0, True), (math.nan, True)]
)
def test_a_device_that_doubts_its_call_is_believed(score: float | None, refused: bool) -> None:
    """A wake word that the device was not sure of vouches for nobody; without a score the speaker model decides."""
    called = replace(event(), wake_word=WakeWord(Segment(0.2, 0.8), score))
    if not refused:
        plan.admit(called, POLICY)
        return
    with pytest.raises(Refusal) as refusal:
        plan.admit(called, POLICY)
    assert refusal.value.reason is Reason.MAIN_SPEAKER_UNCERTAIN


@pytest.mark.parametrize(
    ("transcript", "reason"),
    [
        ((), Reason.NO_TRANSCRIPT),
        ((Word("hello"),), Reason.WORDS_WITHOUT_TIMES),
        ((Word("hello", Segment(3.5, 4.2)),), Reason.WORDS_OUT_OF_BOUNDS),
        ((Word("hello", Segment(4.0, 4.05)),), Reason.WORDS_OUT_OF_BOUNDS),
        ((*words("jazz", start=2.0), *words("play")), Reason.WORDS_OUT_OF_BOUNDS),
    ],
)
def test_words_that_cannot_be_tied_to_the_sound_are_refused(transcript: tuple[Word, ...], reason: Reason) -> None:
    """No words, no times, times past the end or not in order: withheld, in whichever hypothesis."""
    with pytest.raises(Refusal) as refusal:
        plan.check(clip(transcripts=(Transcript(transcript),)), POLICY)
    assert refusal.value.reason is reason


def test_too_many_words_are_refused() -> None:
    """Before anything is made of them, in whichever hypothesis."""
    hypotheses = (Transcript(words("play"), 0.9), Transcript(words("a " * 401, step=0.005)))
    with pytest.raises(Refusal) as refusal:
        plan.bound(clip(transcripts=hypotheses), POLICY)
    assert refusal.value.reason is Reason.WORDS_TOO_MANY


def test_a_second_hypothesis_is_checked_too() -> None:
    """A hypothesis that is not shown still has to have times, since its identifiers are muted."""
    hypotheses = (Transcript(words("play jazz"), 0.9), Transcript((Word("pray"),), 0.1))
    with pytest.raises(Refusal) as refusal:
        plan.check(clip(transcripts=hypotheses), POLICY)
    assert refusal.value.reason is Reason.WORDS_WITHOUT_TIMES


def test_hypotheses_that_contradict_one_another_are_refused() -> None:
    """Two that heard the same words at other times: one of them would mute where nothing was said."""
    hypotheses = (Transcript(words("play some jazz"), 0.9), Transcript(words("play some jazz", start=1.7), 0.1))
    with pytest.raises(Refusal) as refusal:
        plan.check(clip(transcripts=hypotheses), POLICY)
    assert refusal.value.reason is Reason.WORDS_OUT_OF_BOUNDS


# ------------------------------------------------------------------ who may be heard
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"main": None}, Reason.NO_MAIN_SPEAKER),
        ({"main": None, "confidence": 0.0}, Reason.NO_MAIN_SPEAKER),
        ({"turns": ((0.0, 4.0, "b1"),)}, Reason.NO_MAIN_SPEAKER),
        ({"confidence": 0.49}, Reason.MAIN_SPEAKER_UNCERTAIN),
        ({"confidence": math.nan}, Reason.MAIN_SPEAKER_UNCERTAIN),
        ({"turns": ((0.0, 4.0, "main"), (0.0, 2.1, "b1"))}, Reason.TOO_MUCH_OVERLAP),
        ({"turns": ((0.0, 0.2, "main"),)}, Reason.NOTHING_LEFT),
        ({"receipts": (Receipt("speakers", "1", complete=False), WORDS_RAN)}, Reason.DETECTOR_FAILED),
        ({"receipts": (SPEAKERS_RAN, Receipt("identifiers", "1", complete=False))}, Reason.DETECTOR_FAILED),
    ],
)
def test_a_main_speaker_in_doubt_is_refused(changes: dict[str, object], reason: Reason) -> None:
    """No, unsure, overlapped or hardly audible main speaker, or a detector that saw only a part: withheld."""
    with pytest.raises(Refusal) as refusal:
        plan.decide(clip(), evidence(**changes), POLICY)  # type: ignore[arg-type]
    assert refusal.value.reason is reason


def test_only_the_main_speakers_own_speech_is_kept() -> None:
    """Overlap, other turns and silence are muted, each with its reason; keep and mutes tile the clip."""
    turns = ((0.5, 2.0, "main"), (1.5, 3.0, "b1"), (3.5, 3.9, "main"))
    decided = plan.decide(clip("play some jazz in the kitchen please"), evidence(turns=turns), POLICY)
    assert (Segment(0.5, 1.5), Segment(3.5, 3.9)) == decided.keep
    assert [
        (Segment(0.0, 0.5), Why.BACKGROUND),
        (Segment(1.5, 3.0), Why.BYSTANDER),
        (Segment(3.0, 3.5), Why.BACKGROUND),
        (Segment(3.9, 4.0), Why.BACKGROUND),
    ] == [(mute.segment, mute.why) for mute in decided.mutes]
    assert (Segment(0.0, 4.0),) == union([*decided.keep, *(mute.segment for mute in decided.mutes)])


def test_the_keep_margin_is_taken_off_both_ends() -> None:
    """A point's margin shortens every kept stretch, next to bystanders too."""
    careful = Policy(operating_point=OperatingPoint("careful", 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.3))
    made = clip("play some jazz in the kitchen")
    decided = plan.decide(made, evidence(turns=((1.0, 3.0, "main"), (2.0, 3.5, "b1"))), careful)
    assert [(1.1, 1.9)] == [(round(s.start, 6), round(s.end, 6)) for s in decided.keep]


def test_speech_that_nobody_read_is_muted() -> None:
    """What the recogniser did not write down, between the words or after them, may be a name; the wake word is none."""
    made = clip(transcripts=(Transcript((*words("play jazz"), *words("now", start=3.0))),), duration=6.0)
    decided = plan.decide(made, evidence(turns=((0.0, 6.0, "main"),)), POLICY)
    near = plan.READ_MARGIN_S
    assert [(0.1, 1.4 + near), (3.0 - near, 3.4 + near)] == [(s.start, round(s.end, 6)) for s in decided.keep]


def test_any_hypothesis_counts_as_read() -> None:
    """All hypotheses are searched for identifiers, so that one is enough."""
    hypotheses = (Transcript(words("play jazz"), 0.9), Transcript(words("play jazz by the sea"), 0.2))
    decided = plan.decide(clip(transcripts=hypotheses), evidence(turns=((0.5, 2.9, "main"),)), POLICY)
    assert (Segment(0.5, 2.9),) == decided.keep


def test_a_wake_word_as_long_as_a_sentence_is_not_taken_for_read() -> None:
    """A device that reports its whole recording as the wake word does not make it known."""
    made = clip("play jazz", 6.0)
    long = replace(made, event=replace(made.event, wake_word=WakeWord(Segment(0.0, 6.0))))
    decided = plan.decide(long, evidence(turns=((0.0, 6.0, "main"),)), POLICY)
    assert 1.4 + plan.READ_MARGIN_S == pytest.approx(decided.keep[-1].end)


# ------------------------------------------------------------------ identifiers
def test_a_finding_is_muted_from_first_to_last_word_with_margin() -> None:
    """The pauses inside an identifier are muted as well, and a margin on both sides."""
    decided = plan.decide(clip("my code is one two"), evidence(Finding(0, 3, 4, "PIN")), POLICY)
    mute = next(mute for mute in decided.mutes if mute.why is Why.IDENTIFIER)
    assert (1.95, 2.95) == (round(mute.segment.start, 6), round(mute.segment.end, 6))
    assert "PIN" == mute.entity_type
    assert (WordEdit(3, 4, Why.IDENTIFIER, "PIN"),) == decided.word_edits


def test_the_margin_is_as_wide_as_the_times_may_be_wrong() -> None:
    """Made times are muted with their own error, the device's with the policy's margin; neighbours lose no more."""
    said = words("my code is one two thanks", step=0.6)
    unsure = tuple(replace(word, time_error_s=0.15) if word.text == "one" else word for word in said)
    for transcript, margin in ((said, 0.05), (unsure, 0.15)):
        made = clip(transcripts=(Transcript(transcript),), duration=5.0)
        decided = plan.decide(made, evidence(Finding(0, 3, 4, "PIN"), turns=((0.0, 5.0, "main"),)), POLICY)
        mute = next(mute for mute in decided.mutes if mute.why is Why.IDENTIFIER)
        assert (2.3 - margin, 3.38 + margin) == pytest.approx((mute.segment.start, mute.segment.end))
        assert [(3, 4)] == [(edit.first, edit.last) for edit in decided.word_edits]


def test_identifiers_whose_times_are_anybodys_guess_are_refused() -> None:
    """Further off than that they are said somewhere else; where the times of other words are, nobody minds."""
    said = words("my code is one two thanks", step=0.6)
    found = evidence(Finding(0, 3, 4, "PIN"), turns=((0.0, 5.0, "main"),))
    lost = [replace(word, time_error_s=plan.TIME_ERROR_S_MAX + 0.01) for word in said]
    plan.decide(clip(transcripts=(Transcript((lost[0], *said[1:])),), duration=5.0), found, POLICY)
    with pytest.raises(Refusal) as refusal:
        plan.decide(clip(transcripts=(Transcript((*said[:4], lost[4], said[5])),), duration=5.0), found, POLICY)
    assert refusal.value.reason is Reason.WORDS_OUT_OF_BOUNDS


def test_an_identifier_in_a_hidden_hypothesis_is_muted_and_hides_the_words_heard_there() -> None:
    """What only the second hypothesis understood is still audible, so sound and shown words go."""
    hypotheses = (Transcript(words("call die ann"), 0.9), Transcript(words("call diane now"), 0.2))
    decided = plan.decide(clip(transcripts=hypotheses), evidence(Finding(1, 1, 1, "PERSON")), POLICY)
    assert (WordEdit(1, 1, Why.IDENTIFIER, "PERSON"),) == decided.word_edits
    assert not union(decided.keep)[0].end > 0.95 + 1e-6


def test_the_most_confident_hypothesis_is_shown() -> None:
    """The order of the n-best list does not matter, the recogniser's confidence does."""
    hypotheses = (Transcript((), 1.0), Transcript(words("pray jazz"), 0.2), Transcript(words("play jazz"), 0.8))
    assert 2 == plan.decide(clip(transcripts=hypotheses), evidence(), POLICY).transcript


def test_an_identifier_is_hidden_wherever_it_comes_again() -> None:
    """Found once is enough: the same words elsewhere, with other case and punctuation, are hidden too."""
    decided = plan.decide(clip("diane said call Diane, now", 5.0), evidence(Finding(0, 0, 0, "PERSON")), POLICY)
    assert [(0, 0), (3, 3)] == [(edit.first, edit.last) for edit in decided.word_edits]


def test_a_part_of_a_name_is_hidden_wherever_it_comes_again() -> None:
    """First or last name alone, and the name in one word or in several; not what only joins the parts of a name."""
    made = clip("maria del sol called so sol and mariadelsol del maria", 6.0)
    decided = plan.decide(made, evidence(Finding(0, 0, 2, "PERSON"), turns=((0.0, 6.0, "main"),)), POLICY)
    hidden = [(0, 2), (5, 5), (7, 7), (9, 9)]
    assert hidden == [(edit.first, edit.last) for edit in decided.word_edits]


def test_a_short_part_of_a_name_is_hidden_in_the_name_alone() -> None:
    """Else an initial would hide every letter that is spoken, and most clips with it."""
    made = clip("al kowalski said al is kowalski", 5.0)
    decided = plan.decide(made, evidence(Finding(0, 0, 1, "PERSON"), turns=((0.0, 5.0, "main"),)), POLICY)
    assert [(0, 1), (5, 5)] == [(edit.first, edit.last) for edit in decided.word_edits]


def test_only_names_are_hidden_by_their_parts() -> None:
    """ "new" is no place because "new york" is one."""
    made = clip("from new york get new shoes")
    assert [(1, 2)] == [
        (edit.first, edit.last) for edit in plan.decide(made, evidence(Finding(0, 1, 2, "LOCATION")), POLICY).word_edits
    ]


def test_a_long_word_over_another_hypothesis_identifier_is_hidden() -> None:
    """It is spoken where the other hypothesis hears a name, although most of its own sound is kept."""
    shown = Transcript((*words("call"), Word("imdianeok", Segment(1.0, 3.0)), *words("now", start=3.1)), 0.9)
    hidden = Transcript((*words("call"), *words("diane", start=1.8), *words("now", start=3.1)), 0.1)
    decided = plan.decide(clip(transcripts=(shown, hidden)), evidence(Finding(1, 1, 1, "PERSON")), POLICY)
    assert [(1, 1, "PERSON")] == [(edit.first, edit.last, edit.entity_type) for edit in decided.word_edits]


@pytest.mark.parametrize(("said", "seconds_said"), [("diane", 0.05), ("2025550143", 0.5)])
def test_an_identifier_that_nobody_could_say_so_fast_is_refused(said: str, seconds_said: float) -> None:
    """Its time is wrong, so that muting it would leave it audible."""
    transcript = Transcript((*words("call"), Word(said, Segment(1.0, 1.0 + seconds_said)), *words("now", start=2.0)))
    with pytest.raises(Refusal) as refusal:
        plan.decide(clip(transcripts=(transcript,)), evidence(Finding(0, 1, 1, "PERSON")), POLICY)
    assert refusal.value.reason is Reason.WORDS_OUT_OF_BOUNDS


def test_overlapping_findings_become_one_edit_named_by_the_surest() -> None:
    """Two recognizers on the same words make one placeholder."""
    found = (Finding(0, 1, 3, "PHONE_NUMBER", 0.4), Finding(0, 2, 4, "CREDIT_CARD", 0.9))
    decided = plan.decide(clip("is one two three four"), evidence(*found), POLICY)
    assert (WordEdit(1, 4, Why.IDENTIFIER, "CREDIT_CARD"),) == decided.word_edits


def test_words_that_cannot_be_heard_cannot_be_read() -> None:
    """Words of a bystander, or outside the main speaker's turns, become placeholders."""
    decided = plan.decide(
        clip("play some jazz mister smith", 4.0),
        evidence(turns=((0.4, 2.0, "main"), (2.0, 2.6, "b1"))),
        POLICY,
    )
    assert [(3, Why.BYSTANDER), (4, Why.BACKGROUND)] == [(edit.first, edit.why) for edit in decided.word_edits]


def test_a_word_that_touches_an_identifier_is_called_one() -> None:
    """Although a bystander covers more of it: placeholders of one identifier tell no word count."""
    wide = replace(POLICY, word_margin_s=0.2)
    turns = ((0.0, 1.5, "main"), (1.5, 4.0, "b1"))
    decided = plan.decide(clip("call diane now"), evidence(Finding(0, 1, 1, "PERSON"), turns=turns), wide)
    told = [(edit.first, edit.why, edit.entity_type) for edit in decided.word_edits]
    assert [(1, Why.IDENTIFIER, "PERSON"), (2, Why.IDENTIFIER, "PERSON")] == told


def test_a_language_without_vocabulary_is_no_policy() -> None:
    """The gate could not count its digits."""
    with pytest.raises(ValueError, match="xx"):
        Policy(languages=frozenset({"en", "xx"}))


def test_both_detectors_are_required_unless_somebody_says_otherwise() -> None:
    """Without either nobody knows what is heard."""
    assert frozenset({"speakers", "identifiers"}) == Policy().required_detectors


def test_nothing_but_identifiers_is_not_worth_a_listener() -> None:
    """A clip whose whole speech is an identifier is withheld."""
    with pytest.raises(Refusal) as refusal:
        plan.decide(clip("one two"), evidence(Finding(0, 0, 1, "PIN"), turns=((0.5, 1.4, "main"),)), POLICY)
    assert refusal.value.reason is Reason.NOTHING_LEFT


def test_without_transcript_only_the_sound_is_decided() -> None:
    """Where the policy allows clips without words, the sound is decided alone."""
    decided = plan.decide(clip(transcripts=()), evidence(turns=((1.0, 2.0, "main"),)), POLICY)
    assert decided.transcript is None
    assert () == decided.word_edits
    assert 1.0 == seconds(decided.keep)
