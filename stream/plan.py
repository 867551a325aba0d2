"""Evidence and policy in, every decision out. Pure.

The sound is decided by a keep-list: only the main speaker's own speech stays, and all the rest of the clip is muted,
so that a bystander whom the model missed is silent too. The words follow the sound: a word that can't be heard in the
output can't be read there either. And the sound follows the words: what the recogniser did not write down may be a
name that nobody could look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from stream.clip import (
    AgeEvidence,
    Clip,
    ClipEvent,
    CriticalContent,
    CriticalKind,
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
    WordEvidence,
)
from stream.hypotheses import bare, contradict
from stream.policy import CRITICAL_TYPES, OperatingPoint, Operator, Policy, language
from stream.segments import Segments, intersect, seconds, subtract, union, widen

WORD_OVERHANG_S = 0.1  # a recogniser's last word may end this much after the clip; it is cut off there
READ_MARGIN_S = 0.25  # what is said further than this from every word of every hypothesis is muted
WAKE_WORD_S_MAX = 2.0  # a longer one is not the wake word alone
LETTER_S_MIN = 0.02  # nobody says a letter of a word faster, nor a written digit: then the times are wrong
DIGIT_S_MIN = 0.06
TIME_ERROR_S_MAX = 0.8  # of true times nobody doubts more; what may be said further off is said somewhere else
NAME_PART_MIN = 3  # letters of a part of a name that is hidden on its own too


# ------------------------------------------------------------------ before anything is found
def admit(event: ClipEvent, policy: Policy) -> None:
    """Refuse what may not be looked at: no consent, or a language whose identifiers we don't know; and what the device
    itself doubts was said to it."""
    if not event.consent.human_review:
        raise Refusal(Reason.NO_CONSENT)
    if language(event.locale) not in policy.languages:
        raise Refusal(Reason.LANGUAGE_UNSUPPORTED)
    wake = event.wake_word
    if wake and wake.score is not None and not wake.score >= policy.wake_score_min:  # so that NaN is refused
        raise Refusal(Reason.MAIN_SPEAKER_UNCERTAIN)


def bound(clip: Clip, policy: Policy) -> None:
    """Refuse more words than may be looked at."""
    if any(len(transcript.words) > policy.words_max for transcript in clip.event.transcripts):
        raise Refusal(Reason.WORDS_TOO_MANY)


def check(clip: Clip, policy: Policy) -> None:
    """Refuse transcripts that can't be tied to the sound."""
    words = [word for transcript in clip.event.transcripts for word in transcript.words]
    if not words and policy.transcript_required:
        raise Refusal(Reason.NO_TRANSCRIPT)
    if any(word.segment is None for word in words):
        raise Refusal(Reason.WORDS_WITHOUT_TIMES)
    if any(word.segment and word.segment.end > clip.duration + WORD_OVERHANG_S for word in words):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    if any(word.segment and word.segment.start >= clip.duration for word in words):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    if not all(_in_order(transcript) for transcript in clip.event.transcripts):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    if contradict(clip.event.transcripts):
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)


def _in_order(transcript: Transcript) -> bool:
    return all(
        left.segment.start <= right.segment.start
        for left, right in pairwise(transcript.words)
        if left.segment and right.segment
    )


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
    kinds = critical(evidence.words, evidence.age, policy)
    main, others = _voices(evidence.speakers, policy.operating_point)
    joiners = policy.vocabularies[language(clip.event.locale)].name_joiners
    findings = _with_repetitions(clip, (*evidence.words.findings, *_phrases(evidence)), joiners)
    secret = [(_hidden_by(clip, finding, policy), finding) for finding in findings]
    hidden = union(segment for segments, _ in secret for segment in segments)

    own = widen(subtract(main, others), -policy.operating_point.keep_margin_s, clip.duration)
    keep = subtract(intersect(own, _read(clip)), hidden)
    if seconds(keep) < policy.operating_point.kept_seconds_min:
        raise Refusal(Reason.NOTHING_LEFT)

    transcript = _published_number(clip)
    mutes = _mutes(clip, keep, others, secret)
    edits = () if transcript is None else _word_edits(clip, transcript, keep, mutes, findings, policy)
    return Plan(keep, mutes, transcript, edits, kinds)


# ------------------------------------------------------------------ critical content
def critical(words: WordEvidence, age: AgeEvidence | None, policy: Policy) -> tuple[CriticalKind, ...]:
    """The kinds that are taken out. Raises CriticalContent with all kinds where one of them withholds the clip.

    Ask as soon as it is known: whoever must be told is told also of clips that nobody may hear for other reasons.
    """
    found = {phrase.kind for phrase in words.critical}
    found |= {CRITICAL_TYPES[one.entity_type] for one in words.findings if one.entity_type in CRITICAL_TYPES}
    if age is not None and age.child:
        found.add(CriticalKind.CHILDREN)
    kinds = tuple(kind for kind in CriticalKind if kind in found)
    operators = {policy.critical[kind] for kind in kinds}
    if operators - {Operator.REDACT}:
        raise CriticalContent(kinds, escalated=Operator.ESCALATE in operators)
    return kinds


