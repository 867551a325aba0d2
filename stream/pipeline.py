"""The way of one clip, from event to outcome. Read this first.

    Job -> ClipEvent -> Clip -> Evidence -> Plan -> AnonymizedClip -> bytes -> gate -> Published | Withheld

Models may be wrong: they only give evidence. Every decision is in ``plan``, every change in ``edit``, every doubt in
``gate``. A clip ends published or withheld; there is no third way, and whatever goes wrong ends in withheld.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from stream import gate, plan
from stream.clip import (
    AgeEvidence,
    AnonymizedClip,
    Clip,
    CriticalContent,
    Effort,
    Evidence,
    Job,
    Label,
    Outcome,
    Plan,
    Published,
    Reason,
    Receipt,
    Refusal,
    SpeakerEvidence,
    Withheld,
)
from stream.edit import metadata, sound, text
from stream.policy import Policy, language
from stream.ports import Parts
from stream.segments import seconds


def deidentify(job: Job, parts: Parts, policy: Policy) -> Outcome:
    """Publish or withhold one clip event. Never raises for what the event contains."""
    progress = _Progress()
    try:
        return _publish(job, parts, policy, progress)
    except CriticalContent as refusal:
        effort = progress.effort()
        kinds, escalated = refusal.kinds, refusal.escalated
        return Withheld(job.coordinates, refusal.reason, policy.version, "", effort, kinds, escalated)
    except Refusal as refusal:
        return Withheld(job.coordinates, refusal.reason, policy.version, effort=progress.effort())
    except Exception as fault:  # noqa: BLE001 - the message of a library's exception may quote the clip: only its class is told
        reason = Reason.DETECTOR_FAILED if progress.stage.startswith("find") else Reason.INTERNAL_ERROR
        return Withheld(job.coordinates, reason, policy.version, type(fault).__name__, progress.effort())


def _publish(job: Job, parts: Parts, policy: Policy, progress: _Progress) -> Published:
    with progress.at("decode"):
        event = parts.decoder.event(job)
        plan.admit(event, policy)  # consent, before the audio is touched
        clip = Clip(job.coordinates, event, parts.decoder.samples(event))
        progress.audio_seconds = clip.duration

    with progress.at("find/times"):
        clip, timed_by = _with_times(clip, parts, policy)
        plan.check(clip, policy)
    with progress.at("find/speakers"):
        speakers = parts.speakers.find(clip.samples, event.wake_word, plan.published_transcript(clip))
    with progress.at("find/words"):
        words = parts.words.find(clip)
    age = _age(clip, speakers, parts, progress)
    with progress.at("plan"):
        plan.critical(words, age, policy)  # before the times are doubted, which may withhold the clip untold
    if (words.findings or words.critical) and parts.timer:  # only then do times decide what is heard
        with progress.at("find/doubts"):
            confirmed = parts.timer.confirm(clip)
        timed_by |= {parts.timer.receipt} if confirmed is clip else set()
        clip = confirmed
    with progress.at("edit"):
        length = metadata.length_of(clip, job.label)
        clip = sound.lengthened(clip, job.label.by_length[length][1].seconds)  # what is silent now was heard by nobody
    evidence = Evidence(speakers, words, tuple(sorted(timed_by, key=lambda receipt: receipt.detector)), age)

    with progress.at("plan"):
        decided = plan.decide(clip, evidence, policy)
        progress.kept_seconds = seconds(decided.keep)
        progress.identifiers = Counter(finding.entity_type for finding in words.findings)
    with progress.at("edit"):
        edited = _edit(clip, evidence, decided, policy, job.label, length)
    with progress.at("encode"):
        body = parts.encoder.encode(edited)
    with progress.at("gate"):  # judges the bytes that would be published, not the value that they were made from
        published = parts.encoder.decode(body)
        vocabulary = policy.vocabularies[language(event.locale)]
        required = policy.required_detectors | ({age.receipt.detector} if age else set())
        gate.inspect(clip, evidence, decided, published, body, required, vocabulary, policy.critical_rule)

    return Published(
        coordinates=job.coordinates,
        token=job.label.token,
        timestamp_ms=int(edited.metadata.captured_hour.timestamp() * 1000),
        body=body,
        policy_version=policy.version,
        effort=progress.effort(),
        length=length,
        critical=decided.critical,
    )


def _age(clip: Clip, speakers: SpeakerEvidence, parts: Parts, progress: _Progress) -> AgeEvidence | None:
    """Whether the main speaker is a child, where somebody can say; whatever goes wrong withholds the clip."""
    if parts.ages is None or speakers.main is None:
        return None
    with progress.at("find/ages"):
        turns = tuple(turn.segment for turn in speakers.turns if turn.speaker == speakers.main)
        return parts.ages.find(clip.samples, turns)


def _with_times(clip: Clip, parts: Parts, policy: Policy) -> tuple[Clip, set[Receipt]]:
    """The clip with words, recognised where the device sent none, and with their times, aligned where it gave none;
    and what did so."""
    plan.bound(clip, policy)
    receipts: set[Receipt] = set()
    if parts.recogniser and not any(transcript.words for transcript in clip.event.transcripts):
        heard = parts.recogniser.transcribe(clip.samples, clip.event.locale)
        clip = replace(clip, event=replace(clip.event, transcripts=(heard,)))
        plan.bound(clip, policy)
        receipts.add(parts.recogniser.receipt)
    if parts.timer and (timed := parts.timer.timed(clip)) is not clip:
        receipts.add(parts.timer.receipt)
        clip = timed
    return clip, receipts


def _edit(clip: Clip, evidence: Evidence, decided: Plan, policy: Policy, label: Label, length: int) -> AnonymizedClip:
    """Built field by field: what is not named here does not leave."""
    return AnonymizedClip(
        metadata=metadata.of_label(label, length),
        samples=sound.keep_only(clip.samples, decided.keep),
        words=text.replace_words(clip, decided),
        mutes=decided.mutes,
        receipts=evidence.receipts,
        policy_version=policy.version,
        critical=decided.critical,
    )


@dataclass
class _Progress:
    """Where a clip is and what it cost so far."""

    stage: str = ""
    audio_seconds: float = 0.0
    kept_seconds: float = 0.0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    identifiers: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        self.stage, started = stage, time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds[stage] = self.stage_seconds.get(stage, 0.0) + time.perf_counter() - started

    def effort(self) -> Effort:
        return Effort(self.audio_seconds, self.kept_seconds, dict(self.stage_seconds), dict(self.identifiers))
