"""The way of one clip, with parts that misbehave; the real parts run in the contract suite and in the demo."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from stream.clip import (
    SAMPLE_RATE_HZ,
    AnonymizedClip,
    Clip,
    ClipEvent,
    Critical,
    CriticalKind,
    Finding,
    Job,
    Published,
    Reason,
    Receipt,
    Refusal,
    Samples,
    SpeakerEvidence,
    Transcript,
    WakeWord,
    Withheld,
    Word,
    WordEvidence,
)
from stream.pipeline import deidentify
from stream.policy import OperatingPoint, Policy
from stream.ports import Parts
from tests.values import HOUR, JOB, LABEL, event, evidence, noise, words

POLICY = Policy(version="7", operating_point=OperatingPoint("test", 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.3))
SECRET = "canary-7f3a"


@dataclass
class Script:
    """All four parts at once; each step can be told to raise, and every step that ran is written down."""

    made: ClipEvent = field(default_factory=lambda: event("this is diane"))
    raising: dict[str, Exception] = field(default_factory=dict)
    findings: tuple[Finding, ...] = (Finding(0, 2, 2, "PERSON"),)
    critical: tuple[Critical, ...] = ()
    receipts: tuple[Receipt, Receipt] = (
        Receipt("speakers", "1", complete=True),
        Receipt("identifiers", "1", complete=True),
    )
    steps: list[str] = field(default_factory=list)
    encoded: AnonymizedClip | None = None

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.raising:
            raise self.raising[name]

    def event(self, job: Job) -> ClipEvent:
        self._step("event")
        return self.made

    def samples(self, event: ClipEvent) -> Samples:
        self._step("samples")
        return noise(4.0)

    def encode(self, clip: AnonymizedClip) -> bytes:
        self._step("encode")
        self.encoded = clip
        return b"encoded"

    def decode(self, body: bytes) -> AnonymizedClip:
        self._step("decode")
        assert self.encoded is not None
        return self.encoded


@dataclass
class Ears:
    script: Script

    def find(self, samples: Samples, wake_word: WakeWord | None, transcript: Transcript | None) -> SpeakerEvidence:
        self.script._step("speakers")
        return evidence(turns=((0.0, 4.0, "main"),), receipts=self.script.receipts).speakers


@dataclass
class Reader:
    script: Script

    def find(self, clip: Clip) -> WordEvidence:
        self.script._step("words")
        return WordEvidence(self.script.findings, self.script.receipts[1], self.script.critical)


def run(script: Script, job: Job = JOB) -> Published | Withheld:
    return deidentify(job, Parts(script, Ears(script), Reader(script), script), POLICY)


def test_a_good_clip_is_published_step_by_step() -> None:
    """Every part runs once, in order, and the outcome says only what may be said."""
    script = Script()
    outcome = run(script)
    assert isinstance(outcome, Published)
    assert ["event", "samples", "speakers", "words", "encode", "decode"] == script.steps
    assert (b"encoded", LABEL.token) == (outcome.body, outcome.token)
    assert "7" == outcome.policy_version
    assert 0 == outcome.timestamp_ms % 3_600_000
    assert {"PERSON": 1} == outcome.effort.identifiers
    assert 4.0 == outcome.effort.audio_seconds
    assert 0 < outcome.effort.kept_seconds < 4.0
    assert ["decode", "find/times", "find/speakers", "find/words", "plan", "edit", "encode", "gate"] == list(
        outcome.effort.stage_seconds
    )


def test_what_is_published_is_as_long_as_its_label_says() -> None:
    """Filled up with silence, to a length that enough others have."""
    longer = replace(JOB, label=replace(LABEL, by_length=((5.0, replace(HOUR, seconds=5.0)),)))
    script = Script()
    assert isinstance(run(script, longer), Published)
    assert script.encoded is not None
    assert 5.0 == len(script.encoded.samples) / SAMPLE_RATE_HZ
    assert not script.encoded.samples[int(4.0 * SAMPLE_RATE_HZ) :].any()


def test_without_consent_the_audio_is_not_even_decoded() -> None:
    """Consent is checked before anything of the sound is touched."""
    script = Script(made=event(consent=False))
    assert Withheld(JOB.coordinates, Reason.NO_CONSENT, "7") == replace(run(script), effort=Withheld.effort)  # type: ignore[type-var]
    assert ["event"] == script.steps


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("event", Reason.INTERNAL_ERROR),
        ("samples", Reason.INTERNAL_ERROR),
        ("speakers", Reason.DETECTOR_FAILED),
        ("words", Reason.DETECTOR_FAILED),
        ("encode", Reason.INTERNAL_ERROR),
        ("decode", Reason.INTERNAL_ERROR),
    ],
)
def test_an_exception_withholds_and_tells_its_class_only(step: str, reason: Reason) -> None:
    """A part that raises costs its clip; the exception's message, which may quote the clip, goes nowhere."""
    outcome = run(Script(raising={step: ValueError(f"could not read {SECRET}")}))
    assert isinstance(outcome, Withheld)
    assert (reason, "ValueError") == (outcome.reason, outcome.fault)
    assert SECRET not in repr(outcome)


