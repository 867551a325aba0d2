"""Street addresses: a house number, a street and what follows it ("flat two in boise idaho")."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.recognizers.announced import after_aside, announced_end, find_announced, is_work, typed_end
from stream.find.recognizers.houses import find_houses
from stream.find.recognizers.phrases import ends_phrase, phrase_at, places_listed
from stream.find.recognizers.postcodes import find_postcodes
from stream.find.recognizers.streets import announced_edge, find_streets, left_edge, named_end
from stream.find.recognizers.tails import run_at, tail_end, unit_end
from stream.find.runs import Run
from stream.find.spans import Scene, Span

STREET_WORDS_MAX = 5  # between the number and the street type
HOUSE_DIGITS_MAX = 6
LEAD_REACH = 4
POSTCODE_MIN = 5  # characters of a postcode with letters
PREFIXED_MAX = 4  # lexemes of "rue de rivoli"
_RECOGNIZER = "address"


def find_addresses(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """Number, street words, street type; or, after "i live at" and the like, a number and the words after it."""
    done = -1
    for run in scene.runs:
        if run.letters > 2 or run.digits > HOUSE_DIGITS_MAX or run.end <= done:
            continue
        if scene.says("street_idioms") and phrase_at(scene, run.end, "street_idioms"):
            continue
        end = _street_end(scene, run, gazetteer) or _prefixed_end(scene, run) or _led_end(scene, run)
        if not end and (named := named_end(scene, run)) and _is_led(scene, run):
            end = named
        end = end or announced_end(scene, gazetteer, run) or after_aside(scene, run)
        if end and not is_work(scene, run.begin):
            done = tail_end(scene, gazetteer, typed_end(scene, end))
            yield _address(scene, announced_edge(scene, left_edge(scene, run.begin)), done)
    for begin, street_end in (*find_streets(scene), *find_houses(scene), *find_announced(scene, gazetteer)):
        yield _address(scene, left_edge(scene, begin), tail_end(scene, gazetteer, street_end))
    yield from find_postcodes(scene)
    yield from _boxes(scene, gazetteer)
    yield from _numbered_behind(scene)
    yield from _streets_first(scene, gazetteer)


def _address(scene: Scene, begin: int, end: int) -> Span:
    return Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "ADDRESS", 0.85, _RECOGNIZER)


def _is_led(scene: Scene, run: Run) -> bool:
    """Whether a street without its type may follow the number."""
    return _led(scene, run.begin, "address_strong") or (run.digits >= 3 and _led(scene, run.begin, "address_leads"))


def _led(scene: Scene, begin: int, leads: str) -> bool:
    """Whether a phrase of ``leads`` ends before ``begin``, perhaps with hesitation or a flat between."""
    if not scene.says(leads):
        return False
    listed = scene.language.listed(leads)
    for at in range(begin, max(0, begin - LEAD_REACH), -1):
        if ends_phrase(scene, at, leads):
            pieces = " ".join(scene.texts[max(0, at - 3) : at]).split()
            for size in range(1, 1 + min(4, len(pieces))):
                if " ".join(pieces[-size:]) in listed:
                    return True
        if at < begin and not scene.lexemes[at - 1].has(Role.FILLER) and not scene.listed(at - 1, "address_units"):
            return False
    return False


def _street_end(scene: Scene, run: Run, gazetteer: Gazetteer) -> int:
    """The lexeme after the street types that follow the number, or 0."""
    if not scene.says("street_types"):
        return 0
    opening = f"{scene.text(run.end)} {scene.text(run.end + 1)}"
    begin = run.end + 2 if opening in scene.language.listed("street_openings") else run.end
    for step in range(STREET_WORDS_MAX + 1):
        at = begin + step
        if at >= len(scene.lexemes) or (scene.listed(at, "address_breaks") and not _is_lettered(scene, run, at)):
            return 0
        if step == 0 and scene.listed(at, "quantity_units") and not scene.lexemes[at].has(Role.ORDINAL):
            return 0
        if not scene.listed(at, "street_types") or (step == 0 and not scene.listed(at, "street_types_strong")):
            continue
        end = at + 1
        while end < len(scene.lexemes) and scene.listed(end, "street_types"):
            end += 1
        if any(scene.listed(end + step, "street_types_strong") for step in (0, 1)):
            continue
        if _is_street(scene, run, at, end, gazetteer):
            return end
    return 0


def _is_lettered(scene: Scene, run: Run, at: int) -> bool:
    """ "1400 a street", "five hundred terry a francois boulevard": an "a" that is no article."""
    if len(scene.text(at)) != 1:
        return False
    if at == run.end:
        near = any(scene.listed(at + step, "street_types_strong") for step in (2, 3))
        led = run.digits >= 2 and _led(scene, run.begin, "address_leads")
        return (near and led) or scene.listed(at + 1, "street_types_strong")
    ahead = [step for step in (1, 2, 3) if scene.listed(at + step, "street_types_strong")]
    return run.digits >= 3 and bool(ahead)


def _is_street(scene: Scene, run: Run, at: int, end: int, gazetteer: Gazetteer) -> bool:
    """Whether the words between number and type are a street's name: a "way" or "square" needs more than that."""
    if any(scene.listed(place, "street_types_strong") for place in range(at, end)):
        return True
    numbered = scene.listed(run.begin - 1, "house_numbers")
    if _led(scene, run.begin, "address_leads") or (left_edge(scene, run.begin) < run.begin and not numbered):
        return True
    typed = run.shape == "D"
    if (typed or run.digits >= 2) and scene.listed(run.begin - 1, "address_leads_weak"):
        return True
    texts = scene.texts
    if end < len(texts) and gazetteer.place_at(texts, end) and texts[end] not in gazetteer.everyday:
        return True
    if (code := run_at(scene, end)) and code.letters and code.letters + code.digits >= POSTCODE_MIN:
        return True
    whole = end == len(texts) and (run.begin == 0 or (numbered and at > run.end))
    return run.digits >= 2 and (typed or whole or at - run.end >= 2)


