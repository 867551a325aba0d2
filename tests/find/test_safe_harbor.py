"""HIPAA's Safe Harbor list (45 CFR 164.514(b)(2)), a row for each identifier that can be said in words.

Biometric identifiers and pictures (P, Q) are no words; voices are dealt with elsewhere.
"""

from __future__ import annotations

import pytest

from stream.find.pii import Identifiers, make_word_finder

ROWS = {
    "A names": ("please tell marguerite dubois i called", "marguerite dubois"),
    "A names of relatives": ("my son thaddeus has a fever", "thaddeus"),
    "B street address": ("i live at forty two wallaby way", "forty two wallaby way"),
    "B city": ("she moved to poughkeepsie", "poughkeepsie"),
    "B ZIP code": ("my zip is one two six oh one", "one two six oh one"),
    "C birth date": ("born on may third nineteen fifty", "may third nineteen fifty"),
    "C admission date": ("admitted on the ninth of june", "ninth of june"),
    "C ages over 89": ("my grandfather is ninety one", "ninety one"),
    "D phone": ("call five five five oh one four two", "five five five oh one four two"),
    "E fax": ("the fax is five five five oh one four three", "five five five oh one four three"),
    "F e-mail": ("mail me at lou dot reyes at example dot com", "lou dot reyes at example dot com"),
    "G social security": (
        "my social is oh seven eight oh five one one two oh",
        "oh seven eight oh five one one two oh",
    ),
    "H medical record": ("my chart number is eight eight four one two", "eight eight four one two"),
    "I health plan": ("member id w four four two nine one oh", "w four four two nine one oh"),
    "J account": ("my account number is nine oh two one four four", "nine oh two one four four"),
    "K licence": ("driver's license d one two three four five six seven", "d one two three four five six seven"),
    "L vehicle": ("my plate is k l m four two one", "k l m four two one"),
    "M device serial": ("the serial number is x four k nine nine two", "x four k nine nine two"),
    "N URL": ("see w w w dot lou reyes dot com", "w w w dot lou reyes dot com"),
    "O IP address": ("my ip is ten dot four dot zero dot nine", "ten dot four dot zero dot nine"),
    "R any other number": ("badge number seven seven oh one three", "seven seven oh one three"),
    "R any other code": ("my locator is q x seven r t p", "q x seven r t p"),
}


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


@pytest.mark.parametrize("row", sorted(ROWS))
def test_each_identifier_of_the_list_is_found(finder: Identifiers, row: str) -> None:
    """Every word of the identifier lies in a finding."""
    said, identifier = ROWS[row]
    words, wanted = said.split(), identifier.split()
    first = next(at for at in range(len(words)) if words[at : at + len(wanted)] == wanted)
    covered = {word for one in finder.search(words) for word in range(one.first, one.last + 1)}
    assert set(range(first, first + len(wanted))) <= covered
