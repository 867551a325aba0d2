"""What becomes of a clip with critical content: by plan, gate and pipeline, for each operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import pytest

from stream import gate, plan
from stream.clip import (
    AgeEvidence,
    AnonymizedClip,
    Clip,
    Critical,
    CriticalContent,
    CriticalKind,
    Evidence,
    Finding,
    Job,
    Mute,
    Published,
    Reason,
    Receipt,
    Refusal,
    Samples,
    Segment,
    SpeakerEvidence,
    Transcript,
    WakeWord,
    Why,
    Withheld,
    WordEvidence,
)
from stream.edit import metadata, sound, text
from stream.pipeline import deidentify
from stream.policy import CRITICAL, OperatingPoint, Operator, Policy
from stream.ports import Parts
from tests.values import JOB, LABEL, WORDS_RAN, clip, event, evidence, noise, words

POINT = OperatingPoint("test", 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.3)
SAID = "play jazz he hurt me tonight please"
PHRASE = Critical(CriticalKind.DISTRESS, 0, 2, 4)
CARD = Finding(0, 2, 4, "CREDIT_CARD")
AGES_RAN = Receipt("ages", "ages-1", complete=True)
CLIP = clip(SAID, 5.0)
REQUIRED = frozenset({"speakers", "identifiers"})


def policy(**operators: Operator) -> Policy:
    named = {CriticalKind(kind): operator for kind, operator in operators.items()}
    return Policy(operating_point=POINT, critical=MappingProxyType({**CRITICAL, **named}))


def found(*critical: Critical, findings: tuple[Finding, ...] = (), child: bool | None = None) -> Evidence:
    age = None if child is None else AgeEvidence(child, AGES_RAN)
    heard = evidence(turns=((0.0, 5.0, "main"),))
    return replace(heard, words=WordEvidence(findings, WORDS_RAN, critical), age=age)


def honest(made: Clip, of: Evidence, by: Policy) -> tuple[plan.Plan, AnonymizedClip]:
    """What plan and edit make of a clip."""
    decided = plan.decide(made, of, by)
    return decided, AnonymizedClip(
        metadata=metadata.of_label(LABEL, 0),
        samples=sound.keep_only(made.samples, decided.keep),
        words=text.replace_words(made, decided),
        mutes=decided.mutes,
        receipts=of.receipts,
        policy_version="1",
        critical=decided.critical,
    )


def inspected(of: Evidence, decided: plan.Plan, result: AnonymizedClip, by: Policy, made: Clip = CLIP) -> Reason | None:
    try:
        gate.inspect(made, of, decided, result, b"body", REQUIRED, by.vocabularies["en"], by.critical_rule)
    except Refusal as refusal:
        return refusal.reason
    return None


REDACTING = policy(distress=Operator.REDACT)


# ------------------------------------------------------------------ plan
def test_a_redacted_phrase_is_muted_replaced_and_marked() -> None:
    """It goes the way of an identifier, and the clip names its kind."""
    decided, result = honest(CLIP, found(PHRASE), REDACTING)
    assert (CriticalKind.DISTRESS,) == decided.critical
    assert ["play", "jazz", "<DISTRESS>", "tonight", "please"] == [word.text for word in result.words]
    start, end = CLIP.event.transcripts[0].words[2].segment, CLIP.event.transcripts[0].words[4].segment
    assert start
    assert end
    assert not result.samples[int(start.start * 16_000) : int(end.end * 16_000)].any()


def test_a_redacted_phrase_is_muted_wherever_it_is_said_again() -> None:
    """In every hypothesis, as an identifier is."""
    made = clip(transcripts=(Transcript(words("he hurt me now he hurt me"), 0.9),), duration=5.0)
    _, result = honest(made, found(Critical(CriticalKind.DISTRESS, 0, 0, 2)), REDACTING)
    assert ["<DISTRESS>", "now", "<DISTRESS>"] == [word.text for word in result.words]


@pytest.mark.parametrize(("operator", "escalated"), [(Operator.WITHHOLD, False), (Operator.ESCALATE, True)])
@pytest.mark.parametrize(
    ("kind", "of"),
    [
        (CriticalKind.DISTRESS, found(PHRASE)),
        (CriticalKind.HEALTH, found(Critical(CriticalKind.HEALTH, 0, 2, 4))),
        (CriticalKind.HEALTH, found(findings=(Finding(0, 2, 4, "HEALTH"),))),
        (CriticalKind.FINANCIAL, found(findings=(CARD,))),
        (CriticalKind.CREDENTIALS, found(findings=(Finding(0, 2, 4, "PASSWORD"),))),
        (CriticalKind.CHILDREN, found(child=True)),
    ],
)
def test_a_kind_that_is_not_redacted_withholds(
    kind: CriticalKind, of: Evidence, operator: Operator, escalated: bool
) -> None:
    """Whatever says that it is there: a phrase, an identifier's type, or the voice."""
    with pytest.raises(CriticalContent) as caught:
        plan.decide(CLIP, of, policy(**{kind.value: operator}))
    refusal = caught.value
    assert (Reason.CRITICAL, (kind,), escalated) == (refusal.reason, refusal.kinds, refusal.escalated)


