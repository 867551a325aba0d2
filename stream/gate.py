"""The last look, by other means than those that made the result. Refuses what it can't vouch for.

The gate sees the input, the evidence, the plan, and the *decoded bytes* that are about to be published. It imports
neither ``plan`` nor ``edit``: a mistake there must not be repeated here. Each check raises its own Refusal.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    AnonymizedClip,
    Clip,
    CriticalKind,
    CriticalRule,
    Evidence,
    Plan,
    Precision,
    Reason,
    Refusal,
    Segment,
    Vocabulary,
)

DIGITS_MAX = 4  # as many digits in a row are let through, written and spoken together: a year, a time
SPOKEN_DIGITS_MAX = 3
IDENTIFIER_BYTES_MIN = 6  # shorter ones turn up in compressed audio by chance
TOLD_CHARS_MIN = 3  # of a slot's value, of a found phrase, of a part of a name
TOLD_DIGITS_MAX = 6  # of a slot's value that is no date, time or amount
NAME_PARTS_MAX = 4  # more words are a message, not a name
SOUND_TOLERANCE = 1 / 32_768  # one step of 16-bit audio
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*>")
_PIECE = re.compile(r"[a-z0-9]+")
# Two words in one; "j.kowalski" and "diane'kowalski" are, "o'clock" and "a.m." are none.
_GLUED = re.compile(
    r"[a-z][^a-z0-9'.&/-]+[a-z]|[a-z]{2}[^a-z0-9'-]+[a-z]{2}|[a-z]{3}\.[a-z]|[a-z]\.[a-z]{3}|[a-z]{3}'[a-z]{3}"
)
_TYPOGRAPHIC = str.maketrans("‘’ʼ‐“”–—−⁄€£°¿¡", "'''-           ")  # the only signs beyond ASCII
# The only letters beyond ASCII that are none with an accent.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)


def inspect(
    clip: Clip,
    evidence: Evidence,
    plan: Plan,
    result: AnonymizedClip,
    body: bytes,
    required: frozenset[str],
    vocabulary: Vocabulary,
    rule: CriticalRule,
) -> None:
    """Raise Refusal unless ``result``, decoded from ``body``, is safe to publish as far as can be seen from outside.

    ``required`` detectors must have told that they ran; ``vocabulary`` is that of the clip's language; content of
    kinds that ``rule`` does not let be redacted is published by no means.
    """
    _well_formed(clip, plan, result)
    _receipts(evidence, result, required)
    _critical(evidence, result, rule)
    _silence(clip, evidence, plan, result)
    _own_sound(clip, result)
    _changed(clip, plan, result)
    words = _pieces(plan, [word.text for word in result.words])
    _digits(words, vocabulary)
    _identifiers(clip, evidence, result, words, body, vocabulary.name_joiners)
    _own_words(clip, plan, result)


def _refuse_if(wrong: bool, reason: Reason) -> None:
    if wrong:
        raise Refusal(reason)


# ------------------------------------------------------------------ shape
def _well_formed(clip: Clip, plan: Plan, result: AnonymizedClip) -> None:
    """Same length, finite, no finer time than it says, word times inside the clip, a plan that leaves no gap."""
    tiles = sorted([*plan.keep, *(mute.segment for mute in plan.mutes)])
    bounds = [0.0, *(bound for tile in tiles for bound in (tile.start, tile.end)), clip.duration]
    gaps = [abs(right - left) for left, right in list(pairwise(bounds))[::2]]
    _refuse_if(
        len(result.samples) != len(clip.samples)
        or not bool(np.isfinite(result.samples).all())
        or _finer(result.metadata.captured_hour, result.metadata.captured_precision)
        or not result.metadata.token
        or any(word.segment.end > clip.duration + 1e-3 for word in result.words)
        or max(gaps) > 1e-6
        or result.mutes != plan.mutes,
        Reason.GATE_MALFORMED,
    )


def _finer(moment: datetime, precision: Precision) -> bool:
    """Whether the moment is no first one of an hour, day or year in UTC, and so tells more than it should."""
    hour = moment.utcoffset() == timedelta(0) and (moment.minute, moment.second, moment.microsecond) == (0, 0, 0)
    day = hour and moment.hour == 0
    year = day and (moment.month, moment.day) == (1, 1)
    return not {Precision.HOUR: hour, Precision.DAY: day, Precision.YEAR: year}[precision]


def _receipts(evidence: Evidence, result: AnonymizedClip, required: frozenset[str]) -> None:
    """All required detectors ran, and nothing that the result hangs on is left unnamed."""
    _refuse_if(not set(evidence.receipts) <= set(result.receipts), Reason.GATE_RECEIPT_MISSING)
    complete = {receipt.detector for receipt in result.receipts if receipt.complete and receipt.version}
    _refuse_if(not required <= complete, Reason.GATE_RECEIPT_MISSING)


# ------------------------------------------------------------------ critical content
def _critical(evidence: Evidence, result: AnonymizedClip, rule: CriticalRule) -> None:
    """No kind that withholds a clip, neither in the evidence nor by what the mutes say that they hide, and the result
    names exactly what was there."""
    told = {rule.types[found.entity_type] for found in evidence.words.findings if found.entity_type in rule.types}
    told |= {phrase.kind for phrase in evidence.words.critical}
    told |= {CriticalKind.CHILDREN} if evidence.age is not None and evidence.age.child else set()
    named = {kind for mute in result.mutes if (kind := rule.types.get(mute.entity_type or ""))}
    _refuse_if(not told | named <= rule.redacted, Reason.GATE_CRITICAL_LEFT)
    _refuse_if(result.critical != tuple(kind.value for kind in CriticalKind if kind in told), Reason.GATE_CRITICAL_LEFT)


def _marked(evidence: Evidence) -> Iterator[tuple[int, int, int]]:
    """Transcript, first and last word of all that was found, identifiers and critical phrases."""
    yield from ((one.transcript, one.first, one.last) for one in evidence.words.findings)
    yield from ((one.transcript, one.first, one.last) for one in evidence.words.critical)


# ------------------------------------------------------------------ sound
def _silence(clip: Clip, evidence: Evidence, plan: Plan, result: AnonymizedClip) -> None:
    """Exact zeros outside the keep-list, inside every mute, every other voice's turn and every finding's words."""
    kept = np.zeros(len(clip.samples), dtype=bool)
    for segment in plan.keep:
        kept[math.ceil(segment.start * SAMPLE_RATE_HZ) : math.floor(segment.end * SAMPLE_RATE_HZ)] = True
    _refuse_if(bool(result.samples[~kept].any()), Reason.GATE_MUTE_AUDIBLE)

    others = [turn.segment for turn in evidence.speakers.turns if turn.speaker != evidence.speakers.main]
    for segment in [*(mute.segment for mute in plan.mutes), *others, *_sounds_of_findings(clip, evidence)]:
        _refuse_if(bool(result.samples[_indexes(segment)].any()), Reason.GATE_MUTE_AUDIBLE)


def _own_sound(clip: Clip, result: AnonymizedClip) -> None:
    """What is left is the clip's own sound at the same time, at most as loud: none that was moved there or added."""
    before, after = clip.samples, result.samples
    louder = np.abs(after) > np.abs(before) + SOUND_TOLERANCE
    turned = (np.sign(after) != np.sign(before)) & (np.abs(after) > SOUND_TOLERANCE)
    _refuse_if(bool((louder | turned).any()), Reason.GATE_MALFORMED)


