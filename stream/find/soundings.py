"""What each lexeme of a transcript sounds like: a digit, a letter, hesitation, or a word that was misheard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final

from stream.find.cues import STRONG
from stream.find.language import Language, Role
from stream.find.lexemes import Lexeme

STALL_MAX = 4  # lexemes of hesitation within one number
_STALLING = frozenset(
    {Role.FILLER, Role.JOINER, Role.REPAIR, Role.SYMBOL, Role.LIKENING, Role.LIKENING_FIRST, Role.LIKENING_SECOND}
)
_SOUNDING = frozenset(
    {Role.HOMOPHONE, Role.LETTER_NAME, Role.SPELLING, Role.SPELLING_NAME, Role.WEAK_LETTER, Role.COMPACT}
    | {Role.GROUPED, Role.MULTIPLIER, Role.SCALE, Role.ZERO}
)
_SURE = frozenset(STRONG)
_DIGIT_LIKE = (Role.UNIT, Role.ZERO, Role.TEEN, Role.TENS, Role.DIGITS, Role.MULTIPLIER)
_NEVER_MISHEARD = (
    "announcing",
    "announcers",
    "quantity_units",
    "quantity_leads",
    "time_leads",
    "time_tails",
    "words_of_two",
)


@cache
def _never_misheard(language: Language) -> frozenset[str]:
    return frozenset().union(*(language.listed(name) for name in _NEVER_MISHEARD))


class Sound:
    """What a lexeme sounds like, whatever stands beside it."""

    OTHER: Final = 0
    STALL: Final = 1  # it only hesitates, joins or takes back
    MISHEARD: Final = 2  # an ordinary word that may be one that the recogniser got wrong
    PIECE: Final = 3  # perhaps a digit or letter
    FIRM: Final = 4  # a digit or letter whatever stands beside it, or what is rarely anything else


@dataclass(frozen=True)
class Soundings:
    """The lexemes of one transcript; ``context``: those that are part of a context word."""

    lexemes: Sequence[Lexeme] = field(repr=False)
    language: Language = field(repr=False)
    context: frozenset[int]

    @cached_property
    def sounds(self) -> list[int]:
        """Of every lexeme."""
        never = _never_misheard(self.language)
        return [
            (self._sound(lexeme) if lexeme.roles else self._ordinary(lexeme.text, never))
            if at not in self.context
            else (Sound.FIRM if self.sure(lexeme) else Sound.OTHER)
            for at, lexeme in enumerate(self.lexemes)
        ]

    def _sound(self, lexeme: Lexeme) -> int:
        if self.sure(lexeme) or self.strong_homophone(lexeme):
            return Sound.FIRM
        if not _SOUNDING.isdisjoint(lexeme.roles):
            return Sound.PIECE
        return Sound.OTHER if _STALLING.isdisjoint(lexeme.roles) else Sound.STALL

    def _ordinary(self, text: str, never_misheard: frozenset[str]) -> int:
        if text in never_misheard or text in self.language.contexts or not text.isalpha():
            return Sound.OTHER
        return Sound.PIECE if self._glued(text) else Sound.MISHEARD

    def size(self, at: int) -> int:
        """How many characters the lexeme writes."""
        roles = self.lexemes[at].roles
        return max((len(roles[role]) for role in (Role.DIGITS, Role.ALNUM, Role.GROUPED) if role in roles), default=1)

    def unsure_size(self, at: int) -> int:
        """The same where nothing announces a number: "109" or "forty" may be a quantity, single digits are none."""
        roles = self.lexemes[at].roles
        if Role.GROUPED in roles:
            return 2
        return 0 if {Role.TENS, Role.TEEN} & set(roles) else int(len(roles.get(Role.DIGITS, "1")) == 1)

    def digit_like(self, at: int | None) -> bool:
        """Whether a digit stands at ``at``, or what sounds like one and is no context word."""
        if at is None or not 0 <= at < len(self.lexemes):
            return False
        roles = self.lexemes[at].roles
        return any(role in roles for role in _DIGIT_LIKE) or (Role.HOMOPHONE in roles and at not in self.context)

    def neighbour(self, at: int, side: int) -> int | None:
        """The next lexeme on that ``side`` (1 or -1) that is no hesitation; None where none is near."""
        for step in range(1, STALL_MAX + 1):
            position = at + side * step
            if not 0 <= position < len(self.lexemes):
                return None
            if Role.FILLER not in self.lexemes[position].roles:
                return position
        return None

    def past_stalls(self, at: int) -> int:
        """The first lexeme from ``at`` on that is no hesitation; ``at`` itself where all within reach are."""
        reach = range(at, min(at + STALL_MAX, len(self.lexemes)))
        return next((position for position in reach if self.sounds[position] != Sound.STALL), at)

    def misheard(self, at: int) -> bool:
        """An ordinary word that may be one that the recogniser got wrong."""
        if not 0 < at < len(self.lexemes) - 1 or at in self.context:
            return False
        text, language = self.lexemes[at].text, self.language
        if self.lexemes[at].roles or not text.isalpha() or text in language.contexts:
            return False
        return text not in _never_misheard(language)

    def glued(self, lexeme: Lexeme) -> bool:
        """Letters that a recogniser wrote as one word: "qq", "gb", "smr"."""
        text = lexeme.text
        if lexeme.roles or not text.isalpha() or text in self.language.contexts:
            return False
        return text not in _never_misheard(self.language) and self._glued(text)

    def _glued(self, text: str) -> bool:
        if not 2 <= len(text) <= 5 or text in self.language.listed("acronyms"):
            return False
        vowels = self.language.listed("vowels")
        return bool(vowels) and (len(text) == 2 or vowels.isdisjoint(text))

    def strong_homophone(self, lexeme: Lexeme) -> bool:
        """A homophone that is rarely a word of grammar."""
        return Role.GROUPED in lexeme.roles or (
            Role.HOMOPHONE in lexeme.roles and Role.WEAK_HOMOPHONE not in lexeme.roles
        )

    def sure(self, lexeme: Lexeme) -> bool:
        """A digit or letter whatever stands beside it."""
        roles = lexeme.roles
        letter = Role.LETTER in roles and Role.WEAK_LETTER not in roles
        return letter or not _SURE.isdisjoint(roles) or lexeme.text in self.language.words["zeros"]
