"""Runs of spoken digits and letters: what is said without a break that could be one number or code.

A run says what it looks like (a quantity, a clock time, a year); what it may be called, and whether it is harmless, is
decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from stream.find.composing import readings
from stream.find.elements import Element

_SUB100 = "(?:XU?|T|U|D)"
_SUB1000 = f"(?:C{_SUB100}?|{_SUB100})"
_CARDINAL = re.compile(f"(?:{_SUB1000}H(?:{_SUB1000}H)?)+(?:{_SUB1000})?|C?{_SUB1000}")
_YEAR = re.compile("TXU?|TT|TOU|XXU?|XT|D|XOU|(?:U|T)HXU?|THU?|CC(?:XU?|T|U)?")
_TIME = re.compile("(?:U|T|XU)(?:XU?|T|OU|OO)|D")


@dataclass(frozen=True, slots=True)
class Run:
    """Elements in order; ``begin`` and ``end`` are lexeme indexes (end exclusive), ``first`` and ``last`` words.

    ``values`` are its readings, the most likely first. ``digits`` and ``letters`` count what a listener could write.
    """

    elements: tuple[Element, ...] = field(repr=False)
    begin: int
    end: int
    repaired: bool
    values: tuple[str, ...] = field(repr=False)
    shape: str
    digits: int
    letters: int

    @property
    def first(self) -> int:
        return self.elements[0].first

    @property
    def last(self) -> int:
        return self.elements[-1].last

    @property
    def dots(self) -> int:
        return sum(element.shape == "S" and element.written in ".:" for element in self.elements)

    @property
    def said_singly(self) -> int:
        """How many of its digits were said one by one, not as part of "twenty one" or "two hundred"."""
        single, shape = 0, f" {self.shape} "
        for at, element in enumerate((e for e in self.elements if e.shape != "S"), start=1):
            composed = (
                shape[at - 1] == "X" or shape[at + 1] == "H" or (shape[at - 1] in "HC" and shape[at + 1] not in "UO")
            )
            single += len(element.written) if element.shape == "O" or (element.shape == "U" and not composed) else 0
        return single

    def is_cardinal(self) -> bool:
        """One number said as a quantity is said: "two thousand five hundred"."""
        return _CARDINAL.fullmatch(self.shape) is not None

    def is_year(self) -> bool:
        return _YEAR.fullmatch(self.shape) is not None and self.digits <= 4

    def is_time(self) -> bool:
        """A clock time or a short price: "six forty five"."""
        return _TIME.fullmatch(self.shape) is not None and self.digits <= 4


def make_run(elements: Sequence[Element], begin: int, end: int, repaired: bool) -> Run:
    """A run of ``elements``, with what follows from them."""
    values = tuple(dict.fromkeys(readings(elements)))
    spoken = [element for element in elements if element.shape != "S"]
    digits = sum(character.isdigit() for character in values[0]) if values else 0
    letters = sum(character.isalpha() for character in values[0]) if values else 0
    return Run(tuple(elements), begin, end, repaired, values, "".join(e.shape for e in spoken), digits, letters)
