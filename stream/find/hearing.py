"""Words that a recogniser wrote for digits and letters: "ate" for eight, "be" for b, "4,111" for four digits.

One such word alone says nothing. Among digits and letters, and after a word that announces a code, it is what it sounds
like. Only what a lexeme may stand for changes here; its words never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stream.find.cues import is_letter
from stream.find.language import Language, Role, Roles
from stream.find.letter_names import blocks, letters_named
from stream.find.lexemes import Lexeme
from stream.find.soundings import Sound, Soundings

ANNOUNCING_MAX = 6  # lexemes between a context word and its number: "card number ah it says here ..."
PIECE_MIN = 3  # written characters before "619f", which make it a piece of a code
UNSURE_COMPANY = 4  # digits and letters beside a misheard one that nothing announces
NAMED_COMPANY = 3  # digits and letters beside a word that may be a letter's name
_DIGITS_ONLY = frozenset(
    {"CREDIT_CARD", "CVV", "CARD_EXPIRY", "PIN", "US_SSN", "US_ITIN", "PHONE_NUMBER", "ABA_ROUTING_NUMBER"}
    | {"UK_SORT_CODE", "UK_NHS", "IP_ADDRESS", "ZIP_CODE", "DATE_TIME"}
)
_MISHEARD: Roles = {Role.FILLER: "", Role.CUT_OFF: ""}


@dataclass(frozen=True, slots=True)
class Announcement:
    """A context word: the lexemes ``begin..end`` (end exclusive) announce a number; ``letters``: or a code."""

    begin: int
    end: int
    letters: bool


def announces_letters(entity_type: str) -> bool:
    """Whether identifiers of this type have letters."""
    return entity_type not in _DIGITS_ONLY


def heard(lexemes: Sequence[Lexeme], announcements: Iterable[Announcement], language: Language) -> tuple[Lexeme, ...]:
    """``lexemes`` with the roles of what they sound like, where that is what was said."""
    # Two digits or what sounds like them: one alone is no number to be completed.
    if sum([_counted(one, language) for one in lexemes if not _HEARD.isdisjoint(one.roles)]) < 2:
        return tuple(lexemes)
    announcing = tuple(announcements)
    listener = _Listener(lexemes, announcing, language)
    if letters := dict(listener.letter_names()):
        named = [Lexeme(one.text, one.first, one.last, letters.get(at, one.roles)) for at, one in enumerate(lexemes)]
        listener = _Listener(named, announcing, language)
    return listener.hear()


def _counted(lexeme: Lexeme, language: Language) -> int:
    """How many digits or letters it says, or sounds like, as far as that matters: 0, 1 or 2."""
    roles = lexeme.roles
    if Role.GROUPED in roles or Role.ALNUM in roles or len(roles.get(Role.DIGITS, "")) > 1:
        return 2
    if Role.LETTER_NAME in roles:
        return int(lexeme.text not in language.listed("letter_names_weak"))
    return int(not _COUNTING.isdisjoint(roles))


class _Listener:
    """One transcript, read stretch by stretch: digits, letters, what sounds like them, and hesitation between."""

    def __init__(self, lexemes: Sequence[Lexeme], announcements: Sequence[Announcement], language: Language) -> None:
        self.lexemes = lexemes
        self.language = language
        self.announced: dict[int, bool] = {}
        self.context = frozenset(at for one in announcements for at in range(one.begin, one.end))
        self.ear = Soundings(lexemes, language, self.context)
        self.confirming = {one.begin: one.letters for one in announcements}
        for one in announcements:
            for at in self._after(one.end):
                self.announced[at] = self.announced.get(at, False) or one.letters

    def hear(self) -> tuple[Lexeme, ...]:
        if Sound.FIRM not in self.ear.sounds:
            return tuple(self.lexemes)
        found = list(self.lexemes)
        at = 0
        while at < len(found):
            if not found[at].roles and (at + 1 == len(found) or not found[at + 1].roles):
                at += 1  # no digit, and beside none
                continue
            end = self._stretch(at) if not self._leads(at) else at
            if end > at and Sound.FIRM in self.ear.sounds[at:end]:
                for position, roles in self._promoted(at, end):
                    one = found[position]
                    found[position] = Lexeme(one.text, one.first, one.last, roles)
            at = max(end, at + 1)
        return tuple(found)

    def letter_names(self) -> Iterator[tuple[int, Roles]]:
        """Letters that were written as words, beside one another or beside digits."""
        for begin, end in blocks(self.ear):
            yield from letters_named(self.ear, begin, end, bool(self._announced(begin, end)))

    def _leads(self, at: int) -> bool:
        """ "are", "be": they announce what follows rather than being a letter's name."""
        lexeme = self.lexemes[at]
        if Role.LETTER_NAME not in lexeme.roles or self.ear.sure(lexeme):
            return False
        return lexeme.has(Role.CODE_LEAD) or lexeme.text in self.language.listed("announcers")

    def _after(self, end: int) -> Iterator[int]:
        """Where what a context word announces may begin: at once, or after "that is", "reads", "would be"."""
        strangers = 0
        for at in range(end, min(end + ANNOUNCING_MAX, len(self.lexemes))):
            yield at
            lexeme = self.lexemes[at]
            leading = lexeme.has(Role.CODE_LEAD) or lexeme.has(Role.FILLER) or at in self.context
            strangers += not leading and lexeme.text not in self.language.listed("announcers")
            if strangers > 1:
                return

    def _stretch(self, at: int) -> int:
        """The end of the stretch that begins at ``at``; ``at`` itself where none does."""
        sounds = self.ear.sounds
        if sounds[at] < Sound.PIECE:
            return at
        end = at + 1
        while end < len(sounds):
            ahead = self.ear.past_stalls(end) if sounds[end] == Sound.STALL else end
            inner = sounds[end] == Sound.MISHEARD and end + 1 < len(sounds)
            if sounds[ahead] < Sound.PIECE and not inner:
                break
            end = ahead + 1
        return end

    def _promoted(self, begin: int, end: int) -> Iterator[tuple[int, Roles]]:
        firm = [at for at in range(begin, end) if self.ear.sounds[at] == Sound.FIRM]
        if len(firm) < 2 and all(self.ear.size(at) < 2 for at in firm):
            return  # one digit or letter without company
        sure = [at for at in firm if self.ear.sure(self.lexemes[at])]
        homophones = [at for at in firm if at not in sure]
        letters = self._announced(begin, end)
        announced = letters is not None
        size = self.ear.size if announced else self.ear.unsure_size
        company = sum(size(at) for at in (*sure, *homophones))
        enough = company >= 2 if announced else company >= UNSURE_COMPANY and len(sure) + len(homophones) >= 2
        if not enough:
            return
        core = sorted([*sure, *homophones])
        for at in range(begin, end):
            if at in sure and not (at == begin and Role.ZERO in self.lexemes[at].roles):
                continue
            lexeme = self.lexemes[at]
            inside = core[0] < at < core[-1]
            roles = self._as_digits(at, begin, end, inside, announced, company)
            if not roles and (letters or (announced and inside and bool(self._letters_in(core)))):
                roles = self._as_letters(at, end, inside, company)
            if not roles and inside and self.ear.misheard(at) and self._between_digits(at, announced):
                roles = {**lexeme.roles, **_MISHEARD}
            if roles:
                yield at, roles

    def _as_digits(self, at: int, begin: int, end: int, inside: bool, announced: bool, company: int) -> Roles | None:
        lexeme = self.lexemes[at]
        if Role.GROUPED in lexeme.roles:
            if company == self.ear.size(at) and at not in self.announced:
                return None  # "transfer 1,200 to savings"
            return {Role.DIGITS: lexeme.roles[Role.GROUPED]}
        if Role.COMPACT in lexeme.roles and announced and at > begin and self.ear.size(at - 1) >= PIECE_MIN:
            return {Role.ALNUM: lexeme.roles[Role.COMPACT]}  # "258 619f"
        if Role.ZERO in lexeme.roles and announced and at == begin and self.ear.digit_like(at + 1):
            return {Role.UNIT: "0"}
        if Role.HOMOPHONE not in lexeme.roles or (Role.ZERO in lexeme.roles and inside and not announced):
            return None
        if Role.WEAK_HOMOPHONE not in lexeme.roles:
            return _digit(lexeme)
        if at == begin and lexeme.text in self.language.listed("announcers"):
            return _digit(lexeme) if at + 1 < end and self.lexemes[at + 1].has(Role.SCALE) else None
        if not announced or company < 2:
            return None
        after, before = self.ear.neighbour(at, 1), self.ear.neighbour(at, -1)
        if inside or at == begin:
            fits = self.ear.digit_like(after) and (at == begin or self.ear.digit_like(before))
            return _digit(lexeme) if fits and (at != begin or company >= 3) else None
        last = at + 1 >= len(self.lexemes) or self.lexemes[at + 1].text in self.language.listed("after_numbers")
        return _digit(lexeme) if at + 1 == end and last else None

    def _as_letters(self, at: int, end: int, inside: bool, company: int) -> Roles | None:
        """What a letter sounds like, where a code with letters is announced."""
        lexeme = self.lexemes[at]
        roles = lexeme.roles
        if not inside and at + 1 < end and lexeme.text in self.language.listed("announcers"):
            return None
        if Role.COMPACT in roles:
            return {Role.ALNUM: roles[Role.COMPACT]}
        if Role.WEAK_LETTER in roles and Role.ZERO not in roles and at + 1 < end:
            return {Role.LETTER: roles[Role.LETTER]} if not self.lexemes[at + 1].has(Role.SCALE) else None
        final = at + 1 >= len(self.lexemes)
        placed = inside or at + 1 < end or final or lexeme.text not in self.language.listed("letter_names_weak")
        if company >= NAMED_COMPANY and placed and Role.LETTER_NAME in roles:
            return {Role.LETTER: roles[Role.LETTER_NAME]}
        if company >= NAMED_COMPANY and Role.SPELLING_NAME in roles:
            return {Role.SPELLING: roles[Role.SPELLING_NAME]}
        glued = self.ear.glued(lexeme)
        return {Role.ALNUM: lexeme.text} if glued and (inside or at + 1 < end or final) else None

    def _announced(self, begin: int, end: int) -> bool | None:
        """Whether the stretch is announced as a code with letters; None where nothing announces it."""
        kinds = [self.announced[at] for at in range(begin, min(begin + 2, end)) if at in self.announced]
        for at in range(end, min(end + ANNOUNCING_MAX, len(self.lexemes))):
            if at in self.confirming:
                kinds.append(self.confirming[at])
                break
            lexeme = self.lexemes[at]
            if not lexeme.has(Role.CODE_LEAD) and lexeme.text not in self.language.listed("announcers"):
                break
        return any(kinds) if kinds else None

    def _letters_in(self, core: Sequence[int]) -> bool:
        return any(is_letter(self.lexemes[at]) or Role.ALNUM in self.lexemes[at].roles for at in core)

    def _between_digits(self, at: int, announced: bool) -> bool:
        needed = 1 if announced else 2
        return all(
            sum(self.ear.digit_like(at + side * step) for step in range(1, needed + 1)) == needed for side in (-1, 1)
        )


_COUNTING = frozenset(
    {Role.HOMOPHONE, Role.GROUPED, Role.UNIT, Role.TEEN, Role.TENS, Role.DIGITS, Role.ALNUM, Role.LETTER, Role.ZERO}
)
_HEARD = _COUNTING | {Role.LETTER_NAME}


def _digit(lexeme: Lexeme) -> Roles:
    written = lexeme.roles[Role.HOMOPHONE]
    return {Role.UNIT: written} if len(written) == 1 else {Role.TEEN: written}