def _sounds_of_findings(clip: Clip, evidence: Evidence) -> Iterator[Segment]:
    """When each found word may have been said: its time, and as much as this may be off."""
    for transcript, first, last in _marked(evidence):
        for word in clip.event.transcripts[transcript].words[first : last + 1]:
            if word.segment:
                off = word.time_error_s
                yield Segment(max(0.0, word.segment.start - off), word.segment.end + off)


def _changed(clip: Clip, plan: Plan, result: AnonymizedClip) -> None:
    """Word edits that changed nothing are edits that did not happen. (Of mutes, ``_silence`` has seen it.)"""
    if plan.word_edits and plan.transcript is not None:
        before = [word.text for word in clip.event.transcripts[plan.transcript].words]
        _refuse_if(before == [word.text for word in result.words], Reason.GATE_UNCHANGED)


def _indexes(segment: Segment) -> slice:
    """Every sample that the segment touches: bounds are rounded outward."""
    return slice(math.floor(segment.start * SAMPLE_RATE_HZ), math.ceil(segment.end * SAMPLE_RATE_HZ))


# ------------------------------------------------------------------ words
def _pieces(plan: Plan, texts: Iterable[str]) -> list[str]:
    """Words as runs of plain letters and digits: "Diane's" is "diane", "s". The plan's placeholders stay whole.

    Accents and compatibility forms are folded away. A letter or sign that is no English text, such as one of another
    script, may only look like one that is: what nobody can compare is refused.
    """
    placeholders = {edit.placeholder for edit in plan.word_edits}
    pieces: list[str] = []
    for text in texts:
        if text in placeholders:
            pieces.append(text)
            continue
        folded = _folded(text)
        _refuse_if(not (folded.isascii() and (folded + " ").isprintable()), Reason.GATE_MALFORMED)
        _refuse_if(_PLACEHOLDER.fullmatch(text) is not None, Reason.GATE_MALFORMED)
        pieces += _PIECE.findall(folded)
    return pieces


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).translate(_TYPOGRAPHIC).casefold().translate(_LETTERS)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _digits(words: Iterable[str], vocabulary: Vocabulary) -> None:
    """No run of digits left, written or spoken or both, that is long enough to identify."""
    spoken = total = 0
    for word in words:
        if word in vocabulary.fillers:
            continue
        single = word in vocabulary.digits
        written = sum(character.isdigit() for character in word)
        count = written + single + (word in vocabulary.rounds) + 2 * (word in vocabulary.teens)
        spoken = spoken + 1 if single else 0
        total = total + count if count else 0
        _refuse_if(spoken > SPOKEN_DIGITS_MAX or total > DIGITS_MAX, Reason.GATE_DIGITS_LEFT)


