"""What goes on in an address of the net: the path behind its domain, and what holds its words together."""

from __future__ import annotations

from stream.find.cues import is_strong
from stream.find.language import Role
from stream.find.recognizers.phrases import phrase_at
from stream.find.spans import Scene

PIECE_MAX = 4  # lexemes between two slashes
_GLUE = "._-/+:"
_PATH_SIGNS = ("/", "\\", "?", "#", ":")
_PAUSING = frozenset({Role.FILLER, Role.REPAIR})


def is_glue(scene: Scene, at: int) -> bool:
    """Whether a sign stands at ``at`` that holds what is on both sides of it together."""
    return scene.lexemes[at].roles.get(Role.SYMBOL, " ") in _GLUE


def belongs(scene: Scene, at: int, glued: bool) -> bool:
    """Whether the lexeme at ``at`` is part of an address that goes on to its right."""
    if glued or is_glue(scene, at) or scene.listed(at, "net_remarks") or is_strong(scene.lexemes[at]):
        return True
    return not scene.listed(at, "net_stops") or _spelled_neighbour(scene, at)


def _spelled_neighbour(scene: Scene, at: int) -> bool:
    """A single letter such as "a" or "i" between letters."""
    return len(scene.text(at)) == 1 and (len(scene.text(at - 1)) == 1 or len(scene.text(at + 1)) == 1)


def path_end(scene: Scene, end: int) -> int:
    """The last word of an address whose domain ends before lexeme ``end``: "slash word" goes on."""
    while begin := _piece_begin(scene, end):
        end = _piece_end(scene, begin)
    return scene.lexemes[min(end, len(scene.lexemes)) - 1].last


def _piece_begin(scene: Scene, at: int) -> int:
    """The lexeme after the sign at ``at`` that a path goes on with, hesitation and a repaired sign aside; or 0."""
    begin = _sign_end(scene, at)
    while begin and begin + 1 < len(scene.lexemes) and not _PAUSING.isdisjoint(scene.lexemes[begin].roles):
        begin = _sign_end(scene, begin + 1) or begin + 1
    return begin if begin < len(scene.lexemes) else 0


def _sign_end(scene: Scene, at: int) -> int:
    """The lexeme after a sign between two pieces of a path, or 0."""
    if at < len(scene.lexemes) and scene.lexemes[at].roles.get(Role.SYMBOL) in _PATH_SIGNS:
        return at + 1
    size = phrase_at(scene, at, "url_signs")
    return at + size if size else 0


def _piece_end(scene: Scene, begin: int) -> int:
    """The lexeme after one piece of a path, which may be several words."""
    end = begin
    while end < len(scene.lexemes):
        glued = is_glue(scene, end) or (end > begin and is_glue(scene, end - 1))
        if not glued and end > begin and not (belongs(scene, end, glued=False) or _joins(scene, end)):
            break
        if not glued and end - begin >= PIECE_MAX and len(scene.text(end)) > 1:
            break  # letters one by one go on
        if scene.lexemes[end].roles.get(Role.SYMBOL) in ("/", "?") or phrase_at(scene, end, "url_signs"):
            break
        end += 1
    return max(end, min(begin + 1, len(scene.lexemes)))


def _joins(scene: Scene, at: int) -> bool:
    """ "slash tess and omar": a word of grammar between two that are none."""
    return scene.listed(at, "path_joints") and bool(scene.text(at + 1)) and not scene.listed(at + 1, "net_stops")
