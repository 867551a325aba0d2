"""Runs of spoken digits and letters: what is said without a break that could be one number or code.

A run says what it looks like (a quantity, a clock time, a year); what it may be called, and whether it is harmless, is
decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from stream.find.composing import readings
from stream.find.elements import Element

_SUB100 = "(?:XU?|T|U|D)"
_SUB1000 = f"(?:C{_SUB100}?|{_SUB100})"
_CARDINAL = re.compile(f"(?:{_SUB1000}HH?)+(?:{_SUB1000})?|C?{_SUB1000}|U(?:XU?|T)H")
_YEAR = re.compile("TXU?|TT|TOU|XXU?|XT|D|XOU|(?:U|T)HXU?|THU?|CC(?:XU?|T|U)?")
_PRICE = re.compile("U(?:H(?:XU?|T|U))(?:XU?|T)")
HOUR_MAX, MINUTES = 24, 60
PRICE_END = 9  # "ninety nine", "forty nine"
_TIME = re.compile("(?:U|T|XU)(?:XU?|T|OU|OO)|D(?:XU?|T|OU)?")


@dataclass(frozen=True, slots=True)
class Run:
    """Elements in order; ``begin`` and ``end`` are lexeme indexes (end exclusive), ``first`` and ``last`` words.

    ``values`` are its readings, the most likely first. ``digits`` and ``letters`` count what a listener could write,
    ``said_singly`` the digits that were said one by one, not as part of "twenty one" or "two hundred".
    """

    elements: tuple[Element, ...] = field(repr=False)
    begin: int
    end: int
    repaired: bool
    values: tuple[str, ...] = field(repr=False)
    shape: str
    digits: int
    letters: int
    said_singly: int

    @property
    def first(self) -> int:
        return self.elements[0].first

    @property
    def last(self) -> int:
        return self.elements[-1].last

    @property
    def dots(self) -> int:
        return sum(element.shape == "S" and element.written in ".:" for element in self.elements)

    def is_cardinal(self) -> bool:
        """One number said as a quantity is said: "two thousand five hundred"."""
        return _CARDINAL.fullmatch(self.shape) is not None

    def is_year(self) -> bool:
        return _YEAR.fullmatch(self.shape) is not None and self.digits <= 4

    def is_price(self) -> bool:
        """Hundreds, and cents: "one hundred and thirty four fifty"."""
        return _PRICE.fullmatch(self.shape) is not None

    def is_time(self) -> bool:
        """A clock time or a short price: "six forty five", "thirty nine ninety five"."""
        if _TIME.fullmatch(self.shape) is None or self.digits > 4 or self.elements[0].first < self.elements[0].last:
            return False  # "double two oh five" is none
        if self.digits < 3 or self.is_clock():
            return True
        minute = int(self.values[0][-2:])
        return self.shape[0] != "D" and (minute % 5 == 0 or minute % 10 == PRICE_END)

    def is_clock(self) -> bool:
        """Whether its digits are hours and minutes."""
        written = self.values[0]
        return 3 <= len(written) <= 4 and int(written[:-2]) <= HOUR_MAX and int(written[-2:]) < MINUTES

    def is_count(self) -> bool:
        """Counting down, or up in even steps: "five four three two one", "two four six eight"."""
        if self.shape in ("X" * 3, "T" * 3):
            return self.values[0] == self.values[0][:2] * 3  # "twenty twenty twenty"
        if not {"U", "T"}.issuperset(self.shape):
            return False
        said = [int(element.written) for element in self.elements if element.shape != "S"]
        steps = {after - before for before, after in pairwise(said)}
        even = len(steps) == 1 and said[0] in steps  # "two four six eight"
        return len(said) >= 3 and (steps == {-1} or even)

    def is_one_number(self) -> bool:
        """Whether all of it is one quantity, clock time or price, which a unit may follow."""
        return self.is_cardinal() or self.is_year() or self.is_time() or self.dots == 1


def run_of_one(element: Element, begin: int) -> Run:
    """The run of a lone number or letter, which reads as it is written; no hundreds."""
    written, shape = element.written, element.shape
    digits, letters = sum(map(str.isdigit, written)), sum(map(str.isalpha, written))
    singly = len(written) if shape in "UO" else 0
    return Run((element,), begin, begin + 1, False, (written,), shape, digits, letters, singly)


def make_run(elements: Sequence[Element], begin: int, end: int, repaired: bool) -> Run:
    """A run of ``elements``, with what follows from them."""
    values = tuple(dict.fromkeys(readings(elements)))
    spoken = [element for element in elements if element.shape != "S"]
    digits = sum(map(str.isdigit, values[0])) if values else 0
    letters = sum(map(str.isalpha, values[0])) if values else 0
    shape = "".join([element.shape for element in spoken])
    return Run(tuple(elements), begin, end, repaired, values, shape, digits, letters, _said_singly(spoken, shape))


def _said_singly(spoken: Sequence[Element], shape: str) -> int:
    around = f" {shape} "
    single = 0
    for at, element in enumerate(spoken, start=1):
        if element.shape == "U":
            before, after = around[at - 1], around[at + 1]
            if before == "X" or after == "H" or (before in "HC" and after not in "UO"):
                continue
        elif element.shape != "O":
            continue
        single += len(element.written)
    return single
