"""Utterances as people really say them: one filler, repair, homophone, dropped word or cut-off inside each identifier.

A checksum does not survive a cough; masking must. The perturber changes true spans of spoken numbers only, and keeps
the truth: whatever stands inside the span afterwards must be masked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from stream.evaluate.words import TrueSpan, Utterance

NUMBERS = frozenset(
    {"CREDIT_CARD", "US_SSN", "PHONE_NUMBER", "IBAN_CODE", "US_BANK_NUMBER", "ABA_ROUTING_NUMBER", "US_PASSPORT"}
    | {"LICENSE_PLATE", "ZIP_CODE", "PIN", "CVV", "MEDICAL_RECORD_NUMBER", "MAC_ADDRESS", "US_DRIVER_LICENSE"}
)
FILLERS = ("uh", "um", "er", "hmm", "let me see", "hang on", "you know", "one second", "ah", "where was i")
REPAIRS = ("no", "sorry", "i mean", "wait no", "no wait", "make that", "scratch that", "correction", "oops", "rather")
HOMOPHONES = {"four": "for", "two": "to", "one": "won", "eight": "ate", "five": "fife", "six": "sicks", "nine": "nein"}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Words = list[str]
Change = Callable[[Words, random.Random], Words]


def filler(said: Words, draw: random.Random) -> Words:
    """A pause in the middle."""
    at = draw.randrange(1, len(said)) if len(said) > 1 else 1
    return [*said[:at], *draw.choice(FILLERS).split(), *said[at:]]


def repair(said: Words, draw: random.Random) -> Words:
    """A wrong digit, taken back."""
    at = draw.randrange(1, len(said)) if len(said) > 1 else 1
    wrong = draw.choice(DIGITS)
    return [*said[:at], wrong, *draw.choice(REPAIRS).split(), *said[at:]]


def homophone(said: Words, draw: random.Random) -> Words:
    """One digit heard as a word that sounds like it."""
    places = [at for at, word in enumerate(said) if word in HOMOPHONES]
    if not places:
        return said
    at = draw.choice(places)
    return [*said[:at], HOMOPHONES[said[at]], *said[at + 1 :]]


def dropped(said: Words, draw: random.Random) -> Words:
    """One word that the recogniser missed."""
    at = draw.randrange(len(said))
    return [*said[:at], *said[at + 1 :]] if len(said) > 1 else said


def cut_off(said: Words, draw: random.Random) -> Words:
    """A word begun, broken off, and said again."""
    at = draw.randrange(len(said))
    return [*said[:at], f"{said[at][: max(1, len(said[at]) - 2)]}-", *said[at:]]


CHANGES: dict[str, Change] = {
    "filler": filler,
    "repair": repair,
    "homophone": homophone,
    "dropped": dropped,
    "cut_off": cut_off,
}


def perturbed(utterance: Utterance, change: Change, draw: random.Random) -> Utterance:
    """The utterance with ``change`` made once in each of its direct spans of spoken numbers."""
    words = list(utterance.words)
    spans: list[TrueSpan] = []
    moved = 0
    for span in sorted(utterance.spans, key=lambda one: one.first):
        first, last = span.first + moved, span.last + moved
        said = words[first : last + 1]
        if span.tier == "direct" and span.entity_type in NUMBERS:
            changed = change(said, draw)
            words[first : last + 1] = changed
            moved += len(changed) - len(said)
            last = first + len(changed) - 1
        spans.append(replace(span, first=first, last=last))
    return replace(utterance, words=tuple(words), spans=tuple(spans))
