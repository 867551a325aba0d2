"""Street addresses: a house number, a street and what follows it ("flat two in boise idaho")."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.runs import Run
from stream.find.spans import Scene, Span

STREET_WORDS_MAX = 5  # between the number and the street type
HOUSE_DIGITS_MAX = 6
LEAD_REACH = 4
PREFIXED_MAX = 4  # lexemes of "rue de rivoli"
LISTED_MAX = 7  # lexemes after a comma
_RECOGNIZER = "address"


def find_addresses(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """Number, street words, street type; or, after "i live at" and the like, a number and the words after it."""
    done = -1
    for run in scene.runs:
        if run.letters > 2 or run.digits > HOUSE_DIGITS_MAX or run.begin <= done:
            continue
        end = _street_end(scene, run) or _prefixed_end(scene, run) or _led_end(scene, run)
        if end:
            done = _tail_end(scene, gazetteer, end)
            yield Span(_first_word(scene, run), scene.lexemes[done - 1].last, "ADDRESS", 0.85, _RECOGNIZER)
    yield from _boxes(scene)
    yield from _numbered_behind(scene)


def _first_word(scene: Scene, run: Run) -> int:
    begin = run.begin
    if scene.listed(begin - 1, "address_units"):
        begin -= 1
    return scene.lexemes[begin].first


def _led(scene: Scene, begin: int, leads: str) -> bool:
    listed = scene.language.listed(leads)
    for back in range(LEAD_REACH):
        pieces = " ".join(scene.text(at) for at in range(max(0, begin - back - 3), begin - back)).split()
        if any(" ".join(pieces[-size:]) in listed for size in (1, 2, 3, 4) if len(pieces) >= size):
            return True
        if (
            not scene.lexemes[begin - back - 1].has(Role.FILLER)
            and not scene.listed(begin - back - 1, "address_units")
            and back
        ):
            return False
    return False


def _street_end(scene: Scene, run: Run) -> int:
    """The lexeme after a street type that follows the number, or 0."""
    opening = f"{scene.text(run.end)} {scene.text(run.end + 1)}"
    begin = run.end + 2 if opening in scene.language.listed("street_openings") else run.end
    for step in range(STREET_WORDS_MAX + 1):
        at = begin + step
        if at >= len(scene.lexemes) or scene.listed(at, "address_breaks"):
            return 0
        if step == 0 and scene.listed(at, "quantity_units") and not scene.lexemes[at].has(Role.ORDINAL):
            return 0
        if scene.listed(at, "street_types") and (step > 0 or scene.listed(at, "street_types_strong")):
            strong = scene.listed(at, "street_types_strong") or _led(scene, run.begin, "address_leads")
            further = any(scene.listed(at + k, "street_types_strong") for k in (1, 2))
            if strong and scene.listed(at + 1, "street_types_strong"):
                continue
            if strong and not (further and not scene.listed(at, "street_types_strong")):
                return at + 1
            if not strong and not further and (step >= 2 or run.shape == "D") and run.digits >= 2:
                return at + 1
    return 0


def _prefixed_end(scene: Scene, run: Run) -> int:
    """The lexeme after "thirty one rue de rivoli", or after the words before "apartment b", or 0."""
    if scene.listed(run.end, "street_prefixes"):
        end = run.end + 1
        while end < len(scene.lexemes) and end - run.end < PREFIXED_MAX and not scene.listed(end, "address_breaks"):
            end += 1
        return end if end > run.end + 1 else 0
    for at in range(run.end + 1, min(run.end + 4, len(scene.lexemes))):
        if scene.listed(at - 1, "address_breaks") or scene.listed(at - 1, "quantity_units"):
            return 0
        if scene.listed(at, "units_strong"):
            return at
    return 0


def _led_end(scene: Scene, run: Run) -> int:
    """The lexeme after the words that follow a number in "i live at twelve oak ridge", or 0."""
    if not _led(scene, run.begin, "address_strong") or (run.is_time() and run.digits > 2):
        return 0
    end = run.end
    while (
        end < len(scene.lexemes)
        and end - run.end < 3
        and not scene.listed(end, "address_breaks")
        and not scene.listed(end, "quantity_units")
    ):
        if scene.listed(end, "time_tails") or scene.lexemes[end].has(Role.FILLER):
            break
        end += 1
    return end if end > run.end else 0


def _tail_end(scene: Scene, gazetteer: Gazetteer, end: int) -> int:
    """Direction, flat, town, state and ZIP code after a street."""
    texts = tuple(lexeme.text for lexeme in scene.lexemes)
    while end < len(texts):
        if scene.words[scene.lexemes[end - 1].last].endswith(","):
            return _listed_on(scene, end)
        further = _part_end(scene, gazetteer, texts, end)
        if further == end:
            return end
        end = further
    return end


def _part_end(scene: Scene, gazetteer: Gazetteer, texts: tuple[str, ...], end: int) -> int:
    """The lexeme after one more part of an address, or ``end`` itself."""
    if scene.listed(end, "street_directions") and not scene.listed(end, "street_directions_weak"):
        return end + 1
    if scene.listed(end, "address_units") and (unit := _unit_end(scene, end + 1)):
        return unit
    if scene.lexemes[end].has(Role.ORDINAL) and scene.listed(end + 1, "floors"):
        return end + 2
    at = end + 1 if scene.listed(end, "town_leads") and end + 1 < len(texts) else end
    size = gazetteer.place_at(texts, at)
    if size and (at > end or size > 1 or texts[at] not in gazetteer.everyday):
        return at + size
    if scene.listed(end, "town_leads_strong"):
        return _unlisted_town(scene, gazetteer, end + 1) or end
    run = _run_at(scene, end)
    numbered = run is not None and (3 <= run.digits <= 9 or scene.words[run.first].startswith("#"))
    return run.end if run and numbered and not scene.listed(run.end, "quantity_units") else end


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


def _unit_end(scene: Scene, at: int) -> int:
    run = _run_at(scene, at)
    if run:
        return run.end
    return at + 1 if at < len(scene.lexemes) and len(scene.text(at)) == 1 else 0


def _run_at(scene: Scene, at: int) -> Run | None:
    return next((run for run in scene.runs if run.begin == at), None)


def _boxes(scene: Scene) -> Iterator[Span]:
    """Post-office boxes."""
    for run in scene.runs:
        for size in (1, 2, 3):
            lead = " ".join(scene.text(run.begin - k) for k in range(size, 0, -1) if run.begin >= k)
            if lead in scene.language.listed("address_boxes"):
                yield Span(scene.lexemes[run.begin - size].first, run.last, "ADDRESS", 0.8, _RECOGNIZER)


def _numbered_behind(scene: Scene) -> Iterator[Span]:
    """ "orchard lane number four"."""
    for run in scene.runs:
        unit, street = run.begin - 1, run.begin - 2
        if scene.listed(unit, "address_units") and scene.listed(street, "street_types_strong"):
            begin = street
            while begin > 0 and street - begin < 2 and not scene.listed(begin - 1, "address_breaks"):
                begin -= 1
            yield Span(scene.lexemes[begin].first, run.last, "ADDRESS", 0.75, _RECOGNIZER)
