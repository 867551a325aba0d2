"""Addresses of machines that no single run holds: "ten dot oh dot oh dot one", "a four colon five e colon ...".

Where a digit, a letter and a sign take turns, an "a" or "oh" at either end looks like a word. Here the signs decide:
everything that can be a digit between three dots, or a hexadecimal one between colons, is the address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
_WRITTEN = (Role.UNIT, Role.DIGITS, Role.ALNUM, Role.TEEN, Role.TENS, Role.ZERO)
_SINGLES = (Role.LETTER, Role.SPELLING, Role.LETTER_NAME)
_TYPED_WHOLE = frozenset({Role.DIGITS, Role.ALNUM})
_PAIRED = frozenset({*_WRITTEN, Role.MULTIPLIER})  # say two digits at most
_SINGLE = frozenset(_SINGLES)
_JOINING = frozenset({Role.FILLER, Role.SYMBOL, Role.CASE})
_COLONS = frozenset(":-")
_EDGE, _INNER, _STALL, _OTHER = "E", "I", "S", " "  # one letter per lexeme: fits, even at an end; fits; hesitates
_STRETCH = re.compile("E(?:[EIS]*E)?")


def find_machines(scene: Scene) -> Iterator[Span]:
    """Internet and hardware addresses in which every piece is said with its sign."""
    signs = [scene.lexemes[at].roles[Role.SYMBOL] for at in scene.signs]
    if signs.count(".") >= IPV4_DOTS:
        for begin, end in _stretches(scene, [at for at in scene.telling if _is_dotted(scene.lexemes[at])]):
            dots = sum(scene.lexemes[at].roles.get(Role.SYMBOL) == "." for at in range(begin, end))
            if dots >= IPV4_DOTS:
                yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, "IP_ADDRESS", 0.85, _RECOGNIZER)
    if signs.count(":") < 2 and _longest_code(scene) < MAC_DIGITS_MIN:
        return  # neither kind of address is made of so few characters
    candidates = [at for at, one in enumerate(scene.lexemes) if one.roles or len(one.text) == 2]
    if len(signs) < 2 and sum([_is_typed(scene.lexemes[at]) for at in candidates]) < PAIRS // 2:
        return
    said = {at: _hexadecimal(scene.lexemes[at]) for at in candidates}
    for begin, end in _stretches(scene, [at for at in candidates if said[at] or _is_joint(scene.lexemes[at])]):
        if entity_type := _hexadecimal_type(scene, begin, end, "".join([said[at] for at in range(begin, end)])):
            yield Span(scene.lexemes[begin].first, scene.lexemes[end - 1].last, entity_type, 0.85, _RECOGNIZER)


def _longest_code(scene: Scene) -> int:
    """How many hexadecimal digits may be said in a row, at most: written ones aside, no lexeme says more than two."""
    longest = size = 0
    for text, _, _, roles in scene.lexemes:
        if not roles:
            size = size + 2 if len(text) == 2 and text[1] in HEX_LETTERS else 0
        elif not _TYPED_WHOLE.isdisjoint(roles):
            size += len(text)
        elif not _PAIRED.isdisjoint(roles) or (text[-1:] in HEX_LETTERS and (len(text) == 2 or " " in text)):
            size += 2
        elif not _SINGLE.isdisjoint(roles):
            size += 1
        elif _JOINING.isdisjoint(roles):
            size = 0
        if size > longest:
            longest = size
    return longest


def _is_typed(lexeme: Lexeme) -> bool:
    """Letters or characters of a code, "aa" included: without some of them there is no hardware address."""
    return not _TYPED.isdisjoint(lexeme.roles) or (len(lexeme.text) == 2 and HEX_LETTERS.issuperset(lexeme.text))


def _stretches(scene: Scene, fitting: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Longest stretches of lexemes that fit or are hesitation, without loose signs and hesitation at their ends."""
    marks = [_OTHER] * len(scene.lexemes)
    for at in scene.telling:
        if Role.FILLER in scene.lexemes[at].roles:
            marks[at] = _STALL
    for at in fitting:
        marks[at] = _EDGE if _is_edge(scene.lexemes[at]) else _INNER
    for stretch in _STRETCH.finditer("".join(marks)):
        yield stretch.span()


def _is_edge(lexeme: Lexeme) -> bool:
    """Whether an address can begin or end here: not with a sign, nor with a "to" that may be one."""
    likely = not lexeme.has(Role.WEAK_HOMOPHONE) or lexeme.has(Role.ZERO)
    return likely and not lexeme.has(Role.SYMBOL)


def _is_dotted(lexeme: Lexeme) -> bool:
    return lexeme.roles.get(Role.SYMBOL) == "." or not _NUMBERS.isdisjoint(lexeme.roles)


def _is_joint(lexeme: Lexeme) -> bool:
    """What stands in a hardware address and is no digit: a sign, "double", "capital"."""
    roles = lexeme.roles
    return bool(roles) and (roles.get(Role.SYMBOL, " ") in ":-." or Role.MULTIPLIER in roles or Role.CASE in roles)


def _hexadecimal(lexeme: Lexeme) -> str:
    """The hexadecimal digits that a lexeme says, or an empty string."""
    for role in _WRITTEN:
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


def _hexadecimal_type(scene: Scene, begin: int, end: int, written: str) -> str:
    """What a stretch is that says the digits ``written``; empty where it is too short, or has neither enough signs nor
    a context word."""
    if len(written) < IPV6_DIGITS_MIN:
        return ""
    lexemes = scene.lexemes[begin:end]
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
