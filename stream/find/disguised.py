"""Identifiers that a recogniser wrote as a time, a price, a decimal or places in order: "my pin is 12:34", "1st 2nd".

Nothing but an announcement tells them from what they look like. Only what a lexeme may stand for changes here; its
words never do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stream.find.hearing import announces_letters
from stream.find.language import Language, Role, Roles
from stream.find.lexemes import Lexeme
from stream.find.spans import Mention

CHARACTERS_MIN = 3  # of all pieces: a shorter code is a quantity after all
LONG_MIN = 7  # characters of pieces that are no amounts, whatever they look like
LEADS_MAX = 3  # lexemes between what announces a number and its first piece
APART_MAX = 2  # lexemes of other talk between two pieces
_SECRET = frozenset({"PIN", "CVV", "US_SSN"})  # of these nobody says an amount or share
_DATED = frozenset({"CARD_EXPIRY", "DATE_TIME", "DATE_OF_BIRTH", "AGE"})
_AMOUNT = re.compile(r"[$£€¥%°]")


def undisguised(lexemes: Sequence[Lexeme], mentions: Sequence[Mention], language: Language) -> tuple[Lexeme, ...]:
    """``lexemes``, those that are written like a quantity as plain digits where an identifier is announced."""
    pieces = {at for at, one in enumerate(lexemes) if Role.QUANTITY in one.roles or Role.ORDINAL in one.roles}
    if not pieces:
        return tuple(lexemes)
    found = list(lexemes)
    for mention in mentions:
        kind = mention.context.entity_type
        timed = lexemes[mention.begin].text.split()[0] in language.listed("time_leads")
        if not kind or kind in _DATED or mention.context.letters_only or timed:
            continue
        begin = _announced_at(lexemes, mention, pieces, language)
        if begin is None:
            continue
        roles = {at: _plain(lexemes[at], mention) for at in _pieces(lexemes, begin, pieces)}
        size = sum(len(text) for one in roles.values() for text in one.values())
        if _fits(lexemes, mention, tuple(roles), size, language):
            for at, one in roles.items():
                found[at] = found[at]._replace(roles=one)
    return tuple(found)


def _announced_at(lexemes: Sequence[Lexeme], mention: Mention, pieces: set[int], language: Language) -> int | None:
    """The first piece that ``mention`` announces, or None: nothing but words such as "is" lies between."""
    for at in range(mention.end, min(mention.end + LEADS_MAX + 1, len(lexemes))):
        if at in pieces:
            return at
        if not _leads(lexemes[at], language):
            break
    for at in range(mention.begin - 1, max(mention.begin - LEADS_MAX - 2, -1), -1):
        if at in pieces:  # "12:34 is my pin"
            return at if lexemes[at + 1].has(Role.CODE_LEAD) else None
        if not _leads(lexemes[at], language):
            return None
    return None


def _fits(lexemes: Sequence[Lexeme], mention: Mention, said: Sequence[int], size: int, language: Language) -> bool:
    """Whether pieces at ``said`` with ``size`` characters may be what ``mention`` announces, and no quantity."""
    context, text = mention.context, " ".join(one.text for one in lexemes[mention.begin : mention.end])
    if not max(CHARACTERS_MIN, context.fewest) <= size <= context.most:
        return False
    if context.entity_type not in _SECRET:
        many = len(said) > 1 and size >= LONG_MIN
        amount = any(_AMOUNT.search(lexemes[at].text) for at in said)
        return many or not (amount or text in language.listed("contexts_weak"))
    if context.entity_type != "PIN" or text not in language.listed("contexts_weak"):
        return True
    between = lexemes[mention.end : said[0]] or lexemes[said[-1] + 1 : mention.begin]
    return any(one.has(Role.CODE_LEAD) for one in between) or text.split()[-1] in language.listed("code_leads")


def _leads(lexeme: Lexeme, language: Language) -> bool:
    """Whether a number may follow that is no hour: "is", "to", "would be", and no "at"."""
    if lexeme.has(Role.CODE_LEAD) or lexeme.has(Role.FILLER):
        return True
    text = lexeme.text
    hour = text in language.listed("hour_leads")
    timed = text in language.listed("time_leads") and text not in language.listed("announcing")
    return text in language.listed("announcers") and not hour and not timed


def _pieces(lexemes: Sequence[Lexeme], begin: int, pieces: set[int]) -> Iterator[int]:
    """The pieces from ``begin`` on that follow one another, written alike."""
    at, last = begin, begin
    signs = _signs(lexemes[begin])
    while at < len(lexemes) and at - last <= APART_MAX:
        if at in pieces and _signs(lexemes[at]) == signs:
            yield at
            last = at
        at += 1


def _signs(lexeme: Lexeme) -> str:
    """What makes it no plain number; letters are all alike."""
    return re.sub(r"[a-z]+", "a", re.sub(r"\d", "", lexeme.text))


def _plain(lexeme: Lexeme, mention: Mention) -> Roles:
    text = re.sub(r"[^a-z0-9]", "", lexeme.text)
    if Role.ORDINAL not in lexeme.roles and not text.isdigit() and announces_letters(mention.context.entity_type):
        return {Role.ALNUM: text}
    return {Role.DIGITS: re.sub(r"\D", "", text)}
