"""Utterances as people really say them: one filler, repair, homophone, dropped word or cut-off inside each identifier.

A checksum does not survive a cough; masking must. The perturber changes true spans of spoken numbers only, and keeps
the truth: whatever stands inside the span afterwards must be masked.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import track
from rich.table import Table

from stream.evaluate.rows import BadCorpus
from stream.evaluate.words import Search, TrueSpan, Utterance, built_in, read_utterances, score, wide_console

NUMBERS = frozenset(
    {"CREDIT_CARD", "US_SSN", "PHONE_NUMBER", "IBAN_CODE", "US_BANK_NUMBER", "ABA_ROUTING_NUMBER", "US_PASSPORT"}
    | {"LICENSE_PLATE", "ZIP_CODE", "PIN", "CVV", "MEDICAL_RECORD_NUMBER", "MAC_ADDRESS", "US_DRIVER_LICENSE"}
)
FILLERS = ("uh", "um", "er", "hmm", "let me see", "hang on", "you know", "one second", "ah", "where was i")
REPAIRS = ("no", "sorry", "i mean", "wait no", "no wait", "make that", "scratch that", "correction", "oops", "rather")
HOMOPHONES = {"four": "for", "two": "to", "one": "won", "eight": "ate", "five": "fife", "six": "sicks", "nine": "nein"}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DRAWS = 3  # of each change, on every utterance

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


def evaluate_perturbed(
    file: Path, json_out: Path, search: Search | None = None, draws: int = DRAWS
) -> dict[str, dict[str, Any]]:
    """Masked recall of spoken numbers by kind of change, ``draws`` times over every utterance that holds a number.

    Prints a table and writes the figures of each kind and, under ``as said``, of the same utterances unchanged.
    Raises BadCorpus.
    """
    held = [one for one in read_utterances(file) if any(span.entity_type in NUMBERS for span in one.spans)]
    if not held:
        raise BadCorpus(f"{file} holds no spoken numbers")
    chosen = search or built_in()
    figures = {"as said": _recalls_of_numbers(held, chosen)}
    for name, change in track(CHANGES.items(), "searching", transient=True):
        draw = random.Random(f"clipveil {name}")  # noqa: S311
        figures[name] = _recalls_of_numbers(
            [perturbed(one, change, draw) for _ in range(draws) for one in held], chosen
        )
    json_out.write_text(json.dumps({"file": file.name, "changes": figures}, indent=1) + "\n", encoding="utf-8")
    wide_console().print(_table(file.name, figures))
    return figures


def _recalls_of_numbers(utterances: Sequence[Utterance], search: Search) -> dict[str, Any]:
    """Of spans of numbers only: nothing else was changed."""
    numbers = [
        replace(one, spans=tuple(span for span in one.spans if span.entity_type in NUMBERS)) for one in utterances
    ]
    return score(numbers, [tuple(search(one.words)) for one in numbers], 0.0)


def _table(title: str, figures: dict[str, dict[str, Any]]) -> Table:
    table = Table(title=f"{title}: masked recall of spoken numbers after one change")
    table.add_column("entity type")
    for name in figures:
        table.add_column(name, justify="right")
    for entity_type in figures["as said"]["entity_types"]:
        table.add_row(entity_type, *(_share(row["entity_types"][entity_type]) for row in figures.values()))
    table.add_section()
    table.add_row("all", *(_share(row["total"]) for row in figures.values()))
    table.add_row(
        "95 %", *("{:.3f}-{:.3f}".format(*row["total"]["masked_recall_interval"]) for row in figures.values())
    )
    table.add_row("spans", *(str(row["total"]["n"]) for row in figures.values()))
    return table


def _share(row: dict[str, Any]) -> str:
    return f"{row['masked_recall']:.4f}"
