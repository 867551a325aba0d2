"""What a lexeme and its neighbours say about whether digits or letters are being spoken."""

from __future__ import annotations

from collections.abc import Sequence

from stream.find.language import Role
from stream.find.lexemes import Lexeme

STRONG = (Role.UNIT, Role.TEEN, Role.TENS, Role.HUNDREDS, Role.DIGITS, Role.ALNUM, Role.ADDRESS_IP)
_STRONG = frozenset(STRONG)
_MULTIPLE = frozenset({Role.UNIT, Role.ZERO, Role.LETTER, Role.SPELLING, Role.DIGITS, Role.LETTER_NAME})
_CODELIKE = _STRONG | {Role.SPELLING, Role.ZERO, Role.WEAK_LETTER, Role.CASE}
_SINGLE = frozenset({Role.UNIT, Role.ZERO, Role.DIGITS})
_COMPOSING = frozenset({Role.ZERO, Role.MULTIPLIER, Role.SCALE})
_STARTING = _STRONG | _MULTIPLE | {Role.SYMBOL, Role.MULTIPLIER, Role.CASE, Role.SCALE_ONE}


def starts(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether a run of digits or letters may begin at the lexeme ``at``."""
    lexeme = lexemes[at]
    if _STARTING.isdisjoint(lexeme.roles):
        return False
    if is_strong(lexeme) or is_letter(lexeme):
        return True
    following = lexemes[at + 1] if at + 1 < len(lexemes) else None
    if following is None:
        return False
    if lexeme.roles.get(Role.SYMBOL) == "+":
        return _international(lexemes, at)
    if lexeme.has(Role.MULTIPLIER) or lexeme.has(Role.CASE):
        return doubled(lexemes, at) is not None
    if lexeme.has(Role.SPELLING):
        return is_codelike(following) or (
            following.has(Role.FILLER) and at + 2 < len(lexemes) and lexemes[at + 2].has(Role.SPELLING)
        )
    if lexeme.has(Role.ZERO) and _after_zero(lexemes, at):
        return True
    if lexeme.has(Role.SCALE_ONE) and following.has(Role.SCALE):
        return True
    if lexeme.has(Role.WEAK_LETTER):
        return leads_code(lexemes, at)
    return False


def _after_zero(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether what follows makes an "oh" a zero: a digit, or a number and one more: "oh twenty six ..."."""
    ahead = lexemes[at + 1 : at + 3]
    return is_single(ahead[0]) or (len(ahead) == 2 and is_strong(ahead[0]) and (is_strong(ahead[1])))


def leads_code(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether an "a", "i" or "o" begins a code: letters follow it, or digits and letters in turn."""
    following = lexemes[at + 1]
    if is_letter(following) or following.has(Role.SPELLING) or letters_explained(lexemes, at):
        return True
    if is_single(following) and at + 2 < len(lexemes) and is_single(lexemes[at + 2]):
        return at > 0 and Role.CODE_LEAD in lexemes[at - 1].roles
    twice = following.has(Role.WEAK_LETTER) and at + 2 < len(lexemes) and is_letter(lexemes[at + 2])
    return twice or _alternates(lexemes, at)


def _alternates(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether an "a" begins a code: a digit, then, soon, a letter."""
    ahead = lexemes[at + 1 : at + 5]
    return (
        bool(ahead)
        and is_single(ahead[0])
        and all(is_codelike(lexeme) for lexeme in ahead[:3])
        and any(is_letter(lexeme) for lexeme in ahead)
    )


def _international(lexemes: Sequence[Lexeme], at: int) -> bool:
    """A plus before at least five digits said singly, with no number before it."""
    if at and is_strong(lexemes[at - 1]):
        return False
    ahead = [lexeme for lexeme in lexemes[at + 1 : at + 9] if Role.JOINER not in lexeme.roles][:5]
    if ahead and len(ahead[0].roles.get(Role.DIGITS, "")) >= 5:
        return True
    return len(ahead) == 5 and all(is_strong(one) or not _COMPOSING.isdisjoint(one.roles) for one in ahead)


def is_strong(lexeme: Lexeme) -> bool:
    """A number word or written digits, whatever stands beside it."""
    return not _STRONG.isdisjoint(lexeme.roles)


def is_single(lexeme: Lexeme | None) -> bool:
    """A digit said on its own, "oh" included."""
    return lexeme is not None and not _SINGLE.isdisjoint(lexeme.roles)


def is_letter(lexeme: Lexeme) -> bool:
    """A letter that is no word."""
    return Role.LETTER in lexeme.roles and Role.WEAK_LETTER not in lexeme.roles


def is_codelike(lexeme: Lexeme | None) -> bool:
    """Anything that can stand in a code."""
    if lexeme is None:
        return False
    return is_letter(lexeme) or not _CODELIKE.isdisjoint(lexeme.roles)


def doubled(lexemes: Sequence[Lexeme], at: int) -> int | None:
    """Where the digit or letter stands that "double" or "capital" at ``at`` speaks of: next, or after a filler."""
    for position in range(at + 1, min(at + 4, len(lexemes))):
        lexeme = lexemes[position]
        if not _MULTIPLE.isdisjoint(lexeme.roles):
            return position
        if Role.FILLER not in lexeme.roles and Role.CASE not in lexeme.roles:
            return None
    return None


def letters_explained(lexemes: Sequence[Lexeme], at: int) -> int:
    """How many lexemes after a letter only explain it: "as in juliet", "for boy"."""
    letter = lexemes[at].roles.get(Role.LETTER, lexemes[at].roles.get(Role.LETTER_NAME, ""))
    if not letter:
        return 0
    ahead = [k for k in range(at + 1, min(at + 6, len(lexemes))) if not _hesitates(lexemes[k])][:3]
    if not ahead or Role.LIKENING not in lexemes[ahead[0]].roles:
        return 0
    if len(ahead) == 3 and lexemes[ahead[0]].has(Role.LIKENING_FIRST) and lexemes[ahead[1]].has(Role.LIKENING_SECOND):
        return ahead[2] - at
    word = lexemes[ahead[1]].text if len(ahead) > 1 else ""
    return ahead[1] - at if len(word) > 1 and word.startswith(letter) else 0


def _hesitates(lexeme: Lexeme) -> bool:
    return Role.FILLER in lexeme.roles and Role.LIKENING not in lexeme.roles