@pytest.mark.parametrize("step", ["event", "samples", "speakers", "words", "encode"])
def test_a_refusal_keeps_its_reason(step: str) -> None:
    """Any part may refuse, with a reason of the closed list."""
    outcome = run(Script(raising={step: Refusal(Reason.AUDIO_SILENT)}))
    assert isinstance(outcome, Withheld)
    assert (Reason.AUDIO_SILENT, "") == (outcome.reason, outcome.fault)


def test_a_detector_that_did_not_finish_withholds() -> None:
    """An incomplete receipt is as bad as an exception."""
    half = (Receipt("speakers", "1", complete=True), Receipt("identifiers", "1", complete=False))
    outcome = run(Script(receipts=half))
    assert isinstance(outcome, Withheld)
    assert Reason.DETECTOR_FAILED == outcome.reason


def test_a_detector_under_another_name_is_missing() -> None:
    """The gate counts receipts by detector: two of one kind don't stand for both."""
    twice = (Receipt("identifiers", "1", complete=True), Receipt("identifiers", "1", complete=True))
    outcome = run(Script(receipts=twice))
    assert isinstance(outcome, Withheld)
    assert Reason.GATE_RECEIPT_MISSING == outcome.reason


def test_the_gate_judges_the_decoded_bytes() -> None:
    """An encoder that brings back sound from a mute is caught, since what it wrote is decoded and inspected."""

    class Leaky(Script):
        def decode(self, body: bytes) -> AnonymizedClip:
            assert self.encoded is not None
            return replace(self.encoded, samples=np.asarray(noise(4.0)))

    outcome = run(Leaky())
    assert isinstance(outcome, Withheld)
    assert Reason.GATE_MUTE_AUDIBLE == outcome.reason


# ------------------------------------------------------------------ words that came without times, or not at all
TIMES_MADE = Receipt("word-times", "aligner 1", complete=True)
HEARD = Receipt("recogniser", "ears 1", complete=True)


@dataclass
class Clock:
    """Gives every word a time, and says of which texts it was asked to confirm the times."""

    doubts: bool = False
    error_s: float = 0.0  # of the words that it can't say anything of
    confirmed: list[Clip] = field(default_factory=list)
    receipt: Receipt = TIMES_MADE

    def timed(self, clip: Clip) -> Clip:
        if all(word.segment for transcript in clip.event.transcripts for word in transcript.words):
            return clip
        transcripts = tuple(Transcript(words(" ".join(w.text for w in t.words))) for t in clip.event.transcripts)
        return replace(clip, event=replace(clip.event, transcripts=transcripts))

    def confirm(self, clip: Clip) -> Clip:
        self.confirmed.append(clip)
        if self.doubts:
            raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
        if not self.error_s:
            return clip
        said = tuple(replace(word, time_error_s=self.error_s) for word in clip.event.transcripts[0].words)
        return replace(clip, event=replace(clip.event, transcripts=(Transcript(said),)))


@dataclass
class Listener:
    """Hears the same in every clip."""

    said: str = "this is diane"
    receipt: Receipt = HEARD

    def transcribe(self, samples: Samples, locale: str) -> Transcript:
        return Transcript(words(self.said, step=3.0 / len(self.said.split())), 0.8)


UNTIMED = event(transcripts=(Transcript((Word("this"), Word("is"), Word("diane"))),))
UNHEARD = event(transcripts=())


