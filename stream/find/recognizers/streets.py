"""Street addresses that do not begin with a house number, and what belongs to one on its left.

"the corner of fifth and main", "i live on magnolia street", "house forty two block c", "hauptstrasse twelve".
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_before, places_at, places_listed
from stream.find.runs import Run
from stream.find.spans import Scene

NAME_MAX = 3  # lexemes of a street's name before its type
ANNOUNCED_REACH = 6  # lexemes between "the address is" and the street
CROSSING_MAX = 4  # lexemes of each street at a corner
VALUE_DIGITS_MAX = 5  # of a flat, floor or house
SUFFIX_MIN = 5  # characters of a "straat" that stands apart
PAIRS_MIN = 2  # "house forty two", "block c"

Place = tuple[int, int]  # lexemes, end exclusive


def left_edge(scene: Scene, begin: int) -> int:
    """Where an address whose house number is at ``begin`` begins: flat, floor and the like stand before it."""
    if not scene.says("address_units") and not scene.says("floors"):
        return begin
    while begin > 0:
        earlier = _unit_before(scene, begin)
        if earlier == begin and scene.listed(begin - 1, "unit_joints"):
            earlier = _unit_joined(scene, begin - 1)
            earlier = begin if earlier == begin - 1 else earlier
        if earlier == begin:
            break
        begin = earlier
    return _described(scene, begin)


def _unit_joined(scene: Scene, at: int) -> int:
    """Where "suite nine" or "the upstairs flat" begins behind which "at" stands, or ``at`` itself: not "a house"."""
    begin = _unit_before(scene, at)
    whole = begin < at - 1 or (not scene.listed(begin, "house_numbers") and _described(scene, begin) < begin)
    return begin if whole else at


def _described(scene: Scene, begin: int) -> int:
    """Where "the upstairs flat" begins whose "flat" is at ``begin``: words up to an article are its own."""
    numbered = scene.listed(begin, "house_numbers") and not scene.listed(begin, "units_numbered")
    if not scene.listed(begin, "address_units") or numbered:
        return begin
    for at in range(begin - 1, max(-1, begin - 2 - NAME_MAX), -1):
        if scene.listed(at, "date_articles"):
            return at
        if scene.listed(at, "address_breaks") or scene.listed(at, "house_walls"):
            break
    return begin


def _unit_before(scene: Scene, at: int) -> int:
    """Where "flat", "flat three" or "building c" that ends before ``at`` begins, or ``at`` itself."""
    if scene.listed(at - 1, "address_units"):
        return at - 1
    if len(scene.text(at - 1)) == 1 and scene.listed(at - 2, "address_units"):
        return at - 2
    if scene.listed(at - 1, "house_numbers") and scene.listed(at - 2, "address_units"):
        return at - 2  # "flat no six"
    value = next((run for run in scene.runs if run.end == at), None)
    if value and value.digits <= VALUE_DIGITS_MAX and scene.listed(value.begin - 1, "address_units"):
        numbered = scene.listed(value.begin - 1, "house_numbers") and scene.listed(value.begin - 2, "address_units")
        return value.begin - 2 if numbered else value.begin - 1
    return _floor_before(scene, at)


def _floor_before(scene: Scene, at: int) -> int:
    """Where "thirty eighth floor" that ends before ``at`` begins, or ``at`` itself."""
    if not scene.listed(at - 1, "floors") or at < 2 or not scene.lexemes[at - 2].has(Role.ORDINAL):
        return at
    return at - 3 if at >= 3 and scene.lexemes[at - 3].has(Role.TENS) else at - 2


def announced_edge(scene: Scene, begin: int) -> int:
    """Where what follows "my address is" begins, if nothing but a name stands between it and ``begin``."""
    for at in range(begin, max(0, begin - ANNOUNCED_REACH), -1):
        if phrase_before(scene, at, "address_announcing"):
            while at < begin and (scene.lexemes[at].has(Role.FILLER) or scene.lexemes[at].has(Role.REPAIR)):
                at += 1
            return at
        if scene.listed(at - 1, "address_walls") or scene.lexemes[at - 1].has(Role.UNIT):
            break
    return begin


def find_streets(scene: Scene) -> Iterator[Place]:
    """Every address here, as lexemes; what follows it (town, ZIP code) is found by the caller."""
    yield from _corners(scene)
    yield from _crossings(scene)
    yield from _alone(scene)
    yield from _pairs(scene)
    yield from _suffixed(scene)


def _ends_street(scene: Scene, at: int) -> bool:
    return at >= len(scene.lexemes) or any(
        scene.listed(at, name) for name in ("address_breaks", "time_tails", "quantity_units")
    )


def _corners(scene: Scene) -> Iterator[Place]:
    """ "the corner of fifth and main"."""
    for _, begin in places_at(scene, "corner_leads"):
        if end := two_streets(scene, begin):
            yield begin, end


def two_streets(scene: Scene, begin: int) -> int:
    """The lexeme after "fifth and main" that begins at ``begin``, or 0."""
    at = begin
    while at - begin < CROSSING_MAX and at < len(scene.lexemes) and not scene.listed(at, "street_ands"):
        if scene.listed(at, "address_breaks") and len(scene.text(at)) > 1:
            return 0
        at += 1
    if at == begin or not scene.listed(at, "street_ands"):
        return 0
    second = end = at + 1
    while end - second < CROSSING_MAX and not _ends_street(scene, end):
        end += 1
        if scene.listed(end - 1, "street_types") and not scene.listed(end, "street_types"):
            break
    return end if end > second else 0


def _crossings(scene: Scene) -> Iterator[Place]:
    """ "at eleventh and pine": an ordinal or a bare street's name on both sides."""
    for at in places_listed(scene, "street_ands"):
        begin = at - 2 if scene.listed(at - 1, "street_types") else at - 1
        second = at + 1
        if second < len(scene.lexemes) and scene.lexemes[second].has(Role.TENS):
            second += 1
        if not (_is_bare_street(scene, begin) and _is_bare_street(scene, second)):
            continue
        if begin and scene.lexemes[begin].has(Role.ORDINAL) and scene.lexemes[begin - 1].has(Role.TENS):
            begin -= 1
        end = second + 2 if scene.listed(second + 1, "street_types") else second + 1
        if phrase_before(scene, begin, "crossing_leads") and not scene.lexemes[begin].has(Role.MONTH):
            yield begin, end


