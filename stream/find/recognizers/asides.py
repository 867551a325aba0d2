"""Numbers that other talk cuts: "six one seven five five five i'm writing on my hand oh one oh nine".

A number that is announced, or known for one, and that has fewer characters than its kind has goes on behind words that
mean nothing here, even with a single digit. What lies between its pieces is masked with it: nobody can say which of
these words were digits that the recogniser got wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.find.language import Role
from stream.find.recognizers.pieces import may_go_on, unit_follows
from stream.find.runs import Run
from stream.find.spans import Mention, Scene

ASIDE_MAX = 12  # lexemes of other talk between two pieces of an announced number
UNANNOUNCED_MAX = 6  # the same where nothing says what the number is
LEAD_MAX = 8  # lexemes between what announces a number and its first piece
NEAR_MAX = 3  # lexemes between what announces another number and that number
UNCLEAR_MIN = 4  # characters of pieces of which none alone is a number
SURE = 0.9  # of a type: a context word names it
UNKNOWN_WHOLE = 16  # characters of a number of unknown type that may have been cut
# Characters with which a number of the type has no more to come.
WHOLE = {
    "CREDIT_CARD": 16,
    "CVV": 4,
    "PIN": 6,
    "US_SSN": 9,
    "US_ITIN": 9,
    "PHONE_NUMBER": 10,
    "US_BANK_NUMBER": 12,
    "ABA_ROUTING_NUMBER": 9,
    "UK_SORT_CODE": 6,
    "IBAN_CODE": 22,
    "US_PASSPORT": 9,
    "US_DRIVER_LICENSE": 13,
    "LICENSE_PLATE": 7,
    "VIN": 17,
    "MEDICAL_RECORD_NUMBER": 10,
    "UK_NHS": 10,
    "HEALTH_PLAN_NUMBER": 11,
    "ACCOUNT_NUMBER": 10,
    "DEVICE_SERIAL": 15,
    "MAC_ADDRESS": 12,
    "ZIP_CODE": 5,
    "NATIONAL_ID": 12,
}
_GOES_ON = frozenset({Role.FILLER, Role.JOINER, Role.REPAIR, Role.CUT_OFF, Role.SYMBOL})
_LEADING = frozenset({Role.FILLER, Role.CODE_LEAD})

Number = tuple[int, int, str]  # runs, inclusive, and what they are together
Found = Sequence[tuple[str, float]]  # what each run is and how sure that is; "" for nothing


def numbers_cut(scene: Scene, found: Found) -> Iterator[Number]:
    """Runs that are pieces of one number."""
    if len(scene.runs) < 2 or not (scene.mentions or any(entity_type for entity_type, _ in found)):
        return
    at = 0
    while at < len(scene.runs):
        number = _grown(scene, found, at)
        if number:
            yield number
        at = number[1] + 1 if number else at + 1


def _grown(scene: Scene, found: Found, at: int) -> Number | None:
    """The number that begins with the run ``at`` and goes on with further ones."""
    runs = scene.runs
    mention = _announcing(scene, runs[at])
    if not found[at][0] and not (mention and _opens(scene, runs[at], mention)):
        return None
    kind = mention.context.entity_type if mention else found[at][0] if found[at][1] >= SURE else ""
    reach = ASIDE_MAX if kind else UNANNOUNCED_MAX
    last, size, sure = at, _size(runs[at]), bool(found[at][0])
    ahead = at + 1
    while ahead < len(runs) and runs[ahead].begin - runs[ahead - 1].end <= reach:
        known = bool(found[ahead][0])
        if _announced_anew(scene, runs[last], runs[ahead]):
            break
        if _joins(scene, runs[last], runs[ahead], known, _whole(kind, runs[at]) - size, bool(mention)):
            last, size, sure = ahead, size + _size(runs[ahead]), sure or known
        elif known:
            break
        ahead += 1
    enough = mention is not None and size >= max(mention.context.fewest, UNCLEAR_MIN - (kind == "CVV"))
    return (at, last, kind or found[at][0]) if last > at and (sure or enough) else None


def _announcing(scene: Scene, run: Run) -> Mention | None:
    """The context word before the run that says what is to come."""
    before = [
        one for one in scene.mentions if one.context.entity_type in WHOLE and 0 <= run.begin - one.end <= LEAD_MAX
    ]
    return max(before, key=lambda one: (one.end, one.end - one.begin), default=None)


def _opens(scene: Scene, run: Run, mention: Mention) -> bool:
    """Whether the run is the first piece of what ``mention`` announces."""
    if _stands_alone(scene, run):
        return True
    led = all(
        scene.listed(at, "announcers") or not _LEADING.isdisjoint(scene.lexemes[at].roles)
        for at in range(mention.end, run.begin)
    )
    return led and not unit_follows(scene, run) and not scene.text(run.end).endswith("s")


def _size(run: Run) -> int:
    return run.digits + run.letters


def _whole(kind: str, first: Run) -> int:
    """With how many characters a number of this kind that begins so has no more to come."""
    begins = first.values[0][:1]
    if kind == "CREDIT_CARD" and begins == "3":
        return WHOLE[kind] - 1
    if kind == "PHONE_NUMBER":
        return WHOLE[kind] + (3 if first.elements[0].written == "+" else begins in ("0", "1"))
    return WHOLE.get(kind, UNKNOWN_WHOLE)


def _announced_anew(scene: Scene, left: Run, right: Run) -> bool:
    """Whether a context word between two runs says that another number begins."""
    for one in scene.mentions:
        if left.end <= one.begin and one.end <= right.begin and one.context.entity_type:
            weak = " ".join(scene.texts[one.begin : one.end]) in scene.language.listed("contexts_weak")
            if not weak or (_size(right) >= one.context.fewest and right.begin - one.end <= NEAR_MAX):
                return True
    return False


def _joins(scene: Scene, left: Run, right: Run, known: bool, missing: int, announced: bool) -> bool:
    """Whether the run ``right`` goes on with the number that so far ends with ``left``."""
    if unit_follows(scene, right) or scene.listed(right.begin - 1, "number_walls"):
        return False
    if missing <= 0 and not (_said_again(scene, left.end, right.begin) and -missing < _size(left) + _size(right)):
        return False
    if known or may_go_on(scene, right):
        return True
    return announced and _stands_alone(scene, right)


def _said_again(scene: Scene, begin: int, end: int) -> bool:
    """Whether a part is taken back or repeated between two pieces."""
    return any(Role.REPAIR in scene.lexemes[at].roles or scene.listed(at, "repeating") for at in range(begin, end))


def _stands_alone(scene: Scene, run: Run) -> bool:
    """Whether the run counts nothing: "eight" in "moving on eight", none of "two kids" and "that one"."""
    if unit_follows(scene, run) or (run.letters > 2 and not run.digits):
        return False
    before, after = run.begin - 1, run.end
    if scene.listed(before, "number_walls") or scene.listed(before, "quantity_leads"):
        return False
    pronoun = run.end - run.begin == 1 and scene.listed(run.begin, "pronouns_counting")
    if pronoun and (scene.listed(before, "pronoun_leads") or scene.listed(after, "pronoun_tails")):
        return False
    if after >= len(scene.lexemes) or not _GOES_ON.isdisjoint(scene.lexemes[after].roles):
        return True
    return scene.listed(after, "number_closers") or scene.listed(after, "after_numbers")