@pytest.mark.parametrize(
    ("made", "extra", "reason"),
    [
        (UNTIMED, {}, Reason.WORDS_WITHOUT_TIMES),
        (UNTIMED, {"timer": Clock()}, None),
        (UNHEARD, {"timer": Clock()}, Reason.NO_TRANSCRIPT),
        (UNHEARD, {"recogniser": Listener()}, None),
    ],
)
def test_words_and_times_are_made_where_a_part_makes_them(
    made: ClipEvent, extra: dict[str, object], reason: Reason | None
) -> None:
    """Without such a part the clip is withheld; with it, it is published with the times that were made."""
    script = Script(made=made)
    parts = replace(Parts(script, Ears(script), Reader(script), script), **extra)  # type: ignore[arg-type]
    outcome = deidentify(JOB, parts, POLICY)
    assert reason is (outcome.reason if isinstance(outcome, Withheld) else None)
    if reason is None:
        assert script.encoded is not None
        assert ["this", "is", "<PERSON>"] == [word.text for word in script.encoded.words]


@pytest.mark.parametrize("made", [event("play " * 401), UNHEARD])
def test_more_words_than_may_be_looked_at_are_withheld(made: ClipEvent) -> None:
    """The device's, before anybody looks for their times, and those that a recogniser of ours hears."""
    script = Script(made=made)
    parts = Parts(script, Ears(script), Reader(script), script, Clock(), Listener("play " * 401))
    outcome = deidentify(JOB, parts, POLICY)
    assert isinstance(outcome, Withheld)
    assert Reason.WORDS_TOO_MANY is outcome.reason
    assert ["event", "samples"] == script.steps


def test_times_of_identifiers_are_confirmed() -> None:
    """A timer that contradicts the device's times withholds the clip; without identifiers it is not asked."""
    clock, doubting = Clock(), Clock(doubts=True)
    script = Script(findings=())
    deidentify(JOB, Parts(script, Ears(script), Reader(script), script, clock), POLICY)
    assert [] == clock.confirmed
    script = Script()
    outcome = deidentify(JOB, Parts(script, Ears(script), Reader(script), script, doubting), POLICY)
    assert isinstance(outcome, Withheld)
    assert outcome.reason is Reason.WORDS_OUT_OF_BOUNDS


def test_times_of_critical_phrases_are_confirmed() -> None:
    """What is redacted of them goes the way of an identifier, and so hangs on its times as much."""
    script = Script(findings=(), critical=(Critical(CriticalKind.FINANCIAL, 0, 2, 2),))
    clock = Clock()
    deidentify(JOB, Parts(script, Ears(script), Reader(script), script, clock), POLICY)
    assert 1 == len(clock.confirmed)


@pytest.mark.parametrize(
    ("made", "extra", "findings", "named"),
    [
        (event("this is diane"), {}, True, set()),
        (event("this is diane"), {"timer": Clock()}, True, {TIMES_MADE}),  # confirmed
        (event("this is diane"), {"timer": Clock(error_s=0.1)}, True, set()),  # nothing to say of them
        (event(transcripts=(Transcript((Word("play"), Word("jazz"))),)), {"timer": Clock()}, False, {TIMES_MADE}),
        (UNHEARD, {"recogniser": Listener()}, True, {HEARD}),
        (UNHEARD, {"recogniser": Listener(), "timer": Clock()}, True, {HEARD, TIMES_MADE}),
    ],
)
def test_what_made_words_and_times_is_named(
    made: ClipEvent, extra: dict[str, object], findings: bool, named: set[Receipt]
) -> None:
    """A published clip says which recogniser and which aligner it hangs on, and names none that it does not."""
    script = Script(made=made) if findings else Script(made=made, findings=())
    outcome = deidentify(JOB, replace(Parts(script, Ears(script), Reader(script), script), **extra), POLICY)  # type: ignore[arg-type]
    assert isinstance(outcome, Published)
    assert script.encoded is not None
    assert {*script.receipts, *named} == set(script.encoded.receipts)


def test_times_that_nobody_can_confirm_are_muted_more_widely() -> None:
    """The errors that the timer tells of them decide how much is muted around an identifier."""
    kept = []
    for error_s in (0.0, 0.3):
        script = Script(made=event("diane is this not that at all"), findings=(Finding(0, 0, 0, "PERSON"),))
        outcome = deidentify(JOB, Parts(script, Ears(script), Reader(script), script, Clock(error_s=error_s)), POLICY)
        assert isinstance(outcome, Published)
        kept.append(outcome.effort.kept_seconds)
    assert kept[0] > kept[1] + 0.2
