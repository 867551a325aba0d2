"""Where a number begins and ends: what was misheard at its edges, pieces after other talk, units behind it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter

from stream.find.cues import is_strong
from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_at
from stream.find.runs import Run
from stream.find.soundings import Soundings
from stream.find.spans import Mention, Scene

DIGITS_MIN = 4  # without any context
INTERRUPTION_MAX = 9  # lexemes of other talk within one number
ASIDE_MAX = 3  # the same on either side of a piece that no one says digit by digit
HOUR_DIGITS = 2
KEYED_MIN = 3  # digits of a code that is keyed in
KEYING_REACH = 6  # lexemes between "enter" and the code
UNITS_MAX = 20  # pieces of one number that have a unit each
UNIT_MIN = 3  # characters of a code that a unit follows
PHONE_MIN = 7  # of a number, whatever announces it
_DATED = frozenset({"CARD_EXPIRY", "DATE_TIME", "DATE_OF_BIRTH", "AGE"})
VANITY_MAX = 2  # words that stand for digits: "one eight hundred flowers"


def continued(scene: Scene, found: Sequence[str], at: int) -> str:
    """What the run ``at``, too short to identify anybody, is a piece of; ``found``: what each run is, "" for nothing.

    It is one where only an interruption lies between it and an identifier, or where digits go on on both sides of it.
    """
    runs = scene.runs
    if may_go_on(scene, runs[at]):
        for other in (at - 1, at + 1):
            if 0 <= other < len(runs) and found[other] and _same_number(scene, runs[at], runs[other]):
                return found[other]
    for middle in (at - 1, at, at + 1):
        if 0 < middle < len(runs) - 1 and _goes_on_around(scene, middle):
            return next((found[one] for one in (middle + 1, middle - 1, middle) if found[one]), "")
    return ""


def _goes_on_around(scene: Scene, middle: int) -> bool:
    """Whether digits said singly stand on both sides of the run, a few words away: "... next up forty five next up"."""
    left, run, right = scene.runs[middle - 1 : middle + 2]
    if run.digits < 2 or run.begin - left.end > ASIDE_MAX or right.begin - run.end > ASIDE_MAX:
        return False
    if left.said_singly < 3 or right.said_singly < 3 or unit_follows(scene, run):
        return False
    return not any(left.end <= one.begin < right.begin and one.context.entity_type for one in scene.mentions)


def may_go_on(scene: Scene, run: Run) -> bool:
    """Whether a run that is too short to identify anybody may be a piece of a longer one."""
    if run.letters >= 2 and not run.digits:
        return run.values[0] not in scene.language.listed("acronyms")
    if run.letters or unit_follows(scene, run):
        return False
    led = scene.listed(run.begin - 1, "time_leads")
    if run.said_singly < 3 and (led or any(scene.listed(run.begin - step, "quantity_leads") for step in (1, 2))):
        return False
    return run.said_singly >= 2 or run.digits >= DIGITS_MIN - 1


def _same_number(scene: Scene, piece: Run, other: Run) -> bool:
    """Whether only an interruption lies between: no context word, which would begin something else."""
    begin, end = (other.end, piece.begin) if other.end <= piece.begin else (piece.end, other.begin)
    if (
        end - begin > (ASIDE_MAX if piece.letters else INTERRUPTION_MAX)
        or other.digits < 2
        or (other.said_singly < 2 and len(other.shape) < 3)
    ):
        return False
    if any(begin <= mention.begin < end and mention.context.entity_type for mention in scene.mentions):
        return False
    return not scene.listed(piece.begin - 1, "announcing")


def edges(scene: Scene, run: Run, entity_type: str) -> tuple[int, int]:
    """The words of the run, with what was misheard or cut off at its ends: "is to nine ...", "fo- four ..."."""
    begin, end = run.begin, run.end
    while begin > 0 and _belongs_before(scene, run, begin - 1):
        begin -= 1
    while end < len(scene.lexemes) and _belongs_after(scene, run, end):
        end += 1
    if begin > 0 and run.digits >= DIGITS_MIN and _letters_glued(scene, begin - 1):
        begin -= 1
    if entity_type == "PHONE_NUMBER" and scene.says("phone_parts"):
        begin = _parts_begin(scene, begin)
    if entity_type == "PHONE_NUMBER" and run.values[0] in scene.language.listed("vanity_prefixes"):
        end = _vanity_end(scene, end)
    first = min(run.first, scene.lexemes[begin].first)
    return first, max(run.last, scene.lexemes[end - 1].last)


def _parts_begin(scene: Scene, begin: int) -> int:
    """Where "area code" begins that is told as a part of the number: "my number is area code two one two ..."."""
    for at in (begin - 2, begin - 1):
        before = scene.lexemes[at - 1] if at > 0 else None
        if before and at + phrase_at(scene, at, "phone_parts") == begin:
            told = before.has(Role.CODE_LEAD) or before.has(Role.FILLER) or scene.listed(at - 1, "announcers")
            return at if told or is_strong(before) else begin
    return begin


def _letters_glued(scene: Scene, at: int) -> bool:
    """Letters of a code that a recogniser wrote as one word: "kr 074 038 m"."""
    heard = Soundings(scene.lexemes, scene.language, frozenset())
    return heard.glued(scene.lexemes[at]) and not any(one.begin <= at < one.end for one in scene.mentions)


def _vanity_end(scene: Scene, end: int) -> int:
    """Where the words end that stand for digits after "one eight hundred"."""
    reach = min(end + VANITY_MAX, len(scene.lexemes))
    stops = ("time_tails", "quantity_units", "fillers")
    while end < reach and not any(scene.listed(end, name) for name in stops) and scene.text(end).isalpha():
        end += 1
    return end


def _belongs_before(scene: Scene, run: Run, at: int) -> bool:
    lexeme = scene.lexemes[at]
    if lexeme.has(Role.CUT_OFF) or lexeme.has(Role.CASE) or lexeme.has(Role.MULTIPLIER):
        return True
    if not lexeme.has(Role.HOMOPHONE) or run.shape[0] not in "UOLDN":
        return False
    if not lexeme.has(Role.WEAK_HOMOPHONE):
        return True
    if any(mention.begin <= at < mention.end and mention.context.entity_type for mention in scene.mentions):
        return False  # the "zip" of "weather for zip four"
    announced = at > 0 and scene.lexemes[at - 1].has(Role.CODE_LEAD)
    return announced or any(mention.end == at for mention in scene.mentions)


def _belongs_after(scene: Scene, run: Run, at: int) -> bool:
    lexeme = scene.lexemes[at]
    if lexeme.has(Role.CUT_OFF) or lexeme.has(Role.MULTIPLIER):
        return True
    if not lexeme.has(Role.HOMOPHONE) or run.shape[-1] not in "UOLDN":
        return False
    last = at + 1 == len(scene.lexemes)
    return not lexeme.has(Role.WEAK_HOMOPHONE) or last or scene.listed(at + 1, "after_numbers")


def unit_follows(scene: Scene, run: Run) -> bool:
    """Whether a unit makes the run a quantity: "forty five minutes", "two hundred a week"."""
    if run.digits > 6 or run.said_singly >= 5 or (run.digits >= DIGITS_MIN and not run.is_one_number()):
        return False
    at = run.end + 1 if scene.listed(run.end, "quantity_per") else run.end
    if scene.listed(at, "unit_phrases_first") and not (run.digits <= HOUR_DIGITS or run.is_time()):
        return not scene.listed(at + 1, "unit_phrases_second")  # "nine one nine am i right"
    return scene.listed(at, "quantity_units") and not _keyed(scene, run, at)


def _keyed(scene: Scene, run: Run, at: int) -> bool:
    """Whether what looks like a unit is a key behind a code: "enter 4916 pound", "4916 pound key"."""
    if not scene.listed(at, "keys") or run.digits < KEYED_MIN:
        return False
    before = range(max(0, run.begin - KEYING_REACH), run.begin)
    return scene.listed(at + 1, "key_tails") or any(scene.listed(one, "keying") for one in before)


def announced_with_unit(scene: Scene, run: Run) -> Mention | None:
    """What announces the run although a unit follows it: "my pin is 4916 a day", "415 minutes 555 minutes ...".

    Runs with nothing but a unit after each are one number. A word that is said of much else announces nothing here.
    """
    at = first = last = bisect_left(scene.runs, run.begin, key=attrgetter("begin"))
    while first > max(0, at - UNITS_MAX) and _unit_between(scene, scene.runs[first - 1], scene.runs[first]):
        first -= 1
    end = min(len(scene.runs), at + UNITS_MAX) - 1
    while last < end and _unit_between(scene, scene.runs[last], scene.runs[last + 1]):
        last += 1
    begin = scene.runs[first].begin
    size = sum(one.digits + one.letters for one in scene.runs[first : last + 1])
    return next((one for one in scene.mentions if _announces(scene, one, begin, size)), None)


def _unit_between(scene: Scene, left: Run, right: Run) -> bool:
    return right.begin - left.end == 1 and unit_follows(scene, left)


def _announces(scene: Scene, mention: Mention, begin: int, size: int) -> bool:
    between = range(mention.end, begin)
    if mention.end > begin or len(between) > 2 or not mention.context.entity_type or mention.context.letters_only:
        return False
    if not max(UNIT_MIN, mention.context.fewest) <= size <= mention.context.most:
        return False
    said = " ".join(scene.texts[mention.begin : mention.end])
    weak = said in scene.language.listed("contexts_weak") and size < PHONE_MIN
    if weak or scene.listed(mention.begin, "time_leads") or mention.context.entity_type in _DATED:
        return False
    return all(scene.lexemes[at].has(Role.CODE_LEAD) or scene.lexemes[at].has(Role.FILLER) for at in between)


def announced_after(scene: Scene, run: Run, mention: Mention) -> bool:
    """Whether ``mention`` names an identifier and the run is what it is said to be: "my account number is ..."."""
    if mention.end > run.begin or not mention.context.entity_type or run.digits < 2 or unit_follows(scene, run):
        return False
    noun = scene.text(mention.end - 1).rpartition(" ")[2].removesuffix("'s")
    between = range(mention.end, run.begin)
    return (
        noun in scene.language.listed("identifier_nouns")
        and len(between) <= 2
        and all(scene.lexemes[at].has(Role.CODE_LEAD) or scene.lexemes[at].has(Role.FILLER) for at in between)
    )
