"""What follows a street in its address: direction, flat, floor, cross street, town, state and ZIP code."""

from __future__ import annotations

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_at
from stream.find.recognizers.streets import numbered_unit_end, two_streets
from stream.find.runs import Run
from stream.find.spans import Scene

TOWN_MAX = 2  # lexemes of a town that is in no list
REMARK_MAX = 4  # lexemes of "above the chippy" before the address goes on
LISTED_MAX = 7  # lexemes after a comma


def tail_end(scene: Scene, gazetteer: Gazetteer, end: int) -> int:
    """Direction, flat, town, state and ZIP code after a street."""
    texts = scene.texts
    while end < len(texts):
        if scene.words[scene.lexemes[end - 1].last].endswith(","):
            return _listed_on(scene, end)
        further = _part_end(scene, gazetteer, texts, end)
        if further == end:
            return _closing_end(scene, gazetteer, end)
        end = further
    return end


def _closing_end(scene: Scene, gazetteer: Gazetteer, end: int) -> int:
    """The end of what is said, if nothing but an unlisted town of one or two words stands there."""
    last = len(scene.lexemes) - 1
    named = last - end < TOWN_MAX and scene.text(last).isalpha() and scene.text(last) not in gazetteer.lexicon
    plain = not any(scene.listed(at, "address_ends") or scene.lexemes[at].roles for at in range(end, last + 1))
    return last + 1 if named and plain else end


def _part_end(scene: Scene, gazetteer: Gazetteer, texts: tuple[str, ...], end: int) -> int:
    """The lexeme after one more part of an address, or ``end`` itself."""
    if scene.listed(end, "street_directions") and not scene.listed(end, "street_directions_weak"):
        return end + 1
    if scene.listed(end, "address_units") and (unit := unit_end(scene, end + 1)):
        return unit
    if (beyond := _further_end(scene, end)) > end:
        return beyond
    if pair := numbered_unit_end(scene, end):
        return pair
    if remark := _remark_end(scene, gazetteer, end):
        return remark
    at = end + 1 if scene.listed(end, "town_leads") and end + 1 < len(texts) else end
    size = gazetteer.place_at(texts, at)
    if size and (at > end or size > 1 or texts[at] not in gazetteer.everyday):
        return at + size
    if scene.listed(end, "town_leads_strong"):
        return _unlisted_town(scene, gazetteer, end + 1) or end
    run = run_at(scene, end)
    numbered = run is not None and (3 <= run.digits <= 9 or scene.words[run.first].startswith("#"))
    return run.end if run and numbered and not scene.listed(run.end, "quantity_units") else end


def _remark_end(scene: Scene, gazetteer: Gazetteer, end: int) -> int:
    """The lexeme after "above the chippy" where the address goes on behind it, or 0: "... high street margate"."""
    if not scene.listed(end, "address_remarks") or not scene.listed(end + 1, "date_articles"):
        return 0
    for at in range(end + 3, min(end + 3 + REMARK_MAX, len(scene.lexemes))):
        if scene.listed(at, "street_types_strong"):
            return at + 1
        if gazetteer.place_at(scene.texts, at) and scene.text(at) not in gazetteer.everyday:
            return at
    return 0


def _further_end(scene: Scene, end: int) -> int:
    """The lexeme after a floor, a cross street, the number of a road or a flat's letter, or ``end`` itself."""
    for tens in (0, 1):
        floor = scene.lexemes[end].has(Role.TENS) if tens else True
        at = end + tens
        if floor and at < len(scene.lexemes) and scene.lexemes[at].has(Role.ORDINAL) and scene.listed(at + 1, "floors"):
            return at + 2
    if size := phrase_at(scene, end, "street_crossings"):
        return two_streets(scene, end + size) or end
    run = run_at(scene, end)
    if run and not scene.listed(run.end, "quantity_units"):
        road = scene.listed(end - 1, "roads_numbered") and run.digits <= 3 and not run.letters
        door = run.letters == 1 and run.digits and run.letters + run.digits <= 4
        return run.end if road or door else end
    lone = len(scene.text(end)) == 1 and scene.text(end).isalpha() and not scene.listed(end, "letters_weak")
    closed = end + 1 == len(scene.lexemes) or scene.words[scene.lexemes[end].last].endswith((".", ",", "?"))
    article = scene.listed(end, "letters_weak") and closed and end > 0
    return end + 1 if lone or article else end


def _listed_on(scene: Scene, end: int) -> int:
    """What follows a written comma: town, region, country, up to the end of the sentence or a word of grammar."""
    begin = end
    while end < len(scene.lexemes) and end - begin < LISTED_MAX and not scene.listed(end, "address_breaks"):
        end += 1
        if scene.words[scene.lexemes[end - 1].last].endswith((".", "?", "!")):
            break
    return end


def _unlisted_town(scene: Scene, gazetteer: Gazetteer, at: int) -> int:
    end = at
    while (
        end < len(scene.lexemes)
        and end - at < 3
        and scene.text(end) not in gazetteer.everyday
        and not scene.listed(end, "address_breaks")
    ):
        end += 1
    return end if end > at else 0


def unit_end(scene: Scene, at: int) -> int:
    run = run_at(scene, at)
    if run:
        return run.end
    if at >= len(scene.lexemes):
        return 0
    return at + 1 if len(scene.text(at)) == 1 or scene.lexemes[at].has(Role.QUANTITY) else 0


def run_at(scene: Scene, at: int) -> Run | None:
    return next((run for run in scene.runs if run.begin == at), None)
