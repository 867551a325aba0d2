"""Words of a transcript as lexemes: the shortest pieces that mean something when an identifier is said aloud.

A recogniser may glue punctuation to words ("Smith,", "John's", "4111,"), write half of the digits, or split clitics.
Every lexeme knows which words it came from, so that a finding is always a run of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from stream.find.language import Language, Role, Roles
from stream.find.tables import fold

NOTHING: Roles = MappingProxyType({})
CODE_DIGITS = 3  # after letters so many make a code of what spells an abbreviation: "r v four four nine"
Ways = tuple[tuple[tuple[str, ...], Roles], ...]  # how a phrase goes on, and what it stands for then
_CLITIC = MappingProxyType({Role.FILLER: ""})
_CUT_OFF = MappingProxyType({Role.FILLER: "", Role.CUT_OFF: ""})
_EDGES = " \t.,;:!?\"'()[]{}<>…—–-*`~|¿¡«»“”"
_LONE_SYMBOLS = {
    "@": "@",
    "-": "-",
    "–": "-",
    "_": "_",
    "/": "/",
    "+": "+",
    "#": "#",
    ".": ".",
    ":": ":",
    "*": "*",
    "&": "&",
    ",": ",",
}
_MAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,200}")
_HOST = re.compile(r"(?:https?://)?(?:[a-z0-9_-]{1,63}\.){1,5}[a-z]{2,14}(?:[/?#:]\S*)?")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?")
_DATE = re.compile(r"(?:\d{1,2}|\d{4})([/.-])\d{1,2}\1(?:\d{4}|\d{1,2})")
_INITIALS = re.compile(r"(?:[a-z]\.)+[a-z]?")
_GLUED_DIGITS = re.compile(r"\+?[\d().\s/-]+")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
_COMPACT = re.compile(r"\d+[a-z]{1,2}")
_CODE = re.compile(r"0\d\d+[a-z]{1,2}|\d{7,}[a-z]{1,2}")  # no quantity, whatever unit its letters may be
_DOTTED = re.compile(r"[a-z]+(?:\.[a-z]+)+")
_HEX_PAIRS = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}")


class Lexeme(NamedTuple):
    """``text`` as said, lower case; the words ``first..last`` it came from; what it may stand for.

    A tuple rather than a dataclass, since one is made for every word that is said.
    """

    text: str
    first: int
    last: int
    roles: Roles

    def __repr__(self) -> str:
        return f"Lexeme(first={self.first}, last={self.last})"  # never what was said

    def has(self, role: str) -> bool:
        return role in self.roles


_lexeme = partial(tuple.__new__, Lexeme)  # a third of the time that the constructor takes
_Token = tuple[str, int, Roles | None]  # text, word, and what it stands for if that is known by how it is written


def lexemes(words: Sequence[str], language: Language) -> tuple[Lexeme, ...]:
    """Cut ``words`` into lexemes; the longest phrase of the language's tables wins."""
    tokens: list[_Token] = []
    for word, raw in enumerate(words):
        if raw.isascii() and raw.isalpha():
            tokens.append((raw.lower(), word, None))
        else:
            tokens.extend(_tokens(raw, word, language))
    texts = tuple([text for text, _, _ in tokens])
    phrases = language.phrases
    found: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        text, word, roles = tokens[at]
        size, last = 0, word
        if roles is None:
            roles = NOTHING
            if ways := phrases.get(text):
                size, roles = _longest(ways, tokens, texts, at, language)
                if size:
                    text, last = " ".join(texts[at : at + size + 1]), tokens[at + size][1]
        found.append(_lexeme((text, word, last, roles)))
        at += size + 1
    return tuple(found)


def _longest(
    ways: Ways, tokens: Sequence[_Token], texts: tuple[str, ...], at: int, language: Language
) -> tuple[int, Roles]:
    """How many tokens behind ``at`` belong to the longest phrase that begins there, and what it stands for."""
    following = texts[at + 1] if at + 1 < len(texts) else None
    for rest, roles in ways:
        size = len(rest)
        if rest and (rest[0] != following or texts[at + 1 : at + 1 + size] != rest):
            continue
        if Role.ABBREVIATION in roles and not _stands_alone(tokens, at, size, language):
            continue
        return size, roles
    return 0, NOTHING


def _stands_alone(tokens: Sequence[_Token], at: int, size: int, language: Language) -> bool:
    """Letters are an abbreviation only where no letter or digit touches them and no code is announced; a unit such as
    "a m" follows its number."""
    before = tokens[at - 1] if at else None
    after = tokens[at + size + 1] if at + size + 1 < len(tokens) else None
    if after is not None and len(after[0]) == 1 and after[0].isalpha():
        return False
    if after is not None and after[0] in language.listed("likening_first") and _explains(tokens, at + size, language):
        return False  # "c d as in david"
    if before is None:
        return True
    phrase = " ".join(text for text, _, _ in tokens[at : at + size + 1])
    if phrase in language.listed("quantity_units"):
        return _is_number(before, language) and (after is None or not _is_number(after, language))
    if _is_number(before, language):
        return False
    ahead = tokens[at + size + 1 : at + size + 1 + CODE_DIGITS]
    if len(ahead) == CODE_DIGITS and all(_is_number(one, language) for one in ahead):
        # A context word such as "s s n" stays one before its number.
        first, *rest = phrase.split()
        return any(tuple(rest) == way for way, _ in language.contexts.get(first, ()))
    if at > 1 and _is_dash(before, language) and (len(tokens[at - 2][0]) == 1 or _is_number(tokens[at - 2], language)):
        return False  # "four dash u s dash ..."
    return len(before[0]) > 1 and before[0] not in language.listed("code_leads")


