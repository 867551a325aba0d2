"""The event's own identifiers, when they are said: first name, town, postcode, account, serial, household."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stream.clip import Subject
from stream.find.spans import Scene, Span

CODE_MIN = 4  # characters of a code that count as the same one
_RECOGNIZER = "known"
_TYPES = {
    "first_name": "PERSON",
    "city": "LOCATION",
    "postcode": "ZIP_CODE",
    "household": "PERSON",
    "account_id": "ACCOUNT_NUMBER",
    "device_serial": "DEVICE_SERIAL",
    "ip": "IP_ADDRESS",
}


def find_known(scene: Scene, subject: Subject) -> Iterator[Span]:
    """Every run of words, or of spoken characters, that says a value of ``subject``."""
    for name, entity_type in _TYPES.items():
        value = _compact(getattr(subject, name))
        if len(value) >= (2 if name in ("first_name", "city", "postcode") else CODE_MIN):
            yield from _as_words(scene, value, entity_type)
            yield from _as_characters(scene, value, entity_type)


def _compact(value: str) -> str:
    return re.sub(r"[\W_]", "", value.lower())


def _as_words(scene: Scene, value: str, entity_type: str) -> Iterator[Span]:
    compact = [_compact(word.removesuffix("'s")) for word in scene.words]
    for first in range(len(compact)):
        joined = ""
        for last in range(first, len(compact)):
            joined += compact[last]
            if joined == value or (joined == value + "s" and last == first):
                yield Span(first, last, entity_type, 1.0, _RECOGNIZER)
            if len(joined) > len(value):
                break


def _as_characters(scene: Scene, value: str, entity_type: str) -> Iterator[Span]:
    if len(value) < CODE_MIN:
        return
    for run in scene.runs:
        if any(
            value in written.lower() or (len(written) >= CODE_MIN and written.lower() in value)
            for written in run.values
        ):
            yield Span(run.first, run.last, entity_type, 1.0, _RECOGNIZER)
