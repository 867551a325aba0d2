"""Runs of spoken digits and letters, through fillers, joiners, homophones, repairs and cut-offs.

A run is what is said without a break that could be one number or code. It is bounded by ordinary words, and it is found
whatever it means: what it may be called, and whether it is a harmless quantity, is decided afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stream.find.language import Role
from stream.find.lexemes import Lexeme

BRIDGE_MAX = 5  # lexemes without a digit or letter that a run may step over
RUN_MAX = 120  # elements; whatever is longer goes on in a next run

# One letter of shape per element: what kind of number word it was.
_SHAPES = {
    Role.UNIT: "U",
    Role.TEEN: "T",
    Role.TENS: "X",
    Role.SCALE: "H",
    Role.DIGITS: "D",
    Role.ALNUM: "A",
    Role.ADDRESS_IP: "P",
}
_SUB100 = "(?:XU?|T|U|D)"
_CARDINAL = re.compile(f"(?:{_SUB100}H(?:{_SUB100}H)?)+(?:{_SUB100})?|{_SUB100}")
_YEAR = re.compile("TXU?|TT|TOU|XXU?|XT|D|XOU|(?:U|T)HXU?|THU?")
_TIME = re.compile("(?:U|T|XU)(?:XU?|T|OU|OO)|D")
_ALTERNATING = re.compile("[A-Z]*")


@dataclass(frozen=True, slots=True)
class Element:
    """One lexeme (or letter with its "as in ...") of a run: what it writes, and where it was said."""

    written: str = field(repr=False)
    shape: str  # U unit, T teen, X tens, H hundred and up, O zero, D digits, L letter, N spelling word, A mixed, P IP, S symbol
    first: int  # word indexes, inclusive
    last: int


@dataclass(frozen=True, slots=True)
class Run:
    """Elements in order; ``begin`` and ``end`` are lexeme indexes (end exclusive), ``first`` and ``last`` words."""

    elements: tuple[Element, ...] = field(repr=False)
    begin: int
    end: int
    repaired: bool = False

    @property
    def first(self) -> int:
        return self.elements[0].first

    @property
    def last(self) -> int:
        return self.elements[-1].last

    @property
    def shape(self) -> str:
        return "".join(element.shape for element in self.elements if element.shape != "S")

    @property
    def digits(self) -> int:
        """How many digits a listener could write down."""
        return sum(_digit_count(element) for element in self.elements)

    @property
    def letters(self) -> int:
        return sum(
            len(e.written) if e.shape in "LN" else sum(c.isalpha() for c in e.written) if e.shape == "A" else 0
            for e in self.elements
        )

    @property
    def dots(self) -> int:
        return sum(element.shape == "S" and element.written in ".:" for element in self.elements)

    def is_cardinal(self) -> bool:
        """One number said as a quantity is said: "two thousand five hundred"."""
        return _CARDINAL.fullmatch(self.shape) is not None

    def is_year(self) -> bool:
        return _YEAR.fullmatch(self.shape) is not None and self.digits <= 4

    def is_time(self) -> bool:
        """A clock time or a short price: "six forty five"."""
        return _TIME.fullmatch(self.shape) is not None and self.digits <= 4


def _digit_count(element: Element) -> int:
    if element.shape in "UO":
        return len(element.written)
    if element.shape in "TX":
        return 2 if element.shape == "T" else 1  # "twenty one" is two digits
    if element.shape == "H":
        return 2 if element.written == "100" else len(element.written) - 1
    return sum(c.isdigit() for c in element.written)


def find_runs(lexemes: Sequence[Lexeme]) -> tuple[Run, ...]:
    """All runs, left to right, without overlap."""
    runs: list[Run] = []
    at = 0
    while at < len(lexemes):
        if lexemes[at].roles and _starts(lexemes, at):
            run = _Builder(lexemes, at).build()
            if run.elements:
                runs.append(run)
            at = max(run.end, at + 1)
        else:
            at += 1
    return tuple(runs)


_STRONG = (Role.UNIT, Role.TEEN, Role.TENS, Role.DIGITS, Role.ALNUM, Role.ADDRESS_IP)


def _starts(lexemes: Sequence[Lexeme], at: int) -> bool:
    lexeme = lexemes[at]
    if any(role in lexeme.roles for role in _STRONG) or _is_letter(lexeme):
        return True
    following = lexemes[at + 1] if at + 1 < len(lexemes) else None
    if following is None:
        return False
    if lexeme.has(Role.MULTIPLIER) or lexeme.has(Role.CASE):
        return _follows_multiplier(following)
    if lexeme.has(Role.SPELLING):
        return _codelike(following)
    if lexeme.has(Role.ZERO):
        return following.has(Role.UNIT) or following.has(Role.ZERO) or following.has(Role.DIGITS)
    if lexeme.has(Role.WEAK_LETTER):
        return _is_letter(following) or following.has(Role.SPELLING) or _as_in(lexemes, at) > 0
    return lexeme.text in ("a", "an") and following.has(Role.SCALE)


def _codelike(lexeme: Lexeme) -> bool:
    return (
        lexeme.has(Role.SPELLING)
        or _is_letter(lexeme)
        or any(role in lexeme.roles for role in _STRONG)
        or lexeme.has(Role.ZERO)
        or lexeme.has(Role.WEAK_LETTER)
    )


def _is_letter(lexeme: Lexeme) -> bool:
    return Role.LETTER in lexeme.roles and Role.WEAK_LETTER not in lexeme.roles


def _follows_multiplier(lexeme: Lexeme) -> bool:
    return (
        any(
            role in lexeme.roles
            for role in (Role.UNIT, Role.ZERO, Role.LETTER, Role.SPELLING, Role.DIGITS, Role.LETTER_NAME)
        )
        or lexeme.text == "nothing"
    )


def _as_in(lexemes: Sequence[Lexeme], at: int) -> int:
    """How many lexemes after a letter only explain it: "as in juliet", "for boy"."""
    letter = lexemes[at].roles.get(Role.LETTER, lexemes[at].roles.get(Role.LETTER_NAME, ""))
    texts = [lexeme.text for lexeme in lexemes[at + 1 : at + 4]]
    if len(texts) == 3 and texts[0] in ("as", "like", "is") and texts[1] in ("in", "a", "for") and letter:
        return 3
    if (
        len(texts) >= 2
        and texts[0] in ("for", "like", "as", "in")
        and len(texts[1]) > 1
        and texts[1].startswith(letter)
    ):
        return 2 if letter else 0
    return 0


class _Builder:
    """Grows one run from its first lexeme to the right."""

    def __init__(self, lexemes: Sequence[Lexeme], begin: int) -> None:
        self.lexemes = lexemes
        self.begin = self.at = begin
        self.elements: list[Element] = []
        self.repaired = False
        self.end = begin

    def build(self) -> Run:
        while self.at < len(self.lexemes) and len(self.elements) < RUN_MAX:
            if self._take():
                self.end = self.at
            elif not self._bridge():
                break
        self._drop_loose_end()
        return Run(tuple(self.elements), self.begin, self.end, self.repaired)

    def _take(self) -> bool:
        """Take what stands here if it is a digit, a letter or a multiple of one."""
        lexeme = self.lexemes[self.at]
        roles = lexeme.roles
        if not roles:
            return False
        for role in _STRONG:
            if role in roles:
                self._append(roles[role], _SHAPES[role], lexeme.first, lexeme.last, 1)
                return True
        if Role.MULTIPLIER in roles:
            return self._take_multiple(lexeme)
        if Role.SCALE in roles and self._last_shape() in ("U", "T", "X", "D", "H"):
            self._append(roles[Role.SCALE], "H", lexeme.first, lexeme.last, 1)
            return True
        if lexeme.text in ("a", "an") and (following := self._next()) is not None and following.has(Role.SCALE):
            self._append("1", "U", lexeme.first, lexeme.last, 1)
            return True
        if Role.ZERO in roles and self._beside_digit():
            self._append("0", "O", lexeme.first, lexeme.last, 1)
            return True
        return self._take_letter(lexeme) or self._take_homophone(lexeme)

    def _take_multiple(self, lexeme: Lexeme) -> bool:
        following = self._next()
        if following is None or not _follows_multiplier(following):
            return False
        count = int(lexeme.roles[Role.MULTIPLIER])
        for role, shape in (
            (Role.UNIT, "U"),
            (Role.ZERO, "U"),
            (Role.LETTER, "L"),
            (Role.SPELLING, "N"),
            (Role.DIGITS, "D"),
            (Role.LETTER_NAME, "L"),
        ):
            if role in following.roles:
                written = following.roles[role] or "0"
                self._append(written * count, shape, lexeme.first, following.last, 2)
                return True
        return False

    def _take_letter(self, lexeme: Lexeme) -> bool:
        roles = lexeme.roles
        if Role.CASE in roles:
            following = self._next()
            if following is None or not (
                following.has(Role.LETTER) or following.has(Role.SPELLING) or following.has(Role.LETTER_NAME)
            ):
                return False
            written = (
                following.roles.get(Role.LETTER)
                or following.roles.get(Role.SPELLING)
                or following.roles[Role.LETTER_NAME]
            )
            self._append(written, "L", lexeme.first, following.last, 2)
            return True
        if Role.LETTER in roles and (_is_letter(lexeme) or self._weak_letter_fits()):
            explained = _as_in(self.lexemes, self.at)
            last = self.lexemes[self.at + explained].last
            self._append(roles[Role.LETTER], "L", lexeme.first, last, 1 + explained)
            return True
        if Role.SPELLING in roles and (self.elements or _codelike(self._next() or lexeme)):
            self._append(roles[Role.SPELLING], "N", lexeme.first, lexeme.last, 1)
            return True
        if Role.LETTER_NAME in roles and self._last_shape() in ("L", "N"):
            following = self._next()
            if (following is not None and _codelike(following)) or _as_in(self.lexemes, self.at):
                explained = _as_in(self.lexemes, self.at)
                last = self.lexemes[self.at + explained].last
                self._append(roles[Role.LETTER_NAME], "L", lexeme.first, last, 1 + explained)
                return True
        return False

    def _weak_letter_fits(self) -> bool:
        """ "a" and "i" are letters only between letters or digits."""
        if _as_in(self.lexemes, self.at):
            return True
        following = self._next()
        before = self._last_shape()
        if following is None:
            return before in ("L", "N", "A") and sum(e.shape in "LN" for e in self.elements) >= 2
        if before in ("L", "N", "A"):
            return True
        if before is None or not _codelike(following):
            return False
        return not following.has(Role.WEAK_LETTER) or sum(e.shape in "LN" for e in self.elements) >= 2

    def _take_homophone(self, lexeme: Lexeme) -> bool:
        """ "for" is a four only where digits are said singly around it."""
        if Role.HOMOPHONE not in lexeme.roles or not self._digits_said_singly():
            return False
        following = self._next()
        after = following is not None and (
            following.has(Role.UNIT) or following.has(Role.ZERO) or following.has(Role.DIGITS)
        )
        weak = lexeme.text in ("to", "for", "mine", "none", "love", "then", "free", "o", "oh", "zip", "too")
        if after or (not weak and self.run_length() >= 3):
            self._append(lexeme.roles[Role.HOMOPHONE], "U", lexeme.first, lexeme.last, 1)
            return True
        return False

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
        if lexeme.text in ("plus", "+", "minus") and self.run_length() > 0 and "L" not in self._shapes():
            return False  # arithmetic
        return Role.FILLER in roles or Role.JOINER in roles or Role.REPAIR in roles or Role.SYMBOL in roles

    def _resumes(self, lexeme: Lexeme, position: int) -> bool:
        roles = lexeme.roles
        if not roles:
            return False
        if any(role in roles for role in _STRONG):
            return True
        if _is_letter(lexeme):
            return True
        following = self.lexemes[position + 1] if position + 1 < len(self.lexemes) else None
        if Role.MULTIPLIER in roles or Role.CASE in roles:
            return following is not None and _follows_multiplier(following)
        if Role.ZERO in roles:
            return self.digits_in() >= 2 or (following is not None and following.has(Role.UNIT))
        if Role.SPELLING in roles:
            return bool({"L", "N"} & set(self._shapes())) or (following is not None and _codelike(following))
        if Role.WEAK_LETTER in roles:
            return sum(e.shape in "LN" for e in self.elements) >= 2 and following is not None and _codelike(following)
        return False

    def _drop_loose_end(self) -> None:
        while self.elements and self.elements[-1].shape == "S":
            self.elements.pop()

    def _append(self, written: str, shape: str, first: int, last: int, step: int) -> None:
        self.elements.append(Element(written, shape, first, last))
        self.at += step

    def _next(self) -> Lexeme | None:
        return self.lexemes[self.at + 1] if self.at + 1 < len(self.lexemes) else None

    def _shapes(self) -> str:
        return "".join(element.shape for element in self.elements)

    def _last_shape(self) -> str | None:
        return next((element.shape for element in reversed(self.elements) if element.shape != "S"), None)

    def _beside_digit(self) -> bool:
        if self._last_shape() in ("U", "O", "T", "X", "D", "A", "H", "L", "N"):
            following = self._next()
            singly = self._last_shape() != "X" or (following is not None and following.has(Role.UNIT))
            return singly
        following = self._next()
        return following is not None and (
            following.has(Role.UNIT) or following.has(Role.ZERO) or following.has(Role.DIGITS)
        )

    def _digits_said_singly(self) -> bool:
        return self._last_shape() in ("U", "O", "D") and self.digits_in() >= 1

    def digits_in(self) -> int:
        return sum(element.shape in "UOTXD" for element in self.elements)

    def run_length(self) -> int:
        return sum(len(element.written) for element in self.elements if element.shape != "S")


def written_values(run: Run) -> Iterator[str]:
    """The run written down in several ways, at most three: composed ("74"), as separate numbers ("70 4"), and,
    where the speaker corrected himself, without what came before the correction."""
    yield "".join(_composed(run.elements))
    if any(a.shape == "X" and b.shape == "U" for a, b in zip(run.elements, run.elements[1:], strict=False)):
        yield "".join(element.written for element in run.elements if element.shape != "S")


def _composed(elements: Sequence[Element]) -> Iterator[str]:
    at = 0
    while at < len(elements):
        element = elements[at]
        if element.shape in "UTXD" and any(e.shape == "H" for e in elements[at + 1 : at + 4]):
            end, value = _cardinal(elements, at)
            yield str(value)
            at = end
        elif (
            element.shape == "X"
            and at + 1 < len(elements)
            and elements[at + 1].shape == "U"
            and len(elements[at + 1].written) == 1
            and elements[at + 1].written != "0"
        ):
            yield str(int(element.written) + int(elements[at + 1].written))
            at += 2
        else:
            yield element.written
            at += 1


def _cardinal(elements: Sequence[Element], at: int) -> tuple[int, int]:
    """The number that starts here, said with hundred and thousand, and where it ends."""
    total, current, end = 0, 0, at
    while end < len(elements):
        element = elements[end]
        if element.shape == "S" and element.written in " ,":
            end += 1
            continue
        if element.shape == "H":
            scale = int(element.written)
            if scale == 100:
                current = max(current, 1) * 100
            else:
                total, current = total + max(current, 1) * scale, 0
        elif element.shape in "UTXD" and len(element.written) <= 3:
            value = int(element.written)
            if current and (
                value >= 100 or (current % 100 and not (current % 10 == 0 and current % 100 >= 20 and 0 < value < 10))
            ):
                break
            if not current and end > at and total == 0:
                break
            current += value
        else:
            break
        end += 1
    return max(end, at + 1), total + current