def _identifiers(
    clip: Clip,
    evidence: Evidence,
    result: AnonymizedClip,
    words: Sequence[str],
    body: bytes,
    joiners: frozenset[str],
) -> None:
    """No identifier of the event, and no slot or attribute that is one, in any field or byte of the output; no found
    phrase in the words that are left."""
    types = [mute.entity_type or "" for mute in result.mutes]
    said = [value for name, value in vars(result.metadata).items() if name != "captured_hour"]  # a slot may hold a date
    fields = [*said, result.policy_version, *_receipt_texts(result), *types]
    haystack = " ".join(str(value).lower() for value in fields)
    for identifier in (*_of_event(clip, joiners), *_told(clip, evidence, joiners)):
        long = len(identifier) >= IDENTIFIER_BYTES_MIN
        _refuse_if(_says(words, identifier), Reason.GATE_IDENTIFIER_LEFT)
        _refuse_if(identifier.lower() in haystack and long, Reason.GATE_IDENTIFIER_LEFT)
        _refuse_if(long and identifier.encode() in body, Reason.GATE_IDENTIFIER_LEFT)
    for transcript, first, last in _marked(evidence):
        source = clip.event.transcripts[transcript].words[first : last + 1]
        _refuse_if(_says(words, " ".join(word.text for word in source)), Reason.GATE_IDENTIFIER_LEFT)