def _phrases(evidence: Evidence) -> Iterator[Finding]:
    """Critical phrases as findings: what is redacted of them goes the way of an identifier."""
    for phrase in evidence.words.critical:
        yield Finding(phrase.transcript, phrase.first, phrase.last, phrase.kind.name, 1.0, "critical")


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


def _read(clip: Clip) -> Segments:
    """Where the finder of identifiers had words to read; the whole clip where there is no transcript."""
    words = [word.segment for transcript in clip.event.transcripts for word in transcript.words if word.segment]
    if not words:
        return (Segment(0.0, clip.duration),)
    wake = clip.event.wake_word
    known = [wake.segment] if wake and wake.segment.duration <= WAKE_WORD_S_MAX else []
    return union([*widen(words, READ_MARGIN_S, clip.duration), *known])


def _with_repetitions(clip: Clip, findings: Sequence[Finding], joiners: frozenset[str]) -> tuple[Finding, ...]:
    """An identifier found once is one wherever it comes again, in any hypothesis; so is each part of a name."""
    texts = [[bare(word.text) for word in transcript.words] for transcript in clip.event.transcripts]
    told: set[tuple[str, str, float, str]] = set()
    for finding in findings:
        phrase = texts[finding.transcript][finding.first : finding.last + 1]
        parts = phrase if finding.entity_type == "PERSON" else ()
        said = {"".join(phrase), *(part for part in parts if len(part) >= NAME_PART_MIN and part not in joiners)}
        told |= {(one, finding.entity_type, finding.score, finding.recognizer) for one in said}
    places = {one: [*_places(texts, one)] for one in {one for one, *_ in told}}
    again = {Finding(*place, kind, score, by) for one, kind, score, by in told for place in places[one]}
    return tuple(sorted({*findings, *again}))


def _places(texts: Sequence[Sequence[str]], phrase: str) -> Iterator[tuple[int, int, int]]:
    """Where words, joined, say ``phrase``: the text, and its first and last word there."""
    for number, words in enumerate(texts if phrase else ()):
        for first in range(len(words)):
            said, last = "", first
            while last < len(words) and len(said) < len(phrase):
                said += words[last]
                last += 1
            if said == phrase:
                yield number, first, last - 1


def _sound_of(clip: Clip, finding: Finding) -> Segments:
    """From the first word's start to the last word's end: the pauses between hide words that the recogniser missed.

    Refused where nobody could have said it in that time: then it is said somewhere else.
    """
    words = clip.event.transcripts[finding.transcript].words[finding.first : finding.last + 1]
    times = [word.segment for word in words if word.segment]
    sound = Segment(min(time.start for time in times), max(time.end for time in times))
    spoken = "".join(bare(word.text) for word in words)
    digits = sum(character.isdigit() for character in spoken)
    if sound.duration < (len(spoken) - digits) * LETTER_S_MIN + digits * DIGIT_S_MIN:
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    return (sound,)


def _hidden_by(clip: Clip, finding: Finding, policy: Policy) -> Segments:
    """Its sound and a margin: as much as its words' times may be off, and at least the policy's."""
    words = clip.event.transcripts[finding.transcript].words[finding.first : finding.last + 1]
    error = max(word.time_error_s for word in words)
    if error > TIME_ERROR_S_MAX:
        raise Refusal(Reason.WORDS_OUT_OF_BOUNDS)
    margin = max(policy.word_margin_s, error)
    return widen(_sound_of(clip, finding), margin, clip.duration)


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
    """Findings of the published transcript, then every other word whose sound is not kept, or which is spoken where
    another hypothesis has an identifier."""
    words = clip.event.transcripts[transcript].words
    edits = _merged([finding for finding in findings if finding.transcript == transcript])
    taken = {index for edit in edits for index in range(edit.first, edit.last + 1)}
    elsewhere = union(
        sound for finding in findings if finding.transcript != transcript for sound in _sound_of(clip, finding)
    )
    for index, word in enumerate(words):
        if index in taken:
            continue
        if _audible_share(word, keep) >= policy.word_audible_share_min and not _covers(word, elsewhere):
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


def _covers(word: Word, sounds: Segments) -> bool:
    """Whether most of one of ``sounds`` lies in the word: then the word says it, however long it is itself."""
    return word.segment is not None and any(
        seconds(intersect([word.segment], [sound])) > 0.5 * sound.duration for sound in sounds
    )


def _loudest_reason(word: Word, mutes: Sequence[Mute]) -> Mute:
    """The mute that covers most of the word, identifiers before all others."""

    def weight(mute: Mute) -> tuple[bool, float]:
        covered = seconds(intersect([word.segment], [mute.segment])) if word.segment else 0.0
        return (mute.why is Why.IDENTIFIER and covered > 0, covered)

    return max(mutes, key=weight)
