"""What the event itself knows, when it is said: whose clip it is, and what the assistant understood.

A slot's or attribute's name says what its value is. Its parts ("contact_name": contact, name) are looked up:
``SENSITIVE`` parts win over ``PUBLIC`` ones, and these over a bare "name". A sensitive value is masked wherever it is
said, as a whole or any word of it that is no common one; a place of everyday words ("kitchen") is not. A public value
is not looked for. A value under any other name counts with those of its words only that are no common words of the
language, and with four digits or more, since nobody says what it is. Of the account's own names each part counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stream.clip import Subject
from stream.find.gazetteer import Gazetteer
from stream.find.lexemes import plain
from stream.find.spans import Scene, Span
from stream.find.tables import fold

Told = Sequence[tuple[str, str]]  # name and value of slots and attributes
CODE_MIN = 4  # characters of a code that count as the same one
NAMED_CODE_MIN = 2  # digits, where the name of a slot says that they are somebody's
PART_MIN = 3  # letters of a part of a name
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

SENSITIVE = {
    **dict.fromkeys(
        ("contact", "person", "people", "firstname", "lastname", "surname", "fullname", "caller"), "PERSON"
    ),
    **dict.fromkeys(("callee", "recipient", "sender", "attendee", "attendees", "participant", "invitee"), "PERSON"),
    **dict.fromkeys(("nickname", "relation", "relative", "owner", "user", "patient", "doctor", "who"), "PERSON"),
    **dict.fromkeys(("address", "street", "destination", "origin"), "ADDRESS"),
    **dict.fromkeys(("city", "town", "location", "place", "region", "county", "village"), "LOCATION"),
    **dict.fromkeys(("phone", "telephone"), "PHONE_NUMBER"),
    **dict.fromkeys(("email", "mail"), "EMAIL_ADDRESS"),
    **dict.fromkeys(("zip", "zipcode", "postcode", "postal"), "ZIP_CODE"),
    **dict.fromkeys(("pin", "passcode", "password"), "PIN"),
    **dict.fromkeys(("account", "card", "iban", "serial", "booking", "reference"), "ACCOUNT_NUMBER"),
    **dict.fromkeys(("employer", "company", "organization", "school"), "ORGANIZATION"),
    **dict.fromkeys(("birthday", "birthdate", "dob"), "DATE_OF_BIRTH"),
}
PUBLIC = frozenset(
    {
        "action", "album", "app", "artist", "author", "band", "book", "brand", "brightness", "channel", "color",
        "colour", "composer", "condition", "country", "currency", "date", "day", "device", "director", "duration",
        "event", "film", "food", "format", "frequency", "game", "genre", "house", "language", "level", "list",
        "media", "mode", "month", "movie", "music", "news", "order", "playlist", "podcast", "podcasts", "program",
        "quantity", "radio", "recipe", "repeat", "scene", "season", "sensor", "series", "service", "setting", "shop",
        "show", "song", "sort", "sound", "source", "speed", "sport", "state", "station", "status", "store", "team",
        "temperature", "time", "timer", "timezone", "title", "topic", "track", "transport", "type", "unit", "units",
        "version", "video", "volume", "wake", "weather", "year",
    }
)  # fmt: skip
TOLD_SCORE = 0.9  # what a value's own form says of its type is worth more than the name of a slot
COMMON_MIN = 0.2  # of the lexicon's scale of frequency: a commoner word says nothing of anybody
_PIECE = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+")


def find_told(scene: Scene, told: Told, gazetteer: Gazetteer) -> Iterator[Span]:
    """Every run of words that says the value of a slot or attribute in ``told``, by the rule that the module states."""
    for name, value in told:
        entity_type = told_type(name)
        if entity_type is None:
            continue
        words = [text for text in (plain(word) for word in value.split()) if text]
        if entity_type and not (entity_type == "LOCATION" and _everyday_place(words, gazetteer)):
            yield from _said(scene, value, entity_type)
        for word in words:
            if _says_who(word, gazetteer) and word not in scene.language.listed("relations"):
                yield from _said(scene, word, entity_type or ("PERSON" if word.isalpha() else "ACCOUNT_NUMBER"))


def told_type(name: str) -> str | None:
    """The type of what a slot or attribute of this name holds; empty if the name does not say, None if it is public."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    found = next((SENSITIVE[part] for part in parts if part in SENSITIVE), None)
    if found or PUBLIC.intersection(parts):
        return found
    return "PERSON" if "name" in parts else ""


