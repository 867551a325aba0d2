"""Evidence and policy in, every decision out. Pure.

The sound is decided by a keep-list: only the main speaker's own speech stays, and all the rest of the clip is muted,
so that a bystander whom the model missed is silent too. The words follow the sound: a word that can't be heard in the
output can't be read there either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stream.clip import (
    Clip,
    ClipEvent,
    Evidence,
    Finding,
    Mute,
    Plan,
    Reason,
    Refusal,
    Segment,
    SpeakerEvidence,
    Transcript,
    Why,
    Word,
    WordEdit,
)
from stream.policy import OperatingPoint, Policy, language
from stream.segments import Segments, intersect, seconds, subtract, union, widen

WORD_OVERHANG_S = 0.1  # a recogniser's last word may end this much after the clip; it is cut off there


# ------------------------------------------------------------------ before anything is found
def admit(event: ClipEvent, policy: Policy) -> None:
    """Refuse what may not be looked at: no consent, or a language whose identifiers we don't know."""
    if not event.consent.human_review:
        raise Refusal(Reason.NO_CONSENT)
    if language(event.locale) not in policy.languages:
        raise Refusal(Reason.LANGUAGE_UNSUPPORTED)


def check(clip: Clip, policy: Policy) -> None:
    """Refuse transcripts that can't be tied to the sound."""
    words = [word for transcript in clip.event.transcripts for word in transcript.words]
    if not words and policy.transcript_required:
        raise Refusal(Reason.NO_TRANSCRIPT)
    if any(len(transcript.words) > policy.words_max for transcript in clip.event.transcripts):
        raise Refusal(Reason.WORDS_TOO_MANY)
    if any(word.segment is None for word in words):
        raise Refusal(Reason.WORDS_WITHOUT_TIMES)
    if any(word.segment and word.segment.end > clip.duration + WORD_OVERHANG_S for word in words):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    if any(word.segment and word.segment.start >= clip.duration for word in words):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)


def published_transcript(clip: Clip) -> Transcript | None:
    """The hypothesis that is shown: the most confident one that has words, the first among equals."""
    number = _published_number(clip)
    return None if number is None else clip.event.transcripts[number]


def _published_number(clip: Clip) -> int | None:
    spoken = [number for number, transcript in enumerate(clip.event.transcripts) if transcript.words]
    return max(spoken, key=lambda n: (clip.event.transcripts[n].confidence or 0.0, -n), default=None)


# ------------------------------------------------------------------ the decisions
def decide(clip: Clip, evidence: Evidence, policy: Policy) -> Plan:
    """All mutes and word edits of one clip. Raises Refusal where the evidence isn't good enough to publish."""
    if not all(receipt.complete for receipt in evidence.receipts):
        raise Refusal(Reason.DETECTOR_FAILED)
    main, others = _voices(evidence.speakers, policy.operating_point)
    findings = _with_repetitions(clip, evidence.words.findings)
    secret = [(widen(_sound_of(clip, finding), policy.word_margin_s, clip.duration), finding) for finding in findings]
    hidden = union(segment for segments, _ in secret for segment in segments)

    own = widen(subtract(main, others), -policy.operating_point.keep_margin_s, clip.duration)
    keep = subtract(own, hidden)
    if seconds(keep) < policy.operating_point.kept_seconds_min:
        raise Refusal(Reason.NOTHING_LEFT)

    transcript = _published_number(clip)
    mutes = _mutes(clip, keep, others, secret)
    edits = () if transcript is None else _word_edits(clip, transcript, keep, mutes, findings, policy)
    return Plan(keep, mutes, transcript, edits)


def _voices(speakers: SpeakerEvidence, point: OperatingPoint) -> tuple[Segments, Segments]:
    """The main speaker's turns, and everybody else's; refused unless the main speaker is beyond doubt."""
    if speakers.main is None:
        raise Refusal(Reason.NO_MAIN_SPEAKER)
    if not speakers.confidence >= point.confidence_min:  # so that NaN is refused
        raise Refusal(Reason.MAIN_SPEAKER_UNCERTAIN)
    main = union(turn.segment for turn in speakers.turns if turn.speaker == speakers.main)
    others = union(turn.segment for turn in speakers.turns if turn.speaker != speakers.main)
    if not main:
        raise Refusal(Reason.NO_MAIN_SPEAKER)
    if seconds(intersect(main, others)) > point.overlap_share_max * seconds(main):
        raise Refusal(Reason.TOO_MUCH_OVERLAP)
    return main, others


