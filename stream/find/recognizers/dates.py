"""Dates with a month, and ages over 89."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.harmless import parts
from stream.find.recognizers.phrases import phrase_at, phrase_before, places_listed
from stream.find.runs import Run
from stream.find.spans import Scene, Span

DATE_REACH = 12  # lexemes
BIRTH_REACH = 4  # lexemes between "born" and a date
AGE_MIN, AGE_MAX = 90, 122  # years; 122 is the greatest age known
AGE_DIGITS_MAX = 3
NINETY = "90"
YEARS = range(1900, 2100)  # said behind other talk
YEAR_REACH = 3  # lexemes of other talk between a day and its year
RETAKEN_MAX = 2  # lexemes of other talk after a repair
_RECOGNIZER = "date"
_NUMBERS = (Role.UNIT, Role.TEEN, Role.TENS, Role.HUNDREDS, Role.SCALE, Role.DIGITS, Role.ORDINAL, Role.ZERO)


def find_dates(scene: Scene) -> Iterator[Span]:
    """Every month with a day or year: all elements of a date are identifiers but the year alone."""
    for at in scene.telling:
        lexeme = scene.lexemes[at]
        if lexeme.has(Role.DATE):
            yield Span(lexeme.first, lexeme.last, "DATE_TIME", 0.8, _RECOGNIZER)
        if lexeme.has(Role.MONTH):
            begin, end = _whole_number(scene, _left(scene, at)), _right(scene, at)
            if begin < at or end > at + 1:
                begin, end = _began(scene, begin), _year_end(scene, end)
                yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "DATE_TIME", 0.8, _RECOGNIZER)


def find_birth_dates(scene: Scene) -> Iterator[Span]:
    """What names no month after "born" and the like: numbers, ordinals, holidays ("the first of the second eighty")."""
    yield from _birth_holidays(scene)
    for mention in scene.mentions:
        if mention.context.entity_type != "DATE_TIME":
            continue
        at = mention.end
        while at < len(scene.lexemes) and at - mention.end < BIRTH_REACH and not _is_number(scene, at):
            at += 1
        end = _right(scene, at - 1)
        numbers = sum(_is_number(scene, place) for place in range(at, end))
        if numbers >= 2 or (numbers == 1 and _says_birth(scene, at)):
            begin = at - 1 if at and scene.listed(at - 1, "date_articles") else at
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "DATE_TIME", 0.75, _RECOGNIZER)


def _says_birth(scene: Scene, at: int) -> bool:
    """Whether one number alone tells a birthday: "born in sixty two", "my birthday is the twenty second"."""
    led = phrase_before(scene, at, "birth_leads")
    year = any(run.begin == at and run.is_year() and run.digits in (2, 4) for run in scene.runs)
    counted = scene.listed(at + 1, "quantity_units") or scene.listed(at + 1, "birthdays")
    return led and not counted and (year or scene.lexemes[at].has(Role.ORDINAL))


def _birth_holidays(scene: Scene) -> Iterator[Span]:
    """ "born on christmas day", "my birthday is new year's eve"."""
    for mention in scene.mentions:
        if mention.context.entity_type == "DATE_TIME":
            for at in range(mention.end, min(mention.end + BIRTH_REACH, len(scene.lexemes))):
                if size := phrase_at(scene, at, "birth_holidays"):
                    end = _right(scene, at + size - 1)
                    yield Span(scene.lexemes[at].first, scene.lexemes[end - 1].last, "DATE_TIME", 0.75, _RECOGNIZER)
                    break


def _is_number(scene: Scene, at: int) -> bool:
    return any(role in scene.lexemes[at].roles for role in _NUMBERS)


def _right(scene: Scene, at: int) -> int:
    end = step = at + 1
    retaken = 0  # lexemes that a repair may be followed by
    while step < len(scene.lexemes) and step - at <= DATE_REACH:
        lexeme = scene.lexemes[step]
        if _is_number(scene, step):
            end = step + 1
        elif lexeme.has(Role.REPAIR):
            retaken = RETAKEN_MAX
        elif not (lexeme.has(Role.FILLER) or scene.listed(step, "date_joiners")):
            if not retaken or scene.listed(step, "date_walls"):
                break
            retaken -= 1
        step += 1
    return end


def _began(scene: Scene, begin: int) -> int:
    """Where a date begins that hesitation cuts: "july um july twenty first", "the uh twelfth of april"."""
    before = begin - 1
    while before >= 0 and (scene.lexemes[before].has(Role.FILLER) or scene.lexemes[before].has(Role.REPAIR)):
        before -= 1
    if before < 0 or before == begin - 1:
        return begin
    return before if scene.listed(before, "date_articles") or scene.lexemes[before].has(Role.MONTH) else begin


def _year_end(scene: Scene, end: int) -> int:
    """The lexeme after a year that follows a remark: "march fourteenth pi day nineteen eighty one"."""
    ahead = next((run for run in scene.runs if run.begin > end), None)
    if not ahead or ahead.begin - end > YEAR_REACH or not ahead.is_year() or _value(ahead) not in YEARS:
        return end
    walled = any(scene.listed(at, "date_walls") for at in range(end, ahead.begin))
    return end if walled else ahead.end


def _whole_number(scene: Scene, begin: int) -> int:
    """Where the number begins that reaches over the lexeme ``begin``: "treinta y uno de mayo"."""
    over = (run.begin for run in scene.runs if run.begin < begin < run.end and run.is_cardinal())
    return next(over, begin)


def _left(scene: Scene, at: int) -> int:
    begin, step = at, at - 1
    while step >= 0 and at - step <= 5:
        lexeme = scene.lexemes[step]
        if lexeme.has(Role.ORDINAL) or (_is_number(scene, step) and at - step <= 3):
            begin = step
        elif not (lexeme.has(Role.FILLER) or lexeme.text in scene.language.listed("date_joiners_before")):
            break
        step -= 1
    return begin - 1 if begin < at and scene.listed(begin - 1, "date_articles") else begin


def find_ages(scene: Scene) -> Iterator[Span]:
    """Ages over 89: "ninety six", "one hundred and two", "one oh four"."""
    for run in scene.runs:
        ages = [run] if run.digits <= AGE_DIGITS_MAX else list(parts(scene, run, hesitation=True))
        old = any(AGE_MIN <= _value(one) <= AGE_MAX for one in ages)
        if old and all(one.digits <= AGE_DIGITS_MAX for one in ages) and _is_age(scene, run):
            yield Span(run.first, run.last, "AGE", 0.8, _RECOGNIZER)
    for at in scene.telling:
        lexeme = scene.lexemes[at]
        if lexeme.has(Role.ORDINAL) and _ninetieth(scene, at):
            begin = at - 1 if _tens(scene, at - 1) == NINETY else at
            if scene.listed(at + 1, "birthdays") or (_closes(scene, at + 1) and _said_of_person(scene, begin)):
                yield Span(scene.lexemes[begin].first, lexeme.last, "AGE", 0.8, _RECOGNIZER)
    for at in places_listed(scene, "age_decades"):
        if any(scene.listed(at - back, "age_people") for back in (1, 2, 3)):
            yield Span(scene.lexemes[at].first, scene.lexemes[at].last, "AGE", 0.8, _RECOGNIZER)


def _value(run: Run) -> int:
    return int(run.values[0]) if run.values[0].isdigit() else 0


def _closes(scene: Scene, at: int) -> bool:
    return at >= len(scene.lexemes) or scene.listed(at, "time_tails") or scene.listed(at, "age_closings")


def _is_age(scene: Scene, run: Run) -> bool:
    after = " ".join(scene.text(run.end + step) for step in range(3))
    if any(after.startswith(phrase) for phrase in scene.language.listed("ages_after")):
        return True
    return not scene.listed(run.end, "quantity_units") and _said_of_person(scene, run.begin)


def _ninetieth(scene: Scene, at: int) -> bool:
    value = int(scene.lexemes[at].roles[Role.ORDINAL])
    return AGE_MIN <= value <= AGE_MAX or (_tens(scene, at - 1) == NINETY and value < 10)


def _tens(scene: Scene, at: int) -> str:
    return scene.lexemes[at].roles.get(Role.TENS, "") if at >= 0 else ""


def _said_of_person(scene: Scene, begin: int) -> bool:
    """ "my aunt turned ...", "she is ...", "grandpa's ..."."""
    before = begin - 1
    while scene.listed(before, "age_articles") or (before >= 0 and scene.lexemes[before].has(Role.FILLER)):
        before -= 1
    named = scene.listed(before, "age_people") and len(scene.text(before)) > 1  # not the road "i ninety five"
    named = named or scene.listed(before - 1, "titles")  # "mister osei ninety four"
    if named or scene.listed(before, "age_verbs"):
        return True
    verbs = scene.language.listed("ages_before")
    if scene.text(before) not in verbs and f"{scene.text(before - 1)} {scene.text(before)}" not in verbs:
        return False
    around = (*range(before - 5, before), *range(begin + 1, begin + 5))
    return any(scene.listed(at, "age_people") for at in around)