def test_one_kind_that_withholds_is_enough_and_all_are_named() -> None:
    """In the order of the list; an escalated one escalates the clip."""
    both = found(PHRASE, findings=(CARD,))
    with pytest.raises(CriticalContent) as caught:
        plan.decide(CLIP, both, policy())
    assert ((CriticalKind.FINANCIAL, CriticalKind.DISTRESS), True) == (caught.value.kinds, caught.value.escalated)


def test_those_who_must_be_told_are_told_of_clips_that_nobody_may_hear_anyway() -> None:
    """A clip with no main speaker, and a call for help in it, is escalated."""
    nobody = replace(found(PHRASE), speakers=evidence(main=None).speakers)
    with pytest.raises(CriticalContent):
        plan.decide(CLIP, nobody, policy())


def test_what_is_not_critical_is_not_marked() -> None:
    """A name is none of the kinds, and neither is a grown-up's voice."""
    decided = plan.decide(CLIP, found(findings=(Finding(0, 1, 1, "PERSON"),), child=False), policy())
    assert () == decided.critical


def test_an_age_that_nobody_can_tell_withholds() -> None:
    """A detector that is there and did not finish is as bad as none that had to be there."""
    unsure = replace(found(), age=AgeEvidence(child=False, receipt=replace(AGES_RAN, complete=False)))
    with pytest.raises(Refusal) as caught:
        plan.decide(CLIP, unsure, policy())
    assert Reason.DETECTOR_FAILED == caught.value.reason


def test_a_policy_says_what_becomes_of_every_kind() -> None:
    """None is left out, and a child's voice is not redacted."""
    with pytest.raises(ValueError):
        Policy(critical=MappingProxyType({CriticalKind.HEALTH: Operator.REDACT}))
    with pytest.raises(ValueError):
        policy(children=Operator.REDACT)


def test_what_nobody_says_otherwise_is_withheld_where_no_mute_helps() -> None:
    """An illness can be told from the words around it, no mute hides a child, and of a threat somebody must know."""
    expected = {
        CriticalKind.FINANCIAL: Operator.REDACT,
        CriticalKind.CREDENTIALS: Operator.REDACT,
        CriticalKind.HEALTH: Operator.WITHHOLD,
        CriticalKind.CHILDREN: Operator.WITHHOLD,
        CriticalKind.DISTRESS: Operator.ESCALATE,
    }
    assert expected == dict(Policy().critical)


