"""One run of spoken digits and letters, grown lexeme by lexeme: what is taken, what is stepped over, where it ends."""

from __future__ import annotations

from collections.abc import Sequence

from stream.find.cues import (
    STRONG,
    doubled,
    is_codelike,
    is_letter,
    is_single,
    is_strong,
    leads_code,
    letters_explained,
    starts,
)
from stream.find.elements import Element, digit_elements, ends_singly, last_shape, shapes, written_length
from stream.find.language import Role
from stream.find.lexemes import Lexeme
from stream.find.runs import Run, make_run, run_of_one

BRIDGE_MAX = 5  # lexemes without a digit or letter that a run may step over
LAST_LETTER_MIN = 4  # characters before an "a" or "oh" that ends a transcript as a letter or zero
RUN_MAX = 120  # elements; whatever is longer goes on in a next run

# One letter of shape per element: what kind of number word it was.
_SHAPES = {
    Role.UNIT: "U",
    Role.TEEN: "T",
    Role.TENS: "X",
    Role.HUNDREDS: "C",
    Role.SCALE: "H",
    Role.DIGITS: "D",
    Role.ALNUM: "A",
    Role.ADDRESS_IP: "P",
}
# What is a run without any company, the first that fits: "mil" is composed, and what else there is needs company.
_LONE = (Role.UNIT, Role.TEEN, Role.TENS, Role.DIGITS)
_MULTIPLE_SHAPES = (
    (Role.UNIT, "U"),
    (Role.ZERO, "U"),
    (Role.LETTER, "L"),
    (Role.SPELLING, "N"),
    (Role.DIGITS, "D"),
    (Role.LETTER_NAME, "L"),
)
# "capital six" is a slip of the tongue.
_CASED_SHAPES = (
    (Role.LETTER, "L"),
    (Role.SPELLING, "L"),
    (Role.LETTER_NAME, "L"),
    (Role.UNIT, "U"),
    (Role.ZERO, "O"),
    (Role.DIGITS, "D"),
)


_TAKEN = frozenset(STRONG) | {
    Role.SCALE, Role.SCALE_ONE, Role.MULTIPLIER, Role.CASE, Role.ZERO, Role.LETTER, Role.LETTER_NAME, Role.SPELLING,
}  # fmt: skip
_BRIDGED = frozenset({Role.FILLER, Role.JOINER, Role.REPAIR, Role.SYMBOL})


def build_run(lexemes: Sequence[Lexeme], begin: int) -> Run:
    """The longest run that starts at the lexeme ``begin``; one without elements where none does."""
    if _ends_at_once(lexemes, begin + 1) and (
        role := next((role for role in _LONE if role in lexemes[begin].roles), None)
    ):
        _, first, last, roles = lexemes[begin]
        return run_of_one(Element(roles[role], _SHAPES[role], first, last), begin)
    return RunBuilder(lexemes, begin).build()


