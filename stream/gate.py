"""The last look, by other means than those that made the result. Refuses what it can't vouch for.

The gate sees the input, the evidence, the plan, and the *decoded bytes* that are about to be published. It imports
neither ``plan`` nor ``edit``: a mistake there must not be repeated here. Each check raises its own Refusal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np

from stream.clip import (
    SAMPLE_RATE_HZ,
    AnonymizedClip,
    Clip,
    Evidence,
    Plan,
    Reason,
    Refusal,
    Segment,
)

DIGIT_WORDS = frozenset(
    {"zero", "oh", "o", "nought", "naught", "one", "won", "two", "three", "four", "five", "six", "seven", "eight"}
    | {"nine", "niner", "double", "triple"}
)
FILLERS = frozenset({"", "um", "umm", "uh", "uhh", "er", "erm", "ah", "hm", "hmm", "mm"})  # a run goes on through them
DIGITS_MAX = 4  # as many digits in a row are let through: a year, a time
SPOKEN_DIGITS_MAX = 3
IDENTIFIER_BYTES_MIN = 6  # shorter ones turn up in compressed audio by chance
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*>")


def inspect(
    clip: Clip, evidence: Evidence, plan: Plan, result: AnonymizedClip, body: bytes, required: frozenset[str]
) -> None:
    """Raise Refusal unless ``result``, decoded from ``body``, is safe to publish as far as can be seen from outside."""
    _well_formed(clip, plan, result)
    _receipts(result, required)
    _silence(clip, evidence, plan, result)
    _changed(clip, plan, result)
    _digits(result)
    _identifiers(clip, evidence, result, body)


def _refuse_if(wrong: bool, reason: Reason) -> None:
    if wrong:
        raise Refusal(reason)


# ------------------------------------------------------------------ shape
def _well_formed(clip: Clip, plan: Plan, result: AnonymizedClip) -> None:
    """Same length, finite, a whole hour, word times inside the clip, and a plan that leaves no gap undecided."""
    hour = result.metadata.captured_hour
    tiles = sorted([*plan.keep, *(mute.segment for mute in plan.mutes)])
    bounds = [0.0, *(bound for tile in tiles for bound in (tile.start, tile.end)), clip.duration]
    gaps = [abs(right - left) for left, right in list(pairwise(bounds))[::2]]
    _refuse_if(
        len(result.samples) != len(clip.samples)
        or not bool(np.isfinite(result.samples).all())
        or hour.utcoffset() != timedelta(0)
        or (hour.minute, hour.second, hour.microsecond) != (0, 0, 0)
        or not result.metadata.token
        or any(word.segment.end > clip.duration + 1e-3 for word in result.words)
        or max(gaps) > 1e-6
        or result.mutes != plan.mutes,
        Reason.GATE_MALFORMED,
    )


def _receipts(result: AnonymizedClip, required: frozenset[str]) -> None:
    complete = {receipt.detector for receipt in result.receipts if receipt.complete and receipt.version}
    _refuse_if(not required <= complete, Reason.GATE_RECEIPT_MISSING)


# ------------------------------------------------------------------ sound
def _silence(clip: Clip, evidence: Evidence, plan: Plan, result: AnonymizedClip) -> None:
    """Exact zeros outside the keep-list, inside every mute, every other voice's turn and every finding's words."""
    kept = np.zeros(len(clip.samples), dtype=bool)
    for segment in plan.keep:
        kept[math.ceil(segment.start * SAMPLE_RATE_HZ) : math.floor(segment.end * SAMPLE_RATE_HZ)] = True
    _refuse_if(bool(result.samples[~kept].any()), Reason.GATE_MUTE_AUDIBLE)

    others = [turn.segment for turn in evidence.speakers.turns if turn.speaker != evidence.speakers.main]
    for segment in [*(mute.segment for mute in plan.mutes), *others, *_sounds_of_findings(clip, evidence)]:
        first, end = math.floor(segment.start * SAMPLE_RATE_HZ), math.ceil(segment.end * SAMPLE_RATE_HZ)
        _refuse_if(bool(result.samples[first:end].any()), Reason.GATE_MUTE_AUDIBLE)


def _sounds_of_findings(clip: Clip, evidence: Evidence) -> Iterator[Segment]:
    for finding in evidence.words.findings:
        for word in clip.event.transcripts[finding.transcript].words[finding.first : finding.last + 1]:
            if word.segment:
                yield word.segment


def _changed(clip: Clip, plan: Plan, result: AnonymizedClip) -> None:
    """Edits that changed nothing are edits that did not happen."""
    loud = [mute for mute in plan.mutes if clip.samples[_indexes(mute.segment)].any()]
    _refuse_if(bool(loud) and np.array_equal(clip.samples, result.samples), Reason.GATE_UNCHANGED)
    if plan.word_edits and plan.transcript is not None:
        before = [word.text for word in clip.event.transcripts[plan.transcript].words]
        _refuse_if(before == [word.text for word in result.words], Reason.GATE_UNCHANGED)


def _indexes(segment: Segment) -> slice:
    return slice(math.floor(segment.start * SAMPLE_RATE_HZ), math.ceil(segment.end * SAMPLE_RATE_HZ))


# ------------------------------------------------------------------ words
def _digits(result: AnonymizedClip) -> None:
    """No run of digits left, written or spoken, that is long enough to identify."""
    spoken = written = 0
    for word in _plain(word.text for word in result.words):
        if word in FILLERS:
            continue
        spoken = spoken + 1 if word in DIGIT_WORDS else 0
        count = sum(character.isdigit() for character in word)
        written = written + count if count else 0
        _refuse_if(spoken > SPOKEN_DIGITS_MAX or written > DIGITS_MAX, Reason.GATE_DIGITS_LEFT)


def _identifiers(clip: Clip, evidence: Evidence, result: AnonymizedClip, body: bytes) -> None:
    """No identifier of the event in any field or byte of the output, no found phrase in the words that are left."""
    words = _plain(word.text for word in result.words)
    fields = [*vars(result.metadata).values(), result.policy_version, *_receipt_texts(result)]
    haystack = " ".join(str(value).lower() for value in fields)
    for identifier in _of_event(clip):
        spoken = _plain(identifier.split())
        long = len(identifier) >= IDENTIFIER_BYTES_MIN
        _refuse_if(_contains(words, spoken), Reason.GATE_IDENTIFIER_LEFT)
        _refuse_if(identifier.lower() in haystack and long, Reason.GATE_IDENTIFIER_LEFT)
        _refuse_if(long and identifier.encode() in body, Reason.GATE_IDENTIFIER_LEFT)
    for finding in evidence.words.findings:
        source = clip.event.transcripts[finding.transcript].words[finding.first : finding.last + 1]
        _refuse_if(_contains(words, _plain(word.text for word in source)), Reason.GATE_IDENTIFIER_LEFT)


def _of_event(clip: Clip) -> Iterator[str]:
    """Everything in the event that says whose clip it is, as text."""
    event = clip.event
    values = [event.event_id, event.clip_id, *vars(event.subject).values()]
    return (text for value in values if value is not None and (text := str(value).strip()))


def _receipt_texts(result: AnonymizedClip) -> list[str]:
    return [text for receipt in result.receipts for text in (receipt.detector, receipt.version)]


def _plain(words: Iterable[str]) -> list[str]:
    """Lower case, letters and digits only; placeholders stand apart, so that nothing matches across them."""
    return [word if _PLACEHOLDER.fullmatch(word) else "".join(c for c in word.lower() if c.isalnum()) for word in words]


def _contains(words: Sequence[str], phrase: Sequence[str]) -> bool:
    phrase = [word for word in phrase if word]
    return bool(phrase) and any(
        list(words[at : at + len(phrase)]) == phrase for at in range(len(words) - len(phrase) + 1)
    )