# ------------------------------------------------------------------ gate
def test_the_gate_passes_what_is_redacted_and_marked() -> None:
    """A phrase or a card that was taken out, as plan and edit do it."""
    for of in (found(PHRASE), found(findings=(CARD,)), found(PHRASE, findings=(CARD,))):
        assert inspected(of, *honest(CLIP, of, REDACTING), REDACTING) is None


@pytest.mark.parametrize(
    ("of", "strict"),
    [
        (found(PHRASE), policy()),
        (found(findings=(CARD,)), policy(financial=Operator.WITHHOLD, distress=Operator.REDACT)),
        (found(child=True), policy(distress=Operator.REDACT)),
    ],
)
def test_a_plan_that_publishes_what_is_to_be_withheld_is_refused(of: Evidence, strict: Policy) -> None:
    """By the evidence alone, although everything is muted and marked: plan took another policy, or none."""
    decided, result = honest(CLIP, replace(of, age=None), REDACTING)
    marked = replace(result, critical=(*result.critical, "children") if of.age else result.critical)
    marked = replace(marked, receipts=of.receipts)
    assert Reason.GATE_CRITICAL_LEFT == inspected(of, decided, marked, strict)


def test_a_childs_voice_is_refused_although_nothing_names_it() -> None:
    """A plan that did not look at the age makes a result that is otherwise honest."""
    decided, result = honest(CLIP, found(), policy())
    of = found(child=True)
    assert Reason.GATE_CRITICAL_LEFT == inspected(of, decided, replace(result, receipts=of.receipts), policy())


@pytest.mark.parametrize("named", [(), ("health",), ("distress", "health"), ("distress", "distress")])
def test_a_result_that_does_not_name_what_was_there_is_refused(named: tuple[str, ...]) -> None:
    """Neither less nor more nor anything else."""
    decided, result = honest(CLIP, found(PHRASE), REDACTING)
    assert Reason.GATE_CRITICAL_LEFT == inspected(found(PHRASE), decided, replace(result, critical=named), REDACTING)


def test_a_mute_of_a_kind_that_withholds_is_refused_without_evidence() -> None:
    """Evidence that lost its phrase does not help where the mutes still tell of it."""
    decided, result = honest(CLIP, found(PHRASE), REDACTING)
    assert any(mute == Mute(mute.segment, Why.IDENTIFIER, "DISTRESS") for mute in result.mutes)
    assert Reason.GATE_CRITICAL_LEFT == inspected(found(), decided, replace(result, critical=()), policy())


def test_a_phrase_that_can_still_be_heard_or_read_is_refused() -> None:
    """A plan that forgot the phrase leaves it in the sound; an editor that forgot it, in the words."""
    decided, result = honest(CLIP, found(), REDACTING)
    forgot = replace(result, critical=("distress",))
    assert Reason.GATE_MUTE_AUDIBLE == inspected(found(PHRASE), decided, forgot, REDACTING)
    muted, right = honest(CLIP, found(PHRASE), REDACTING)
    left = replace(right, words=result.words)
    assert inspected(found(PHRASE), muted, left, REDACTING) in {Reason.GATE_UNCHANGED, Reason.GATE_IDENTIFIER_LEFT}
    partly = replace(right, words=(*right.words, *result.words[2:5]))
    assert Reason.GATE_IDENTIFIER_LEFT == inspected(found(PHRASE), muted, partly, REDACTING)


# ------------------------------------------------------------------ pipeline
@dataclass
class Script:
    """All parts at once: one speaker, and what is said to be found."""

    critical: tuple[Critical, ...] = ()
    child: bool | None = None
    encoded: AnonymizedClip | None = None

    def event(self, job: Job) -> object:
        return event(SAID)

    def samples(self, of: object) -> Samples:
        return noise(5.0)

    def encode(self, made: AnonymizedClip) -> bytes:
        self.encoded = made
        return b"encoded"

    def decode(self, body: bytes) -> AnonymizedClip:
        assert self.encoded is not None
        return self.encoded


