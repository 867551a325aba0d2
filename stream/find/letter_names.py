"""Letters written as the words that they sound like: "dee queue aitch" for d, q, h.

Beside one another, and beside digits, such words are letters even where nothing announces a code. Words of grammar
among them ("see", "you", "are") count only where a surer letter touches them.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.find.cues import STRONG, is_letter, is_strong
from stream.find.language import Role, Roles
from stream.find.soundings import Soundings

BLOCK_MIN, ANNOUNCED_MIN = 5, 4  # digits and letters side by side
DIGITS_MIN = 2  # among them, where nothing announces a code
_NAMING = frozenset({Role.LETTER, Role.LETTER_NAME, Role.SPELLING})
_MEMBERS = _NAMING | frozenset(STRONG) | {Role.ZERO, Role.MULTIPLIER, Role.WEAK_LETTER}
_HESITATING = frozenset({Role.FILLER, Role.REPAIR})


def blocks(ear: Soundings) -> Iterator[tuple[int, int]]:
    """Lexemes, end exclusive, that are digits, letters or sound like letters, through hesitation and repairs.

    None where nothing is a letter for sure.
    """
    named = [at for at, one in enumerate(ear.lexemes) if not _NAMING.isdisjoint(one.roles)]
    if not any(_is_sure_letter(ear, at) and _stands_in_block(ear, at) for at in named):
        return
    members = [at for at, one in enumerate(ear.lexemes) if not _MEMBERS.isdisjoint(one.roles)]
    members = [at for at in members if _stands_in_block(ear, at)]
    end = 0
    for begin in members:
        if begin < end:
            continue
        end = begin + 1
        while (ahead := _member_ahead(ear, end)) is not None:
            end = ahead + 1
        if end - begin >= ANNOUNCED_MIN:
            yield begin, end


def letters_named(ear: Soundings, begin: int, end: int, announced: bool) -> Iterator[tuple[int, Roles]]:
    """What becomes a letter in the block ``begin..end``; ``announced``: after a word that speaks of such a code."""
    begin, end = _trimmed(ear, begin, end)
    block = [at for at in range(begin, end) if _stands_in_block(ear, at)]
    digits = sum(_is_digit(ear, at) for at in block)
    sure = sum(_is_sure_letter(ear, at) for at in block)
    enough = len(block) >= ANNOUNCED_MIN if announced else len(block) >= BLOCK_MIN and digits >= DIGITS_MIN
    if not enough or not sure:
        return
    for at in block:
        roles = ear.lexemes[at].roles
        if _is_weak(ear, at) or (Role.LETTER_NAME in roles and not _is_digit(ear, at)):
            written = roles.get(Role.LETTER_NAME) or roles.get(Role.LETTER, "")
            if written:
                yield at, {Role.LETTER: written}


def _trimmed(ear: Soundings, begin: int, end: int) -> tuple[int, int]:
    """The block without the words of grammar at its ends that touch a digit: "see two ...", "... two you"."""
    first = next((at for at in range(begin, end) if _stands_in_block(ear, at) and not _is_weak(ear, at)), end)
    if first < end and _is_digit(ear, first):
        begin = first
    last = next(
        (at for at in range(end - 1, begin - 1, -1) if _stands_in_block(ear, at) and not _is_weak(ear, at)), begin
    )
    closed = end == len(ear.lexemes) or ear.lexemes[end].text in ear.language.listed("after_numbers")
    if _is_digit(ear, last) and not closed:
        end = last + 1
    return begin, end


def _member_ahead(ear: Soundings, at: int) -> int | None:
    """The next lexeme of the block, at once or after a word of hesitation; None where it ends."""
    for position in (at, at + 1):
        if position >= len(ear.lexemes):
            return None
        if _stands_in_block(ear, position):
            return position
        if _HESITATING.isdisjoint(ear.lexemes[position].roles):
            return None
    return None


def _stands_in_block(ear: Soundings, at: int) -> bool:
    if at in ear.context and not ear.sure(ear.lexemes[at]):
        return False
    return _is_digit(ear, at) or _is_sure_letter(ear, at) or _is_weak(ear, at)


def _is_digit(ear: Soundings, at: int) -> bool:
    lexeme = ear.lexemes[at]
    return is_strong(lexeme) or Role.ZERO in lexeme.roles or Role.MULTIPLIER in lexeme.roles


def _is_sure_letter(ear: Soundings, at: int) -> bool:
    lexeme = ear.lexemes[at]
    named = Role.LETTER_NAME in lexeme.roles and lexeme.text not in ear.language.listed("letter_names_weak")
    return named or is_letter(lexeme) or Role.SPELLING in lexeme.roles


def _is_weak(ear: Soundings, at: int) -> bool:
    """An everyday word that a letter's name sounds like, or a letter that is one."""
    roles = ear.lexemes[at].roles
    if _is_sure_letter(ear, at) or Role.ZERO in roles:
        return False
    return Role.LETTER_NAME in roles or Role.WEAK_LETTER in roles
