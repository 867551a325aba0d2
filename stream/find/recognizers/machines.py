"""Addresses of machines that no single run holds: "ten dot oh dot oh dot one", "a four colon five e colon ...".

Where a digit, a letter and a sign take turns, an "a" or "oh" at either end looks like a word. Here the signs decide:
everything that can be a digit between three dots, or a hexadecimal one between colons, is the address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.find.language import Role
from stream.find.lexemes import Lexeme
from stream.find.spans import Scene, Span

_RECOGNIZER = "machine"
IPV4_DOTS = 3
IPV6_DIGITS_MIN = 3
MAC_DIGITS_MIN, MAC_DIGITS_MAX = 10, 16  # characters that are no sign, round the twelve
MAC_DIGITS = 12
PAIRS = 6  # of digits in a hardware address
SIGNS_MIN = 4  # colons or dashes that need no context word
HEX_LETTERS = frozenset("abcdef")
_NUMBERS = frozenset(
    {Role.UNIT, Role.TEEN, Role.TENS, Role.SCALE, Role.ZERO, Role.DIGITS, Role.MULTIPLIER, Role.HOMOPHONE}
)
_TYPED = frozenset({Role.LETTER, Role.SPELLING, Role.ALNUM, Role.QUANTITY, Role.ABBREVIATION})
_SINGLES = (Role.LETTER, Role.SPELLING, Role.LETTER_NAME)
_COLONS = frozenset(":-")


def find_machines(scene: Scene) -> Iterator[Span]:
    """Internet and hardware addresses in which every piece is said with its sign."""
    roles = [scene.lexemes[at].roles for at in scene.telling]
    signs = [one[Role.SYMBOL] for one in roles if Role.SYMBOL in one]
    if signs.count(".") >= IPV4_DOTS:
        for begin, end in _stretches(scene, [_is_dotted(lexeme) for lexeme in scene.lexemes]):
            dots = sum(scene.lexemes[at].roles.get(Role.SYMBOL) == "." for at in range(begin, end))
            if dots >= IPV4_DOTS:
                yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "IP_ADDRESS", 0.85, _RECOGNIZER)
    if len(signs) < 2 and sum(map(_is_typed, scene.lexemes)) < PAIRS // 2:
        return
    for begin, end in _stretches(scene, [_is_hexadecimal(lexeme) for lexeme in scene.lexemes]):
        if entity_type := _hexadecimal_type(scene, begin, end):
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, entity_type, 0.85, _RECOGNIZER)


def _is_typed(lexeme: Lexeme) -> bool:
    """Letters or characters of a code, "aa" included: without some of them there is no hardware address."""
    return not _TYPED.isdisjoint(lexeme.roles) or (len(lexeme.text) == 2 and set(lexeme.text) <= HEX_LETTERS)


def _stretches(scene: Scene, fits: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Longest stretches of lexemes that fit or are hesitation, without loose signs and hesitation at their ends."""
    at = 0
    while at < len(fits):
        if not fits[at]:
            at += 1
            continue
        end = at
        while end < len(fits) and (fits[end] or Role.FILLER in scene.lexemes[end].roles):
            end += 1
        begin, after = at, end
        while begin < after and not (fits[begin] and _is_edge(scene.lexemes[begin])):
            begin += 1
        while after > begin and not (fits[after - 1] and _is_edge(scene.lexemes[after - 1])):
            after -= 1
        if after > begin:
            yield begin, after
        at = end + 1


def _is_edge(lexeme: Lexeme) -> bool:
    """Whether an address can begin or end here: not with a sign, nor with a "to" that may be one."""
    likely = not lexeme.has(Role.WEAK_HOMOPHONE) or lexeme.has(Role.ZERO)
    return likely and not lexeme.has(Role.SYMBOL)


def _is_dotted(lexeme: Lexeme) -> bool:
    return lexeme.roles.get(Role.SYMBOL) == "." or not _NUMBERS.isdisjoint(lexeme.roles)


def _is_hexadecimal(lexeme: Lexeme) -> bool:
    if not lexeme.roles and len(lexeme.text) != 2:
        return False
    if lexeme.roles.get(Role.SYMBOL, " ") in ":-.":
        return True
    return bool(_hexadecimal(lexeme)) or lexeme.has(Role.MULTIPLIER) or lexeme.has(Role.CASE)


def _hexadecimal(lexeme: Lexeme) -> str:
    """The hexadecimal digits that a lexeme says, or an empty string."""
    for role in (Role.UNIT, Role.DIGITS, Role.ALNUM, Role.TEEN, Role.TENS, Role.ZERO):
        if role in lexeme.roles:
            written = lexeme.roles[role] or "0"
            return written if all(character.isdigit() or character in HEX_LETTERS for character in written) else ""
    for role in _SINGLES:
        if lexeme.roles.get(role, " ") in HEX_LETTERS:
            return lexeme.roles[role]
    # "cd" as a recogniser may write it, an abbreviation of two letters, or "3c", which could be a temperature too
    spelled = lexeme.text.replace(" ", "")
    typed = lexeme.has(Role.QUANTITY) and spelled[:1].isdigit()
    fits = len(spelled) == 2 and (spelled[1] if typed else spelled[0]) in HEX_LETTERS and spelled[1] in HEX_LETTERS
    return spelled if fits else ""


def _hexadecimal_type(scene: Scene, begin: int, end: int) -> str:
    """What a stretch is; empty where it is too short, or has neither enough signs nor a context word."""
    lexemes = scene.lexemes[begin:end]
    written = "".join([_hexadecimal(lexeme) for lexeme in lexemes])
    if len(written) < IPV6_DIGITS_MIN:
        return ""
    doubled = sum(lexeme.has(Role.MULTIPLIER) for lexeme in lexemes)
    signs = "".join(lexeme.roles.get(Role.SYMBOL, " ") for lexeme in lexemes)  # a blank for what is no sign
    if "::" in signs or signs.count(":") > PAIRS:
        return "IP_ADDRESS"
    if not MAC_DIGITS_MIN <= len(written) + doubled <= MAC_DIGITS_MAX or not any(map(str.isalpha, written)):
        return ""
    whole = len(written) + doubled == MAC_DIGITS and any(map(str.isdigit, written))
    named = whole or any(
        mention.context.entity_type == "MAC_ADDRESS" and mention.end <= end for mention in scene.mentions
    )
    return "MAC_ADDRESS" if named or sum(sign in _COLONS for sign in signs) >= SIGNS_MIN else ""