@dataclass
class Ears:
    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        return evidence(turns=((0.0, 3.0, "main"), (3.2, 3.4, "b1"), (3.5, 5.0, "main"))).speakers


@dataclass
class Reader:
    script: Script

    def find(self, of: Clip) -> WordEvidence:
        return WordEvidence((), WORDS_RAN, self.script.critical)


@dataclass
class Ages:
    """Says the same of every voice, and remembers which turns it was given."""

    child: bool = False
    complete: bool = True
    version: str = "ages-1"
    turns: tuple[Segment, ...] = ()

    def find(self, samples: Samples, turns: tuple[Segment, ...]) -> AgeEvidence:
        self.turns = turns
        return AgeEvidence(self.child, Receipt("ages", self.version, self.complete))


def run(script: Script, by: Policy, ages: Ages | None = None) -> Published | Withheld:
    return deidentify(JOB, Parts(script, Ears(), Reader(script), script, ages=ages), by)  # type: ignore[arg-type]


@pytest.mark.parametrize("operator", Operator)
def test_each_operator_has_its_outcome(operator: Operator) -> None:
    """Published and marked, withheld, or withheld and escalated."""
    outcome = run(Script((PHRASE,)), policy(distress=operator))
    assert ("distress",) == outcome.critical
    if operator is Operator.REDACT:
        assert isinstance(outcome, Published)
    else:
        assert isinstance(outcome, Withheld)
        assert (Reason.CRITICAL, operator is Operator.ESCALATE) == (outcome.reason, outcome.escalated)


@pytest.mark.parametrize(
    ("ages", "reason"),
    [
        (None, None),
        (Ages(), None),
        (Ages(child=True), Reason.CRITICAL),
        (Ages(complete=False), Reason.DETECTOR_FAILED),
        (Ages(version=""), Reason.GATE_RECEIPT_MISSING),
    ],
)
def test_a_childs_voice_is_withheld_where_somebody_can_tell(ages: Ages | None, reason: Reason | None) -> None:
    """Without a detector nobody is taken for a child; with one, what it can't tell is withheld too."""
    outcome = run(Script(), policy(), ages)
    assert reason == (outcome.reason if isinstance(outcome, Withheld) else None)


def test_only_the_main_speakers_turns_are_judged() -> None:
    """Whether a bystander is a child is no matter: nobody hears them."""
    ages, script = Ages(), Script()
    assert isinstance(run(script, policy(), ages), Published)
    assert (Segment(0.0, 3.0), Segment(3.5, 5.0)) == ages.turns
    assert script.encoded is not None
    assert AGES_RAN in script.encoded.receipts


@dataclass
class Doubting:
    """A timer that can't tell when the words are said."""

    receipt: Receipt

    def timed(self, made: Clip) -> Clip:
        return made

    def confirm(self, made: Clip) -> Clip:
        raise Refusal(Reason.WORDS_NOT_ALIGNED)


def test_distress_is_told_although_the_times_are_doubted() -> None:
    """It is decided before the timer is asked, which would withhold the clip for a reason that nobody is told of."""
    script, timer = Script((PHRASE,)), Doubting(Receipt("times", "times-1", complete=True))
    parts = Parts(script, Ears(), Reader(script), script, timer)  # type: ignore[arg-type]
    outcome = deidentify(JOB, parts, policy())
    assert isinstance(outcome, Withheld)
    assert (Reason.CRITICAL, True) == (outcome.reason, outcome.escalated)


def test_a_detector_of_ages_that_raises_withholds() -> None:
    """By the class of what was raised, and no word of it."""

    class Broken:
        def find(self, samples: Samples, turns: tuple[Segment, ...]) -> AgeEvidence:
            raise RuntimeError("somebody's words")

    outcome = run(Script(), policy(), Broken())  # type: ignore[arg-type]
    assert isinstance(outcome, Withheld)
    assert (Reason.DETECTOR_FAILED, "RuntimeError") == (outcome.reason, outcome.fault)