def _explains(tokens: Sequence[_Token], at: int, language: Language) -> bool:
    """Whether the letter at ``at`` is likened to a word that begins with it."""
    ahead = tokens[at + 2 : at + 4]
    likened = len(ahead) == 2 and ahead[0][0] in language.listed("likening_second")
    return likened and ahead[1][0].startswith(tokens[at][0])


def _is_dash(token: _Token, language: Language) -> bool:
    return any(roles.get(Role.SYMBOL) == "-" for rest, roles in language.phrases.get(token[0], ()) if not rest)


def _is_number(token: _Token, language: Language) -> bool:
    text, _, known = token
    if known is not None:
        return Role.DIGITS in known
    return any(
        role in roles
        for rest, roles in language.phrases.get(text, ())
        if not rest
        for role in (Role.UNIT, Role.TEEN, Role.TENS, Role.ZERO)
    )


def plain(word: str) -> str:
    """A word in lower case without the punctuation and possessive that a recogniser glued to it."""
    if word.isascii() and word.isalpha():
        return word.lower()
    text = unicodedata.normalize("NFKC", word).lower().replace("’", "'").strip(_EDGES)
    return text.removesuffix("'s")


def plains(words: Sequence[str]) -> tuple[str, ...]:
    """The same for every word."""
    return tuple([word.lower() if word.isascii() and word.isalpha() else plain(word) for word in words])


def _tokens(raw: str, word: int, language: Language) -> Iterator[_Token]:
    """Of a word with anything else than plain letters."""
    text = fold(raw).strip()
    if text in _LONE_SYMBOLS:
        yield (text, word, {Role.SYMBOL: _LONE_SYMBOLS[text], Role.JOINER: ""})
        return
    if text.startswith("'") and text[1:].isalpha():
        yield (text, word, NOTHING if text == "'s" else _CLITIC)
        return
    cut_off = text.endswith(("-", "–", "—", "…", "...")) and text.strip(_EDGES).isalpha()
    stripped = plain(text)
    if stripped + "'s" in language.phrases or stripped + "'s" in language.contexts:
        stripped = _contracted(text, stripped)
    if not stripped:
        yield (text, word, _CLITIC)
    elif cut_off:
        # A cut-off word is no speech of its own, unless it is a letter.
        yield (stripped, word, {Role.LETTER: stripped} if len(stripped) == 1 else _CUT_OFF)
    else:
        yield from _written(stripped, word, language)


def _contracted(text: str, stripped: str) -> str:
    """ "it's", which the tables know as a word of its own, is no possessive."""
    return stripped + "'s" if text.strip(_EDGES).endswith("'s") else stripped


def _written(text: str, word: int, language: Language) -> Iterator[_Token]:
    roles = _written_roles(text, language)
    if roles is not None:
        yield (text, word, roles)
    elif _INITIALS.fullmatch(text) and text not in language.listed("quantity_units"):
        for letter in text.replace(".", ""):
            yield (letter, word, None)
    elif "-" in text or "/" in text or "_" in text or (_DOTTED.fullmatch(text) and not _INITIALS.fullmatch(text)):
        pieces = [piece for piece in re.split(r"[-/_.]", text) if piece]
        for piece in pieces:
            yield (piece, word, _written_roles(piece, language))
    else:
        yield (text, word, None)


def _quantity_roles(text: str) -> Roles:
    """A quantity, and what its characters are if it turns out to be a piece of a number or code."""
    if _GROUPED.fullmatch(text):
        return {Role.QUANTITY: text, Role.GROUPED: text.replace(",", "")}
    return {Role.QUANTITY: text, Role.COMPACT: text} if _COMPACT.fullmatch(text) else {Role.QUANTITY: text}


def _is_glued(text: str, language: Language) -> bool:
    """Whether words are glued by a dot, which makes a host's name only before a top-level domain: "j.kowalski"."""
    labels = text.split(".")
    ends = language.listed("top_level_domains")
    return _DOTTED.fullmatch(text) is not None and labels[0] != "www" and labels[-1] not in ends


def _written_roles(text: str, language: Language) -> Roles | None:
    """What is written rather than said; None for a plain word."""
    if "@" in text:
        return {Role.MAIL: text} if _MAIL.fullmatch(text) else {Role.SYMBOL: "@"} if text == "@" else {Role.MAIL: text}
    if text.isdigit():
        return {Role.DIGITS: text}
    if not any(c.isdigit() for c in text):
        host = "." in text and _HOST.fullmatch(text) and not _INITIALS.fullmatch(text)
        return {Role.HOST: text} if host and not _is_glued(text, language) else None
    if _IPV4.fullmatch(text):
        return {Role.ADDRESS_IP: text}
    if _DATE.fullmatch(text):
        return {Role.DATE: text}
    if language.quantity.fullmatch(text) and not _CODE.fullmatch(text):
        return _quantity_roles(text)
    if ordinal := language.ordinal.fullmatch(text):
        return {Role.ORDINAL: ordinal.group(1)}
    if _GLUED_DIGITS.fullmatch(text):
        return {Role.DIGITS: re.sub(r"\D", "", text)}
    if _HEX_PAIRS.fullmatch(text):
        return {Role.ALNUM: re.sub(r"[:-]", "", text)}
    if _HOST.fullmatch(text):
        return {Role.HOST: text}
    characters = re.sub(r"[^a-z0-9]", "", text)
    return {Role.ALNUM: characters} if characters.isascii() else None
