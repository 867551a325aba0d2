"""Passwords, names of wireless networks and plates that are words: "the wifi password is come on in".

What is announced is taken whole, words of grammar included, unless something is said about it ("is too short").
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_at, places_before
from stream.find.spans import Scene, Span

PASSWORD_MAX = 10  # lexemes
PLATE_MAX = 4
_KINDS = (("secret_leads", "PIN", PASSWORD_MAX), ("plate_leads", "LICENSE_PLATE", PLATE_MAX))
_RECOGNIZER = "password"


def find_passwords(scene: Scene) -> Iterator[Span]:
    """Secrets after their nouns, and the words of a vanity plate."""
    for leads, entity_type, longest in _KINDS:
        for at in places_before(scene, leads):
            begin = at + scene.listed(at, "equals")
            end = told_end(scene, begin, longest)
            if end > begin:
                yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, entity_type, 0.8, _RECOGNIZER)


def told_end(scene: Scene, at: int, longest: int) -> int:
    """The lexeme after the words told at ``at``; ``at`` itself where they say something about what is announced."""
    size = phrase_at(scene, at, "secret_predicates")
    named = scene.listed(at, "handle_adjectives") and at + 1 < len(scene.lexemes) and not walled(scene, at + 1)
    if size and not named:
        return at
    end = at
    while end < min(at + longest, len(scene.lexemes)) and not walled(scene, end):
        end += 1
        if scene.words[scene.lexemes[end - 1].last].endswith((".", "?", "!")):
            break
    return end


def walled(scene: Scene, at: int) -> bool:
    """Whether something else is said from here on: "please", "and the password", "on twitch"."""
    if scene.listed(at, "told_walls"):
        return True
    if scene.listed(at, "name_ands"):
        return any(scene.listed(at + 1, name) for name in ("owners", "net_walls", "told_walls", "date_articles"))
    return Role.FILLER in scene.lexemes[at].roles and at + 1 == len(scene.lexemes)
