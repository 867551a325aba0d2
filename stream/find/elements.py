"""The pieces of a run of spoken digits and letters."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Element:
    """One lexeme (or letter with its "as in ...") of a run: what it writes, and where it was said."""

    written: str = field(repr=False)
    # U unit, T teen, X tens, C hundreds, H what multiplies (hundred, thousand), O zero, D digits, L letter,
    # N spelling word, A both, P IP, S symbol
    shape: str
    first: int  # word indexes, inclusive
    last: int