def _with_repetitions(clip: Clip, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """An identifier found once is one wherever its words come again, in any hypothesis."""
    texts = [[_bare(word.text) for word in transcript.words] for transcript in clip.event.transcripts]
    found = set(findings)
    for finding in findings:
        phrase = texts[finding.transcript][finding.first : finding.last + 1]
        for number, words in enumerate(texts):
            for first in range(len(words) - len(phrase) + 1):
                if words[first : first + len(phrase)] == phrase:
                    last = first + len(phrase) - 1
                    found.add(Finding(number, first, last, finding.entity_type, finding.score, finding.recognizer))
    return tuple(sorted(found))


def _bare(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())


def _sound_of(clip: Clip, finding: Finding) -> Segments:
    """From the first word's start to the last word's end: the pauses between hide words that the recogniser missed."""
    words = clip.event.transcripts[finding.transcript].words[finding.first : finding.last + 1]
    times = [word.segment for word in words if word.segment]
    return (Segment(min(time.start for time in times), max(time.end for time in times)),)


def _mutes(
    clip: Clip, keep: Segments, others: Segments, secret: Iterable[tuple[Segments, Finding]]
) -> tuple[Mute, ...]:
    """Everything outside ``keep``, each stretch with the strongest reason: identifier, bystander, background."""
    left = subtract([Segment(0.0, clip.duration)], keep)
    mutes = []
    for segments, finding in secret:
        mutes += [Mute(part, Why.IDENTIFIER, finding.entity_type) for part in intersect(left, segments)]
        left = subtract(left, segments)
    mutes += [Mute(part, Why.BYSTANDER) for part in intersect(left, others)]
    mutes += [Mute(part, Why.BACKGROUND) for part in subtract(left, others)]
    return tuple(sorted(mutes, key=lambda mute: mute.segment))


def _word_edits(
    clip: Clip,
    transcript: int,
    keep: Segments,
    mutes: Sequence[Mute],
    findings: Sequence[Finding],
    policy: Policy,
) -> tuple[WordEdit, ...]:
    """Findings of the published transcript, then every other word whose sound is not kept."""
    words = clip.event.transcripts[transcript].words
    edits = _merged([finding for finding in findings if finding.transcript == transcript])
    taken = {index for edit in edits for index in range(edit.first, edit.last + 1)}
    for index, word in enumerate(words):
        if index in taken or _audible_share(word, keep) >= policy.word_audible_share_min:
            continue
        mute = _loudest_reason(word, mutes)
        edits.append(WordEdit(index, index, mute.why, mute.entity_type))
    return tuple(sorted(edits))


def _merged(findings: Sequence[Finding]) -> list[WordEdit]:
    """Overlapping findings become one edit, named after the surest and then the longest of them."""
    edits: list[WordEdit] = []
    group: list[Finding] = []
    for finding in [*sorted(findings, key=lambda f: (f.first, f.last)), None]:
        if group and (finding is None or finding.first > max(member.last for member in group)):
            name = max(group, key=lambda f: (f.score, f.last - f.first)).entity_type
            edits.append(WordEdit(group[0].first, max(f.last for f in group), Why.IDENTIFIER, name))
            group = []
        if finding is not None:
            group.append(finding)
    return edits


def _audible_share(word: Word, keep: Segments) -> float:
    return seconds(intersect([word.segment], keep)) / word.segment.duration if word.segment else 0.0


def _loudest_reason(word: Word, mutes: Sequence[Mute]) -> Mute:
    """The mute that covers most of the word, identifiers before all others."""

    def weight(mute: Mute) -> tuple[bool, float]:
        covered = seconds(intersect([word.segment], [mute.segment])) if word.segment else 0.0
        return (mute.why is Why.IDENTIFIER and covered > 0, covered)

    return max(mutes, key=weight)
