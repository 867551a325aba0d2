"""Addresses that what is said around them gives away, whatever the street is called.

"a cab from eighteen cork", "the party's at my house three eighteen dahlia", "my address is the lightkeeper's rest": no
street type is needed where the talk is of deliveries, rides and homes, a preposition stands before the number, and a
word behind it that people seldom say.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.gazetteer import Gazetteer
from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_at, phrase_before, places_before
from stream.find.recognizers.streets import Place, left_edge
from stream.find.runs import Run
from stream.find.spans import Scene

TOPIC_REACH = 8  # lexemes between "deliver" and the number
NAME_MAX = 4  # lexemes of a street's name
TOLD_MAX = 8  # lexemes after "my address is"
ASIDE_REACH = 10  # lexemes between a number and its street's type
ROOM_REACH = 6  # lexemes of a hotel before its room
RARE_BELOW = 0.25  # the lexicon's weight of a word that people seldom say
LONG_DIGITS = 3  # of a number that is more often a house's than a time
EVIDENCE_MIN = 4
NAME_EVIDENCE = 2  # that the name alone can give: it is short, and seldom said
_CLOSING = frozenset({Role.FILLER, Role.JOINER, Role.REPAIR, Role.SYMBOL})
HOUSE_DIGITS_MAX = 5
_ENDING = (",", ".", "?", "!", ";")


def announced_end(scene: Scene, gazetteer: Gazetteer, run: Run) -> int:
    """The lexeme after the words that follow a number which the talk makes a house's, or 0."""
    if run.digits > HOUSE_DIGITS_MAX or _is_counted(scene, run) or run.dots:
        return 0
    evidence = _evidence_before(scene, run)
    if evidence < EVIDENCE_MIN - NAME_EVIDENCE:
        return 0
    end = _name_end(scene, run)
    if end == run.end or any(run.end <= mention.begin < end for mention in scene.mentions):
        return 0  # "two six eight, the security code"
    evidence += any(_is_rare(scene, gazetteer, at) for at in range(run.end, end))
    evidence += end - run.end < NAME_MAX
    return end if evidence >= EVIDENCE_MIN and _is_name(scene, gazetteer, run, end) else 0


def _evidence_before(scene: Scene, run: Run) -> int:
    """What the number itself and the words before it say for a house; little where it may be any quantity."""
    begin = left_edge(scene, run.begin)
    topic = _topic(scene, begin)
    inside = begin < run.begin
    if not topic and not inside and run.is_cardinal():
        return 0
    joined = scene.listed(begin - 1, "address_joints") or (inside and scene.listed(begin - 1, "unit_leads"))
    joined = joined or scene.listed(begin - 1, "address_topics") or scene.listed(begin - 1, "address_topics_strong")
    unit = inside + (inside and not scene.listed(begin, "house_numbers"))
    return topic + unit + joined + (run.digits >= LONG_DIGITS and not run.is_time())


def is_work(scene: Scene, begin: int) -> bool:
    """Whether what begins here is a song or film: "play forty second street"."""
    at = begin - 1
    while scene.listed(at, "date_articles"):
        at -= 1
    return scene.listed(at, "address_works")


def _is_counted(scene: Scene, run: Run) -> bool:
    """Whether the number is a quantity's, or that of a road, an exit or a gate."""
    lone = run.end + (len(scene.text(run.end)) == 1)
    return (
        scene.listed(run.end, "quantity_units")
        or scene.listed(lone, "quantity_units")
        or scene.listed(run.begin - 1, "roads_numbered")
        or scene.listed(run.begin - 1, "address_numbered")
    )


def _is_name(scene: Scene, gazetteer: Gazetteer, run: Run, end: int) -> bool:
    """Whether the words can name a street; after a number that may be a time or a count they must be seldom said."""
    if end - run.end == 1 and scene.lexemes[run.end].has(Role.ORDINAL):
        return False
    rare = any(_is_rare(scene, gazetteer, at) for at in range(run.end, end))
    return rare or not gazetteer.everyday.issuperset(scene.texts[run.end : end])


def _topic(scene: Scene, begin: int) -> int:
    """2 where deliveries, rides or a home are spoken of before the number, 1 where it may be, less for a song."""
    near = scene.texts[max(0, begin - TOPIC_REACH) : begin]
    strong = not scene.language.listed("address_topics_strong").isdisjoint(near)
    weak = strong or not scene.language.listed("address_topics").isdisjoint(near)
    return strong + weak - 2 * is_work(scene, begin)


def _is_rare(scene: Scene, gazetteer: Gazetteer, at: int) -> bool:
    """A word that people seldom say, or a name with its clitic: "wren's"."""
    text = scene.text(at)
    if text in gazetteer.everyday or not text.isalpha():
        return text.endswith("'s") and not scene.listed(at, "address_ends")
    if text.endswith("s") and text not in gazetteer.surnames and text[:-1] in gazetteer.lexicon:
        return False  # "donuts"
    return scene.listed(at, "street_names") or gazetteer.lexicon.get(text, 0.0) < RARE_BELOW


