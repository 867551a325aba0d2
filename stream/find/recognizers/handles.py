"""User names on social networks, and passwords, as they are said: "i'm at sunny side sam on insta"."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.passwords import find_passwords, walled
from stream.find.recognizers.phrases import phrase_before, places_at, places_before, remarked, said_before
from stream.find.spans import Scene, Span

HANDLE_REACH = 8  # lexemes of a user name
SOUGHT_REACH = 10  # the same with a remark on how it is written
NOUN_REACH = 3  # lexemes of "gamer tag is", "user name on twitch is"
OTHERS_REACH = 5  # lexemes before a user name in which a "door" makes a handle another thing
VALUE_MAX = 64  # lexemes of a user name with all signs in it: "handle dot handle dot" without end is none
UNGLUED_MAX = 2  # further words of a name before the one that an underscore follows
_RECOGNIZER = "handle"
_GLUE = "._-/+:#"


def find_handles(scene: Scene) -> Iterator[Span]:
    """User names after their noun, their network or a said "at"; passwords after theirs; whatever has an underscore."""
    networks = _networks(scene)
    yield from find_passwords(scene)
    yield from _named(scene)
    if networks and not any(scene.listed(at, "posting") for at in range(len(scene.lexemes))):
        for begin, end in networks:
            yield from _on_network(scene, begin, end)
    signs = {scene.lexemes[at].roles[Role.SYMBOL] for at in scene.signs}
    if "@" in signs:
        yield from _at_signs(scene, networks)
    if "_" in signs:
        yield from _underscored(scene)


def _span(scene: Scene, begin: int, end: int, entity_type: str = "USERNAME") -> Span:
    return Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, entity_type, 0.8, _RECOGNIZER)


def _networks(scene: Scene) -> tuple[tuple[int, int], ...]:
    """Where a social network is spoken of: begin and end in lexemes."""
    return tuple(places_at(scene, "networks"))


def _named(scene: Scene) -> Iterator[Span]:
    """ "my handle is ...", "gamer tag ...", "the password is ..."."""
    for at in places_before(scene, "handle_nouns"):
        if not _explained_away(scene, at):
            yield from _value(scene, at)
    for at in places_before(scene, "handle_leads"):
        yield from _value(scene, at)
    yield from _named_behind(scene)
    for begin, end in places_at(scene, "handle_signs"):
        amount = any(run.begin == end for run in scene.runs)
        if not amount and (value := _value_end(scene, end, "handle_stops")) > end:
            yield _span(scene, begin, value)


def _named_behind(scene: Scene) -> Iterator[Span]:
    """ "garden gal deb is her handle"."""
    for noun, _ in places_at(scene, "handle_nouns"):
        begin = end = noun - 2
        if not (scene.listed(noun - 1, "owners") and scene.listed(end, "equals_behind")):
            continue
        while begin > 0 and end - begin < HANDLE_REACH and not _starts_clause(scene, begin - 1):
            begin -= 1
        if begin < end and not _is_predicate(scene, begin):
            yield _span(scene, begin, end)


def _starts_clause(scene: Scene, at: int) -> bool:
    sign = scene.lexemes[at].has(Role.SYMBOL)
    return not sign and (scene.listed(at, "handle_stops") or scene.listed(at, "net_walls"))


def _on_network(scene: Scene, begin: int, end: int) -> Iterator[Span]:
    """ "my venmo is ...", "on twitch i'm ...", "i'm ... on threads"."""
    owned = any(scene.listed(begin - 1, name) for name in ("owners", "handle_verbs", "relations"))
    clitic = scene.words[scene.lexemes[end - 1].last].lower().endswith(("'s", "’s"))
    if owned and (clitic or scene.listed(end, "equals")):
        yield from _value(scene, end if clitic else end + 1)
    for at in range(end + 1, min(end + 1 + NOUN_REACH, len(scene.lexemes))):
        loose = said_before(scene, at, "selves_weak") and not scene.listed(at, "net_stops")
        if loose or said_before(scene, at, "selves"):
            yield from _value(scene, at)
            break
    if scene.listed(begin - 1, "network_leads"):
        for at in range(begin - 1, max(0, begin - HANDLE_REACH), -1):
            idle = scene.listed(at, "at_places") or scene.listed(at, "handle_doings")
            if said_before(scene, at, "selves_strong") and not idle:
                yield from _value(scene, at)
                break
        yield from _sought(scene, begin)
        idle = scene.listed(end, "time_tails") or _glued(scene, end)
        if phrase_before(scene, begin - 1, "handle_reaching") and not idle:
            yield from _value(scene, end)


def _sought(scene: Scene, network: int) -> Iterator[Span]:
    """ "follow ... on threads": the words between, if none is a word of grammar or names what people post."""
    end = network - 1
    for at in range(end - 1, max(0, end - SOUGHT_REACH), -1):
        stopped = any(scene.listed(at, name) for name in ("net_stops", "handle_stops", "handle_media"))
        if stopped and not remarked(scene, at):
            return
        browsed = scene.listed(network, "networks_browsed")
        if phrase_before(scene, at, "handle_adders") or (not browsed and phrase_before(scene, at, "handle_seekers")):
            yield _span(scene, at, end)
            return


def _explained_away(scene: Scene, at: int) -> bool:
    """ "door handle", "what's my username": no user name follows."""
    return any(scene.listed(before, "handle_others") for before in range(at - OTHERS_REACH, at))


def _value(scene: Scene, at: int) -> Iterator[Span]:
    """The user name that begins at ``at``, perhaps after "is" or a network."""
    while scene.listed(at, "equals") or scene.listed(at, "networks") or (_filler(scene, at) and at):
        at += 1
    if at < len(scene.lexemes) and not _is_predicate(scene, at):
        end = _announced_end(scene, at)
        if end > at:
            yield _span(scene, at, end)


def _is_predicate(scene: Scene, at: int) -> bool:
    """ "my handle is slow", but not "my handle is slow cooker"."""
    if scene.listed(at, "date_articles") and scene.listed(at + 1, "handle_predicates"):
        return not scene.text(at + 2) or walled(scene, at + 2)  # "my handle's the same"
    if not scene.listed(at, "handle_predicates"):
        return False
    ends = any(scene.listed(at + 1, name) for name in ("handle_predicates", "handle_stops", "net_stops", "time_tails"))
    return ends or at + 1 >= len(scene.lexemes) or not scene.listed(at, "handle_adjectives")


def _filler(scene: Scene, at: int) -> bool:
    return at < len(scene.lexemes) and scene.lexemes[at].has(Role.FILLER)


def _glued(scene: Scene, at: int) -> bool:
    """Whether a sign stands at ``at``: it holds what is on both sides together."""
    return 0 <= at < len(scene.lexemes) and scene.lexemes[at].roles.get(Role.SYMBOL, " ") in _GLUE


def _announced_end(scene: Scene, at: int) -> int:
    """The lexeme after an announced name, words of grammar included: "soup of the day"."""
    if scene.listed(at, "handle_stops") and not _glued(scene, at):
        return at
    end = _value_end(scene, at, "handle_stops")
    longest = max(end, min(at + HANDLE_REACH, len(scene.lexemes)))
    while end < longest and (_spelled(scene, end) or not (walled(scene, end) or scene.listed(end, "handle_walls"))):
        end += 1
    while end < len(scene.lexemes) and (_spelled(scene, end) or remarked(scene, end)):
        end += 1
    return end


def _spelled(scene: Scene, at: int) -> bool:
    """One of several letters in a row, "i" and "a" among them."""
    return len(scene.text(at)) == 1 and (len(scene.text(at - 1)) == 1 or len(scene.text(at + 1)) == 1)


def _value_end(scene: Scene, at: int, stops: str) -> int:
    end, longest = at, HANDLE_REACH
    while end < len(scene.lexemes) and end - at < min(longest, VALUE_MAX):
        held = _glued(scene, end) or (end > at and _glued(scene, end - 1)) or _spelled(scene, end)
        if not held and scene.listed(end, stops) and not remarked(scene, end):
            break
        longest += 2 * _glued(scene, end)
        end += 1
    return end


def _at_signs(scene: Scene, networks: tuple[tuple[int, int], ...]) -> Iterator[Span]:
    """ "follow at dave codes", "i'm at vegan viking on threads"."""
    followed = any(scene.listed(at, "handle_verbs_strong") for at in range(len(scene.lexemes)))
    networked = bool(networks) or followed
    for at in range(len(scene.lexemes) - 1):
        if scene.lexemes[at].roles.get(Role.SYMBOL) != "@" or scene.listed(at + 1, "handle_predicates"):
            continue
        asked = scene.listed(at - 1, "handle_verbs") or at == 0 or any(end == at for _, end in networks)
        claimed = networked and (scene.listed(at - 1, "equals") or said_before(scene, at, "selves"))
        if asked or claimed:
            end = _value_end(scene, at + 1, "handle_stops")
            marked = networked or any(_glued(scene, place) for place in range(at, end)) or at > 0
            sure = scene.listed(at - 1, "handle_verbs_strong") and scene.listed(at + 1, "date_articles")
            if end > at + 1 + sure and marked and (sure or not _said_of_time(scene, at + 1)):
                yield _span(scene, at, end)


def _said_of_time(scene: Scene, at: int) -> bool:
    """ "message at noon", "remind at seven": a clock time, or a place with its article."""
    number = any(run.begin == at and not run.letters for run in scene.runs)
    return number or any(scene.listed(at, name) for name in ("at_places", "net_stops", "time_tails"))


def _underscored(scene: Scene) -> Iterator[Span]:
    """Words that an underscore joins: nobody says it of anything but a name of the net."""
    at = 0
    while at < len(scene.lexemes):
        if scene.lexemes[at].roles.get(Role.SYMBOL) == "_" and 0 < at < len(scene.lexemes) - 1:
            begin, end = at - 1, at + 2
            while begin >= 2 and _glued(scene, begin - 1):
                begin -= 2
            stops = ("net_stops", "handle_stops", "net_walls")
            for _ in range(UNGLUED_MAX):
                if begin and not any(scene.listed(begin - 1, name) for name in stops):
                    begin -= 1
            while end < len(scene.lexemes) and (_glued(scene, end) or _glued(scene, end - 1)):
                end += 1
            if not scene.listed(at - 1, "handle_predicates") and not scene.listed(at + 1, "handle_predicates"):
                yield _span(scene, begin, end)
            at = end
        else:
            at += 1
