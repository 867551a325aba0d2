"""The run rule: a run of spoken digits or letters that is long enough to identify is masked, whatever it is.

Context words and checksums only say what to call it. What is let pass is a closed list of harmless shapes: clock times,
years, quantities with their unit, numbers of channels and flights. A context word such as "pin" takes that away again.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.checksums import is_iban, is_luhn
from stream.find.language import Role
from stream.find.recognizers.asides import numbers_cut
from stream.find.recognizers.harmless import is_game, is_harmless, is_harmless_mix, is_hour
from stream.find.recognizers.phrases import phrase_at
from stream.find.recognizers.pieces import (
    DIGITS_MIN,
    announced_after,
    announced_with_unit,
    continued,
    edges,
    unit_follows,
)
from stream.find.runs import Run
from stream.find.spans import Mention, Scene, Span, nearest

SPELLED_MIN = 4  # letters
MIXED_MIN = 4  # letters and digits together
BINDING_REACH = 6  # a context word this near takes the allow-list away
REPAIR_EXTRA = 8  # characters said twice
CVV_MAX = 4  # characters of a code that is as short as a quantity
NAMED_SCORE, SHAPED_SCORE, PIECE_SCORE = 0.97, 0.6, 0.55
_SPELLED_TYPES = frozenset({"PERSON", "LICENSE_PLATE", "MAC_ADDRESS", "ACCOUNT_NUMBER", "PIN", "VIN", "IBAN_CODE"})


def find_numbers(scene: Scene) -> Iterator[Span]:
    """Every run that could identify somebody, and every piece that goes on with one after an interruption."""
    found = [classify(scene, run) for run in scene.runs]
    types = [entity_type for entity_type, _ in found]
    any_known = any(types)
    for at, run in enumerate(scene.runs):
        entity_type, score = found[at]
        if any_known and not entity_type and (other := continued(scene, types, at)):
            entity_type, score = other, PIECE_SCORE
        if entity_type:
            first, last = edges(scene, run, entity_type)
            yield Span(first, last, entity_type, score, "run")
    for number in numbers_cut(scene, found):
        first, _ = edges(scene, scene.runs[number.first], number.entity_type)
        _, last = edges(scene, scene.runs[number.last], number.entity_type)
        first, last = min(first, scene.lexemes[number.begin].first), max(last, scene.lexemes[number.end - 1].last)
        yield Span(first, last, number.entity_type, PIECE_SCORE, "run")


def classify(scene: Scene, run: Run) -> tuple[str, float]:
    """What the run is to be called and how sure that is; an empty type if it is harmless."""
    if run.letters and not run.digits:
        return _spelled(scene, run), NAMED_SCORE
    said_to_be = next((one for one in scene.mentions if announced_after(scene, run, one)), None)
    if said_to_be:
        return said_to_be.context.entity_type, NAMED_SCORE
    if unit_follows(scene, run) and (mention := announced_with_unit(scene, run)):
        return mention.context.entity_type, NAMED_SCORE
    near = _fitting(scene, run)
    bound = [mention for distance, mention in near if _binds(scene, run, distance, mention)]
    named = next((mention.context.entity_type for mention in bound if mention.context.entity_type), "")
    if named:
        return named, NAMED_SCORE
    if bound and not (is_harmless(scene, run) or _idiom(scene, run) or is_game(scene, run)):
        return _by_shape(scene, run), SHAPED_SCORE
    if run.letters:
        harmless = run.letters + run.digits < MIXED_MIN or is_harmless_mix(scene, run) or is_game(scene, run)
        return ("" if harmless else _by_shape(scene, run)), SHAPED_SCORE
    named = next((mention.context.entity_type for _, mention in near if mention.context.entity_type), "")
    if run.digits < DIGITS_MIN or is_harmless(scene, run) or (not named and is_game(scene, run)):
        return "", 0.0
    return named or _by_shape(scene, run), SHAPED_SCORE


def _fitting(scene: Scene, run: Run) -> list[tuple[int, Mention]]:
    """Context words whose type can have as many characters as the run has, nearest first."""
    size = run.digits + run.letters
    extra = REPAIR_EXTRA if run.repaired else 1
    return [
        (distance, mention)
        for distance, mention in nearest(scene, run.begin, run.end)
        if mention.context.fewest <= size <= mention.context.most + extra and not mention.context.letters_only
    ]


def _binds(scene: Scene, run: Run, distance: int, mention: Mention) -> bool:
    """Whether a context word is so near that the run is no quantity, clock time or year."""
    far = distance > BINDING_REACH and not _told_far(scene, run, mention)
    if far or unit_follows(scene, run):
        return False
    if is_hour(scene, run):
        return False
    if mention.end == run.begin and run.digits <= 2 and scene.listed(mention.end - 1, "quantity_leads"):
        return False  # "gate twenty two"
    if run.letters and mention.context.entity_type == "PIN" and is_harmless_mix(scene, run):
        return False  # "gate b 9"
    led = scene.listed(run.begin - 1, "hour_leads" if mention.end == run.begin - 1 else "time_leads")
    if led and run.is_time() and run.said_singly < run.digits:
        return False  # "meet at the gate at six thirty", no "pin to six thirty"
    clock = scene.listed(mention.begin, "time_leads") and scene.listed(mention.end - 1, "announcing")
    if clock and run.is_clock() and run.said_singly < run.digits:
        return False  # "the alarm is six thirty"
    if run.is_cardinal() and not {"H", "C"}.isdisjoint(run.shape):
        return distance <= 3
    if run.is_cardinal() and run.digits <= 3:
        if run.shape == "D" and run.digits == 3 and mention.context.most <= CVV_MAX:
            return True  # "use 290 for the c v c"
        return (
            run.digits >= mention.context.fewest
            and distance <= (4 if run.digits == 3 else 2)
            and (run.shape == "D" or mention.context.most <= 12)
        )
    return True


def _told_far(scene: Scene, run: Run, mention: Mention) -> bool:
    """Whether four digits or more follow "passcode" with other talk between, said as something that they are."""
    if mention.end > run.begin or run.digits < DIGITS_MIN or run.is_cardinal() or run.is_clock():
        return False
    led = scene.lexemes[run.begin - 1].has(Role.CODE_LEAD)
    return led and phrase_at(scene, mention.begin, "secrets_far") > 0


def _idiom(scene: Scene, run: Run) -> bool:
    """ "it's two for one": a word of grammar between two digits."""
    return run.digits < DIGITS_MIN and any(scene.listed(at, "number_breaks") for at in range(run.begin, run.end))


def _spelled(scene: Scene, run: Run) -> str:
    """Letters alone: a name or a code that is spelled, unless they are a well-known abbreviation."""
    written = run.values[0]
    if (
        written in scene.language.listed("acronyms")
        or _is_alphabet(written)
        or (len(set(written)) == 1 and len(written) <= 3)
    ):
        return ""
    near = [
        mention.context.entity_type
        for _, mention in nearest(scene, run.begin, run.end)
        if mention.context.letters_only
        or (mention.context.fewest <= run.letters <= mention.context.most and run.letters >= SPELLED_MIN)
    ]
    named = next((entity_type for entity_type in near if entity_type in _SPELLED_TYPES), "PERSON")
    explained = any(element.last > element.first for element in run.elements) or "N" in run.shape
    if run.letters >= SPELLED_MIN or (run.letters >= 3 and (explained or named in near)):
        return named
    return named if run.letters == 2 and explained and named in near else ""


def _is_alphabet(letters: str) -> bool:
    """The alphabet from its beginning: "a b c d e f g"."""
    return all(ord(letter) - ord("a") == at for at, letter in enumerate(letters))


def _by_shape(scene: Scene, run: Run) -> str:
    """A name for a run that no context word names."""
    value = run.values[0].upper()
    if run.letters:
        return _by_mixed_shape(value)
    digits = run.digits
    if run.dots == 3 and digits <= 12:
        return "IP_ADDRESS"
    if any(12 <= len(reading) <= 19 and reading.isdigit() and is_luhn(reading) for reading in run.values):
        return "CREDIT_CARD"
    if run.elements[0].written == "+" or run.values[0] in scene.language.listed("vanity_prefixes"):
        return "PHONE_NUMBER"
    if 12 <= digits <= 19:
        return "CREDIT_CARD" if digits >= 14 else "ACCOUNT_NUMBER"
    return scene.language.types_by_length.get(digits, "ACCOUNT_NUMBER")


def _by_mixed_shape(value: str) -> str:
    if is_iban(value) or (len(value) >= 15 and value[:2].isalpha() and value[2:4].isdigit()):
        return "IBAN_CODE"
    if len(value) in (11, 12, 13) and all(character in "0123456789ABCDEF" for character in value):
        return "MAC_ADDRESS"
    if len(value) == 17:
        return "VIN"
    return "LICENSE_PLATE" if 5 <= len(value) <= 8 else "ACCOUNT_NUMBER"
