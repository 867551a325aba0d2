"""Houses that are called by a name, and roads that are called by a number.

"the old rectory on mill lane", "rose cottage church street", "seven the paddocks", "i live on county road fifty one".
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.recognizers.phrases import phrase_before, places_at, places_listed
from stream.find.recognizers.streets import Place, left_edge
from stream.find.spans import Scene

NAME_MAX = 3  # lexemes of a house's name before its noun, and of a street's before its type
CALLED_MAX = 2  # lexemes of a name after "the house is called"
ROAD_DIGITS_MAX = 5


def find_houses(scene: Scene) -> Iterator[Place]:
    """Every address here, as lexemes; what follows it (town, postcode) is found by the caller."""
    for noun in places_listed(scene, "house_nouns"):
        begin = _name_begin(scene, noun)
        lived = _is_lived_in(scene, begin)
        if end := _street_behind(scene, noun + 1, lived):
            yield begin, end
        elif lived and _has_name(scene, begin, noun):
            yield begin, noun + 1
    for _, begin in places_at(scene, "house_called"):
        end = begin
        while end < min(begin + CALLED_MAX, len(scene.lexemes)) and not _is_wall(scene, end):
            end += 1
        if end > begin:
            yield begin, end
    yield from _in_estates(scene)
    yield from _roads(scene)


def _is_wall(scene: Scene, at: int) -> bool:
    return scene.listed(at, "address_breaks") or scene.listed(at, "house_walls")


def _is_lived_in(scene: Scene, begin: int) -> bool:
    return any(phrase_before(scene, begin, leads) for leads in ("address_strong", "unit_leads_strong", "house_leads"))


def _has_name(scene: Scene, begin: int, noun: int) -> bool:
    """Whether a name stands before "cottage", and not "the" alone; "anna's house" is none."""
    names = noun - begin - scene.listed(begin, "date_articles")
    return names > 0 and not scene.listed(noun, "house_numbers")


def _name_begin(scene: Scene, noun: int) -> int:
    """Where the name before "cottage" begins: "the" ends it on the left."""
    begin = noun
    while begin > 0 and noun - begin < NAME_MAX and not _is_wall(scene, begin - 1):
        begin -= 1
        if scene.listed(begin, "date_articles"):
            break
    return begin


def _street_behind(scene: Scene, at: int, lived: bool) -> int:
    """The lexeme after "(on) mill lane" that begins at ``at``, or 0; a "green" is a street where somebody lives."""
    begin = at + 1 if scene.listed(at, "house_joints") else at
    for end in range(begin, min(begin + NAME_MAX + 1, len(scene.lexemes))):
        strong = scene.listed(end, "street_types_strong")
        if end > begin and (strong or (lived and scene.listed(end, "street_types"))):
            return end + 1
        if _is_wall(scene, end):
            return 0
    return 0


def _in_estates(scene: Scene) -> Iterator[Place]:
    """ "seven the paddocks", "twelve b the maltings"."""
    for run in scene.runs if scene.says("estate_names") else ():
        end = run.end + 2
        named = scene.listed(run.end, "date_articles") and scene.listed(run.end + 1, "estate_names")
        if named and (end >= len(scene.lexemes) or _is_wall(scene, end)):
            yield left_edge(scene, run.begin), end


def _roads(scene: Scene) -> Iterator[Place]:
    """ "my place is on county road fifty one": a road by its number, where somebody lives."""
    for name in ("roads_public", "roads_numbered"):
        for begin, at in places_at(scene, name):
            run = next((run for run in scene.runs if run.begin == at and run.digits <= ROAD_DIGITS_MAX), None)
            if run and phrase_before(scene, begin, "street_leads"):
                yield begin, run.end