def _ends_at_once(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether a run that a lone number begins cannot go on at ``at``, as a look at two lexemes tells."""
    if at >= len(lexemes):
        return True
    roles = lexemes[at].roles
    if _TAKEN.isdisjoint(roles) and _BRIDGED.isdisjoint(roles) and Role.HOMOPHONE not in roles:
        return True
    if at + 1 < len(lexemes) and lexemes[at + 1].roles:
        return False
    # A "for", hesitation or sign goes on only with what stands behind it, and that says nothing.
    return _TAKEN.isdisjoint(roles) and (Role.HOMOPHONE not in roles or Role.WEAK_HOMOPHONE in roles)


class RunBuilder:
    """Grows one run from its first lexeme to the right."""

    def __init__(self, lexemes: Sequence[Lexeme], begin: int) -> None:
        self.lexemes = lexemes
        self.begin = self.at = begin
        self.elements: list[Element] = []
        self.repaired = False
        self.end = begin

    def build(self) -> Run:
        """The longest run from there; one without elements where none begins."""
        while self.at < len(self.lexemes) and len(self.elements) < RUN_MAX:
            if self._take():
                self.end = self.at
            elif not self._bridge():
                break
        self._drop_loose_end()
        return make_run(self.elements, self.begin, self.end, self.repaired)

    def _take(self) -> bool:
        """Take what stands here if it is a digit, a letter or a multiple of one."""
        lexeme = self.lexemes[self.at]
        roles = lexeme.roles
        if not roles:
            return False
        if not self.elements and roles.get(Role.SYMBOL) == "+":
            self._append("+", "S", lexeme.first, lexeme.last, 1)
            return True
        if Role.SCALE in roles and last_shape(self.elements) in ("U", "T", "X", "C", "D", "H"):
            self._append(roles[Role.SCALE], "H", lexeme.first, lexeme.last, 1)
            return True
        for role in STRONG:
            if role in roles:
                self._append(roles[role], _SHAPES[role], lexeme.first, lexeme.last, 1)
                return True
        if Role.MULTIPLIER in roles:
            return self._take_multiple(lexeme)
        if Role.SCALE_ONE in roles and (following := self._next()) is not None and following.has(Role.SCALE):
            self._append("1", "U", lexeme.first, lexeme.last, 1)
            return True
        if Role.ZERO in roles and self._beside_digit() and not (Role.LETTER in roles and self._among_letters()):
            self._append("0", "O", lexeme.first, lexeme.last, 1)
            return True
        return self._take_letter(lexeme) or self._take_homophone(lexeme)

    def _take_multiple(self, lexeme: Lexeme) -> bool:
        position = doubled(self.lexemes, self.at)
        if position is None:
            return False
        following = self.lexemes[position]
        role, shape = next((role, shape) for role, shape in _MULTIPLE_SHAPES if role in following.roles)
        written = (following.roles[role] or "0") * int(lexeme.roles[Role.MULTIPLIER])
        self._append(written, shape, lexeme.first, following.last, position + 1 - self.at)
        return True

    def _take_letter(self, lexeme: Lexeme) -> bool:
        roles = lexeme.roles
        if Role.CASE in roles:
            return self._take_cased(lexeme)
        if Role.LETTER in roles and (is_letter(lexeme) or self._weak_letter_fits()):
            return self._take_explained(roles[Role.LETTER])
        if Role.SPELLING in roles and (self.elements or starts(self.lexemes, self.at)):
            self._append(roles[Role.SPELLING], "N", lexeme.first, lexeme.last, 1)
            return True
        if Role.LETTER_NAME in roles and last_shape(self.elements) in ("L", "N"):
            named = is_codelike(self._next()) or letters_explained(self.lexemes, self.at)
            return bool(named) and self._take_explained(roles[Role.LETTER_NAME])
        return False

    def _take_cased(self, lexeme: Lexeme) -> bool:
        """ "capital j"."""
        position = doubled(self.lexemes, self.at)
        if position is None:
            return False
        following = self.lexemes[position]
        role, shape = next((role, shape) for role, shape in _CASED_SHAPES if role in following.roles)
        self._append(following.roles[role], shape, lexeme.first, following.last, position + 1 - self.at)
        return True

    def _take_explained(self, letter: str) -> bool:
        """A letter, with "as in juliet" if that follows."""
        explained = letters_explained(self.lexemes, self.at)
        self._append(letter, "L", self.lexemes[self.at].first, self.lexemes[self.at + explained].last, 1 + explained)
        return True

    def _among_letters(self) -> bool:
        """An "o" after a letter and before no digit is a letter; "oh" is none."""
        following = self._next()
        digit_follows = following is not None and (
            is_strong(following) or (following.has(Role.ZERO) and not following.has(Role.LETTER))
        )
        return last_shape(self.elements) in ("L", "N") and not digit_follows

    def _weak_letter_fits(self) -> bool:
        """ "a" and "i" are letters only between letters or digits."""
        if letters_explained(self.lexemes, self.at):
            return True
        following, before = self._next(), last_shape(self.elements)
        letters = sum(element.shape in "LNA" for element in self.elements)
        if following is None:
            return (before in ("L", "N", "A") and letters >= 2) or written_length(self.elements) >= LAST_LETTER_MIN
        if before in ("L", "N", "A"):
            return True
        if before is None:
            return leads_code(self.lexemes, self.at)
        if following.has(Role.SYMBOL) and shapes(self.elements).count("S"):
            return True
        return is_codelike(following) and (not following.has(Role.WEAK_LETTER) or letters >= 1)

    def _take_homophone(self, lexeme: Lexeme) -> bool:
        """ "for" is a four only where digits are said singly around it."""
        if Role.HOMOPHONE not in lexeme.roles:
            return False
        after_letters = last_shape(self.elements) in ("L", "N") and is_single(self._next())
        if not ends_singly(self.elements) and (Role.WEAK_HOMOPHONE in lexeme.roles or not after_letters):
            return False
        if self._homophone_fits(lexeme, self._next()):
            self._append(lexeme.roles[Role.HOMOPHONE], "U", lexeme.first, lexeme.last, 1)
            return True
        return False

    def _homophone_fits(self, lexeme: Lexeme, following: Lexeme | None) -> bool:
        if Role.WEAK_HOMOPHONE in lexeme.roles:
            return is_single(following) or (last_shape(self.elements) in ("L", "N") and is_codelike(following))
        company = is_codelike(following) or (following is not None and following.has(Role.HOMOPHONE))
        return company or written_length(self.elements) >= 2

    def _bridge(self) -> bool:
        """Step over fillers, joiners and repairs if a digit or letter follows within reach."""
        for step in range(1, BRIDGE_MAX + 1):
            position = self.at + step
            if position >= len(self.lexemes):
                return False
            if not self._bridgeable(self.lexemes[position - 1]):
                return False
            following = self.lexemes[position]
            if self._resumes(following, position):
                for lexeme in self.lexemes[self.at : position]:
                    self.repaired |= lexeme.has(Role.REPAIR)
                    if Role.SYMBOL in lexeme.roles:
                        self.elements.append(Element(lexeme.roles[Role.SYMBOL], "S", lexeme.first, lexeme.last))
                self.at = position
                return True
        return False

    def _bridgeable(self, lexeme: Lexeme) -> bool:
        roles = lexeme.roles
        arithmetic = Role.ARITHMETIC in roles or lexeme.text == "+"
        if roles.get(Role.SYMBOL) == "@" and "L" not in shapes(self.elements):
            return False  # "two at seven"
        if arithmetic and written_length(self.elements) > 0 and "L" not in shapes(self.elements):
            return False
        return Role.FILLER in roles or Role.JOINER in roles or Role.REPAIR in roles or Role.SYMBOL in roles

    def _resumes(self, lexeme: Lexeme, position: int) -> bool:
        roles = lexeme.roles
        if not roles:
            return False
        if is_strong(lexeme):
            return True
        if is_letter(lexeme):
            return True
        if Role.SCALE in roles:
            return last_shape(self.elements) in ("U", "T", "X", "C", "D") and is_strong(self.lexemes[self.at - 1])
        following = self.lexemes[position + 1] if position + 1 < len(self.lexemes) else None
        if Role.MULTIPLIER in roles or Role.CASE in roles:
            return doubled(self.lexemes, position) is not None
        if Role.SCALE_ONE in roles and following is not None and following.has(Role.SCALE):
            return True
        if Role.ZERO in roles:
            dotted = following is not None and following.has(Role.SYMBOL) and bool(self.elements)
            return digit_elements(self.elements) >= 2 or is_single(following) or dotted
        if Role.HOMOPHONE in roles and digit_elements(self.elements) >= 2:
            return self._homophone_fits(lexeme, following)
        if Role.SPELLING in roles:
            return bool({"L", "N"} & set(shapes(self.elements))) or is_codelike(following)
        if Role.WEAK_LETTER in roles:
            return any(e.shape in "LNA" for e in self.elements) and is_codelike(following)
        return False

    def _drop_loose_end(self) -> None:
        while self.elements and self.elements[-1].shape == "S":
            self.elements.pop()

    def _append(self, written: str, shape: str, first: int, last: int, step: int) -> None:
        self.elements.append(Element(written, shape, first, last))
        self.at += step

    def _next(self) -> Lexeme | None:
        return self.lexemes[self.at + 1] if self.at + 1 < len(self.lexemes) else None

    def _beside_digit(self) -> bool:
        before, following = last_shape(self.elements), self._next()
        if before is None:
            return is_single(following)
        if before != "X" or (following is not None and following.has(Role.UNIT)):
            return True
        return following is None and written_length(self.elements) > LAST_LETTER_MIN  # "... ninety seven five sixty oh"