def _of_event(clip: Clip, joiners: frozenset[str]) -> Iterator[str]:
    """Everything in the event that says whose clip it is, as text; of a first name each part."""
    event = clip.event
    values = [event.event_id, event.clip_id, *vars(event.subject).values()]
    yield from (text for value in values if value is not None and (text := str(value).strip()))
    parts = _PIECE.findall(_folded(event.subject.first_name))
    if len(parts) > 1:
        yield from (part for part in parts if len(part) >= TOLD_CHARS_MIN and part not in joiners)


def _told(clip: Clip, evidence: Evidence, joiners: frozenset[str]) -> Iterator[str]:
    """Values of slots and attributes that identify: they hold what was found in the speech, or are a part of it, or
    have the form of an address or a long number. Of a found person's name each part counts: "kowalski" too."""
    phrases = set(_phrases(clip, evidence, joiners))
    names = set(_phrases(clip, evidence, joiners, "PERSON"))
    for value in (*clip.event.slots.values(), *clip.event.attributes.values()):
        pieces = _PIECE.findall(_folded(value))
        long = sum(character.isdigit() for character in value) > TOLD_DIGITS_MAX or "@" in value
        part = len(pieces) > 1 and any("".join(pieces) in phrase for phrase in phrases)
        if long or part or any(_says(pieces, phrase) for phrase in phrases):
            yield value.strip()
        if len(pieces) <= NAME_PARTS_MAX and any(_says(pieces, name) for name in names):
            yield from (piece for piece in pieces if len(piece) >= TOLD_CHARS_MIN and piece not in joiners)


def _phrases(clip: Clip, evidence: Evidence, joiners: frozenset[str], entity_type: str = "") -> Iterator[str]:
    """What was found in any hypothesis, joined, and each part of a name; short ones are in everything."""
    for found in evidence.words.findings:
        if entity_type not in ("", found.entity_type):
            continue
        said = clip.event.transcripts[found.transcript].words[found.first : found.last + 1]
        parts = [_bare(word.text) for word in said]
        whole = "".join(parts)
        names = [part for part in parts if part not in joiners] if found.entity_type == "PERSON" else []
        yield from (phrase for phrase in (whole, *names) if len(phrase) >= TOLD_CHARS_MIN)


def _bare(text: str) -> str:
    return "".join(_PIECE.findall(_folded(text)))


def _receipt_texts(result: AnonymizedClip) -> list[str]:
    return [text for receipt in result.receipts for text in (receipt.detector, receipt.version)]


def _says(words: Sequence[str], phrase: str) -> bool:
    """Whether whole words, joined, are the phrase: "d", "i", "ane" says "Diane", and "dianes" does not."""
    wanted = _bare(phrase)
    for first in range(len(words) if wanted else 0):
        said, last = "", first
        while last < len(words) and len(said) < len(wanted):
            said, last = said + words[last], last + 1
        if said == wanted:
            return True
    return False


def _own_words(clip: Clip, plan: Plan, result: AnonymizedClip) -> None:
    """The words that are left are the transcript's own, in order, no edited one among them, each one word (a finder
    of names knows "maria", not "hello,maria"), and each can be heard."""
    source = () if plan.transcript is None else clip.event.transcripts[plan.transcript].words
    edited = {index for edit in plan.word_edits for index in range(edit.first, edit.last + 1)}
    placeholders = {edit.placeholder for edit in plan.word_edits}
    left = [word for word in result.words if word.text not in placeholders]
    own = [word.text for index, word in enumerate(source) if index not in edited]
    _refuse_if([word.text for word in left] != own, Reason.GATE_MALFORMED)
    _refuse_if(any(_GLUED.search(_folded(word.text)) for word in left), Reason.GATE_MALFORMED)
    _refuse_if(any(not _overlaps(word.segment, plan.keep) for word in left), Reason.GATE_UNCHANGED)


def _overlaps(segment: Segment, others: Iterable[Segment]) -> bool:
    return any(other.start < segment.end and segment.start < other.end for other in others)