def _is_bare_street(scene: Scene, at: int) -> bool:
    if not 0 <= at < len(scene.lexemes):
        return False
    return scene.lexemes[at].has(Role.ORDINAL) or scene.listed(at, "street_names")


def named_end(scene: Scene, run: Run) -> int:
    """The lexeme after "six oh eight dogwood": a number and a street without its type, if led to; 0 if none."""
    at = run.end
    if scene.listed(at, "street_directions") and not scene.listed(at, "street_directions_weak"):
        at += 1
    bare = at < len(scene.lexemes) and (scene.listed(at, "street_names") or scene.lexemes[at].has(Role.ORDINAL))
    if not bare or (run.digits < 3 and run.is_time()):
        return 0
    sure = run.digits >= 3 and not run.is_time()
    return at + 1 if sure or _ends_street(scene, at + 1) or scene.listed(at + 1, "address_units") else 0


def _alone(scene: Scene) -> Iterator[Place]:
    """ "i live on magnolia street", "my address is the cottage long lane"."""
    for at in places_listed(scene, "street_types"):
        if scene.listed(at + 1, "street_types"):
            continue
        begin = announced_edge(scene, at)
        if begin < at:
            yield begin, at + 1
            continue
        if scene.listed(at - 1, "date_articles"):
            continue
        for begin in range(at - 1, max(0, at - 1 - NAME_MAX), -1):
            if scene.listed(begin, "address_breaks") or scene.listed(begin, "street_types_strong"):
                break
            if phrase_before(scene, begin, "street_leads"):
                yield begin, at + 1
                break


def _pairs(scene: Scene) -> Iterator[Place]:
    """ "house forty two street seven block c", and "apartment nineteen c" of somebody who lives there."""
    done = 0
    for at in places_listed(scene, "address_units", "units_numbered"):
        if at < done:
            continue
        end, pairs = at, 0
        while value_end := numbered_unit_end(scene, end):
            end, pairs = value_end, pairs + 1
        home = scene.listed(at, "units_homes") and phrase_before(scene, at, "unit_leads")
        lived = scene.listed(at, "address_units") and phrase_before(scene, at, "unit_leads_strong")
        if pairs >= PAIRS_MIN or (pairs and (home or lived)):
            yield at, end
        done = end


def numbered_unit_end(scene: Scene, at: int) -> int:
    """The lexeme after "block c" or "house forty two" at ``at``, or 0."""
    if not (scene.listed(at, "address_units") or scene.listed(at, "units_numbered")):
        return 0
    numbered = scene.listed(at + 1, "house_numbers")  # "house number b twelve"
    value = next((run for run in scene.runs if run.begin == at + 1 + numbered), None)
    if value:
        fits = value.digits <= VALUE_DIGITS_MAX and value.letters <= 2
        return value.end if fits and not scene.listed(value.end, "quantity_units") else 0
    lone = len(scene.text(at + 1)) == 1 and scene.text(at + 1).isalpha()
    return at + 2 if lone and not scene.listed(at + 1, "letters_weak") else 0


def _suffixed(scene: Scene) -> Iterator[Place]:
    """ "hauptstrasse twelve": the type is part of the name, the number stands behind, seldom before."""
    endings = tuple(scene.language.listed("street_suffixes"))
    said = " ".join(scene.texts) + " "
    if not any(f"{ending} " in said for ending in endings):
        return
    for at in [at for at, text in enumerate(scene.texts) if text.endswith(endings)]:
        lexeme = scene.lexemes[at]
        apart = lexeme.text in endings  # "van gogh straat"
        if apart and (len(lexeme.text) < SUFFIX_MIN or scene.listed(at - 1, "address_breaks")):
            continue
        behind = next((run for run in scene.runs if run.begin == at + 1 and run.digits <= VALUE_DIGITS_MAX), None)
        before = next((run for run in scene.runs if run.end == at and run.digits <= VALUE_DIGITS_MAX), None)
        if behind and not scene.listed(behind.end, "quantity_units"):
            lone = len(scene.text(behind.end)) == 1
            earlier = 2 if apart and at > 1 and not scene.listed(at - 2, "address_breaks") else int(apart)
            yield at - earlier, behind.end + 1 if lone else behind.end
        elif before:
            yield before.begin, at + 1