def _name_end(scene: Scene, run: Run) -> int:
    """The lexeme after up to four words of a name: a word of grammar, a time or the end of a sentence closes it."""
    end = run.end
    if len(scene.text(end)) == 1 and not _closes(scene, end + 1):
        end += 1  # "seventeen a dashwood"
    ordinal = end + 1 + (end + 1 < len(scene.lexemes) and scene.lexemes[end + 1].has(Role.TENS))
    directed = scene.listed(end, "street_directions") and ordinal < len(scene.lexemes)
    if directed and scene.lexemes[ordinal].has(Role.ORDINAL):
        return ordinal + 1  # "twelve hundred west forty sixth"
    if scene.listed(end, "date_articles") and run.digits <= 2 and _closes(scene, end + 2):
        end += 1  # "nine the shambles"
    longest = run.end + NAME_MAX
    while end < len(scene.lexemes) and end < longest and (not _closes(scene, end) or _pairs_on(scene, end)):
        longest += scene.listed(end, "name_particles")
        end += 1
        if scene.words[scene.lexemes[end - 1].last].endswith(_ENDING):
            break
    return end


def _pairs_on(scene: Scene, at: int) -> bool:
    """ "nine dog and duck cottages"."""
    typed = scene.listed(at + 2, "street_types") or scene.listed(at + 2, "house_nouns")
    return scene.listed(at, "name_ands") and typed


def _closes(scene: Scene, at: int) -> bool:
    if at >= len(scene.lexemes):
        return True
    if scene.listed(at, "address_ends") or scene.listed(at, "time_tails"):
        return True
    return not _CLOSING.isdisjoint(scene.lexemes[at].roles) or any(run.begin <= at < run.end for run in scene.runs)


def typed_end(scene: Scene, end: int) -> int:
    """The lexeme after a street's type that follows its name: "fifty five hudson yards", "dog and duck cottages"."""
    if _pairs_on(scene, end):
        return end + 3
    follows = scene.listed(end, "street_types") or scene.listed(end, "estate_names")
    return end + 1 if follows and _closes(scene, end + 1) else end


def after_aside(scene: Scene, run: Run) -> int:
    """The lexeme after the street of "the leak is at eighteen twenty two um what's it called juniper terrace", or 0."""
    if not scene.says("street_types_strong") or run.end >= len(scene.lexemes):
        return 0
    opens = scene.lexemes[run.end].has(Role.FILLER) or phrase_at(scene, run.end, "address_asides")
    if not opens or run.dots or not _topic(scene, run.begin):
        return 0
    for at in range(run.end + 2, min(run.end + ASIDE_REACH, len(scene.lexemes))):
        if scene.listed(at, "street_types_strong") and not scene.listed(at - 1, "address_ends"):
            return at + 1
    return 0


def find_announced(scene: Scene, gazetteer: Gazetteer) -> Iterator[Place]:
    """What follows "my address is", streets of a bare name after "he lives on", and the rooms of those who stay."""
    for at in places_before(scene, "address_told"):
        if (end := _told_end(scene, at)) > at:
            yield at, end
    for at in places_before(scene, "street_leads"):
        if scene.listed(at - 1, "street_ons") and _is_bare_name(scene, gazetteer, at):
            yield at, at + 1
    for run in scene.runs if scene.says("room_nouns") else ():
        if run.letters <= 1 and scene.listed(run.begin - 1, "room_nouns") and _stays(scene, run.begin - 1):
            yield _room_begin(scene, run.begin - 1), _room_end(scene, run.end)


def _told_end(scene: Scene, at: int) -> int:
    """The lexeme after what is told as an address at ``at``; ``at`` itself where something is said about it."""
    if scene.listed(at, "address_predicates") or phrase_at(scene, at, "address_predicates"):
        return at
    end = at
    while end < len(scene.lexemes) and end - at < TOLD_MAX and not scene.listed(end, "told_ends"):
        if scene.lexemes[end].roles.get(Role.SYMBOL) in (".", "@", ":") and not scene.listed(end, "unit_joints"):
            return at  # an address of the net
        end += 1
        if scene.words[scene.lexemes[end - 1].last].endswith((".", "?", "!")):
            break
    return end


def _is_bare_name(scene: Scene, gazetteer: Gazetteer, at: int) -> bool:
    """One word that is a surname, a street or in no list of words, at the end of what is said."""
    text = scene.text(at)
    if text in gazetteer.everyday or not text.isalpha() or not _closes(scene, at + 1):
        return False
    known = scene.listed(at, "street_names") or (gazetteer.is_name(text) and _is_rare(scene, gazetteer, at))
    return known or text not in gazetteer.lexicon


def _stays(scene: Scene, at: int) -> bool:
    return any(scene.listed(before, "room_topics") for before in range(max(0, at - ROOM_REACH - 2), at))


def _room_end(scene: Scene, end: int) -> int:
    """The lexeme after "cabin twelve at pine hollow"."""
    if not scene.listed(end, "unit_joints"):
        return end
    at = end + 1
    while at < len(scene.lexemes) and at - end <= NAME_MAX and (not _closes(scene, at) or at == end + 1):
        at += 1
    return at if at > end + 2 else end


def _room_begin(scene: Scene, noun: int) -> int:
    """Where the hotel before "room" begins: after the first preposition or verb of the last few words."""
    for begin in range(max(0, noun - ROOM_REACH), noun):
        if phrase_before(scene, begin, "room_leads"):
            return begin
    return noun