def _said(scene: Scene, value: str, entity_type: str) -> Iterator[Span]:
    compact = _compact(value)
    if len(compact) >= NAMED_CODE_MIN:
        for span in (*_as_words(scene, compact, entity_type), *_as_characters(scene, compact, entity_type)):
            yield replace(span, score=TOLD_SCORE)


def _everyday_place(words: Sequence[str], gazetteer: Gazetteer) -> bool:
    """A room or "home": everyday words that are no listed place."""
    return not gazetteer.place_at(tuple(words), 0) and all(word in gazetteer.everyday for word in words)


def _says_who(text: str, gazetteer: Gazetteer) -> bool:
    """A word that is no common word of the language; of digits, as many as identify."""
    if not text.isalpha():
        return len(_compact(text)) >= CODE_MIN
    return len(text) > 1 and (gazetteer.is_name(text) or gazetteer.lexicon.get(text, 0.0) < COMMON_MIN)


def find_known(scene: Scene, subject: Subject, gazetteer: Gazetteer) -> Iterator[Span]:
    """Every run of words, or of spoken characters, that says a value of ``subject``, or a part of a name in it."""
    for name, entity_type in _TYPES.items():
        told = getattr(subject, name)
        value = _compact(told)
        if len(value) >= (2 if name in ("first_name", "city", "postcode") else CODE_MIN):
            yield from _as_words(scene, value, entity_type)
            if len(value) >= CODE_MIN:
                yield from _as_characters(scene, value, entity_type)
                yield from _as_both(scene, value, entity_type)
        if name in ("first_name", "city", "household"):
            for part in _parts(told):
                if name == "first_name" or gazetteer.lexicon.get(part, 0.0) < COMMON_MIN:
                    yield from _as_words(scene, part, entity_type)


def _parts(value: str) -> list[str]:
    """The parts of a name of several: "Anna-Lena O'Brien" is "anna", "lena", "brien" and "obrien"."""
    parts = {*_PIECE.findall(fold(value)), *(_compact(word) for word in value.split())}
    return sorted(part for part in parts if len(part) >= PART_MIN) if len(parts) > 1 else []


def _compact(value: str) -> str:
    return re.sub(r"[\W_]", "", fold(value))


def _as_words(scene: Scene, value: str, entity_type: str) -> Iterator[Span]:
    for at, word in enumerate(scene.words):
        if not word.isalnum() and value in _PIECE.findall(fold(word)):
            yield Span(at, at, entity_type, 1.0, _RECOGNIZER)  # glued to another word
    whole = [_compact(word) for word in scene.words]
    bare = [_compact(plain(word)) for word in scene.words]  # without a possessive
    for first in range(len(whole)):
        said = owned = ""
        for last in range(first, len(whole)):
            heard = {said + whole[last], said + bare[last], owned + bare[last]}
            if value in heard or (last == first and value + "s" in heard):
                yield Span(first, last, entity_type, 1.0, _RECOGNIZER)
            said, owned = said + whole[last], owned + bare[last]
            if len(owned) > len(value):
                break


def _as_characters(scene: Scene, value: str, entity_type: str) -> Iterator[Span]:
    if len(value) < CODE_MIN and not value.isdigit():
        return
    for run in scene.runs:
        if any(
            (value in written.lower() if len(value) > NAMED_CODE_MIN else value == written)
            or (len(written) >= CODE_MIN and written.lower() in value)
            for written in run.values
        ):
            yield Span(run.first, run.last, entity_type, 1.0, _RECOGNIZER)


def _as_both(scene: Scene, value: str, entity_type: str) -> Iterator[Span]:
    """Words and numbers together: "blue whale forty two" says "bluewhale42"."""
    if value.isalpha() or value.isdigit():
        return
    runs = {run.begin: run for run in scene.runs}
    for begin in range(len(scene.lexemes)):
        said, at = "", begin
        while at < len(scene.lexemes) and len(said) < len(value):
            run = runs.get(at)
            said += run.values[0].lower() if run else _compact(scene.text(at))
            at = run.end if run else at + 1
            if not value.startswith(said):
                break
        if said == value:
            yield Span(scene.lexemes[begin].first, scene.lexemes[at - 1].last, entity_type, 1.0, _RECOGNIZER)
