"""The pieces of a run of spoken digits and letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LETTERS_AND_DIGITS_MIN = 3  # characters of a code after whose last letter a digit may follow


@dataclass(frozen=True, slots=True)
class Element:
    """One lexeme (or letter with its "as in ...") of a run: what it writes, and where it was said."""

    written: str = field(repr=False)
    # U unit, T teen, X tens, C hundreds, H what multiplies (hundred, thousand), O zero, D digits, L letter,
    # N spelling word, A both, P IP, S symbol
    shape: str
    first: int  # word indexes, inclusive
    last: int


def shapes(elements: Sequence[Element]) -> str:
    """The shape of each, in order."""
    return "".join(element.shape for element in elements)


def last_shape(elements: Sequence[Element]) -> str | None:
    """The shape of the last that is no symbol; None where there is none."""
    return next((element.shape for element in reversed(elements) if element.shape != "S"), None)


def digit_elements(elements: Sequence[Element]) -> int:
    """How many of them say digits."""
    return sum(element.shape in "UOTXCD" for element in elements)


def written_length(elements: Sequence[Element]) -> int:
    """How many characters they write, symbols aside."""
    return sum(len(element.written) for element in elements if element.shape != "S")


def ends_singly(elements: Sequence[Element]) -> bool:
    """Whether the last digits are said one by one, so that a further one may follow."""
    last = last_shape(elements)
    if last == "D" and len(elements[-1].written) > 1:
        return False  # "1967 to 1975", "20 to 2"
    if shapes(elements).endswith("XU"):
        return False  # "twenty two to"
    spoken = last in ("U", "O", "D") or (last in ("L", "N") and written_length(elements) >= LETTERS_AND_DIGITS_MIN)
    return digit_elements(elements) >= 1 and spoken
