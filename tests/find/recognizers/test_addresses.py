"""Street addresses, birthdays and great ages in the ways in which people say them."""

from __future__ import annotations

import pytest

from stream.find.pii import Identifiers, make_word_finder

SAID = [
    ("ADDRESS", "go to [fourteen hundred b street northwest]"),
    ("ADDRESS", "i'm outside [1200 a street]"),
    ("ADDRESS", "pick me up at the corner of [ninth and birch]"),
    ("ADDRESS", "the bakery is at [twenty first and lincoln]"),
    ("ADDRESS", "it's on [thirty third street between second and third]"),
    ("ADDRESS", "the mail goes to [rural route six box ninety]"),
    ("ADDRESS", "ship it to [flat number nine c lotus apartments m k road]"),
    ("ADDRESS", "they are on the [twelfth floor of three hundred grand avenue]"),
    ("ADDRESS", "she is at [block eleven flat oh six dash two oh two tampines street]"),
    ("ADDRESS", "my address is [rose cottage mill lane]"),
    ("ADDRESS", "i live on [bramble lane]"),
    ("ADDRESS", "we live in [apartment thirty c]"),
    ("ADDRESS", "send it to [building d apartment three oh one 700 cypress dr]"),
    ("ADDRESS", "[hauptstrasse forty one] in berlin"),
    ("ADDRESS", "deliver to [avenida libertad sixteen]"),
    ("ADDRESS", "take me to [seven oh four juniper]"),
    ("ADDRESS", "the shed is at [eleven county road six]"),
    ("ADDRESS", "the office is at [2664 Berry Road # 12H.]"),
    ("ADDRESS", "is [eighty eight aldersgate] far"),
    ("ADDRESS", "meet me at [one founders loop] cupertino"),
    ("ADDRESS", "stop by [six fourteen walnut]"),
    ("ADDRESS", "she was raised on [hazel lane]"),
    ("ADDRESS", "nurse kim comes to [flat two birch house]"),
    ("ADDRESS", "collect the parcel from [the old forge cottage on priory road]"),
    ("ADDRESS", "the van goes to [heron barn church lane]"),
    ("ADDRESS", "i live at [the coach house]"),
    ("ADDRESS", "we live in [the red house on the green]"),
    ("ADDRESS", "our house is called [larks rise]"),
    ("ADDRESS", "bring it to [eleven the spinney]"),
    ("ADDRESS", "i live on [county road eighty eight]"),
    ("ADDRESS", "he lives on [highway nine]"),
    ("ADDRESS", "get a taxi to [sixty two a garden road]"),
    ("ADDRESS", "it is next to [number thirty three silver parade]"),
    ("ADDRESS", "i stay at [flat no nine c wing sunder society]"),
    ("ADDRESS", "take it to [van eyck straat twenty]"),
    # What is spoken of makes a number a house's, whatever its street is called.
    ("ADDRESS", "get me a cab from [twenty six larkspur]"),
    ("ADDRESS", "the ambulance went to [three oh nine quillfeather] an hour ago"),
    ("ADDRESS", "set my home to [eighty one sorrel]"),
    ("ADDRESS", "the barbecue is at my house [five twelve marigold]"),
    ("ADDRESS", "we're at [number six the hummocks]"),
    ("ADDRESS", "bring the keys to [the basement flat at fifteen ormonde]"),
    ("ADDRESS", "she lives at [eleven hundred east thirty fourth]"),
    ("ADDRESS", "deliver it to [nineteen fifty camino de los robles]"),
    ("ADDRESS", "the courier wants [house number d nine sector twenty one]"),
    ("ADDRESS", "drop by [number four fox and heron cottages]"),
    ("ADDRESS", "the leak is at [sixteen forty hm what's it called bracken avenue]"),
    ("ADDRESS", "i'm registered at [nine c mill street above the bakery mill street ludlow]"),
    ("ADDRESS", "send it to [thrush cottage orchard lane much wobbleton]"),
    ("ADDRESS", "our address is [the sail loft by the old quay]"),
    ("ADDRESS", "i'm staying at [the seaview motel room one fourteen]"),
    ("ADDRESS", "our road's called [osprey hill]"),
    ("ADDRESS", "he lives on [prendergast]"),
    ("ADDRESS", "a taxi to [thirty cobalt yards]"),
    ("ZIP_CODE", "my postcode is [ky sixteen nine ss]"),
    ("DATE_TIME", "my birthday is [the ninth]"),
    ("DATE_TIME", "i was born in [1962]"),
    ("DATE_TIME", "i was born in [sixty two]"),
    ("DATE_TIME", "she was born on [christmas eve nineteen forty one]"),
    ("DATE_TIME", "my birthday is [the twenty second]"),
    ("AGE", "it is for nan's [ninety third]"),
    ("AGE", "mister osei [ninety four] needs a ride"),
    ("AGE", "grandpa is in his late [nineties]"),
]
ORDINARY = [
    "main street is a one way street",
    "is a two way street busy",
    "traffic on i ninety five",
    "play nineties music",
    "play sesame street",
    "first and second place get a medal",
    "the fifth and sixth seasons are great",
    "turn left at the corner",
    "i live on coffee and toast",
    "we're on the road again",
    "it is in row twelve seat b",
    "my birthday is in ten days",
    "dinner is at nine",
    "nine court cases were heard",
    "two bedroom apartment prices",
    "the house is on fire",
    "is the farm shop open",
    "play house of the rising sun",
    "is county road eighty eight closed",
    "set the volume to eleven the usual",
    "play old macdonald had a farm",
    "the cottage pie is ready",
    "i need a flat tire fixed",
    "the party's at nine sharp",
    "deliver two pizzas please",
    "my address is wrong",
    "what is my home address",
    "play the film thirty second street",
    "my number one rule is sleep",
    "gas is three forty nine a gallon",
    "take exit nine north",
    "put on twelve angry men",
    "he lives on noodles",
    "is room twelve free",
    "set the house to seventy one at night",
]


@pytest.fixture(scope="module")
def finder() -> Identifiers:
    return make_word_finder(names_model=False)


@pytest.mark.parametrize(("entity_type", "said"), SAID)
def test_the_whole_of_it_is_found_and_named(finder: Identifiers, entity_type: str, said: str) -> None:
    """One finding of the type covers every word in brackets."""
    words = said.split()
    first = next(at for at, word in enumerate(words) if word.startswith("["))
    last = next(at for at, word in enumerate(words) if word.endswith("]"))
    found = finder.search([word.strip("[]") for word in words])
    assert [one for one in found if one.entity_type == entity_type and one.first <= first and last <= one.last]


@pytest.mark.parametrize("said", ORDINARY)
def test_streets_and_numbers_of_nobody_are_left_alone(finder: Identifiers, said: str) -> None:
    """Roads, songs, seasons, clock times and days are no address and no birthday."""
    assert () == finder.search(said.split())
