"""HIPAA's Safe Harbor list (45 CFR 164.514(b)(2)), a row for each identifier that can be said in words.

Biometric identifiers and pictures (P, Q) are no words; voices are dealt with elsewhere. What an event's fields hold of
the list beside words is in tests/leak/test_metadata.py.
"""

from __future__ import annotations

import pytest

from stream.find.pii import Identifiers, make_word_finder

# Of each identifier, several ways to say it; what must be found stands in [brackets].
ROWS = {
    "A names": (
        "please tell [marguerite dubois] i called",
        "my son [thaddeus] has a fever",
        "this is [oluwaseun adeyemi] speaking",
        "text [priya] that i'm running late",
        "my name is spelled [b r i g i d]",
        "[k as in kilo a y l e i g h] is how you spell it",
        "call doctor [hernandez]",
    ),
    "B geography": (
        "i live at [forty two wallaby way]",
        "she moved to [poughkeepsie]",
        "my zip is [one two six oh one]",
        "ship it to [nineteen oh seven maple avenue apartment three]",
        "the postcode is [s w one a two a a]",
        "send the cab to [two hundred twelve north fifth street]",
        "zip code [nine oh two one oh dash one two three four]",
    ),
    "C dates and ages over 89": (
        "born on [may third nineteen fifty]",
        "admitted on the [ninth of june]",
        "my grandfather is [ninety one]",
        "my date of birth is [oh four twelve nineteen eighty one]",
        "she was discharged [october twenty second]",
        "my mother turned [ninety four] last week",
        "my birthday is [the third of august seventy two]",
    ),
    "D telephone numbers": (
        "call [five five five oh one four two]",
        "my cell is [two one two five five five oh one eight seven]",
        "you can reach me at area code [four one five five five five oh one double nine]",
        "dial [plus four four two oh seven nine four six oh nine five eight]",
        "it's [eight hundred five five five oh one oh oh]",
        "my number is [212 555 oh 187]",
        "area code [three oh three] is the new one",
        "i moved so my area code is [six one seven] now",
    ),
    "E fax numbers": (
        "the fax is [five five five oh one four three]",
        "fax it to [three oh three five five five oh one seven seven]",
        "our fax number's [five five five um oh one nine two]",
    ),
    "F e-mail addresses": (
        "mail me at [lou dot reyes at example dot com]",
        "it's [j underscore park seven at mail dot example dot org]",
        "[capital m a x dash four two at gmail dot com] is my email",
        "send the receipt to [jack@example.com]",
    ),
    "G social security numbers": (
        "my social is [oh seven eight oh five one one two oh]",
        "social security number [seven eight um oh five one one two oh oh]",
        "the s s n is [oh seven eight dash oh five dash one one two oh]",
        "last four of my social are [four four one nine]",
    ),
    "H medical record numbers": (
        "my chart number is [eight eight four one two]",
        "the m r n is [seven seven oh two four five one]",
        "patient number [p four four oh nine two]",
        "medical record [two two nine one oh three]",
    ),
    "I health plan beneficiary numbers": (
        "member id [w four four two nine one oh]",
        "my medicare number is [one e g four t e five m k seven three]",
        "the policy number on my insurance card is [x y z nine one two two four]",
        "my group number is [four four oh one two]",
    ),
    "J account numbers": (
        "my account number is [nine oh two one four four]",
        "routing [oh two one oh oh oh oh two one]",
        "charge [four one one one one one one one one one one one one one one one]",
        "order number [one one two seven seven oh four]",
        "my iban is [d e eight nine three seven oh four oh oh four four oh five three two oh one three oh oh oh]",
    ),
    "K certificate and licence numbers": (
        "driver's license [d one two three four five six seven]",
        "my passport is [nine one two eight oh three six six four]",
        "my nursing license is [r n four four two nine one]",
        "certificate number [seven seven two one oh nine]",
    ),
    "L vehicle identifiers and plates": (
        "my plate is [k l m four two one]",
        "license plate [seven a b c one two three]",
        "tag number [r v four four nine one]",
        "the vin is [one h g c m eight two six three three a oh oh four three five two]",
    ),
    "M device identifiers and serial numbers": (
        "the serial number is [x four k nine nine two]",
        "my mac address is [oh oh one a two b three c four d five e]",
        "the i m e i is [three five six nine three eight oh three five six four three eight oh nine]",
        "my pacemaker serial is [p m four four oh one nine]",
    ),
    "N web addresses": (
        "see [w w w dot lou reyes dot com]",
        "go to [lou reyes dot net slash photos]",
        "my page is at [example dot com slash lou]",
    ),
    "O IP addresses": (
        "my ip is [ten dot four dot zero dot nine]",
        "ping [one nine two dot one six eight dot one dot twenty]",
        "router at [192 dot 168 dot 0 dot 1]",
    ),
    # P biometric identifiers and Q full-face pictures are no words: there is no such field in an event.
    "R any other unique number or code": (
        "badge number [seven seven oh one three]",
        "my locator is [q x seven r t p]",
        "the passcode is [eight eight one two four six]",
        "confirmation [b as in bravo seven nine k two]",
        "my student id is [nine oh oh four four one two]",
        "my handle is [lou underscore reyes]",
        "case number [two four c v oh one one nine]",
    ),
}
SAYINGS = [(row, saying) for row, sayings in ROWS.items() for saying in sayings]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder()


@pytest.mark.parametrize(("row", "saying"), SAYINGS, ids=[f"{row[0]}{n}" for n, (row, _) in enumerate(SAYINGS)])
def test_each_identifier_of_the_list_is_found(finder: Identifiers, row: str, saying: str) -> None:
    """Every word of the identifier lies in a finding."""
    marked = saying.split()
    words = [word.strip("[]") for word in marked]
    first = next(at for at, word in enumerate(marked) if word.startswith("["))
    last = next(at for at, word in enumerate(marked) if word.endswith("]"))
    covered = {word for one in finder.search(words) for word in range(one.first, one.last + 1)}
    assert [] == [words[at] for at in range(first, last + 1) if at not in covered], row