def _prefixed_end(scene: Scene, run: Run) -> int:
    """The lexeme after "thirty one rue de rivoli", or after the words before "apartment b", or 0."""
    if scene.listed(run.end, "street_prefixes"):
        end = run.end + 1
        longest = run.end + PREFIXED_MAX
        while end < min(longest, len(scene.lexemes)) and not scene.listed(end, "address_breaks"):
            if scene.listed(end, "address_units"):
                break
            longest += scene.listed(end, "name_particles")
            end += 1
        return end if end > run.end + 1 else 0
    if not scene.says("units_strong"):
        return 0
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


def _boxes(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """Post-office boxes."""
    for run in scene.runs if scene.says("address_boxes") else ():
        if not ends_phrase(scene, run.begin, "address_boxes"):
            continue
        for size in (1, 2, 3):
            lead = " ".join(scene.text(run.begin - k) for k in range(size, 0, -1) if run.begin >= k)
            if lead in scene.language.listed("address_boxes"):
                yield _address(scene, run.begin - size, tail_end(scene, gazetteer, run.end))


def _numbered_behind(scene: Scene) -> Iterator[Span]:
    """ "orchard lane number four"."""
    for run in scene.runs if scene.says("street_types") else ():
        unit, street = run.begin - 1, run.begin - 2
        if not scene.listed(unit, "address_units") or not scene.listed(street, "street_types"):
            continue
        begin = street
        while begin > 0 and street - begin < 2 and not scene.listed(begin - 1, "address_breaks"):
            begin -= 1
        if scene.listed(street, "street_types_strong") or (begin < street and scene.listed(unit, "house_numbers")):
            yield _address(scene, begin, run.end)


def _streets_first(scene: Scene, gazetteer: Gazetteer) -> Iterator[Span]:
    """ "calle de alcala numero doce, segundo be": the street, its number, then floor, door, town."""
    for street in places_listed(scene, "streets_numbered_behind"):
        at = street + 1
        while at - street <= STREET_WORDS_MAX + 1 and at < len(scene.lexemes) and run_at(scene, at) is None:
            if scene.listed(at, "address_breaks"):
                break
            at += 1
        run = run_at(scene, at)
        if run is None or at - street < 2 or run.digits > HOUSE_DIGITS_MAX:
            continue
        end = run.end
        if scene.listed(end, "quantity_units") and not scene.lexemes[end].has(Role.ORDINAL):
            continue
        while end < len(scene.lexemes) and scene.lexemes[end].has(Role.ORDINAL):  # floor and door
            end = unit_end(scene, end + 1) or end + 1
        end = tail_end(scene, gazetteer, end)
        yield Span(scene.lexemes[street].first, scene.lexemes[end - 1].last, "ADDRESS", 0.85, _RECOGNIZER)
