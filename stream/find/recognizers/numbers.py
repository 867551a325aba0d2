"""The run rule: a run of spoken digits or letters that is long enough to identify is masked, whatever it is.

Context words and checksums only say what to call it. What is let pass is a closed list of harmless shapes: clock times,
years, quantities with their unit, numbers of channels and flights. A context word such as "pin" takes that away again.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.checksums import is_iban, is_luhn
from stream.find.language import Role
from stream.find.runs import Run, written_values
from stream.find.spans import Mention, Scene, Span, nearest

DIGITS_MIN = 4  # without any context
SPELLED_MIN = 4  # letters
MIXED_MIN = 4  # letters and digits together
CRITICAL_REACH = 6  # a context word this near takes the allow-list away
_RECOGNIZER = "run"


def find_numbers(scene: Scene) -> Iterator[Span]:
    """Every run that could identify somebody."""
    for run in scene.runs:
        entity_type = classify(scene, run)
        if entity_type:
            yield Span(run.first, run.last, entity_type, 0.9, _RECOGNIZER)


def classify(scene: Scene, run: Run) -> str | None:
    """What the run is to be called, or None if it is harmless."""
    if run.letters and not run.digits:
        return _spelled(scene, run)
    near = _fitting(scene, run)
    if near and _binds(scene, run, near[0][0]):
        return near[0][1].context.entity_type
    if run.letters:
        return _by_shape(run) if run.letters + run.digits >= MIXED_MIN and not _harmless_mix(run) else None
    if run.digits < DIGITS_MIN or _harmless(scene, run):
        return None
    return near[0][1].context.entity_type if near else _by_shape(run)


def _fitting(scene: Scene, run: Run) -> list[tuple[int, Mention]]:
    """Context words whose type can have as many characters as the run has, nearest first."""
    size = run.digits + run.letters
    return [
        (distance, mention)
        for distance, mention in nearest(scene, run.begin, run.end)
        if mention.context.fewest <= size <= mention.context.most and not mention.context.letters_only
    ]


def _binds(scene: Scene, run: Run, distance: int) -> bool:
    """Whether a context word is so near that the run is no quantity, clock time or year."""
    if distance > CRITICAL_REACH:
        return False
    if _unit_follows(scene, run):
        return False
    led = scene.text(run.begin - 1)
    if run.is_time() and led in scene.language.listed("time_leads"):
        return False
    if run.is_cardinal() and run.digits <= 3 and "H" not in run.shape:
        return run.shape in ("D",) and distance <= 2 and run.digits >= 3
    if run.is_cardinal() and "H" in run.shape:
        return distance <= 3
    return True


def _unit_follows(scene: Scene, run: Run) -> bool:
    return run.digits <= 6 and scene.listed(run.end, "quantity_units") and not _said_singly(run, 5)


def _said_singly(run: Run, least: int) -> bool:
    return sum(element.shape in "UO" for element in run.elements) >= least


def _harmless(scene: Scene, run: Run) -> bool:
    """The allow-list: shapes that no identifier without a context word has, or that a unit or lead explains."""
    if run.is_cardinal() and run.shape != "D":
        return True
    if run.is_year() and run.shape != "D":
        return True
    if run.shape == "D" and run.digits == 4 and _written(run)[:2] in ("19", "20"):
        return True
    if run.is_time() and run.shape != "D":
        return True
    if _unit_follows(scene, run):
        return True
    if run.dots == 1 and run.digits <= 8 and len(run.elements) >= 3 and not _said_singly(run, 8):
        return True
    return run.digits <= 4 and any(scene.listed(run.begin - step, "quantity_leads") for step in (1, 2))


def _harmless_mix(run: Run) -> bool:
    """ "4 k t v", "mp3", "b 12"."""
    return run.letters + run.digits <= 4 and (run.digits <= 1 or run.letters <= 1)


def _spelled(scene: Scene, run: Run) -> str | None:
    """Letters alone: a name or a code that is spelled, unless they are a well-known abbreviation."""
    written = _written(run)
    if written in scene.language.listed("acronyms") or len(set(written)) == 1 and len(written) <= 3:
        return None
    near = [
        mention.context.entity_type
        for distance, mention in nearest(scene, run.begin, run.end)
        if mention.context.letters_only
        or (mention.context.fewest <= run.letters <= mention.context.most and run.letters >= SPELLED_MIN)
    ]
    explained = any(element.last > element.first for element in run.elements) or "N" in run.shape
    if near and (run.letters >= 3 or explained) and (run.letters >= SPELLED_MIN or near[0] == "PERSON"):
        return near[0] if near[0] in ("PERSON", "LICENSE_PLATE", "MAC_ADDRESS", "ACCOUNT_NUMBER", "PIN") else "PERSON"
    return "PERSON" if run.letters >= SPELLED_MIN or (explained and run.letters >= 3) else None


def _by_shape(run: Run) -> str:
    """A name for a run that no context word names."""
    value = _written(run).upper()
    if run.letters:
        return _by_mixed_shape(run, value)
    digits = run.digits
    if run.dots == 3:
        return "IP_ADDRESS"
    if 12 <= digits <= 19:
        return "CREDIT_CARD" if digits >= 13 else "US_BANK_NUMBER"
    if digits in (7, 10, 11):
        return "PHONE_NUMBER"
    return {5: "ZIP_CODE", 9: "US_SSN", 4: "PIN", 6: "PIN"}.get(digits, "ACCOUNT_NUMBER")


def _by_mixed_shape(run: Run, value: str) -> str:
    if is_iban(value) or (len(value) >= 15 and value[:2].isalpha() and value[2:4].isdigit()):
        return "IBAN_CODE"
    if len(value) in (11, 12, 13) and all(c in "0123456789ABCDEF" for c in value):
        return "MAC_ADDRESS"
    if len(value) == 17:
        return "VIN"
    if 5 <= len(value) <= 8:
        return "LICENSE_PLATE"
    return "ACCOUNT_NUMBER"


def _written(run: Run) -> str:
    return next(iter(written_values(run)))


def is_card(run: Run) -> bool:
    """Whether some reading is a card number by length and checksum."""
    return any(12 <= len(value) <= 19 and value.isdigit() and is_luhn(value) for value in written_values(run))


def is_explicit(scene: Scene, run: Run) -> bool:
    """Whether the run was typed as digits rather than said."""
    return any(scene.lexemes[at].has(Role.DIGITS) for at in range(run.begin, run.end))
