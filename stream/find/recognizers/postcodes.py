"""Postcodes whose letters a recogniser has glued: "the postcode's cf ten four uw"."""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.cues import is_letter, is_strong
from stream.find.language import Role
from stream.find.spans import Scene, Span

REACH = 4  # lexemes between "postcode" and its first character
LETTERS_MAX = 2  # of one piece
PIECES_MIN, PIECES_MAX = 3, 9


def find_postcodes(scene: Scene) -> Iterator[Span]:
    """Letters, in pieces of one or two, and digits in turn behind a word for a postcode."""
    for mention in scene.mentions:
        if mention.context.entity_type != "ZIP_CODE":
            continue
        begin = mention.end
        while begin < min(mention.end + REACH, len(scene.lexemes)) and not _is_piece(scene, begin):
            begin += 1
        end = begin
        while end < min(begin + PIECES_MAX, len(scene.lexemes)) and _is_piece(scene, end):
            end += 1
        digits = any(is_strong(lexeme) for lexeme in scene.lexemes[begin:end])
        letters = any(not is_strong(lexeme) for lexeme in scene.lexemes[begin:end])
        if end - begin >= PIECES_MIN and digits and letters:
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "ZIP_CODE", 0.8, "postcode")


def _is_piece(scene: Scene, at: int) -> bool:
    """A number, a letter, or two letters that are no word of grammar ("uw", but not "is")."""
    lexeme = scene.lexemes[at]
    if is_strong(lexeme) or is_letter(lexeme) or lexeme.has(Role.ZERO) or lexeme.has(Role.MULTIPLIER):
        return True
    glued = len(lexeme.text) == LETTERS_MAX and lexeme.text.isalpha()
    return glued and not scene.listed(at, "net_stops") and not scene.listed(at, "handle_stops")
